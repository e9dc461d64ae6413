/* A walk over JSON text that builds nothing and says precisely what is wrong and where. The parser
 * of json-c, which comes after it, gives one position for all mistakes, takes the last of two equal
 * keys, cuts numbers to what fits and lets any bytes through; what a person wrote by hand must not
 * change silently. Recursion is bounded by the depth limit. */
#include "config/json-check.h"

#include <math.h>
#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/redact.h"

#define MAX_SHOWN_BYTES 40
/* Longer keys are nobody's; they would be copied to be compared. */
#define MAX_KEY_BYTES 1024
/* Digits of the longest number that is looked at. */
#define MAX_NUMBER_CHARS 64

typedef struct {
    const char *text;
    const char *at;
    const char *end;
    unsigned depth;
    const char *fault_at;
    char *fault; /* what is wrong; the first fault ends the walk */
} Check;

static bool check_value(Check *self);

/* @what: (transfer full). */
static bool fail_at(Check *self, const char *at, char *what)
{
    self->fault_at = at;
    self->fault = what;
    return false;
}

static bool fail(Check *self, const char *what)
{
    return fail_at(self, self->at, g_strdup(what));
}

static bool fail_end(Check *self)
{
    return fail(self, "the text ends too early, something is not closed");
}

static bool is_word(char c)
{
    return g_ascii_isalnum(c) || (c & 0x80) != 0;
}

/* @wanted: what should stand here. */
static bool fail_wanted(Check *self, const char *wanted)
{
    if (self->at == self->end)
        return fail_end(self);
    size_t length = 0;
    while (length <= MAX_SHOWN_BYTES && self->at + length < self->end && is_word(self->at[length]))
        length++;
    length = MAX(length, 1);
    g_autofree char *word = g_strndup(self->at, length);
    g_autofree char *shown = kft_one_line(word, MAX_SHOWN_BYTES);
    return fail_at(self, self->at, g_strdup_printf("%s is missing before %s", wanted, shown));
}

static bool is_next(const Check *self, char wanted)
{
    return self->at < self->end && *self->at == wanted;
}

static void skip_spaces(Check *self)
{
    while (self->at < self->end && *self->at != '\0' && strchr(" \t\r\n", *self->at) != NULL)
        self->at++;
}

/* --- texts --- */

/* Four hexadecimal digits at @at; -1 if they are none. */
static int read_hex(const Check *self, const char *at)
{
    int value = 0;

    if (self->end - at < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(at[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* At a "\u". Halves of a pair that stand alone are no characters, and NUL would end a text. */
static bool check_unicode_escape(Check *self)
{
    int unit = read_hex(self, self->at + 2);

    if (unit < 0)
        return fail(self, "\\u without four hexadecimal digits");
    if (unit == 0)
        return fail(self, "a NUL character (\\u0000) is not allowed");
    self->at += 6;
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    int low = self->end - self->at > 2 && self->at[0] == '\\' && self->at[1] == 'u'
                  ? read_hex(self, self->at + 2)
                  : -1;
    if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) {
        self->at -= 6;
        return fail(self, "half of a surrogate pair, which is no character");
    }
    self->at += 6;
    return true;
}

static bool check_escape(Check *self)
{
    if (self->end - self->at < 2)
        return fail_end(self);
    if (self->at[1] == 'u')
        return check_unicode_escape(self);
    if (self->at[1] == '\0' || strchr("\"\\/bfnrt", self->at[1]) == NULL)
        return fail(self, "an unknown escape in a text; a backslash itself is written \"\\\\\"");
    self->at += 2;
    return true;
}

/* At the opening quote. */
static bool check_text(Check *self)
{
    const char *start = self->at++;

    while (self->at < self->end && *self->at != '"') {
        if (*self->at == '\0')
            return fail(self, "a NUL byte is not allowed");
        if (*self->at == '\n' || *self->at == '\r')
            return fail_at(self, start, g_strdup("the closing quote of this text is missing"));
        if (g_ascii_iscntrl(*self->at) && *self->at != '\x7f')
            return fail(self, "a control character inside a text is not allowed");
        if (*self->at != '\\')
            self->at++;
        else if (!check_escape(self))
            return false;
    }
    if (self->at == self->end)
        return fail_at(self, start, g_strdup("the closing quote of this text is missing"));
    self->at++;
    return true;
}

/* --- numbers and words --- */

static void skip_digits(Check *self)
{
    while (self->at < self->end && g_ascii_isdigit(*self->at))
        self->at++;
}

/* Whole numbers must fit into 64 bits, others must not become infinite. */
static bool is_in_range(const char *start, size_t length, bool is_whole)
{
    if (length > MAX_NUMBER_CHARS)
        return false;
    g_autofree char *copy = g_strndup(start, length);
    if (!is_whole)
        return isfinite(g_ascii_strtod(copy, NULL)) != 0;
    if (*copy == '-')
        return g_ascii_string_to_signed(copy, 10, G_MININT64, G_MAXINT64, NULL, NULL);
    return g_ascii_string_to_unsigned(copy, 10, 0, G_MAXUINT64, NULL, NULL);
}

static bool check_number(Check *self)
{
    const char *start = self->at;
    bool is_whole = true;

    if (is_next(self, '-'))
        self->at++;
    const char *first = self->at;
    skip_digits(self);
    bool is_right = self->at > first && (*first != '0' || self->at == first + 1);
    if (is_right && is_next(self, '.')) {
        const char *fraction = ++self->at;
        skip_digits(self);
        is_right = self->at > fraction;
        is_whole = false;
    }
    if (is_right && (is_next(self, 'e') || is_next(self, 'E'))) {
        self->at++;
        if (is_next(self, '-') || is_next(self, '+'))
            self->at++;
        const char *exponent = self->at;
        skip_digits(self);
        is_right = self->at > exponent;
        is_whole = false;
    }
    if (!is_right)
        return fail_at(self, start, g_strdup("a number that is none in JSON"));
    if (!is_in_range(start, (size_t)(self->at - start), is_whole))
        return fail_at(self, start, g_strdup("a number that is too large"));
    return true;
}

static bool check_word(Check *self)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(self->end - self->at) >= length && memcmp(self->at, words[i], length) == 0) {
            self->at += length;
            return true;
        }
    }
    return fail_wanted(self, "a value");
}

