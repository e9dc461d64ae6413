#include "relay/home.h"

#include <string.h>

#include "base/random.h"

/* Of a pod's name, which is a host name of at most 63 characters. */
#define MAX_USER_CHARS 20
#define RANDOM_CHARS 6

struct KftRelayHome {
    KftRelaySettings settings;
    char *owner;
    char *host;
    char *pod_user;      /* the owner as far as it can be in a name */
    KftJournal *journal; /* nullable */
};

static const char *const use_names[] = {
#define USE_NAME(name, text) [KFT_RELAY_USE_##name] = (text),
    KFT_RELAY_USES(USE_NAME)
#undef USE_NAME
};

const char *kft_relay_use_name(KftRelayUse use)
{
    g_assert((size_t)use < G_N_ELEMENTS(use_names));
    return use_names[use];
}

bool kft_relay_use_parse(const char *name, KftRelayUse *ret_use)
{
    for (size_t i = 0; i < G_N_ELEMENTS(use_names); i++) {
        if (strcmp(use_names[i], name) == 0) {
            *ret_use = (KftRelayUse)i;
            return true;
        }
    }
    return false;
}

void kft_relay_settings_clear(KftRelaySettings *self)
{
    g_clear_pointer(&self->image, g_free);
    g_clear_pointer(&self->template_, g_free);
    g_clear_pointer(&self->state_dir, g_free);
    self->use = KFT_RELAY_USE_AUTO;
}

char *kft_relay_dup_default_state_dir(void)
{
    const char *own = g_getenv("KFTRAY_CONFIG");
    if (own != NULL && own[0] != '\0')
        return g_build_filename(own, "state", NULL);
    /* A relative path is to be ignored (XDG Base Directory Specification). */
    const char *xdg = g_getenv("XDG_STATE_HOME");
    if (xdg != NULL && g_path_is_absolute(xdg))
        return g_build_filename(xdg, "kftray", NULL);
    return g_build_filename(g_get_home_dir(), ".local", "state", "kftray", NULL);
}

char *kft_relay_dup_template_path(const char *setting, const char *config_dir)
{
    if (setting != NULL && setting[0] != '\0')
        return g_strdup(setting);
    if (config_dir == NULL)
        return NULL;
    g_autofree char *path = g_build_filename(config_dir, "relay-pod.yaml", NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS) ? g_steal_pointer(&path) : NULL;
}

/* Upstream's rule: lower case, without anything but letters and digits. */
static char *make_pod_user(const char *owner)
{
    GString *out = g_string_new(NULL);
    for (; *owner != '\0' && out->len < MAX_USER_CHARS; owner++) {
        if (g_ascii_isalnum(*owner))
            g_string_append_c(out, g_ascii_tolower(*owner));
    }
    if (out->len == 0)
        g_string_assign(out, "user");
    return g_string_free(out, FALSE);
}

KftRelayHome *kft_relay_home_new(void)
{
    KftRelayHome *self = g_new0(KftRelayHome, 1);
    self->owner = g_strdup(g_get_user_name());
    self->host = g_strdup(g_get_host_name());
    self->pod_user = make_pod_user(self->owner);
    return self;
}

void kft_relay_home_free(KftRelayHome *self)
{
    if (self == NULL)
        return;
    kft_relay_settings_clear(&self->settings);
    kft_journal_close(self->journal);
    g_free(self->owner);
    g_free(self->host);
    g_free(self->pod_user);
    g_free(self);
}

void kft_relay_home_set(KftRelayHome *self, const KftRelaySettings *settings)
{
    kft_relay_settings_clear(&self->settings);
    self->settings.image = g_strdup(settings->image);
    self->settings.template_ = g_strdup(settings->template_);
    self->settings.state_dir = g_strdup(settings->state_dir);
    self->settings.use = settings->use;
}

const char *kft_relay_home_get_image(const KftRelayHome *self)
{
    return self->settings.image != NULL ? self->settings.image : KFT_RELAY_DEFAULT_IMAGE;
}

KftRelayUse kft_relay_home_get_use(const KftRelayHome *self)
{
    return self->settings.use;
}

const char *kft_relay_home_get_state_dir(KftRelayHome *self)
{
    if (self->settings.state_dir == NULL)
        self->settings.state_dir = kft_relay_dup_default_state_dir();
    return self->settings.state_dir;
}

const char *kft_relay_home_get_owner(const KftRelayHome *self)
{
    return self->owner;
}

const char *kft_relay_home_get_host(const KftRelayHome *self)
{
    return self->host;
}

KftJournal *kft_relay_home_need_journal(KftRelayHome *self, GError **error)
{
    if (self->journal == NULL)
        self->journal = kft_journal_open(kft_relay_home_get_state_dir(self), error);
    return self->journal;
}

KftJournal *kft_relay_home_peek_journal(const KftRelayHome *self)
{
    return self->journal;
}

KftManifest *kft_relay_home_load_manifest(const KftRelayHome *self, GError **error)
{
    if (self->settings.template_ != NULL)
        return kft_manifest_load(self->settings.template_, error);
    const char *text = kft_relay_get_template();
    return kft_manifest_parse(text, strlen(text), "(built in)", error);
}

char *kft_relay_home_make_pod_name(const KftRelayHome *self, KftProtocol protocol)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char random[RANDOM_CHARS + 1] = {0};

    for (size_t i = 0; i < RANDOM_CHARS; i++)
        random[i] = characters[kft_random_below(sizeof characters - 1)];
    return g_strdup_printf("kftray-forward-%s-%s-%" G_GINT64_FORMAT "-%s", self->pod_user,
                           kft_protocol_name(protocol), g_get_real_time() / G_USEC_PER_SEC, random);
}
