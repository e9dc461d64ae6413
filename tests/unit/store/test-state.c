/* Run state, traffic totals and settings. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"
#include "store/owner.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

typedef struct {
    char *folder;
    char *path;
    KftStore *store;
    KftConfigId id;
} Scene;

static void set_up(Scene *scene, gconstpointer data)
{
    (void)data;
    scene->folder = kft_test_folder_new();
    scene->path = kft_test_folder_dup_path(scene->folder);
    scene->store = kft_test_store_open(scene->folder);
    scene->id = kft_test_store_add(scene->store, "web", 8080);
}

static void tear_down(Scene *scene, gconstpointer data)
{
    (void)data;
    kft_store_close(scene->store);
    g_free(scene->path);
    kft_test_folder_free(scene->folder);
}

/* The only row. */
static KftRunState *get_state(Scene *scene)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) states = kft_store_list_run_states(scene->store, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(states->len, ==, 1);
    return g_ptr_array_steal_index(states, 0);
}

static void claim(Scene *scene)
{
    g_autoptr(GError) error = NULL;
    (void)kft_store_claim(scene->store, scene->id, &error);
    g_assert_no_error(error);
}

static void set_ready(Scene *scene)
{
    g_autoptr(GError) error = NULL;
    KftRunState state = {.config = scene->id,
                         .state = KFT_FORWARD_STATE_READY,
                         .is_wanted = true,
                         .error = (char[]){"was late"},
                         .pod = (char[]){"web-0"},
                         .address = (char[]){"127.0.0.1:8080"},
                         .attempt = 3};
    (void)kft_store_set_run_state(scene->store, &state, &error);
    g_assert_no_error(error);
}

/* Another pod each time. */
static void set_ready_in(Scene *scene, int number)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *pod = g_strdup_printf("web-%d", number);
    KftRunState state = {.config = scene->id, .state = KFT_FORWARD_STATE_READY, .pod = pod};
    (void)kft_store_set_run_state(scene->store, &state, &error);
    g_assert_no_error(error);
}

static void expect_idle(Scene *scene, bool is_wanted)
{
    g_autoptr(KftRunState) state = get_state(scene);
    g_assert_cmpint(state->config.v, ==, scene->id.v);
    g_assert_cmpint(state->state, ==, KFT_FORWARD_STATE_IDLE);
    g_assert_cmpint(state->is_wanted, ==, is_wanted);
    g_assert_cmpint(state->owner_pid, ==, 0);
    g_assert_null(state->pod);
    g_assert_null(state->address);
    g_assert_null(state->error);
    g_assert_cmpuint(state->attempt, ==, 0);
    g_assert_cmpint(state->changed_s, >, 0);
}

/* --- run state --- */

static void test_life(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) none = kft_store_list_run_states(scene->store, &error);
    (void)data;
    g_assert_cmpuint(none->len, ==, 0);
    claim(scene);
    set_ready(scene);
    claim(scene); /* again, by the same process: nothing changes */
    g_autoptr(KftRunState) state = get_state(scene);
    g_assert_cmpint(state->state, ==, KFT_FORWARD_STATE_READY);
    g_assert_true(state->is_wanted);
    g_assert_cmpint(state->owner_pid, ==, getpid());
    g_assert_cmpstr(state->error, ==, "was late");
    g_assert_cmpstr(state->pod, ==, "web-0");
    g_assert_cmpstr(state->address, ==, "127.0.0.1:8080");
    g_assert_cmpuint(state->attempt, ==, 3);
    g_assert_true(kft_store_release(scene->store, scene->id, /* stays_wanted */ true, &error));
    expect_idle(scene, true);
    claim(scene);
    g_assert_true(kft_store_release(scene->store, scene->id, /* stays_wanted */ false, &error));
    expect_idle(scene, false);
}

