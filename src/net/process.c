/* Runs one program. The result is reported when the program has ended and both pipes are at their
 * end, or a short while after its end: a helper that it left running may hold the pipes open for
 * ever.
 *
 * Invariants: on_done runs once; the object lives until the child is reaped, also after free(), and
 * its memory goes with the last handle. */
#include "net/process.h"

#include <kftray/error.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/redact.h"
#include "net/loop-priv.h"

#define KILL_AFTER_MS 2000
#define PIPES_AFTER_EXIT_MS 250
#define MAX_STDERR_LINE 400
#define READ_BYTES 4096

enum {
    PIPE_STDOUT,
    PIPE_STDERR,
    N_PIPES
};

struct KftProcess {
    KftLoop *loop;
    uv_process_t process;
    uv_pipe_t pipes[N_PIPES];
    uv_timer_t timer; /* time limit, then the kill, then the wait for the pipes */
    unsigned n_open_handles;
    unsigned n_open_pipes; /* not at their end yet */
    bool is_running;
    bool has_group; /* leads a process group of its own */
    bool is_terminating;
    char *program;
    KftProcessFunc on_done; /* NULL once it ran or the object was freed */
    void *user_data;
    KftBuf output;
    size_t max_output_bytes;
    GString *line;       /* of stderr, being read */
    char *last_line;     /* of stderr, not empty; nullable */
    KftDeferred *report; /* nullable */
    GError *error;
    int64_t exit_status;
    int exit_signal;
    bool is_freed;
    char chunk[READ_BYTES];
};

static void destroy(KftProcess *self)
{
    g_free(self->program);
    kft_buf_clear(&self->output);
    (void)g_string_free(self->line, TRUE);
    g_free(self->last_line);
    g_clear_error(&self->error);
    kft_loop_object_closed(self->loop);
    g_free(self);
}

static void on_handle_closed(uv_handle_t *handle)
{
    KftProcess *self = handle->data;
    if (--self->n_open_handles == 0 && self->is_freed)
        destroy(self);
}