/* --- arrays and objects --- */

/* Behind an element or a member: true and *ret_is_last unless something is wrong. */
static bool check_separator(Check *self, char closing, bool *ret_is_last)
{
    skip_spaces(self);
    if (is_next(self, closing)) {
        self->at++;
        *ret_is_last = true;
        return true;
    }
    if (!is_next(self, ','))
        return fail_wanted(self, closing == ']' ? "\",\" or \"]\"" : "\",\" or \"}\"");
    const char *comma = self->at++;
    skip_spaces(self);
    if (is_next(self, closing))
        return fail_at(self, comma,
                       g_strdup_printf("the \",\" before \"%c\" is too many", closing));
    *ret_is_last = false;
    return true;
}

static bool check_array(Check *self)
{
    bool is_last = false;

    self->at++;
    skip_spaces(self);
    if (is_next(self, ']')) {
        self->at++;
        return true;
    }
    while (!is_last) {
        if (!check_value(self) || !check_separator(self, ']', &is_last))
            return false;
    }
    return true;
}

/* A key with its quotes, checked, as the text it means. */
static char *dup_key(const char *quoted, size_t size)
{
    if (memchr(quoted, '\\', size) == NULL)
        return g_strndup(quoted + 1, size - 2);
    g_autoptr(json_object) value = kft_json_parse(quoted, size, NULL);
    return g_strdup(value == NULL ? "" : json_object_get_string(value));
}

static bool check_key(Check *self, GHashTable *keys)
{
    const char *start = self->at;

    if (!is_next(self, '"'))
        return fail_wanted(self, "a key in quotes");
    if (!check_text(self))
        return false;
    if (self->at - start > MAX_KEY_BYTES)
        return fail_at(self, start, g_strdup("a key that is too long"));
    char *key = dup_key(start, (size_t)(self->at - start));
    g_autofree char *shown = kft_one_line(key, MAX_SHOWN_BYTES);
    if (!g_hash_table_add(keys, key))
        return fail_at(self, start, g_strdup_printf("the key \"%s\" stands here twice", shown));
    return true;
}

static bool check_members(Check *self, GHashTable *keys)
{
    bool is_last = false;

    while (!is_last) {
        if (!check_key(self, keys))
            return false;
        skip_spaces(self);
        if (!is_next(self, ':'))
            return fail_wanted(self, "\":\"");
        self->at++;
        if (!check_value(self) || !check_separator(self, '}', &is_last))
            return false;
    }
    return true;
}

static bool check_object(Check *self)
{
    self->at++;
    skip_spaces(self);
    if (is_next(self, '}')) {
        self->at++;
        return true;
    }
    GHashTable *keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool is_right = check_members(self, keys);
    g_hash_table_unref(keys);
    return is_right;
}

static bool check_value(Check *self)
{
    bool is_right = false;

    skip_spaces(self);
    if (self->at == self->end)
        return fail_end(self);
    switch (*self->at) {
    case '[':
    case '{':
        if (self->depth == KFT_JSON_CHECK_MAX_DEPTH)
            return fail_at(
                self, self->at,
                g_strdup_printf("nested deeper than %d levels", KFT_JSON_CHECK_MAX_DEPTH));
        self->depth++;
        is_right = *self->at == '[' ? check_array(self) : check_object(self);
        self->depth--;
        return is_right;
    case '"':
        return check_text(self);
    case '-':
        return check_number(self);
    default:
        return g_ascii_isdigit(*self->at) ? check_number(self) : check_word(self);
    }
}

static bool check_all(Check *self)
{
    const char *valid_end = NULL;

    if (!check_value(self))
        return false;
    skip_spaces(self);
    if (self->at < self->end)
        return fail(self, "there is more text behind the end of the value");
    if (!g_utf8_validate_len(self->text, (size_t)(self->end - self->text), &valid_end))
        return fail_at(self, valid_end, g_strdup("bytes that are not UTF-8"));
    return true;
}

bool kft_json_check(const char *text, size_t size, GError **error)
{
    Check check = {.text = text, .at = text, .end = text + size};

    if (check_all(&check))
        return true;
    size_t line = 1;
    size_t column = 1;
    for (const char *at = text; at < check.fault_at; at++) {
        if (*at == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*at & 0xc0) != 0x80) {
            column++;
        }
    }
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "line %zu, column %zu: %s", line, column,
                check.fault);
    g_free(check.fault);
    return false;
}
