/* What an import would do to what is stored. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kftray/share.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

/* "id: key=value;key=value | …"; no id = 0. */
static GPtrArray *make(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "|", -1);
    GPtrArray *configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);

    for (size_t i = 0; lines[i] != NULL; i++) {
        char *line = g_strstrip(lines[i]);
        if (*line == '\0')
            continue;
        KftConfig *config = kft_config_new();
        config->remote_port = 80;
        config->service = g_strdup("web");
        if (g_ascii_isdigit(*line)) {
            char *rest = NULL;
            config->id.v = (int64_t)g_ascii_strtoull(line, &rest, 10);
            line = rest + 1;
        }
        g_auto(GStrv) parts = g_strsplit(line, ";", -1);
        for (size_t j = 0; parts[j] != NULL; j++) {
            g_autoptr(GError) error = NULL;
            g_auto(GStrv) pair = g_strsplit(g_strstrip(parts[j]), "=", 2);
            if (*pair == NULL || **pair == '\0')
                continue;
            (void)kft_config_set(config, pair[0], pair[1], &error);
            g_assert_no_error(error);
        }
        kft_config_normalize(config);
        g_ptr_array_add(configs, config);
    }
    return configs;
}

/* "changed 7 [alias note] 8080, new 0 …": action, id, fields, local port. */
static char *describe(const KftImportPlan *plan)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < plan->items->len; i++) {
        const KftImportItem *item = g_ptr_array_index(plan->items, i);
        g_string_append_printf(out, "%s%s %d %u", i > 0 ? ", " : "",
                               kft_import_action_name(item->action), (int)item->config->id.v,
                               item->config->local_port);
        if (item->changed != NULL) {
            g_autofree char *fields = g_strjoinv(" ", item->changed);
            g_string_append_printf(out, " [%s]", fields);
        }
        if (item->opponent != NULL)
            g_string_append_printf(out, " (%d)", (int)item->opponent->id.v);
    }
    return g_strdup(out->str);
}

