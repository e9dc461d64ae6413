/* What the user writes as a target or a port pair, read as kubectl reads it. The names of kinds are
 * those that kubectl's discovery and shortcut tables give for the kinds that have pods; groups and
 * versions may follow ("deployments.v1.apps"). Names are checked here, because they become parts of
 * URLs. */
#include "kube/target.h"

#include <string.h>

#include "kftray/error.h"

#include "base/number.h"

/* Kubernetes: metadata.name of the kinds here is a DNS subdomain (RFC 1123). */
#define MAX_NAME_CHARS 253
#define MAX_LABEL_CHARS 63

typedef struct {
    KftTargetKind kind;
    const char *singular;
    const char *plural;
    const char *short_name;
    const char *group; /* "" = core */
} KindRow;

static const KindRow kinds[] = {
    {KFT_TARGET_POD, "pod", "pods", "po", ""},
    {KFT_TARGET_SERVICE, "service", "services", "svc", ""},
    {KFT_TARGET_DEPLOYMENT, "deployment", "deployments", "deploy", "apps"},
    {KFT_TARGET_REPLICASET, "replicaset", "replicasets", "rs", "apps"},
    {KFT_TARGET_STATEFULSET, "statefulset", "statefulsets", "sts", "apps"},
    {KFT_TARGET_DAEMONSET, "daemonset", "daemonsets", "ds", "apps"},
    {KFT_TARGET_JOB, "job", "jobs", NULL, "batch"},
    {KFT_TARGET_REPLICATIONCONTROLLER, "replicationcontroller", "replicationcontrollers", "rc", ""},
};

/* "", "apps", "v1.apps"; for core kinds also "v1". */
static bool group_matches(const char *group, const char *wanted)
{
    if (strcmp(group, wanted) == 0)
        return true;
    if (group[0] != 'v' || !g_ascii_isdigit(group[1]))
        return false;
    const char *rest = group + strcspn(group, ".");
    if (*rest == '.')
        rest++;
    return strcmp(rest, wanted) == 0;
}

static const KindRow *find_kind(const char *text)
{
    g_autofree char *lower = g_ascii_strdown(text, -1);
    char *group = strchr(lower, '.');

    if (group != NULL)
        *group++ = '\0';
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const KindRow *row = &kinds[i];
        bool is_name = strcmp(lower, row->singular) == 0 || strcmp(lower, row->plural) == 0 ||
                       g_strcmp0(lower, row->short_name) == 0;
        if (is_name && (group == NULL || group_matches(group, row->group)))
            return row;
    }
    return NULL;
}

/* @max_chars: of one part between dots. */
static bool is_dns_label(const char *text, size_t length, size_t max_chars)
{
    if (length == 0 || length > max_chars)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool is_inner = i > 0 && i + 1 < length;
        if (!g_ascii_islower(text[i]) && !g_ascii_isdigit(text[i]) && !(is_inner && text[i] == '-'))
            return false;
    }
    return true;
}

static bool is_dns_subdomain(const char *text)
{
    if (strlen(text) > MAX_NAME_CHARS)
        return false;
    while (true) {
        size_t length = strcspn(text, ".");
        if (!is_dns_label(text, length, MAX_NAME_CHARS))
            return false;
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

static KftTarget *parse_selector(const char *selector, GError **error)
{
    g_autofree char *text = g_strstrip(g_strdup(selector));

    for (const char *at = text; *at != '\0'; at++) {
        if (g_ascii_iscntrl(*at)) {
            g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                                "the label selector holds a control character");
            return NULL;
        }
    }
    if (text[0] == '\0') {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "the label selector is empty");
        return NULL;
    }
    KftTarget *self = g_new0(KftTarget, 1);
    self->kind = KFT_TARGET_SELECTOR;
    self->selector = g_steal_pointer(&text);
    return self;
}

static KftTarget *
new_named(KftTargetKind kind, const char *kind_name, const char *name, GError **error)
{
    if (name[0] == '\0') {
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "the name of the %s is missing",
                    kind_name);
        return NULL;
    }
    if (!is_dns_subdomain(name)) {
        g_autofree char *shown = g_strescape(name, NULL);
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "no %s can have the name \"%s\": names are lower case letters, digits, \"-\" "
                    "and \".\", and begin and end with a letter or digit",
                    kind_name, shown);
        return NULL;
    }
    KftTarget *self = g_new0(KftTarget, 1);
    self->kind = kind;
    self->name = g_strdup(name);
    return self;
}

