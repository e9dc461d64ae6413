/* What a server's refusal means for the user. Kubernetes answers with a metav1.Status whose message
 * is written for its own logs; kubelets and proxies answer with text or HTML. Here each becomes one
 * sentence: who may not do what where, or which object does not exist. Everything that is quoted
 * from an answer passes kft_one_line(), so that a message stays one printable line whatever the
 * peer sends. */
#include "kube/status.h"

#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/redact.h"

#define MAX_QUOTE_CHARS 300
#define MAX_DENIAL_CHARS 600
/* A Status that is longer is none that a person could read; also the cap for error bodies on the
 * wire. */
#define MAX_BODY_BYTES ((size_t)64 * 1024)
#define GONE_SUFFIX " (410 Gone)"

typedef struct {
    unsigned http_status;
    const char *what;
    const char *message; /* nullable, "" if the Status has none */
    const char *kind;    /* resource name, plural; nullable */
    const char *name;    /* nullable */
    bool is_status;
} Answer;

/* What an RBAC message says. */
typedef struct {
    char *user;
    char *verb;
    char *resource;
    char *group;
    char *namespace_; /* NULL = the whole cluster */
    char *rest;       /* the authorizer's remark, "" if none */
} Denial;

static void denial_clear(Denial *self)
{
    g_free(self->user);
    g_free(self->verb);
    g_free(self->resource);
    g_free(self->group);
    g_free(self->namespace_);
    g_free(self->rest);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Denial, denial_clear)

/* Reads a quoted string after @prefix and moves @at behind it. */
static char *take_quoted(const char **at, const char *prefix)
{
    if (!g_str_has_prefix(*at, prefix))
        return NULL;
    const char *start = *at + strlen(prefix);
    if (*start != '"')
        return NULL;
    GString *out = g_string_new(NULL);
    const char *end = start + 1;
    /* Go's %q: a quote inside a user name is escaped. */
    while (*end != '\0' && *end != '"') {
        if (*end == '\\' && end[1] != '\0')
            end++;
        g_string_append_c(out, *end++);
    }
    if (*end != '"') {
        g_string_free(out, TRUE);
        return NULL;
    }
    *at = end + 1;
    return g_string_free(out, FALSE);
}

/* `… is forbidden: User "u" cannot VERB resource "R" in API group "G" in the namespace "N"[:
 * remark]`, as apiserver's responsewriters.ForbiddenMessage writes it; "at the cluster scope"
 * instead of a namespace.
 * Whatever was read is in @denial, for the caller to clear. */
static bool parse_denial(const char *message, Denial *denial)
{
    const char *at = strstr(message, "User \"");

    if (at == NULL)
        return false;
    denial->user = take_quoted(&at, "User ");
    if (denial->user == NULL || !g_str_has_prefix(at, " cannot "))
        return false;
    at += strlen(" cannot ");
    size_t verb_length = strcspn(at, " ");
    denial->verb = g_strndup(at, verb_length);
    at += verb_length;
    denial->resource = take_quoted(&at, " resource ");
    denial->group = take_quoted(&at, " in API group ");
    denial->namespace_ = take_quoted(&at, " in the namespace ");
    if (denial->verb[0] == '\0' || denial->resource == NULL)
        return false;
    if (denial->namespace_ == NULL && g_str_has_prefix(at, " at the cluster scope"))
        at += strlen(" at the cluster scope");
    at += strspn(at, ": ");
    denial->rest = g_strdup(at);
    return true;
}

static char *describe_denial(const Denial *denial)
{
    GString *out = g_string_new(NULL);
    bool has_group = denial->group != NULL && denial->group[0] != '\0';

    g_string_append_printf(out, "user \"%s\" may not %s resource \"%s\"", denial->user,
                           denial->verb, denial->resource);
    if (has_group)
        g_string_append_printf(out, " of group \"%s\"", denial->group);
    if (denial->namespace_ != NULL)
        g_string_append_printf(out, " in namespace \"%s\"", denial->namespace_);
    else
        g_string_append(out, " in the whole cluster");
    g_string_append_printf(out, ": ask for a %s with verb %s on %s",
                           denial->namespace_ != NULL ? "role" : "cluster role", denial->verb,
                           denial->resource);
    if (has_group)
        g_string_append_printf(out, " (group %s)", denial->group);
    if (denial->rest[0] != '\0')
        g_string_append_printf(out, "; the server adds: %s", denial->rest);
    return g_string_free(out, FALSE);
}