static void test_plans(void)
{
    static const struct {
        const char *stored;
        const char *incoming;
        const char *plan;
    } rows[] = {
        {"", "", ""},
        {"", "local_port=8080", "new 0 8080"},
        {"7:local_port=8080", "local_port=8080", "same 7 8080"},
        {"7:local_port=8080;note=mine;group=g;transport=spdy;alias=a", "local_port=8080",
         "same 7 8080"},
        {"7:local_port=8080;balance=round-robin;disconnect_timeout_minutes=0;stop_at=18:30",
         "local_port=8080", "same 7 8080"},
        {"7:local_port=8080;alias=a", "local_port=8080;alias=b", "changed 7 8080 [alias]"},
        {"7:local_port=8080;alias=a;note=n", "local_port=8080;alias=b;note=o;domain_enabled=true",
         "changed 7 8080 [alias domain_enabled note]"},
        /* Two ports of one target never are one forward. */
        {"7:local_port=8080", "local_port=8081", "new 0 8081"},
        {"7:local_port=8080", "local_port=8081;remote_port=81", "new 0 8081"},
        {"7:local_port=8080|8:local_port=8081", "local_port=8081|local_port=8080",
         "same 8 8081, same 7 8080"},
        /* An open port takes what is stored, on every import. */
        {"7:local_port=31234", "alias=", "same 7 31234"},
        {"7:local_port=8080|8:local_port=31234",
         "local_port=8080|alias=", "same 7 8080, same 8 31234"},
        {"7:local_port=8080|8:local_port=31234", "alias=|local_port=8080",
         "same 8 31234, same 7 8080"},
        {"7:local_port=1;alias=a|8:local_port=2;alias=b", "alias=b", "same 8 2"},
        {"7:local_port=1;alias=a|8:local_port=2;alias=b", "alias=c", "changed 7 1 [alias]"},
        {"7:alias=a", "local_port=8080;alias=a", "changed 7 8080 [local_port]"},
        /* Other texts for "unset" do not make another forward. */
        {"7:local_port=1;context=current-context", "local_port=1;context=", "same 7 1"},
        {"7:local_port=1;context=a", "local_port=2;context=b", "new 0 2"},
        /* Within one file the last wins. */
        {"", "local_port=1;alias=a|local_port=2|local_port=1;alias=b", "new 0 1, new 0 2"},
        {"7:local_port=1;alias=b", "local_port=1;alias=a|local_port=1;alias=b", "same 7 1"},
        /* Local addresses. */
        {"7:local_port=8080;service=db", "local_port=8080", "conflict 0 8080 (7)"},
        {"", "local_port=8080|local_port=8080;service=db", "new 0 8080, conflict 0 8080 (0)"},
        {"7:local_port=8080;service=db", "local_port=8080;local_address=127.0.0.2", "new 0 8080"},
        {"7:local_port=8080;service=db", "local_port=8080;local_address=0.0.0.0",
         "conflict 0 8080 (7)"},
        {"7:local_port=8080;service=db;local_address=0.0.0.0", "local_port=8080",
         "conflict 0 8080 (7)"},
        {"7:local_port=8080;service=db;local_address=::", "local_port=8080", "conflict 0 8080 (7)"},
        {"7:local_port=8080;service=db;local_address=::1", "local_port=8080", "new 0 8080"},
        {"7:local_port=8080;service=db;local_address=::1", "local_port=8080;local_address=0::1",
         "conflict 0 8080 (7)"},
        {"7:local_port=8080;service=db;local_address=::1",
         "local_port=8080;local_address=::", "conflict 0 8080 (7)"},
        {"7:local_port=8080;service=db;local_address=::1",
         "local_port=8080;local_address=localhost", "conflict 0 8080 (7)"},
        {"7:local_port=8080;service=db;local_address=localhost", "local_port=8080",
         "conflict 0 8080 (7)"},
        {"7:local_port=8080;service=db", "local_port=8080;protocol=udp", "new 0 8080"},
        {"7:local_port=8080;service=db", "local_port=8080;auto_loopback_address=true",
         "new 0 8080"},
        {"7:local_port=8080;service=db", "local_port=8080;workload_type=expose;alias=x",
         "new 0 8080"},
        /* An update that moves a stored config away makes room. */
        {"7:local_port=8080", "local_port=8080;local_address=127.0.0.9|local_port=8080;service=db",
         "changed 7 8080 [local_address], new 0 8080"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) stored = make(rows[i].stored);
        g_autoptr(GPtrArray) incoming = make(rows[i].incoming);
        g_autoptr(KftImportPlan) plan = kft_import_plan_new(incoming, stored);
        g_autofree char *text = describe(plan);
        g_test_message("%s + %s", rows[i].stored, rows[i].incoming);
        g_assert_cmpstr(text, ==, rows[i].plan);
        g_assert_cmpuint(plan->n_new + plan->n_changed + plan->n_same + plan->n_conflicts, ==,
                         plan->items->len);
    }
}

static void test_last_wins(void)
{
    g_autoptr(GPtrArray) stored = make("");
    g_autoptr(GPtrArray) incoming = make("local_port=1;alias=a;note=n|local_port=1;alias=b");
    g_autoptr(KftImportPlan) plan = kft_import_plan_new(incoming, stored);
    const KftImportItem *item = g_ptr_array_index(plan->items, 0);

    g_assert_cmpuint(plan->items->len, ==, 1);
    g_assert_cmpstr(item->config->alias, ==, "b");
    g_assert_null(item->config->note);
}

static void test_changes(void)
{
    g_autoptr(GPtrArray) stored = make("7:local_port=1|8:local_port=2|9:local_port=3;service=db");
    g_autoptr(GPtrArray) incoming =
        make("local_port=1|local_port=2;alias=x|local_port=3|local_port=4");
    g_autoptr(KftImportPlan) plan = kft_import_plan_new(incoming, stored);
    g_autoptr(GPtrArray) changes = kft_import_plan_list_changes(plan);

    g_assert_cmpuint(plan->n_same, ==, 1);
    g_assert_cmpuint(plan->n_changed, ==, 1);
    g_assert_cmpuint(plan->n_conflicts, ==, 1);
    g_assert_cmpuint(plan->n_new, ==, 1);
    g_assert_cmpuint(changes->len, ==, 3);
    for (guint i = 0; i < changes->len; i++) {
        const KftConfig *config = g_ptr_array_index(changes, i);
        g_assert_cmpuint(config->local_port, ==, i + 2);
    }
}

