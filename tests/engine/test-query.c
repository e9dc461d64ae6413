/* Questions to clusters by the engine's public headers alone, against the scripted API server. */
#include <kftray/engine.h>
#include <string.h>

#include "client.h"
#include "fixture.h"

/* Of queries that are to be answered: the usual 5 s of a probe are too little for a busy machine.
 */
#define LONG_MS 60000

/* A server that has a namespace more, services with annotations, a crowd of pods, and users with
 * few rights. */
static const char world[] =
    "{'namespaces': ['default', 'shop', 'quiet'],"
    " 'services': ["
    "  {'name': 'front', 'namespace': 'shop', 'selector': {'app': 'front'},"
    "   'annotations': {'kftray.app/enabled': 'true', 'kftray.app/configs': 'a-b-8080-http'},"
    "   'ports': [{'name': 'http', 'port': 80, 'targetPort': 'http'}, {'name': 'x', 'port': 9,"
    "    'protocol': 'SCTP'}, {'name': 'dns', 'port': 53, 'targetPort': 5353, 'protocol': 'UDP'}]},"
    "  {'name': 'far', 'namespace': 'shop', 'type': 'ExternalName', 'externalName': 'far.invalid',"
    "   'annotations': {'kftray.app/enabled': 'yes'}}],"
    " 'workloads': [{'kind': 'Deployment', 'name': 'front', 'namespace': 'shop',"
    "   'selector': {'app': 'front'}, 'replicas': 3, 'ports': {'http': 8080}}],"
    " 'pods': [{'name': 'front-1', 'namespace': 'shop', 'ports': {'http': 8080},"
    "   'labels': {'app': 'front', 'tier': 'web', 'pod-template-hash': '5d9c'}},"
    "  {'name': 'front-2', 'namespace': 'shop', 'ports': {'http': 8080},"
    "   'labels': {'app': 'front', 'tier': 'web', 'pod-template-hash': '77ab'}}],"
    " 'crowds': [{'name': 'c', 'namespace': 'quiet', 'count': 1201, 'labels': {'app': 'crowd'}}],"
    " 'users': ["
    "  {'name': 'names', 'rules': [{'verbs': ['list'], 'resources': ['namespaces']},"
    "   {'verbs': ['list'], 'resources': ['services'], 'namespaces': ['default', 'shop']}]},"
    "  {'name': 'deploys', 'rules': [{'verbs': ['list'], 'resources': ['deployments'],"
    "   'namespaces': ['default']}]}]}";

static uint32_t post(Fixture *self, KftQuery *query)
{
    uint32_t id = query->id.v;
    if (query->kubeconfig == NULL)
        query->kubeconfig = g_strdup(self->kubeconfig);
    g_assert_true(kft_engine_post(self->engine, kft_command_new_query(query)));
    return id;
}

static KftQuery *make(uint32_t id, KftQueryType type, const char *context)
{
    KftQuery *query = kft_query_new((KftQueryId){id}, type);
    query->context = g_strdup(context);
    query->timeout_ms = LONG_MS;
    return query;
}

static KftAnswer *wait_answer(Fixture *self)
{
    g_autoptr(KftEvent) event = fixture_wait_event(self, KFT_EVENT_ANSWER);
    g_assert_nonnull(event->answer->items);
    return g_steal_pointer(&event->answer);
}

/* Takes @query over; its answer must be no error. */
static KftAnswer *ask(Fixture *self, KftQuery *query)
{
    uint32_t id = post(self, query);
    KftAnswer *answer = wait_answer(self);
    g_assert_cmpuint(answer->id.v, ==, id);
    if (answer->error != NULL)
        g_error("%s: %s", kft_query_type_name(answer->type), answer->error);
    return answer;
}

static void assert_error(Fixture *self, KftQuery *query, KftErrorCode code, const char *word)
{
    uint32_t id = post(self, query);
    g_autoptr(KftAnswer) answer = wait_answer(self);
    g_assert_cmpuint(answer->id.v, ==, id);
    g_assert_nonnull(answer->error);
    if (answer->error_code != code || strstr(answer->error, word) == NULL)
        g_error("\"%s\", code %s", answer->error, kft_error_code_name(answer->error_code));
    g_assert_cmpuint(answer->items->len, ==, 0);
}