static void close_handle(uv_handle_t *handle)
{
    if (handle->type != UV_UNKNOWN_HANDLE && !uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void close_handles(KftProcess *self)
{
    close_handle((uv_handle_t *)&self->pipes[PIPE_STDOUT]);
    close_handle((uv_handle_t *)&self->pipes[PIPE_STDERR]);
    close_handle((uv_handle_t *)&self->timer);
    close_handle((uv_handle_t *)&self->process);
}

static void send_signal(KftProcess *self, int number)
{
    if (!self->is_running)
        return;
    /* The child is not reaped yet, so the number cannot belong to another process. */
    (void)kill(self->has_group ? -self->process.pid : self->process.pid, number);
}

static void on_timer_kill(uv_timer_t *handle)
{
    send_signal(handle->data, SIGKILL);
}

/* Ends the program; @error (transfer full) is what will be reported. */
static void terminate(KftProcess *self, GError *error)
{
    if (self->error == NULL)
        self->error = error;
    else
        g_error_free(error);
    if (self->is_terminating)
        return;
    self->is_terminating = true;
    send_signal(self, SIGTERM);
    if (self->is_running)
        (void)uv_timer_start(&self->timer, on_timer_kill, KILL_AFTER_MS, 0);
}

static void keep_line(KftProcess *self)
{
    g_autofree char *redacted = kft_redact(self->line->str);
    g_autofree char *line = kft_one_line(redacted, MAX_STDERR_LINE);
    if (line[0] != '\0') {
        g_free(self->last_line);
        self->last_line = g_steal_pointer(&line);
    }
    (void)g_string_truncate(self->line, 0);
}

static void add_exit_error(KftProcess *self)
{
    const char *separator = self->last_line != NULL ? ": " : "";
    const char *line = self->last_line != NULL ? self->last_line : "";
    if (self->exit_signal != 0)
        g_set_error(&self->error, KFT_ERROR, KFT_ERROR_REFUSED, "%s was ended by signal %d%s%s",
                    self->program, self->exit_signal, separator, line);
    else if (self->exit_status != 0)
        g_set_error(&self->error, KFT_ERROR, KFT_ERROR_REFUSED, "%s ended with status %d%s%s",
                    self->program, (int)self->exit_status, separator, line);
}

/* Everything has come, or will not come any more. */
static void finish(KftProcess *self)
{
    KftProcessFunc on_done = self->on_done;
    self->on_done = NULL;
    keep_line(self);
    close_handles(self);
    if (self->error == NULL)
        add_exit_error(self);
    if (self->error == NULL && kft_buf_append(&self->output, "", 1) != KFT_R_OK)
        g_set_error(&self->error, KFT_ERROR, KFT_ERROR_LIMIT, "%s printed too much", self->program);
    if (on_done == NULL)
        return;
    if (self->error != NULL)
        on_done(NULL, 0, self->error, self->user_data);
    else
        on_done((const char *)kft_buf_data(&self->output), kft_buf_size(&self->output) - 1, NULL,
                self->user_data);
}

static void on_timer_pipes(uv_timer_t *handle)
{
    finish(handle->data);
}

static void on_process_exit(uv_process_t *process, int64_t exit_status, int term_signal)
{
    KftProcess *self = process->data;
    self->is_running = false;
    self->exit_status = exit_status;
    self->exit_signal = term_signal;
    (void)uv_timer_stop(&self->timer);
    if (self->is_freed)
        close_handles(self);
    else if (self->n_open_pipes == 0)
        finish(self);
    else
        (void)uv_timer_start(&self->timer, on_timer_pipes, PIPES_AFTER_EXIT_MS, 0);
}

static void take_output(KftProcess *self, const char *data, size_t size)
{
    if (self->is_terminating)
        return;
    if (size > self->max_output_bytes - kft_buf_size(&self->output) ||
        kft_buf_append(&self->output, data, size) != KFT_R_OK)
        terminate(self, g_error_new(KFT_ERROR, KFT_ERROR_LIMIT, "%s printed more than %zu bytes",
                                    self->program, self->max_output_bytes));
}

static void take_stderr(KftProcess *self, const char *data, size_t size)
{
    /* Nobody to tell if our own stderr is closed. */
    ssize_t n_written = write(STDERR_FILENO, data, size);
    (void)n_written;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n')
            keep_line(self);
        else if (self->line->len < MAX_STDERR_LINE && data[i] != '\0')
            g_string_append_c(self->line, data[i]);
    }
}

static void on_pipe_alloc(uv_handle_t *handle, size_t suggested_size, uv_buf_t *buffer)
{
    KftProcess *self = handle->data;
    (void)suggested_size;
    *buffer = uv_buf_init(self->chunk, (unsigned)kft_fault_clip_read(sizeof self->chunk));
}

static void on_pipe_read(uv_stream_t *handle, ssize_t n_bytes, const uv_buf_t *buffer)
{
    KftProcess *self = handle->data;
    if (self->is_freed || n_bytes == 0)
        return;
    if (n_bytes > 0) {
        if ((uv_pipe_t *)handle == &self->pipes[PIPE_STDOUT])
            take_output(self, buffer->base, (size_t)n_bytes);
        else
            take_stderr(self, buffer->base, (size_t)n_bytes);
        return;
    }
    (void)uv_read_stop(handle);
    self->n_open_pipes--;
    if (self->n_open_pipes == 0 && !self->is_running)
        finish(self);
}

static void on_timer_limit(uv_timer_t *handle)
{
    KftProcess *self = handle->data;
    uint64_t limit_ms = uv_timer_get_repeat(handle);
    (void)uv_timer_stop(handle);
    terminate(self, g_error_new(KFT_ERROR, KFT_ERROR_TIMEOUT, "%s did not end within %g seconds",
                                self->program, (double)limit_ms / 1000.0));
}

static void set_spawn_error(KftProcess *self, int status)
{
    bool is_path = strchr(self->program, '/') != NULL;
    if (status == UV_ENOENT && is_path && g_file_test(self->program, G_FILE_TEST_EXISTS))
        g_set_error(&self->error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "%s cannot be run: the interpreter named in its first line does not exist",
                    self->program);
    else if (status == UV_ENOENT || status == UV_ENOTDIR)
        g_set_error(&self->error, KFT_ERROR, KFT_ERROR_NOT_FOUND, "%s: no such program%s",
                    self->program, is_path ? "" : " in PATH");
    else if (status == UV_EACCES)
        g_set_error(&self->error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "%s is not executable",
                    self->program);
    else
        g_set_error(&self->error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "%s cannot be run: %s",
                    self->program, uv_strerror(status));
}

static void on_deferred_report(void *user_data)
{
    KftProcess *self = user_data;
    self->report = NULL;
    finish(self);
}

static int spawn(KftProcess *self, const KftProcessSpec *spec)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = spec->inherit_stdin ? UV_INHERIT_FD : UV_IGNORE, .data.fd = STDIN_FILENO},
        {.flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE),
         .data.stream = (uv_stream_t *)&self->pipes[PIPE_STDOUT]},
        {.flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE),
         .data.stream = (uv_stream_t *)&self->pipes[PIPE_STDERR]},
    };
    uv_process_options_t options = {
        .exit_cb = on_process_exit,
        .file = spec->argv[0],
        .stdio_count = G_N_ELEMENTS(stdio),
        .stdio = stdio,
        /* A program that asks on our terminal must stay in our group, or reading stops it. */
        .flags = spec->inherit_stdin ? 0 : UV_PROCESS_DETACHED,
    };
    /* uv_spawn() takes them without const and does not write to them. */
    memcpy(&options.args, &spec->argv, sizeof spec->argv);
    memcpy(&options.env, &spec->environment, sizeof spec->environment);
    self->has_group = !spec->inherit_stdin;
    return KFT_FAULT("uv_spawn") ? UV_EAGAIN
                                 : uv_spawn(kft_loop_get_uv(self->loop), &self->process, &options);
}