/* A listener on a port that the kernel chose; @ret_fd is to be closed. */
static uint16_t listen_anywhere(int *ret_fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(*ret_fd, (const struct sockaddr *)&address, size), ==, 0);
    g_assert_cmpint(listen(*ret_fd, 1), ==, 0);
    g_assert_cmpint(getsockname(*ret_fd, (struct sockaddr *)&address, &size), ==, 0);
    return ntohs(address.sin_port);
}

/* A proposed port is nobody's: no other config's, no other proposal's, no program's. */
static void test_free_ports(void)
{
    int fd = -1;
    uint16_t busy = listen_anywhere(&fd);
    uint16_t wanted = (uint16_t)(busy - 1);
    g_autofree char *stored_text = g_strdup_printf("7:local_port=%u;service=db", wanted);
    g_autofree char *incoming_text = g_strdup_printf(
        "local_port=%u|local_port=%u;service=a|local_port=%u;service=b", wanted, wanted, busy + 1);
    g_autoptr(GPtrArray) stored = make(stored_text);
    g_autoptr(GPtrArray) incoming = make(incoming_text);
    g_autoptr(KftImportPlan) plan = kft_import_plan_new(incoming, stored);
    const KftImportItem *first = g_ptr_array_index(plan->items, 0);
    const KftImportItem *second = g_ptr_array_index(plan->items, 1);

    g_assert_cmpuint(plan->n_conflicts, ==, 2);
    g_assert_cmpuint(first->free_port, !=, 0);
    g_assert_cmpuint(second->free_port, !=, 0);
    g_assert_cmpuint(first->free_port, !=, second->free_port);
    for (guint i = 0; i < 2; i++) {
        const KftImportItem *item = g_ptr_array_index(plan->items, i);
        g_assert_cmpuint(item->free_port, !=, wanted);
        g_assert_cmpuint(item->free_port, !=, busy);
        g_assert_cmpuint(item->free_port, !=, busy + 1);
    }
    kft_import_plan_use_free_ports(plan);
    g_assert_cmpuint(first->config->local_port, ==, first->free_port);
    g_assert_cmpint(close(fd), ==, 0);
}

/* Some thousand configs that differ in one thing only; a second import of what the first stored
 * finds nothing to do. */
static void test_many(void)
{
    g_autoptr(GPtrArray) incoming = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    g_autoptr(GPtrArray) none = g_ptr_array_new();

    for (unsigned i = 0; i < 15000; i++) {
        KftConfig *config = kft_config_new();
        config->service = g_strdup("web");
        config->remote_port = (uint16_t)(i % 3 == 0 ? 80 : i + 1);
        config->local_port = (uint16_t)(i % 3 == 1 ? 8080 : 20000 + i);
        g_ptr_array_add(incoming, config);
    }
    g_autoptr(KftImportPlan) plan = kft_import_plan_new(incoming, none);
    g_assert_cmpuint(plan->n_new, ==, 10001);
    g_assert_cmpuint(plan->n_conflicts, ==, 4999);
    kft_import_plan_use_free_ports(plan);
    g_autoptr(GPtrArray) stored = kft_import_plan_list_changes(plan);
    for (guint i = 0; i < stored->len; i++)
        ((KftConfig *)g_ptr_array_index(stored, i))->id.v = i + 1;
    g_autoptr(KftImportPlan) again = kft_import_plan_new(stored, stored);
    g_assert_cmpuint(again->n_same, ==, 15000);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/share/plan/plans", test_plans);
    g_test_add_func("/share/plan/last-wins", test_last_wins);
    g_test_add_func("/share/plan/changes", test_changes);
    g_test_add_func("/share/plan/free-ports", test_free_ports);
    g_test_add_func("/share/plan/many", test_many);
    return g_test_run();
}
