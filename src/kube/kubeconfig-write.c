/* Writes refreshed tokens of the legacy oidc provider back into the user's kubeconfig, the one
 * place where this program changes a file of the user's. Only the bytes of the two values change;
 * comments, order and style stay. The result is parsed and compared before it replaces the file, so
 * an unusual way of writing is refused instead of damaged. FILE.lock is kubectl's own lock and is
 * respected. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "kftray/error.h"

#include "kube/kubeconfig-priv.h"
#include "kube/small-file.h"

/* A replacement of text[start, end). */
typedef struct {
    size_t start;
    size_t end;
    char *text;
} Edit;

static void clear_edit(void *data)
{
    Edit *edit = data;
    kft_secret_wipe_string(edit->text);
}

/* The mapping users[name == @user].user.auth-provider.config, or NULL. */
static const KftYamlNode *find_config(const KftYamlNode *root, const char *user)
{
    const KftYamlNode *users = kft_yaml_get(root, "users");
    if (users == NULL || users->kind != KFT_YAML_SEQUENCE)
        return NULL;
    for (guint i = 0; i < users->children->len; i++) {
        const KftYamlNode *item = g_ptr_array_index(users->children, i);
        const KftYamlNode *name = kft_yaml_get(item, "name");
        if (name == NULL || name->kind != KFT_YAML_SCALAR || strcmp(name->text, user) != 0)
            continue;
        const KftYamlNode *provider = kft_yaml_get(kft_yaml_get(item, "user"), "auth-provider");
        const KftYamlNode *config = kft_yaml_get(provider, "config");
        return config != NULL && config->kind == KFT_YAML_MAPPING ? config : NULL;
    }
    return NULL;
}

static const char *get_text(const KftYamlNode *config, const char *key)
{
    const KftYamlNode *node = kft_yaml_get(config, key);
    return node == NULL || node->kind != KFT_YAML_SCALAR ? NULL : node->text;
}

/* --- edits --- */

/* Text that means itself without quotes: no number, no keyword, no special character. */
static bool is_plain_safe(const char *text)
{
    if (!g_ascii_isalpha(text[0]) || strlen(text) < 8)
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        if (!g_ascii_isalnum(*at) && strchr("._-", *at) == NULL)
            return false;
    }
    return true;
}

