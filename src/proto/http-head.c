/* The head of one HTTP/1.1 response. Strict where a mistake changes who said what (names, line
 * ends, NUL), lenient where RFC 9112 asks a client to be (bare LF, folded lines, missing reason).
 *
 * Lines are judged one by one as they end, and the first bytes as they come, so that an answer that
 * is not HTTP is found without waiting for a line that never ends. Invariant: what is said does not
 * depend on how the input was cut. */
#include "proto/http-head.h"

#include <string.h>

#define MAX_HEAD_BYTES ((size_t)64 * 1024)
#define MAX_FIELDS 200
#define MAX_STATUS 599
#define VERSION_PREFIX "HTTP/1."

typedef struct {
    char *name;
    GString *value;
} Field;

struct KftHttpHead {
    GPtrArray *fields;
    Field *last_field; /* (transfer none): what a folded line continues */
    GString *line;     /* the unfinished line */
    size_t n_bytes;    /* of all heads so far, interim ones included */
    unsigned n_field_lines;
    unsigned status; /* 0 before the status line */
    bool is_complete;
};

static void field_free(Field *field)
{
    g_free(field->name);
    (void)g_string_free(field->value, TRUE);
    g_free(field);
}

static void on_field_free(gpointer field)
{
    field_free(field);
}

KftHttpHead *kft_http_head_new(void)
{
    KftHttpHead *self = g_new0(KftHttpHead, 1);
    self->fields = g_ptr_array_new_with_free_func(on_field_free);
    self->line = g_string_new(NULL);
    return self;
}

void kft_http_head_free(KftHttpHead *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->fields);
    (void)g_string_free(self->line, TRUE);
    g_free(self);
}

/* RFC 9110 5.6.2. */
static bool is_token_char(char c)
{
    return g_ascii_isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/* Length without blanks at the end. */
static size_t trimmed_length(const char *text, size_t length)
{
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    return length;
}

static Field *find_field(const KftHttpHead *self, const char *name)
{
    for (guint i = 0; i < self->fields->len; i++) {
        Field *field = g_ptr_array_index(self->fields, i);
        if (g_ascii_strcasecmp(field->name, name) == 0)
            return field;
    }
    return NULL;
}

/* "HTTP/1.1 101 Switching Protocols" (RFC 9112 4). */
static KftResult read_status_line(KftHttpHead *self, const char *line)
{
    if (!g_str_has_prefix(line, VERSION_PREFIX))
        return KFT_R_PROTOCOL;
    line += strlen(VERSION_PREFIX);
    if (!g_ascii_isdigit(line[0]) || line[1] != ' ')
        return KFT_R_PROTOCOL;
    line += 2;
    unsigned status = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (!g_ascii_isdigit(line[i]))
            return KFT_R_PROTOCOL;
        status = status * 10 + (unsigned)g_ascii_digit_value(line[i]);
    }
    if ((line[3] != '\0' && line[3] != ' ') || status < 100 || status > MAX_STATUS)
        return KFT_R_PROTOCOL;
    self->status = status;
    return KFT_R_OK;
}

static KftResult read_field_line(KftHttpHead *self, char *line)
{
    /* RFC 9112 5.2: a folded line continues the value before it. */
    if (is_blank(line[0])) {
        if (self->last_field == NULL)
            return KFT_R_PROTOCOL;
        const char *more = skip_blanks(line);
        g_string_append_c(self->last_field->value, ' ');
        g_string_append_len(self->last_field->value, more,
                            (gssize)trimmed_length(more, strlen(more)));
        return KFT_R_OK;
    }
    size_t name_length = 0;
    while (is_token_char(line[name_length]))
        name_length++;
    /* RFC 9112 5.1: no blank between name and colon. */
    if (name_length == 0 || line[name_length] != ':')
        return KFT_R_PROTOCOL;
    if (++self->n_field_lines > MAX_FIELDS)
        return KFT_R_LIMIT;
    line[name_length] = '\0';
    const char *value = skip_blanks(line + name_length + 1);
    gssize value_length = (gssize)trimmed_length(value, strlen(value));

    Field *field = find_field(self, line);
    if (field == NULL) {
        field = g_new(Field, 1);
        *field = (Field){.name = g_strdup(line), .value = g_string_new_len(value, value_length)};
        g_ptr_array_add(self->fields, field);
    } else {
        g_string_append(field->value, ", ");
        g_string_append_len(field->value, value, value_length);
    }
    self->last_field = field;
    return KFT_R_OK;
}