static KftQuery *make_list(uint32_t id, KftQueryType type, const char *context, const char *place)
{
    KftQuery *query = make(id, type, context);
    query->namespace_ = g_strdup(place);
    query->all_namespaces = place == NULL;
    return query;
}

static char *write_kubeconfig(Fixture *self, const char *name, const char *text)
{
    char *path = g_build_filename(self->folder, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

/* --- contexts --- */

static const char broken_kubeconfig[] =
    "current-context: lost\n"
    "clusters:\n- name: c\n  cluster: {server: 'https://192.0.2.1:6443'}\n"
    "users:\n- name: u\n  user: {token: secret-token}\n"
    "- name: bad\n  user: {client-certificate-data: '!'}\n"
    "contexts:\n- name: good\n  context: {cluster: c, user: u, namespace: shop}\n"
    "- name: lost\n  context: {cluster: gone, user: u}\n"
    "- name: bad\n  context: {cluster: c, user: bad}\n";

static void test_contexts(Fixture *self, gconstpointer data)
{
    (void)data;
    KftQuery *query = make(1, KFT_QUERY_CONTEXTS, NULL);
    query->kubeconfig = write_kubeconfig(self, "broken", broken_kubeconfig);
    g_autofree char *list =
        g_strconcat(query->kubeconfig, ":/no/such/file:", self->kubeconfig, NULL);
    g_autoptr(KftAnswer) answer = ask(self, query);
    g_assert_cmpuint(answer->items->len, ==, 3);

    const KftFoundContext *good = g_ptr_array_index(answer->items, 0);
    g_assert_cmpstr(good->name, ==, "good");
    g_assert_cmpstr(good->cluster, ==, "c");
    g_assert_cmpstr(good->server, ==, "https://192.0.2.1:6443");
    g_assert_cmpstr(good->user, ==, "u");
    g_assert_cmpstr(good->namespace_, ==, "shop");
    g_assert_false(good->is_current);
    g_assert_null(good->error);

    const KftFoundContext *lost = g_ptr_array_index(answer->items, 1);
    g_assert_cmpstr(lost->cluster, ==, "gone");
    g_assert_null(lost->server);
    g_assert_cmpstr(lost->namespace_, ==, "default");
    g_assert_true(lost->is_current);
    g_assert_nonnull(strstr(lost->error, "gone"));

    const KftFoundContext *bad = g_ptr_array_index(answer->items, 2);
    g_assert_nonnull(strstr(bad->error, "client-certificate-data"));
    g_assert_null(strstr(bad->error, "secret-token"));

    query = make(2, KFT_QUERY_CONTEXTS, NULL);
    query->kubeconfig = g_strdup(list);
    g_autoptr(KftAnswer) both = ask(self, query);
    g_assert_cmpuint(both->items->len, >, 3);

    query = make(3, KFT_QUERY_CONTEXTS, NULL);
    query->kubeconfig = g_strdup("/no/such/file");
    assert_error(self, query, KFT_ERROR_BAD_CONFIG, "/no/such/file");
    query = make(4, KFT_QUERY_CONTEXTS, NULL);
    query->kubeconfig = g_strdup("/no/such/file:/nor/this");
    assert_error(self, query, KFT_ERROR_BAD_CONFIG, "/nor/this");
}

/* --- probes --- */

static void test_probe(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autoptr(KftAnswer) good = ask(self, make(1, KFT_QUERY_PROBE, NULL));
    g_assert_cmpstr(good->context, ==, "fake");
    g_assert_cmpstr(good->namespace_, ==, "default");
    g_assert_true(g_str_has_prefix(good->version, "v1."));
    g_assert_null(good->note);

    g_autoptr(KftAnswer) refused = ask(self, make(2, KFT_QUERY_PROBE, "fake-bad-token"));
    g_assert_null(refused->version);
    g_assert_nonnull(strstr(refused->note, "401"));

    assert_error(self, make(3, KFT_QUERY_PROBE, "nowhere"), KFT_ERROR_BAD_CONFIG, "nowhere");
}

/* One context has a plugin that hangs, one a port where nobody is, one a server that says nothing;
 * the good one is answered while the first two are waited for. */
static void test_probes_side_by_side(Fixture *self, gconstpointer data)
{
    (void)data;
    uint16_t silent_port = 0;
    int silent = kft_test_listen(&silent_port);
    g_autofree char *text = g_strdup_printf(
        "clusters:\n"
        "- name: hangs\n  cluster: {server: 'https://127.0.0.1:%u'}\n"
        "- name: silent\n  cluster: {server: 'https://127.0.0.1:%u'}\n"
        "- name: closed\n  cluster: {server: 'https://127.0.0.1:1'}\n"
        "users:\n"
        "- name: hangs\n  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: "
        "sleep, args: ['60'], interactiveMode: Never}}\n"
        "contexts:\n"
        "- name: hangs\n  context: {cluster: hangs, user: hangs}\n"
        "- name: silent\n  context: {cluster: silent}\n"
        "- name: closed\n  context: {cluster: closed}\n",
        self->server.port, silent_port);
    static const char *const contexts[] = {"hangs", "silent", "closed", "fake"};
    g_autofree char *path = write_kubeconfig(self, "more", text);
    g_autofree char *list = g_strconcat(path, ":", self->kubeconfig, NULL);
    const char *errors[G_N_ELEMENTS(contexts) + 1] = {NULL, "no credential", "no answer from https",
                                                      "127.0.0.1:1", NULL};
    uint32_t sum = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(contexts); i++) {
        KftQuery *query = make((uint32_t)i + 1, KFT_QUERY_PROBE, contexts[i]);
        query->kubeconfig = g_strdup(list);
        (void)post(self, query);
    }
    for (size_t i = 0; i < 2; i++) {
        g_autoptr(KftAnswer) answer = wait_answer(self);
        const char *error = errors[answer->id.v];
        sum += answer->id.v;
        g_assert_cmpstr(answer->context, ==, contexts[answer->id.v - 1]);
        g_assert_true((answer->error == NULL) == (error == NULL));
        if (error != NULL && strstr(answer->error, error) == NULL)
            g_error("%s", answer->error);
        g_assert_cmpint(answer->error_code, !=, KFT_ERROR_TIMEOUT);
    }
    g_assert_cmpuint(sum, ==, 3 + 4);
    for (uint32_t i = 1; i <= 2; i++) {
        g_assert_true(kft_engine_post(self->engine, kft_command_new_cancel_query((KftQueryId){i})));
        g_autoptr(KftAnswer) answer = wait_answer(self);
        g_assert_cmpuint(answer->id.v, ==, i);
        g_assert_cmpint(answer->error_code, ==, KFT_ERROR_CANCELLED);
        KftQuery *query = make(i, KFT_QUERY_PROBE, contexts[i - 1]);
        query->kubeconfig = g_strdup(list);
        query->timeout_ms = 1000;
        assert_error(self, query, KFT_ERROR_TIMEOUT, errors[i]);
    }
    kft_test_close(silent);
}

/* More than run at a time, all of a kubeconfig that is big. */
static void test_many_probes(Fixture *self, gconstpointer data)
{
    (void)data;
    for (uint32_t i = 1; i <= KFT_QUERY_MAX_PROBES * 3; i++)
        (void)post(self, make(i, KFT_QUERY_PROBE, "fake"));
    uint64_t sum = 0;
    for (uint32_t i = 1; i <= KFT_QUERY_MAX_PROBES * 3; i++) {
        g_autoptr(KftAnswer) answer = wait_answer(self);
        g_assert_cmpstr(answer->error, ==, NULL);
        sum += answer->id.v;
    }
    g_assert_cmpuint(sum, ==, KFT_QUERY_MAX_PROBES * 3 * (KFT_QUERY_MAX_PROBES * 3 + 1) / 2);
}

/* --- lists --- */

static char *join_items(const KftAnswer *answer)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < answer->items->len; i++) {
        gpointer item = g_ptr_array_index(answer->items, i);
        g_string_append(out, i > 0 ? " " : "");
        if (answer->type == KFT_QUERY_NAMESPACES)
            g_string_append(out, item);
        else if (answer->type == KFT_QUERY_SERVICES)
            g_string_append_printf(out, "%s/%s", ((KftFoundService *)item)->namespace_,
                                   ((KftFoundService *)item)->name);
        else
            g_string_append_printf(out, "%s/%s", ((KftFoundWorkload *)item)->namespace_,
                                   ((KftFoundWorkload *)item)->object);
    }
    return g_string_free(out, FALSE);
}