/* JSON's way of quoting is one of YAML's too. */
static char *dup_quoted(const char *text, bool is_plain)
{
    if (is_plain && is_plain_safe(text))
        return g_strdup(text);
    json_object *string = json_object_new_string(text);
    char *quoted = g_strdup(json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(string);
    return quoted;
}

static void add_edit(GArray *edits, Edit edit)
{
    g_array_append_val(edits, edit);
}

static void
add_replacement(GArray *edits, const char *text, const KftYamlNode *old, const char *value)
{
    char *quoted = dup_quoted(value, old->style == KFT_YAML_STYLE_PLAIN);
    const char *before = old->start == old->end ? " " : "";
    const char *after = "";
    /* A block scalar ends behind its line. */
    if (old->style == KFT_YAML_STYLE_BLOCK && old->end > old->start && text[old->end - 1] == '\n')
        after = "\n";
    add_edit(edits, (Edit){old->start, old->end, g_strconcat(before, quoted, after, NULL)});
    kft_secret_wipe_string(quoted);
}

/* In front of the first key, which stands where keys of this mapping stand. */
static void add_insertion(
    GArray *edits, const char *text, const KftYamlNode *config, const char *key, const char *value)
{
    const KftYamlNode *first = g_ptr_array_index(config->children, 0);
    char *quoted = dup_quoted(value, /* is_plain= */ false);
    if (config->style == KFT_YAML_STYLE_FLOW) {
        add_edit(edits,
                 (Edit){first->start, first->start, g_strdup_printf("\"%s\": %s, ", key, quoted)});
    } else {
        const char *end = strstr(text, "\r\n") == NULL ? "\n" : "\r\n";
        add_edit(edits, (Edit){first->start, first->start,
                               g_strdup_printf("%s: %s%s%*s", key, quoted, end,
                                               (int)first->column - 1, "")});
    }
    kft_secret_wipe_string(quoted);
}

static bool add_token(GArray *edits,
                      const char *text,
                      const KftYamlNode *config,
                      const char *key,
                      const KftSecret *token)
{
    if (token == NULL)
        return true;
    const KftYamlNode *old = kft_yaml_get(config, key);
    const char *value = kft_secret_reveal(token);
    if (old == NULL && config->children->len > 0)
        add_insertion(edits, text, config, key, value);
    else if (old != NULL && old->kind == KFT_YAML_SCALAR && old->n_aliases == 0)
        add_replacement(edits, text, old, value);
    else
        return false;
    return true;
}

static gint compare_edits(gconstpointer a, gconstpointer b)
{
    const Edit *x = a;
    const Edit *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static char *apply_edits(const char *text, size_t size, GArray *edits)
{
    size_t at = 0;
    g_array_sort(edits, compare_edits);
    size_t room = size + 1;
    for (guint i = 0; i < edits->len; i++)
        room += strlen(g_array_index(edits, Edit, i).text);
    GString *out = g_string_sized_new(room);
    for (guint i = 0; i < edits->len; i++) {
        const Edit *edit = &g_array_index(edits, Edit, i);
        g_string_append_len(out, text + at, (gssize)(edit->start - at));
        g_string_append(out, edit->text);
        at = edit->end;
    }
    g_string_append_len(out, text + at, (gssize)(size - at));
    return g_string_free(out, FALSE);
}

static bool has_tokens(const char *text,
                       const char *user,
                       const KftSecret *id_token,
                       const KftSecret *refresh_token)
{
    g_autoptr(KftYamlDocument) document = kft_yaml_parse(text, strlen(text), "", NULL);
    if (document == NULL)
        return false;
    const KftYamlNode *config = find_config(kft_yaml_get_root(document), user);
    return g_strcmp0(get_text(config, "id-token"), kft_secret_reveal(id_token)) == 0 &&
           (refresh_token == NULL ||
            g_strcmp0(get_text(config, "refresh-token"), kft_secret_reveal(refresh_token)) == 0);
}

static bool fail(GError **error, const char *user, const char *what)
{
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "user \"%s\" %s", user, what);
    return false;
}

char *kft_kubeconfig_edit_tokens(const char *text,
                                 size_t size,
                                 const char *user,
                                 const KftSecret *id_token,
                                 const KftSecret *refresh_token,
                                 GError **error)
{
    g_autoptr(KftYamlDocument) document = kft_yaml_parse(text, size, "kubeconfig", error);
    if (document == NULL)
        return NULL;
    const KftYamlNode *config = find_config(kft_yaml_get_root(document), user);
    if (config == NULL) {
        (void)fail(error, user, "with an auth-provider is not in the file any more");
        return NULL;
    }
    g_autoptr(GArray) edits = g_array_new(FALSE, FALSE, sizeof(Edit));
    g_array_set_clear_func(edits, clear_edit);
    char *edited = NULL;
    if (add_token(edits, text, config, "id-token", id_token) &&
        add_token(edits, text, config, "refresh-token", refresh_token))
        edited = apply_edits(text, size, edits);
    if (edited == NULL || !has_tokens(edited, user, id_token, refresh_token)) {
        kft_secret_wipe_string(edited);
        (void)fail(error, user, "is written in a way that cannot be changed safely");
        return NULL;
    }
    return edited;
}

/* --- files --- */

bool kft_kubeconfig_read_tokens(const char *file,
                                const char *user,
                                KftSecret **ret_id_token,
                                KftSecret **ret_refresh_token,
                                GError **error)
{
    size_t size = 0;
    char *text = kft_small_file_read(file, KFT_YAML_MAX_TEXT_BYTES, &size, error);
    if (text == NULL)
        return false;
    g_autoptr(KftYamlDocument) document = kft_yaml_parse(text, size, file, error);
    kft_small_file_free(text, size);
    if (document == NULL)
        return false;
    const KftYamlNode *config = find_config(kft_yaml_get_root(document), user);
    if (config == NULL)
        return fail(error, user, "with an auth-provider is not in the file any more");
    const char *id_token = get_text(config, "id-token");
    const char *refresh_token = get_text(config, "refresh-token");
    *ret_id_token = id_token == NULL ? NULL : kft_secret_new(id_token);
    *ret_refresh_token = refresh_token == NULL ? NULL : kft_secret_new(refresh_token);
    return true;
}

static bool edit_file(const char *file,
                      const char *user,
                      const KftSecret *id_token,
                      const KftSecret *refresh_token,
                      GError **error)
{
    size_t size = 0;
    char *text = kft_small_file_read(file, KFT_YAML_MAX_TEXT_BYTES, &size, error);
    if (text == NULL)
        return false;
    char *edited = kft_kubeconfig_edit_tokens(text, size, user, id_token, refresh_token, error);
    kft_small_file_free(text, size);
    if (edited == NULL)
        return false;
    bool is_ok = kft_small_file_replace(file, edited, strlen(edited), error);
    kft_secret_wipe_string(edited);
    return is_ok;
}

bool kft_kubeconfig_write_tokens(const char *file,
                                 const char *user,
                                 const KftSecret *id_token,
                                 const KftSecret *refresh_token,
                                 GError **error)
{
    g_autofree char *lock = g_strconcat(file, ".lock", NULL);
    int fd = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE, "%s cannot be created: %s", lock,
                    g_strerror(errno));
        return false;
    }
    (void)close(fd);
    bool is_ok = edit_file(file, user, id_token, refresh_token, error);
    (void)unlink(lock);
    return is_ok;
}
