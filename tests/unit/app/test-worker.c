/* The hand-off between the window's thread and the store's: order, answers, owners that are gone,
 * changes from outside, an end with work left. Runs under ThreadSanitizer with the other unit
 * tests. */
#include "scene.h"
#include "worker.h"

#define N_JOBS 200

typedef struct {
    char *folder;
    KftWorker *worker;
    GObject *owner;
    GPtrArray *answers; /* numbers, in the order of arrival */
    unsigned n_changes;
} Scene;

static Scene *current;

static void on_changed(gpointer user_data)
{
    ((Scene *)user_data)->n_changes++;
}

static void set_up(Scene *scene, gconstpointer data)
{
    (void)data;
    current = scene;
    scene->folder = kft_test_folder_new();
    scene->owner = g_object_new(G_TYPE_OBJECT, NULL);
    scene->answers = g_ptr_array_new();
    scene->worker = kft_worker_new(scene->folder, on_changed, scene);
}

static void tear_down(Scene *scene, gconstpointer data)
{
    (void)data;
    kft_worker_free(scene->worker);
    g_clear_object(&scene->owner);
    g_ptr_array_unref(scene->answers);
    kft_test_folder_free(scene->folder);
}

/* In the store's thread. */
static gpointer add_config(KftStore *store, gpointer data, GError **error)
{
    unsigned number = GPOINTER_TO_UINT(data);
    g_autoptr(KftConfig) config = kft_config_new();
    KftConfig *list[] = {config};

    config->alias = g_strdup_printf("web-%u", number);
    config->service = g_strdup("web");
    config->remote_port = 80;
    config->local_port = (uint16_t)(20000 + number);
    if (number % 50 == 49)
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE, "number %u is refused", number);
    else
        (void)kft_store_put_configs(store, list, 1, error);
    return g_strdup(config->alias);
}

static void on_added(GObject *owner, gpointer result, const GError *error)
{
    unsigned number = current->answers->len;
    g_autofree char *alias = g_strdup_printf("web-%u", number);

    g_assert_true(owner == current->owner);
    g_assert_cmpstr(result, ==, alias);
    if (number % 50 == 49)
        g_assert_error(error, KFT_ERROR, KFT_ERROR_STORAGE);
    else
        g_assert_no_error(error);
    g_ptr_array_add(current->answers, GUINT_TO_POINTER(number));
}

static void run_add(Scene *scene, unsigned number, GObject *owner)
{
    kft_worker_run(scene->worker, &(KftWorkerJob){
                                      .func = add_config,
                                      .data = GUINT_TO_POINTER(number),
                                      .free_result = g_free,
                                      .done = on_added,
                                      .owner = owner,
                                  });
}

static void test_order(Scene *scene, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < N_JOBS; i++) {
        run_add(scene, i, scene->owner);
        if (i % 7 == 0)
            (void)g_main_context_iteration(NULL, FALSE);
    }
    while (scene->answers->len < N_JOBS)
        (void)g_main_context_iteration(NULL, TRUE);
}

/* The owner goes while its job runs or waits: nobody is told, nothing is lost. */
static void test_owner_gone(Scene *scene, gconstpointer data)
{
    (void)data;
    GObject *other = g_object_new(G_TYPE_OBJECT, NULL);

    run_add(scene, 7, other);
    g_object_unref(other);
    run_add(scene, 0, scene->owner);
    while (scene->answers->len < 1)
        (void)g_main_context_iteration(NULL, TRUE);
    g_autoptr(GError) error = NULL;
    KftStore *store = kft_test_store_open(scene->folder);
    g_autoptr(GPtrArray) configs = kft_store_list_configs(store, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(configs->len, ==, 2);
    kft_store_close(store);
}

/* What another process stores is noticed, again and again. */
static void test_change_from_outside(Scene *scene, gconstpointer data)
{
    (void)data;
    run_add(scene, 0, scene->owner);
    while (scene->answers->len < 1)
        (void)g_main_context_iteration(NULL, TRUE);
    KftStore *store = kft_test_store_open(scene->folder);
    for (uint16_t i = 1; i <= 3; i++) {
        unsigned before = scene->n_changes;
        (void)kft_test_store_add(store, "from outside", (uint16_t)(9000 + i));
        while (scene->n_changes == before)
            (void)g_main_context_iteration(NULL, TRUE);
    }
    kft_store_close(store);
}

/* Work that waits is done before the end; its answers are dropped. */
static void test_end_with_work(Scene *scene, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 20; i++)
        run_add(scene, i, scene->owner);
    kft_worker_free(g_steal_pointer(&scene->worker));
    g_assert_cmpuint(scene->answers->len, ==, 0);
    g_autoptr(GError) error = NULL;
    KftStore *store = kft_test_store_open(scene->folder);
    g_autoptr(GPtrArray) configs = kft_store_list_configs(store, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(configs->len, ==, 20);
    kft_store_close(store);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add(path, Scene, NULL, set_up, func, tear_down)
    ADD("/app/worker/order", test_order);
    ADD("/app/worker/owner-gone", test_owner_gone);
    ADD("/app/worker/change-from-outside", test_change_from_outside);
    ADD("/app/worker/end-with-work", test_end_with_work);
    return g_test_run();
}