static void assert_items(const KftAnswer *answer, const char *expected)
{
    g_autofree char *found = join_items(answer);
    g_assert_cmpstr(found, ==, expected);
}

static void assert_note(const KftAnswer *answer, const char *word)
{
    if (word == NULL)
        g_assert_cmpstr(answer->note, ==, NULL);
    else if (answer->note == NULL || strstr(answer->note, word) == NULL)
        g_error("note: %s", answer->note);
}

static void test_namespaces(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autoptr(KftAnswer) all = ask(self, make(1, KFT_QUERY_NAMESPACES, NULL));
    assert_items(all, "default kube-system quiet shop");
    assert_note(all, NULL);

    g_autoptr(KftAnswer) denied = ask(self, make(2, KFT_QUERY_NAMESPACES, "fake-denied"));
    assert_items(denied, "default");
    assert_note(denied, "user \"denied\" may not list resource \"namespaces\"");
}

/* What a user may not see is named by other contexts of the same cluster. */
static void test_known_namespaces(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(self->kubeconfig, &text, NULL, NULL));
    g_autofree char *more = g_strconcat(
        "contexts:\n- name: here\n  context: {cluster: fake, user: names, namespace: shop}\n"
        "- name: there\n  context: {cluster: fake, user: create-only, namespace: shop}\n",
        NULL);
    g_autofree char *path = write_kubeconfig(self, "more", more);
    g_autofree char *list = g_strconcat(path, ":", self->kubeconfig, NULL);
    KftQuery *query = make(1, KFT_QUERY_NAMESPACES, "there");
    query->kubeconfig = g_strdup(list);
    g_autoptr(KftAnswer) names = ask(self, query);
    assert_items(names, "default shop");

    /* May list services of "default" only. */
    query = make_list(2, KFT_QUERY_SERVICES, "there", NULL);
    query->kubeconfig = g_strdup(list);
    g_autoptr(KftAnswer) services = ask(self, query);
    assert_items(services, "default/dns default/headless default/nobody default/outside "
                           "default/stuck default/web");
    assert_note(services, "are shown (default): user \"create-only\" may not list");
}