static void start_reading(KftProcess *self)
{
    for (size_t i = 0; i < N_PIPES; i++) {
        self->n_open_pipes++;
        if (uv_read_start((uv_stream_t *)&self->pipes[i], on_pipe_alloc, on_pipe_read) != 0) {
            self->n_open_pipes--;
            terminate(self, g_error_new(KFT_ERROR, KFT_ERROR_INTERNAL,
                                        "cannot read the output of %s", self->program));
        }
    }
}

static void init_handles(KftProcess *self)
{
    uv_loop_t *uv = kft_loop_get_uv(self->loop);
    (void)uv_timer_init(uv, &self->timer);
    (void)uv_pipe_init(uv, &self->pipes[PIPE_STDOUT], /* ipc */ 0);
    (void)uv_pipe_init(uv, &self->pipes[PIPE_STDERR], /* ipc */ 0);
    self->timer.data = self;
    self->pipes[PIPE_STDOUT].data = self;
    self->pipes[PIPE_STDERR].data = self;
    self->process.data = self;
    self->n_open_handles = 4;
    kft_loop_object_opened(self->loop);
}

KftProcess *kft_process_start(KftLoop *loop,
                              const KftProcessSpec *spec,
                              KftProcessFunc on_done,
                              void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(loop);
    KftProcess *self = g_new0(KftProcess, 1);
    self->loop = loop;
    self->program = g_strdup(spec->argv[0]);
    self->on_done = on_done;
    self->user_data = user_data;
    self->line = g_string_new(NULL);
    self->max_output_bytes = spec->max_output_bytes;
    kft_buf_init(&self->output, spec->max_output_bytes + 1);
    init_handles(self);
    int status = spawn(self, spec);
    if (status != 0) {
        /* Even a failed uv_spawn() leaves an initialised handle to close. */
        if (self->process.type == UV_UNKNOWN_HANDLE)
            self->n_open_handles--;
        set_spawn_error(self, status);
        self->report = kft_loop_defer(loop, on_deferred_report, self);
        return self;
    }
    self->is_running = true;
    start_reading(self);
    if (spec->timeout_ms != 0 && !self->is_terminating)
        /* The repeat only carries the limit to the message. */
        (void)uv_timer_start(&self->timer, on_timer_limit, spec->timeout_ms, spec->timeout_ms);
    return self;
}

void kft_process_free(KftProcess *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    g_assert(!self->is_freed);
    self->is_freed = true;
    self->on_done = NULL;
    if (self->report != NULL)
        kft_deferred_cancel(self->report);
    if (self->n_open_handles == 0) {
        destroy(self);
        return;
    }
    if (self->is_running) {
        (void)uv_timer_stop(&self->timer);
        send_signal(self, SIGKILL);
    } else {
        close_handles(self);
    }
}