static void end_head(KftHttpHead *self)
{
    /* RFC 9110 15.2: interim answers precede the real one; 101 is final here. */
    if (self->status >= 200 || self->status == 101) {
        self->is_complete = true;
        return;
    }
    g_ptr_array_set_size(self->fields, 0);
    self->last_field = NULL;
    self->n_field_lines = 0;
    self->status = 0;
}

/* Takes the line in self->line, which ends with LF. */
static KftResult end_line(KftHttpHead *self)
{
    GString *line = self->line;

    /* RFC 9112 2.2: a bare LF may end a line; a bare CR or NUL within it may not stand (RFC
     * 9110 5.5). */
    g_string_truncate(line, line->len - 1);
    if (line->len > 0 && line->str[line->len - 1] == '\r')
        g_string_truncate(line, line->len - 1);
    if (strlen(line->str) != line->len || strchr(line->str, '\r') != NULL)
        return KFT_R_PROTOCOL;

    KftResult result = KFT_R_OK;
    if (self->status == 0)
        result = read_status_line(self, line->str);
    else if (line->len == 0)
        end_head(self);
    else
        result = read_field_line(self, line->str);
    g_string_truncate(line, 0);
    return result;
}

static bool may_be_status_line(const GString *line)
{
    return strncmp(line->str, VERSION_PREFIX, MIN(line->len, strlen(VERSION_PREFIX))) == 0;
}

KftResult
kft_http_head_feed(KftHttpHead *self, const uint8_t *data, size_t size, size_t *ret_consumed)
{
    size_t at = 0;
    KftResult result = KFT_R_OK;

    while (result == KFT_R_OK && !self->is_complete && at < size) {
        size_t room = MAX_HEAD_BYTES - self->n_bytes;
        size_t n = MIN(size - at, room);
        const uint8_t *end = n > 0 ? memchr(data + at, '\n', n) : NULL;
        if (end != NULL)
            n = (size_t)(end - (data + at)) + 1;
        g_string_append_len(self->line, (const char *)data + at, (gssize)n);
        self->n_bytes += n;
        at += n;
        if (self->status == 0 && !may_be_status_line(self->line))
            result = KFT_R_PROTOCOL;
        else if (end != NULL)
            result = end_line(self);
        else if (at < size)
            result = KFT_R_LIMIT;
    }
    *ret_consumed = at;
    if (result == KFT_R_OK && !self->is_complete)
        return KFT_R_AGAIN;
    return result;
}

unsigned kft_http_head_get_status(const KftHttpHead *self)
{
    return self->is_complete ? self->status : 0;
}

const char *kft_http_head_get_field(const KftHttpHead *self, const char *name)
{
    const Field *field = find_field(self, name);
    return field == NULL ? NULL : field->value->str;
}

gboolean kft_http_head_has_token(const KftHttpHead *self, const char *name, const char *token)
{
    const char *at = kft_http_head_get_field(self, name);
    size_t token_length = strlen(token);

    while (at != NULL) {
        at = skip_blanks(at);
        size_t part = strcspn(at, ",");
        if (trimmed_length(at, part) == token_length &&
            g_ascii_strncasecmp(at, token, token_length) == 0)
            return TRUE;
        at = at[part] == ',' ? at + part + 1 : NULL;
    }
    return FALSE;
}