static void test_services(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autoptr(KftAnswer) all = ask(self, make_list(1, KFT_QUERY_SERVICES, NULL, NULL));
    assert_items(all, "default/dns default/headless default/nobody default/outside default/stuck "
                      "default/web shop/far shop/front");
    assert_note(all, NULL);

    const KftFoundService *front = g_ptr_array_index(all->items, 7);
    g_assert_cmpstr(front->selector, ==, "app=front");
    g_assert_true(front->is_enabled);
    g_assert_cmpstr(front->configs, ==, "a-b-8080-http");
    g_assert_cmpuint(front->ports->len, ==, 2);
    const KftFoundPort *http = g_ptr_array_index(front->ports, 0);
    g_assert_cmpstr(http->name, ==, "http");
    g_assert_cmpuint(http->number, ==, 80);
    g_assert_cmpuint(http->target_number, ==, 0);
    g_assert_cmpstr(http->target_name, ==, "http");
    g_assert_false(http->is_udp);
    const KftFoundPort *dns = g_ptr_array_index(front->ports, 1);
    g_assert_cmpuint(dns->target_number, ==, 5353);
    g_assert_true(dns->is_udp);

    const KftFoundService *far = g_ptr_array_index(all->items, 6);
    g_assert_cmpstr(far->type, ==, "ExternalName");
    g_assert_false(far->is_enabled);
    g_assert_null(far->configs);
    g_assert_null(far->selector);

    g_autoptr(KftAnswer) shop = ask(self, make_list(2, KFT_QUERY_SERVICES, NULL, "shop"));
    assert_items(shop, "shop/far shop/front");
    KftQuery *query = make(3, KFT_QUERY_SERVICES, NULL);
    g_autoptr(KftAnswer) own = ask(self, query);
    g_assert_cmpuint(own->items->len, ==, 6);
}