static GError *forbidden_error(const Answer *answer)
{
    g_auto(Denial) denial = {0};
    const char *message = answer->message != NULL ? answer->message : "";

    if (parse_denial(message, &denial)) {
        g_autofree char *text = describe_denial(&denial);
        g_autofree char *line = kft_one_line(text, MAX_DENIAL_CHARS);
        return g_error_new_literal(KFT_ERROR, KFT_ERROR_AUTH, line);
    }
    const char *reason = strstr(message, "is forbidden: ");
    reason = reason != NULL ? reason + strlen("is forbidden: ") : message;
    g_autofree char *line = kft_one_line(reason, MAX_QUOTE_CHARS);
    /* Servers from 1.35 on check "create" on pods/portforward in a place that gives no reason. */
    if (line[0] == '\0' || g_str_has_suffix(line, "is forbidden:"))
        return g_error_new(KFT_ERROR, KFT_ERROR_AUTH,
                           "%s: forbidden, the server gives no reason; forwarding needs the verbs "
                           "get and create on pods/portforward",
                           answer->what);
    return g_error_new(KFT_ERROR, KFT_ERROR_AUTH, "%s: forbidden: %s", answer->what, line);
}

/* "pods" → "pod"; the plurals of the kinds that occur here are regular. */
static char *singular(const char *plural)
{
    size_t length = strlen(plural);
    if (g_str_has_suffix(plural, "ies"))
        return g_strdup_printf("%.*sy", (int)(length - 3), plural);
    if (length > 1 && plural[length - 1] == 's')
        return g_strndup(plural, length - 1);
    return g_strdup(plural);
}

static GError *not_found_error(const Answer *answer)
{
    const char *message = answer->message != NULL ? answer->message : "";

    if (answer->kind != NULL && answer->name != NULL && answer->name[0] != '\0') {
        g_autofree char *kind = singular(answer->kind);
        g_autofree char *text = g_strdup_printf("%s \"%s\"", kind, answer->name);
        g_autofree char *line = kft_one_line(text, MAX_QUOTE_CHARS);
        /* A Status does not say in which namespace; what was being done does. */
        const char *place = strstr(answer->what, " in namespace \"");
        if (strcmp(answer->kind, "namespaces") == 0)
            place = NULL;
        return g_error_new(KFT_ERROR, KFT_ERROR_NOT_FOUND, "%s not found%s", line,
                           place != NULL ? place : "");
    }
    if (!answer->is_status || strstr(message, "could not find the requested resource") != NULL)
        return g_error_new(KFT_ERROR, KFT_ERROR_NOT_FOUND,
                           "%s: the server has no such API (404 Not Found)", answer->what);
    g_autofree char *line = kft_one_line(message, MAX_QUOTE_CHARS);
    return g_error_new(KFT_ERROR, KFT_ERROR_NOT_FOUND, "%s: %s", answer->what, line);
}

/* From here on, what was being done begins the sentence, and the server's words follow if it has
 * any. */
static GError *
quoted_error(const Answer *answer, KftErrorCode code, const char *fallback, const char *suffix)
{
    g_autofree char *line =
        kft_one_line(answer->message != NULL ? answer->message : "", MAX_QUOTE_CHARS);
    while (g_str_has_suffix(line, "."))
        line[strlen(line) - 1] = '\0';
    return g_error_new(KFT_ERROR, code, "%s: %s%s", answer->what, line[0] != '\0' ? line : fallback,
                       suffix);
}

static GError *status_error(const Answer *answer)
{
    g_autofree char *plain = g_strdup_printf("the server answered HTTP %u", answer->http_status);

    switch (answer->http_status) {
    case 401:
        return g_error_new(KFT_ERROR, KFT_ERROR_AUTH,
                           "%s: the server does not accept the credentials of this context "
                           "(401 Unauthorized)",
                           answer->what);
    case 403:
        return forbidden_error(answer);
    case 404:
        return not_found_error(answer);
    case 410:
        return quoted_error(answer, KFT_ERROR_REFUSED, "the server no longer has that state",
                            GONE_SUFFIX);
    case 429:
        return quoted_error(answer, KFT_ERROR_REFUSED, "the server is busy and asks to wait",
                            " (429 Too Many Requests)");
    default:
        break;
    }
    if (answer->http_status >= 400 && answer->http_status < 600)
        return quoted_error(answer, KFT_ERROR_REFUSED, plain, "");
    return g_error_new(KFT_ERROR, KFT_ERROR_PROTOCOL, "%s: unexpected answer HTTP %u", answer->what,
                       answer->http_status);
}