static void test_health(Scene *scene, gconstpointer data)
{
    static const KftForwardHealth health = {.n_open = 2,
                                            .n_reconnects = 1,
                                            .ready_since_ms = 1700000000123,
                                            .connected_ms = 1700000000100,
                                            .handshake_ms = 23,
                                            .round_trip_us = 1500,
                                            .closes_ms = 1700000060000};
    static const KftForwardHealth none = {0};
    g_autoptr(GError) error = NULL;
    (void)data;
    g_assert_false(kft_store_set_run_health(scene->store, scene->id, &health, &error));
    kft_test_take_error(&error, KFT_ERROR_NOT_FOUND, "config 1", "not run by this process");
    claim(scene);
    g_assert_true(kft_store_set_run_health(scene->store, scene->id, &health, &error));
    g_autoptr(KftRunState) state = get_state(scene);
    g_assert_cmpmem(&state->health, sizeof health, &health, sizeof health);
    /* The next run begins without it. */
    g_assert_true(kft_store_release(scene->store, scene->id, /* stays_wanted */ true, &error));
    g_autoptr(KftRunState) idle = get_state(scene);
    g_assert_cmpmem(&idle->health, sizeof none, &none, sizeof none);
    claim(scene);
    g_autoptr(KftRunState) again = get_state(scene);
    g_assert_cmpmem(&again->health, sizeof none, &none, sizeof none);
}

static GPtrArray *list_history(Scene *scene)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *changes = kft_store_list_history(scene->store, scene->id, &error);
    g_assert_no_error(error);
    return changes;
}

static void test_history(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    (void)data;
    claim(scene);
    set_ready(scene);
    set_ready(scene); /* no news */
    g_assert_true(kft_store_release(scene->store, scene->id, /* stays_wanted */ true, &error));
    g_autoptr(GPtrArray) changes = list_history(scene);
    g_assert_cmpuint(changes->len, ==, 2);
    const KftRunChange *change = changes->pdata[0];
    g_assert_cmpint(change->state, ==, KFT_FORWARD_STATE_READY);
    g_assert_cmpstr(change->reason, ==, "was late");
    g_assert_cmpstr(change->pod, ==, "web-0");
    g_assert_cmpint(change->time_ms, >, 1700000000000);
    change = changes->pdata[1];
    g_assert_cmpint(change->state, ==, KFT_FORWARD_STATE_IDLE);
    g_assert_null(change->reason);
    /* It is bounded, and another's is left alone. */
    KftConfigId other = kft_test_store_add(scene->store, "other", 8081);
    g_assert_true(kft_store_claim(scene->store, other, &error));
    KftRunState state = {.config = other, .state = KFT_FORWARD_STATE_READY};
    g_assert_true(kft_store_set_run_state(scene->store, &state, &error));
    claim(scene);
    for (int i = 0; i < KFT_STORE_MAX_HISTORY; i++)
        set_ready_in(scene, i);
    g_autoptr(GPtrArray) bounded = list_history(scene);
    g_assert_cmpuint(bounded->len, ==, KFT_STORE_MAX_HISTORY);
    change = bounded->pdata[0];
    g_assert_cmpstr(change->pod, ==, "web-0");
    g_autoptr(GPtrArray) others = kft_store_list_history(scene->store, other, &error);
    g_assert_cmpuint(others->len, ==, 1);
    /* It goes with its config. */
    g_assert_true(kft_store_remove_configs(scene->store, &scene->id, 1, &error));
    g_autoptr(GPtrArray) gone = list_history(scene);
    g_assert_cmpuint(gone->len, ==, 0);
}

static void test_refusals(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    KftRunState state = {.config = scene->id};
    KftConfigId gone = {99};
    (void)data;
    g_assert_false(kft_store_claim(scene->store, gone, &error));
    kft_test_take_error(&error, KFT_ERROR_NOT_FOUND, "99", "no config");
    g_assert_false(kft_store_set_run_state(scene->store, &state, &error));
    kft_test_take_error(&error, KFT_ERROR_NOT_FOUND, "config 1", "not run by this process");
    /* A config that is removed while it runs. */
    claim(scene);
    g_assert_true(kft_store_remove_configs(scene->store, &scene->id, 1, &error));
    g_assert_false(kft_store_set_run_state(scene->store, &state, &error));
    kft_test_take_error(&error, KFT_ERROR_NOT_FOUND, "id 1", "no config");
    g_assert_true(kft_store_release(scene->store, scene->id, true, &error));
    g_autoptr(GPtrArray) none = kft_store_list_run_states(scene->store, &error);
    g_assert_cmpuint(none->len, ==, 0);
}

