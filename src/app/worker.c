/* The store's thread. Two lists cross the border: jobs towards the thread, finished jobs back. Both
 * are guarded by one mutex; a job belongs to the list it is in, then to who takes it. */
#include "worker.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Below input and drawing, so that many results do not hold up the window. */
#define RESULT_PRIORITY (G_PRIORITY_HIGH_IDLE + 30)
/* How often to ask when the kernel has no watch left. */
#define ASK_MS 2000

typedef struct {
    KftWorkerJob job;
    GWeakRef owner;
    gpointer result;
    GError *error;
} Entry;

struct KftWorker {
    pthread_t thread;
    pthread_mutex_t mutex;
    GQueue jobs; /* under the mutex, as the next three */
    GQueue finished;
    bool has_changed;
    bool is_closing;
    int job_fd;
    int finished_fd;
    char *dir;

    unsigned source; /* UI thread's */
    void (*on_changed)(gpointer user_data);
    gpointer user_data;
};

static void entry_free(Entry *self)
{
    if (self->job.free_data != NULL)
        self->job.free_data(self->job.data);
    if (self->result != NULL && self->job.free_result != NULL)
        self->job.free_result(self->result);
    g_weak_ref_clear(&self->owner);
    g_clear_error(&self->error);
    g_free(self);
}

/* --- hand-off --- */

static void wake(int fd)
{
    const uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof one);
    g_assert(n == sizeof one || errno == EAGAIN); /* EAGAIN: the counter is at its end */
}

static void empty(int fd)
{
    uint64_t count = 0;
    ssize_t n = read(fd, &count, sizeof count);
    g_assert(n == sizeof count || errno == EAGAIN || errno == EINTR);
}

/* Returns whether the thread shall go on once @ret_jobs are done. */
static bool take_jobs(KftWorker *self, GQueue *ret_jobs)
{
    pthread_mutex_lock(&self->mutex);
    *ret_jobs = self->jobs;
    g_queue_init(&self->jobs);
    bool goes_on = !self->is_closing;
    pthread_mutex_unlock(&self->mutex);
    return goes_on;
}

/* @entry: nullable, then only "the store has changed" is told. */
static void tell(KftWorker *self, Entry *entry)
{
    pthread_mutex_lock(&self->mutex);
    if (entry != NULL)
        g_queue_push_tail(&self->finished, entry);
    else
        self->has_changed = true;
    wake(self->finished_fd);
    pthread_mutex_unlock(&self->mutex);
}

/* --- the thread --- */

static void run_entry(Entry *entry, KftStore *store, const GError *open_error)
{
    if (store != NULL)
        entry->result = entry->job.func(store, entry->job.data, &entry->error);
    else
        entry->error = g_error_copy(open_error);
}

static void wait_for_work(KftWorker *self, KftStore *store)
{
    int change_fd = store == NULL ? -1 : kft_store_get_change_fd(store);
    struct pollfd fds[] = {
        {.fd = self->job_fd, .events = POLLIN},
        {.fd = change_fd, .events = POLLIN},
    };
    bool must_ask = store != NULL && change_fd < 0;
    int n = poll(fds, G_N_ELEMENTS(fds), must_ask ? ASK_MS : -1);

    if (fds[0].revents != 0)
        empty(self->job_fd);
    if ((fds[1].revents != 0 || (must_ask && n == 0)) && kft_store_has_changed(store))
        tell(self, NULL);
}

static void *run_thread(void *user_data)
{
    KftWorker *self = user_data;
    g_autoptr(GError) open_error = NULL;
    KftStore *store = kft_store_open(self->dir, &open_error);
    bool goes_on = true;

    while (goes_on) {
        GQueue jobs;
        Entry *entry = NULL;
        wait_for_work(self, store);
        goes_on = take_jobs(self, &jobs);
        if (store == NULL) { /* whatever was wrong may have been put right */
            g_clear_error(&open_error);
            store = kft_store_open(self->dir, &open_error);
        }
        while ((entry = g_queue_pop_head(&jobs)) != NULL) {
            run_entry(entry, store, open_error);
            tell(self, entry);
        }
    }
    kft_store_close(store);
    return NULL;
}

/* --- UI thread --- */

static void finish(Entry *entry)
{
    g_autoptr(GObject) owner = g_weak_ref_get(&entry->owner);

    if (entry->job.done != NULL) {
        if (owner != NULL)
            entry->job.done(owner, entry->result, entry->error);
    } else if (entry->error != NULL) {
        g_warning("store: %s", entry->error->message);
    }
}

static gboolean on_finished(int fd, GIOCondition condition, gpointer user_data)
{
    KftWorker *self = user_data;
    GQueue finished;
    Entry *entry = NULL;

    (void)condition;
    empty(fd);
    pthread_mutex_lock(&self->mutex);
    finished = self->finished;
    g_queue_init(&self->finished);
    bool has_changed = self->has_changed;
    self->has_changed = false;
    pthread_mutex_unlock(&self->mutex);
    while ((entry = g_queue_pop_head(&finished)) != NULL) {
        finish(entry);
        entry_free(entry);
    }
    if (has_changed)
        self->on_changed(self->user_data);
    return G_SOURCE_CONTINUE;
}

KftWorker *
kft_worker_new(const char *dir, void (*on_changed)(gpointer user_data), gpointer user_data)
{
    KftWorker *self = g_new0(KftWorker, 1);

    g_queue_init(&self->jobs);
    g_queue_init(&self->finished);
    self->dir = g_strdup(dir);
    self->on_changed = on_changed;
    self->user_data = user_data;
    self->job_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_assert(self->job_fd >= 0 && self->finished_fd >= 0);
    int result = pthread_mutex_init(&self->mutex, NULL);
    g_assert(result == 0);
    self->source =
        g_unix_fd_add_full(RESULT_PRIORITY, self->finished_fd, G_IO_IN, on_finished, self, NULL);
    result = pthread_create(&self->thread, NULL, run_thread, self);
    g_assert(result == 0);
    return self;
}

void kft_worker_run(KftWorker *self, const KftWorkerJob *job)
{
    Entry *entry = g_new0(Entry, 1);
    entry->job = *job;
    g_weak_ref_init(&entry->owner, job->owner);
    entry->job.owner = NULL;
    pthread_mutex_lock(&self->mutex);
    g_queue_push_tail(&self->jobs, entry);
    wake(self->job_fd);
    pthread_mutex_unlock(&self->mutex);
}

void kft_worker_free(KftWorker *self)
{
    if (self == NULL)
        return;
    pthread_mutex_lock(&self->mutex);
    self->is_closing = true;
    wake(self->job_fd);
    pthread_mutex_unlock(&self->mutex);
    (void)pthread_join(self->thread, NULL);
    (void)g_source_remove(self->source);
    g_queue_clear_full(&self->finished, (GDestroyNotify)entry_free);
    g_queue_clear_full(&self->jobs, (GDestroyNotify)entry_free);
    (void)pthread_mutex_destroy(&self->mutex);
    (void)close(self->job_fd);
    (void)close(self->finished_fd);
    g_free(self->dir);
    g_free(self);
}