static void test_few_rights(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autoptr(KftAnswer) some = ask(self, make_list(1, KFT_QUERY_SERVICES, "fake-names", NULL));
    g_assert_cmpuint(some->items->len, ==, 8);
    assert_note(some, "2 of 4 namespaces are left out");

    assert_error(self, make_list(2, KFT_QUERY_SERVICES, "fake-denied", NULL), KFT_ERROR_AUTH,
                 "user \"denied\" may not list resource \"services\"");
    assert_error(self, make_list(3, KFT_QUERY_SERVICES, "fake-names", "quiet"), KFT_ERROR_AUTH,
                 "in namespace \"quiet\"");
    assert_error(self, make_list(4, KFT_QUERY_PODS, "fake-bad-token", NULL), KFT_ERROR_AUTH, "401");

    g_autoptr(KftAnswer) part =
        ask(self, make_list(5, KFT_QUERY_WORKLOADS, "fake-deploys", "default"));
    assert_items(part, "default/deploy/empty default/deploy/web");
    assert_note(part, "a part is left out: user \"deploys\" may not list resource");
    g_autoptr(KftAnswer) known = ask(self, make_list(6, KFT_QUERY_WORKLOADS, "fake-deploys", NULL));
    assert_items(known, "default/deploy/empty default/deploy/web");
}

static void test_pods(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autoptr(KftAnswer) crowd = ask(self, make_list(1, KFT_QUERY_PODS, NULL, "quiet"));
    g_assert_cmpuint(crowd->items->len, ==, 1201);
    g_assert_cmpuint(crowd->selectors->len, ==, 1);
    const KftFoundSelector *selector = g_ptr_array_index(crowd->selectors, 0);
    g_assert_cmpstr(selector->selector, ==, "app=crowd");
    g_assert_cmpuint(selector->n_pods, ==, 1201);

    KftQuery *query = make_list(2, KFT_QUERY_PODS, NULL, NULL);
    query->selector = g_strdup("app=front");
    g_autoptr(KftAnswer) front = ask(self, query);
    g_assert_cmpuint(front->items->len, ==, 2);
    const KftFoundPod *pod = g_ptr_array_index(front->items, 1);
    g_assert_cmpstr(pod->namespace_, ==, "shop");
    g_assert_cmpstr(pod->name, ==, "front-2");
    g_assert_cmpstr(pod->phase, ==, "Running");
    g_assert_true(pod->is_ready);
    g_assert_null(pod->reason);
    g_assert_true(g_strv_contains((const char *const *)pod->labels, "tier=web"));
    g_assert_cmpuint(((KftFoundPort *)g_ptr_array_index(pod->ports, 0))->number, ==, 8080);
    /* The hash of a revision is nothing to select by. */
    g_assert_cmpuint(front->selectors->len, ==, 2);
    selector = g_ptr_array_index(front->selectors, 0);
    g_assert_cmpstr(selector->selector, ==, "app=front");
    selector = g_ptr_array_index(front->selectors, 1);
    g_assert_cmpstr(selector->selector, ==, "app=front,tier=web");
    g_assert_cmpuint(selector->n_pods, ==, 2);

    query = make_list(3, KFT_QUERY_PODS, NULL, "default");
    query->selector = g_strdup("app in (image-pull)");
    g_autoptr(KftAnswer) stuck = ask(self, query);
    pod = g_ptr_array_index(stuck->items, 0);
    g_assert_cmpstr(pod->phase, ==, "Pending");
    g_assert_nonnull(strstr(pod->reason, "ImagePullBackOff"));
}

/* The server forgets where a list was interrupted: it is read again, and nothing comes twice. */
static void test_expired_list(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autoptr(KftAnswer) crowd = ask(self, make_list(1, KFT_QUERY_PODS, NULL, "quiet"));
    g_assert_cmpuint(crowd->items->len, ==, 1201);
}

static void test_workloads(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autoptr(KftAnswer) all = ask(self, make_list(1, KFT_QUERY_WORKLOADS, NULL, NULL));
    assert_items(all, "default/ds/agent default/sts/db default/deploy/empty default/deploy/web "
                      "shop/deploy/front");
    const KftFoundWorkload *front = g_ptr_array_index(all->items, 4);
    g_assert_cmpstr(front->selector, ==, "app=front");
    g_assert_cmpint(front->replicas, ==, 3);
    const KftFoundPort *port = g_ptr_array_index(front->ports, 0);
    g_assert_cmpstr(port->name, ==, "http");
    g_assert_cmpuint(port->number, ==, 8080);
}

/* --- life --- */