static void set_owner(Scene *scene, const KftOwner *owner)
{
    g_autofree char *sql =
        g_strdup_printf("UPDATE run_states SET owner_pid = %" G_GINT64_FORMAT
                        ", owner_start = %" G_GINT64_FORMAT ", owner_boot = '%s'",
                        owner->pid, owner->start_ticks, owner->boot);
    kft_test_sql(scene->path, sql);
}

static void test_living_owner(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    KftRunState update = {.config = scene->id, .state = KFT_FORWARD_STATE_BACKOFF};
    KftOwner owner = kft_owner_self();
    g_autofree char *ours = kft_owner_dup_name(&owner);
    g_autofree char *text = NULL;
    (void)data;
    claim(scene);
    set_ready(scene);
    /* Whoever started this program lives as long as it does. */
    owner.pid = getppid();
    g_autofree char *file = g_strdup_printf("/proc/%d/stat", getppid());
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_auto(GStrv) fields = g_strsplit(strrchr(text, ')') + 2, " ", -1);
    owner.start_ticks = g_ascii_strtoll(fields[19], NULL, 10);
    g_assert_true(kft_owner_is_alive(&owner));
    set_owner(scene, &owner);

    g_autoptr(KftRunState) state = get_state(scene);
    g_assert_cmpint(state->state, ==, KFT_FORWARD_STATE_READY);
    g_assert_cmpint(state->owner_pid, ==, getppid());
    g_autofree char *name = kft_owner_dup_name(&owner);
    g_assert_cmpstr(name, !=, ours);
    g_assert_false(kft_store_claim(scene->store, scene->id, &error));
    kft_test_take_error(&error, KFT_ERROR_PORT_IN_USE, "config 1", name);
    g_assert_false(kft_store_set_run_state(scene->store, &update, &error));
    kft_test_take_error(&error, KFT_ERROR_PORT_IN_USE, "config 1", name);
    g_assert_true(kft_store_release(scene->store, scene->id, false, &error));
    g_autoptr(KftRunState) untouched = get_state(scene);
    g_assert_cmpint(untouched->owner_pid, ==, getppid());
}

static void change_start(KftOwner *owner)
{
    owner->start_ticks--; /* the number belongs to a younger process now */
}

static void change_boot(KftOwner *owner)
{
    owner->boot[0] = owner->boot[0] == '0' ? '1' : '0';
}

/* A child that has ended, waited for or not. */
static void make_dead(KftOwner *owner, bool is_waited_for)
{
    int ends[2];
    char byte = 0;
    g_assert_cmpint(pipe(ends), ==, 0);
    pid_t pid = fork();
    if (pid == 0) {
        KftOwner self = kft_owner_self();
        _exit(write(ends[1], &self, sizeof self) == (ssize_t)sizeof self ? 0 : 1);
    }
    (void)close(ends[1]);
    g_assert_cmpint(read(ends[0], owner, sizeof *owner), ==, sizeof *owner);
    g_assert_cmpint(read(ends[0], &byte, 1), ==, 0);
    (void)close(ends[0]);
    siginfo_t info;
    int options = WEXITED | (is_waited_for ? 0 : WNOWAIT);
    g_assert_cmpint(waitid(P_PID, (id_t)pid, &info, options), ==, 0);
}

static void make_zombie(KftOwner *owner)
{
    make_dead(owner, /* is_waited_for */ false);
}

static void make_gone(KftOwner *owner)
{
    make_dead(owner, /* is_waited_for */ true);
}

static void test_dead_owner(Scene *scene, gconstpointer data)
{
    static void (*const changes[])(KftOwner *) = {change_start, change_boot, make_zombie,
                                                  make_gone};
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        KftOwner owner = kft_owner_self();
        g_assert_true(kft_owner_is_alive(&owner));
        claim(scene);
        set_ready(scene);
        changes[i](&owner);
        g_assert_false(kft_owner_is_alive(&owner));
        set_owner(scene, &owner);
        expect_idle(scene, true);
        /* Its config is free again. */
        claim(scene);
        g_autoptr(KftRunState) state = get_state(scene);
        g_assert_cmpint(state->owner_pid, ==, getpid());
        g_assert_null(state->pod);
    }
    while (waitpid(-1, NULL, 0) > 0)
        continue;
}