/* The title of an HTML page, or NULL. */
static char *html_title(const char *text)
{
    g_autofree char *lower = g_ascii_strdown(text, -1);
    const char *start = strstr(lower, "<title>");
    if (start == NULL)
        return NULL;
    start += strlen("<title>");
    const char *end = strstr(start, "</title>");
    if (end == NULL || end == start)
        return NULL;
    g_autofree char *raw = g_strndup(text + (start - lower), (size_t)(end - start));
    return kft_one_line(raw, 80);
}

/* A proxy, a load balancer or a login page between us and the API server. */
static GError *html_error(const Answer *answer, const char *text)
{
    g_autofree char *title = html_title(text);
    KftErrorCode code = answer->http_status == 401 || answer->http_status == 403
                            ? KFT_ERROR_AUTH
                            : KFT_ERROR_PROTOCOL;
    if (title == NULL)
        return g_error_new(KFT_ERROR, code,
                           "%s: HTTP %u with a web page, which does not come from a Kubernetes API "
                           "server but from a proxy or another program",
                           answer->what, answer->http_status);
    return g_error_new(
        KFT_ERROR, code,
        "%s: HTTP %u with the web page \"%s\", which does not come from a Kubernetes "
        "API server but from a proxy or another program",
        answer->what, answer->http_status, title);
}

static bool is_html(const char *content_type, const char *text)
{
    if (content_type != NULL && strstr(content_type, "html") != NULL)
        return true;
    text += strspn(text, " \t\r\n");
    return g_ascii_strncasecmp(text, "<!doctype", 9) == 0 ||
           g_ascii_strncasecmp(text, "<html", 5) == 0;
}

static void read_status(json_object *object, Answer *answer)
{
    const char *kind = kft_json_string(object, "kind");
    const char *message = kft_json_string(object, "message");

    answer->message = message != NULL ? message : "";
    answer->is_status = kind != NULL && strcmp(kind, "Status") == 0;
    answer->kind = kft_json_string(object, "details.kind");
    answer->name = kft_json_string(object, "details.name");
    /* A Status inside a watch arrives with HTTP 200; its own code counts. */
    int64_t code = kft_json_int(object, "code", 0);
    if (answer->is_status && answer->http_status < 400 && code >= 400 && code < 600)
        answer->http_status = (unsigned)code;
    const char *reason = kft_json_string(object, "reason");
    if (answer->is_status && reason != NULL &&
        (strcmp(reason, "Expired") == 0 || strcmp(reason, "Gone") == 0))
        answer->http_status = 410;
}

GError *kft_status_to_error(unsigned http_status,
                            const char *content_type,
                            const char *body,
                            gsize body_size,
                            const char *what)
{
    Answer answer = {.http_status = http_status, .what = what != NULL ? what : "request"};
    g_autofree char *text = g_strndup(body != NULL ? body : "", MIN(body_size, MAX_BODY_BYTES));
    g_autoptr(json_object) object = NULL;

    size_t start = strspn(text, " \t\r\n");
    if (text[start] == '{')
        object = kft_json_parse(text, strlen(text), NULL);
    if (object != NULL)
        read_status(object, &answer);
    else if (is_html(content_type, text))
        return html_error(&answer, text);
    else if (text[start] != '{')
        /* Kubelets and runtimes answer with one line of text; the first line of more is the
         * message. */
        answer.message = g_strdelimit(text + start, "\r\n", '\0');
    return status_error(&answer);
}

gboolean kft_status_is_gone(const GError *error)
{
    return error != NULL && error->domain == KFT_ERROR && error->code == KFT_ERROR_REFUSED &&
           g_str_has_suffix(error->message, GONE_SUFFIX);
}
