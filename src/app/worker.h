#ifndef KFT_APP_WORKER_H
#define KFT_APP_WORKER_H

#include <glib-object.h>
#include <kftray/store.h>

/* The thread that owns the store. The store's calls block, so the window hands them over as jobs:
 * they run one after the other in the order given, and their results arrive in the UI thread. The
 * hand-off is a list under a pthread mutex and an eventfd each way, which ThreadSanitizer can see;
 * changes by other processes are noticed by the same poll(), so nothing asks on a clock. */
typedef struct KftWorker KftWorker;

/* Runs in the worker's thread, with the open store. @data: of the job. Returns: (transfer full)
 * (nullable) a result for the job's KftWorkerDoneFunc; sets @error on failure. */
typedef gpointer (*KftWorkerFunc)(KftStore *store, gpointer data, GError **error);
/* Runs once in the UI thread, never inside kft_worker_run(), and not at all if @owner is gone by
 * then. @result: (transfer none), freed after the call. @error: NULL = success. */
typedef void (*KftWorkerDoneFunc)(GObject *owner, gpointer result, const GError *error);

typedef struct {
    KftWorkerFunc func;
    gpointer data; /* (transfer full), nullable */
    GDestroyNotify free_data;
    GDestroyNotify free_result; /* nullable */
    KftWorkerDoneFunc done;     /* nullable: failures are logged */
    GObject *owner;             /* (transfer none), a weak reference is kept */
} KftWorkerJob;

/* Opens the store in @dir (NULL = the default one) in the new thread; if that fails, each job ends
 * with the reason. @on_changed: runs in the UI thread after another process changed the store.
 * Thread: ui. */
KftWorker *
kft_worker_new(const char *dir, void (*on_changed)(gpointer user_data), gpointer user_data);
/* @job: copied. Thread: ui. */
void kft_worker_run(KftWorker *self, const KftWorkerJob *job);
/* Runs the jobs that wait, closes the store and joins the thread; what is done by then is not told
 * any more. NULL is allowed. Thread: ui. */
void kft_worker_free(KftWorker *self);

#endif
