/* Settings: only what differs from the default is stored. */
#include "store/statement.h"
#include "store/store-priv.h"

char *kft_store_get_setting(KftStore *self, KftSetting setting, GError **error)
{
    const KftSettingInfo *info = kft_setting_info(setting);
    g_autofree char *value = NULL;
    g_autoptr(KftStatement) statement =
        kft_statement_new(self->database, "SELECT value FROM settings WHERE name = ?");
    kft_statement_bind_text(statement, info->name);
    if (kft_statement_next(statement))
        value = kft_statement_dup_text(statement, 0);
    if (!kft_statement_finish(statement, error))
        return NULL;
    /* A stored value that is not allowed (any more) counts as none. */
    if (value == NULL || !kft_setting_check(setting, value, NULL))
        return g_strdup(info->default_value);
    return g_steal_pointer(&value);
}

static bool write_setting(KftStore *self, const char *name, const char *value, GError **error)
{
    g_autoptr(KftStatement) statement = kft_statement_new(
        self->database, value == NULL ? "DELETE FROM settings WHERE name = ?"
                                      : "INSERT INTO settings (name, value) VALUES (?, ?)"
                                        " ON CONFLICT (name) DO UPDATE SET value = excluded.value");
    kft_statement_bind_text(statement, name);
    if (value != NULL)
        kft_statement_bind_text(statement, value);
    return kft_statement_run(statement, error);
}

bool kft_store_set_setting(KftStore *self, KftSetting setting, const char *value, GError **error)
{
    if (value != NULL && !kft_setting_check(setting, value, error))
        return false;
    g_autoptr(KftTransaction) transaction =
        kft_transaction_begin(self->database, KFT_DATABASE_DURABLE, error);
    return transaction != NULL &&
           write_setting(self, kft_setting_info(setting)->name, value, error) &&
           kft_transaction_commit(&transaction, error);
}