KftTarget *kft_target_parse(const char *text, const char *selector, GError **error)
{
    if (text != NULL && selector != NULL) {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                            "give either a target or a label selector, not both");
        return NULL;
    }
    if (selector != NULL)
        return parse_selector(selector, error);
    if (text == NULL || text[0] == '\0') {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                            "a target is missing: a pod's name, svc/NAME, deploy/NAME, …");
        return NULL;
    }
    const char *slash = strchr(text, '/');
    if (slash == NULL)
        return new_named(KFT_TARGET_POD, "pod", text, error);
    g_autofree char *kind_text = g_strndup(text, (size_t)(slash - text));
    const KindRow *row = find_kind(kind_text);
    if (row == NULL) {
        g_autofree char *shown = g_strescape(kind_text, NULL);
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "unknown kind \"%s\": forwarding goes to pod, svc, deploy, rs, sts, ds, job or "
                    "rc",
                    shown);
        return NULL;
    }
    return new_named(row->kind, row->singular, slash + 1, error);
}

KftTarget *kft_target_copy(const KftTarget *self)
{
    KftTarget *copy = g_new0(KftTarget, 1);
    copy->kind = self->kind;
    copy->name = g_strdup(self->name);
    copy->selector = g_strdup(self->selector);
    return copy;
}

void kft_target_free(KftTarget *self)
{
    if (self == NULL)
        return;
    g_free(self->name);
    g_free(self->selector);
    g_free(self);
}

char *kft_target_describe(const KftTarget *self)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (kinds[i].kind == self->kind)
            return g_strdup_printf("%s \"%s\"", kinds[i].singular, self->name);
    }
    return g_strdup_printf("pods with %s", self->selector);
}

/* A port name is a DNS label with a letter in it; the letter tells it from a number. */
static bool is_port_name(const char *text)
{
    size_t length = strlen(text);
    if (!is_dns_label(text, length, MAX_LABEL_CHARS))
        return false;
    return strpbrk(text, "abcdefghijklmnopqrstuvwxyz") != NULL;
}

static bool refuse_port(const char *which, const char *text, const char *why, GError **error)
{
    g_autofree char *shown = g_strescape(text, NULL);
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "%s port \"%s\" %s", which, shown, why);
    return false;
}

static bool parse_remote(const char *text, uint16_t *ret_number, GError **error)
{
    uint16_t number = 0;

    if (text[0] == '\0') {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "the remote port is missing");
        return false;
    }
    if (!is_port_name(text) && !kft_parse_port(text, 0, &number))
        return refuse_port("remote", text, "is neither a number of 1 to 65535 nor a name", error);
    if (number == 0 && !is_port_name(text))
        return refuse_port("remote", text, "must be greater than 0", error);
    *ret_number = number;
    return true;
}

bool kft_port_spec_parse(const char *text,
                         KftPortSpec *ret_spec,
                         bool *ret_is_local_from_remote,
                         GError **error)
{
    const char *colon = strchr(text, ':');
    const char *remote = colon != NULL ? colon + 1 : text;
    uint16_t local = 0;
    uint16_t number = 0;

    if (strchr(remote, ':') != NULL) {
        g_autofree char *shown = g_strescape(text, NULL);
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "port \"%s\" is not of the form [LOCAL:]REMOTE", shown);
        return false;
    }
    if (colon != NULL && colon > text) {
        g_autofree char *local_text = g_strndup(text, (size_t)(colon - text));
        if (!kft_parse_port(local_text, 0, &local))
            return refuse_port("local", local_text, "is not a number of 0 to 65535", error);
    }
    if (!parse_remote(remote, &number, error))
        return false;
    *ret_is_local_from_remote = colon == NULL && number == 0;
    *ret_spec = (KftPortSpec){
        .local = colon == NULL ? number : local,
        .remote = g_strdup(remote),
        .remote_number = number,
    };
    return true;
}

void kft_port_spec_clear(KftPortSpec *self)
{
    g_free(self->remote);
    *self = (KftPortSpec){0};
}
