#include "json-output.h"

#include "output.h"

struct KftJsonOutput {
    GString *out;
    GString *ends;     /* of what is open: '}' or ']', the innermost last */
    bool has_elements; /* in the innermost */
    bool is_one_line;
};

KftJsonOutput *kft_json_output_new(bool is_one_line)
{
    KftJsonOutput *self = g_new0(KftJsonOutput, 1);
    self->out = g_string_new(NULL);
    self->ends = g_string_new(NULL);
    self->is_one_line = is_one_line;
    return self;
}

void kft_json_output_free(KftJsonOutput *self)
{
    if (self == NULL)
        return;
    (void)g_string_free(self->out, /* free_segment */ TRUE);
    (void)g_string_free(self->ends, /* free_segment */ TRUE);
    g_free(self);
}

static void append_text(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    g_string_append_c(out, '"');
    for (const char *p = valid; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\')
            g_string_append_printf(out, "\\%c", c);
        else if (c == '\n')
            g_string_append(out, "\\n");
        else if (c == '\t')
            g_string_append(out, "\\t");
        else if (c < 0x20 || c == 0x7f)
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_c(out, (char)c);
    }
    g_string_append_c(out, '"');
}

static void break_line(KftJsonOutput *self)
{
    if (!self->is_one_line)
        g_string_append_printf(self->out, "\n%*s", (int)(2 * self->ends->len), "");
}

static void begin_value(KftJsonOutput *self, const char *key)
{
    if (self->ends->len > 0) {
        if (self->has_elements)
            g_string_append(self->out, self->is_one_line ? ", " : ",");
        break_line(self);
    }
    self->has_elements = true;
    if (key != NULL) {
        append_text(self->out, key);
        g_string_append(self->out, ": ");
    }
}

static void begin(KftJsonOutput *self, const char *key, char first, char last)
{
    begin_value(self, key);
    g_string_append_c(self->out, first);
    g_string_append_c(self->ends, last);
    self->has_elements = false;
}

void kft_json_output_begin_object(KftJsonOutput *self, const char *key)
{
    begin(self, key, '{', '}');
}

void kft_json_output_begin_array(KftJsonOutput *self, const char *key)
{
    begin(self, key, '[', ']');
}

void kft_json_output_end(KftJsonOutput *self)
{
    g_assert(self->ends->len > 0);
    char last = self->ends->str[self->ends->len - 1];
    g_string_truncate(self->ends, self->ends->len - 1);
    if (self->has_elements)
        break_line(self);
    g_string_append_c(self->out, last);
    self->has_elements = true;
}

void kft_json_output_text(KftJsonOutput *self, const char *key, const char *value)
{
    begin_value(self, key);
    if (value == NULL)
        g_string_append(self->out, "null");
    else
        append_text(self->out, value);
}

void kft_json_output_int(KftJsonOutput *self, const char *key, int64_t value)
{
    begin_value(self, key);
    g_string_append_printf(self->out, "%" G_GINT64_FORMAT, value);
}

void kft_json_output_uint(KftJsonOutput *self, const char *key, uint64_t value)
{
    begin_value(self, key);
    g_string_append_printf(self->out, "%" G_GUINT64_FORMAT, value);
}

void kft_json_output_bool(KftJsonOutput *self, const char *key, bool value)
{
    begin_value(self, key);
    g_string_append(self->out, value ? "true" : "false");
}

void kft_json_output_raw(KftJsonOutput *self, const char *key, const char *json)
{
    begin_value(self, key);
    g_string_append(self->out, json);
}

const char *kft_json_output_get(KftJsonOutput *self)
{
    g_assert(self->ends->len == 0);
    if (self->out->len == 0 || self->out->str[self->out->len - 1] != '\n')
        g_string_append_c(self->out, '\n');
    return self->out->str;
}

void kft_json_output_print(KftJsonOutput *self)
{
    kft_print_text(kft_json_output_get(self));
}