static void test_cancel(Fixture *self, gconstpointer data)
{
    (void)data;
    uint16_t silent_port = 0;
    int silent = kft_test_listen(&silent_port);
    g_autofree char *text =
        g_strdup_printf("clusters:\n- name: c\n  cluster: {server: 'http://127.0.0.1:%u'}\n"
                        "contexts:\n- name: c\n  context: {cluster: c}\ncurrent-context: c\n",
                        silent_port);
    g_autofree char *path = write_kubeconfig(self, "silent", text);
    static const KftQueryType types[] = {KFT_QUERY_PROBE, KFT_QUERY_NAMESPACES, KFT_QUERY_SERVICES,
                                         KFT_QUERY_WORKLOADS};

    for (size_t i = 0; i < G_N_ELEMENTS(types) * 2; i++) {
        KftQuery *query = make((uint32_t)i + 1, types[i % G_N_ELEMENTS(types)], NULL);
        query->kubeconfig = g_strdup(path);
        (void)post(self, query);
    }
    /* The same id twice is refused, and the first one stays. */
    KftQuery *query = make(1, KFT_QUERY_PODS, NULL);
    query->kubeconfig = g_strdup(path);
    assert_error(self, query, KFT_ERROR_BAD_CONFIG, "query 1 is open already");
    for (uint32_t i = 1; i <= G_N_ELEMENTS(types); i++) {
        KftQueryId id = {i};
        g_assert_true(kft_engine_post(self->engine, kft_command_new_cancel_query(id)));
        g_autoptr(KftAnswer) answer = wait_answer(self);
        g_assert_cmpuint(answer->id.v, ==, i);
        g_assert_cmpint(answer->error_code, ==, KFT_ERROR_CANCELLED);
        /* Once is enough. */
        g_assert_true(kft_engine_post(self->engine, kft_command_new_cancel_query(id)));
    }
    /* The others are cancelled by the end. */
    g_assert_true(kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_SHUTDOWN)));
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autoptr(KftAnswer) answer = wait_answer(self);
        g_assert_cmpuint(answer->id.v, >, G_N_ELEMENTS(types));
        g_assert_cmpint(answer->error_code, ==, KFT_ERROR_CANCELLED);
    }
    kft_event_free(fixture_wait_event(self, KFT_EVENT_STOPPED));
    kft_engine_free(self->engine);
    self->engine = kft_engine_start(NULL); /* for tear_down */
    kft_test_close(silent);
}

static void test_timeout(Fixture *self, gconstpointer data)
{
    (void)data;
    uint16_t silent_port = 0;
    int silent = kft_test_listen(&silent_port);
    g_autofree char *text =
        g_strdup_printf("clusters:\n- name: c\n  cluster: {server: 'http://127.0.0.1:%u'}\n"
                        "contexts:\n- name: c\n  context: {cluster: c}\ncurrent-context: c\n",
                        silent_port);
    KftQuery *query = make(1, KFT_QUERY_SERVICES, NULL);
    query->kubeconfig = write_kubeconfig(self, "silent", text);
    query->timeout_ms = 200;
    assert_error(self, query, KFT_ERROR_TIMEOUT,
                 "the list of services did not arrive within 0.2 s");
    kft_test_close(silent);
}

static const char expiring_world[] =
    "{'namespaces': ['default', 'quiet'],"
    " 'faults': [{'on': 'list', 'do': 'gone', 'query': 'continue='}],"
    " 'crowds': [{'name': 'c', 'namespace': 'quiet', 'count': 1201, 'labels': {'app': 'crowd'}}]}";

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_open_what_stays_open();
#define ADD_IN(world, path, func)                                                                  \
    g_test_add(path, Fixture, world, fixture_set_up, func, fixture_tear_down)
#define ADD(path, func) ADD_IN(world, path, func)
    ADD("/query/contexts", test_contexts);
    ADD("/query/probe", test_probe);
    ADD("/query/probes-side-by-side", test_probes_side_by_side);
    ADD("/query/many-probes", test_many_probes);
    ADD("/query/namespaces", test_namespaces);
    ADD("/query/known-namespaces", test_known_namespaces);
    ADD("/query/services", test_services);
    ADD("/query/few-rights", test_few_rights);
    ADD("/query/pods", test_pods);
    ADD("/query/workloads", test_workloads);
    ADD("/query/cancel", test_cancel);
    ADD("/query/timeout", test_timeout);
    ADD_IN(expiring_world, "/query/expired-list", test_expired_list);
    return g_test_run();
}