/* --- traffic --- */

static void add_traffic(Scene *scene, uint64_t up, uint64_t down, uint64_t n_connections)
{
    g_autoptr(GError) error = NULL;
    KftTraffic delta = {
        .config = scene->id, .bytes_up = up, .bytes_down = down, .n_connections = n_connections};
    (void)kft_store_add_traffic(scene->store, &delta, &error);
    g_assert_no_error(error);
}

static void expect_traffic(Scene *scene, uint64_t up, uint64_t down, uint64_t n_connections)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) totals = kft_store_list_traffic(scene->store, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(totals->len, ==, 1);
    KftTraffic total = g_array_index(totals, KftTraffic, 0);
    g_assert_cmpint(total.config.v, ==, scene->id.v);
    g_assert_cmpuint(total.bytes_up, ==, up);
    g_assert_cmpuint(total.bytes_down, ==, down);
    g_assert_cmpuint(total.n_connections, ==, n_connections);
    g_assert_cmpint(total.last_used_s, >, 0);
}

static void test_traffic(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    KftTraffic stray = {.config = {99}};
    (void)data;
    g_autoptr(GArray) none = kft_store_list_traffic(scene->store, &error);
    g_assert_cmpuint(none->len, ==, 0);
    add_traffic(scene, 100, 2000, 1);
    add_traffic(scene, 1, 2, 3);
    expect_traffic(scene, 101, 2002, 4);
    /* Totals stop at the end of the numbers. */
    add_traffic(scene, UINT64_MAX, INT64_MAX, 0);
    expect_traffic(scene, INT64_MAX, INT64_MAX, 4);
    g_assert_false(kft_store_add_traffic(scene->store, &stray, &error));
    kft_test_take_error(&error, KFT_ERROR_NOT_FOUND, "99", "no config");
    g_assert_true(kft_store_remove_configs(scene->store, &scene->id, 1, &error));
    g_autoptr(GArray) removed = kft_store_list_traffic(scene->store, &error);
    g_assert_cmpuint(removed->len, ==, 0);
}

/* --- settings --- */

static void expect_setting(Scene *scene, KftSetting setting, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *value = kft_store_get_setting(scene->store, setting, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(value, ==, expected);
}

static void test_settings(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    (void)data;
    for (unsigned i = 0; i < KFT_N_SETTINGS; i++) {
        const KftSettingInfo *info = kft_setting_info((KftSetting)i);
        expect_setting(scene, (KftSetting)i, info->default_value);
        g_assert_true(
            kft_store_set_setting(scene->store, (KftSetting)i, info->default_value, &error));
    }
    g_assert_true(kft_store_set_setting(scene->store, KFT_SETTING_APPEARANCE, "dark", &error));
    kft_store_close(scene->store);
    scene->store = kft_test_store_open(scene->folder);
    expect_setting(scene, KFT_SETTING_APPEARANCE, "dark");
    g_assert_false(kft_store_set_setting(scene->store, KFT_SETTING_APPEARANCE, "pink", &error));
    kft_test_take_error(&error, KFT_ERROR_BAD_CONFIG, "pink", "light");
    expect_setting(scene, KFT_SETTING_APPEARANCE, "dark");
    /* Written by a version that allowed it. */
    kft_test_sql(scene->path, "UPDATE settings SET value = 'pink' WHERE name = 'appearance'");
    expect_setting(scene, KFT_SETTING_APPEARANCE, "system");
    g_assert_true(kft_store_set_setting(scene->store, KFT_SETTING_APPEARANCE, NULL, &error));
    expect_setting(scene, KFT_SETTING_APPEARANCE, "system");
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Scene *, gconstpointer);
    } tests[] = {
        {"/store/run/life", test_life},
        {"/store/run/health", test_health},
        {"/store/run/history", test_history},
        {"/store/run/refusals", test_refusals},
        {"/store/run/living-owner", test_living_owner},
        {"/store/run/dead-owner", test_dead_owner},
        {"/store/traffic", test_traffic},
        {"/store/settings", test_settings},
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Scene, NULL, set_up, tests[i].func, tear_down);
    return g_test_run();
}
