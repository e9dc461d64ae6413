/* Texts are stored as they are, ports and numbers and truth values as INTEGER, words by name; what
 * is unset is NULL. */
#include "store/config-row.h"

#include "kftray/error.h"

#include "config/field.h"

/* Columns of the SELECT. */
enum {
    COLUMN_ID = 0,
    COLUMN_EXTRA = 1,
    FIRST_FIELD = 2
};

char *kft_config_row_dup_select(void)
{
    GString *sql = g_string_new("SELECT id, extra");
    for (size_t i = 0; i < kft_n_fields; i++)
        g_string_append_printf(sql, ", \"%s\"", kft_fields[i].name);
    g_string_append(sql, " FROM configs");
    return g_string_free(sql, FALSE);
}

char *kft_config_row_dup_insert(void)
{
    GString *sql = g_string_new("INSERT INTO configs (extra");
    for (size_t i = 0; i < kft_n_fields; i++)
        g_string_append_printf(sql, ", \"%s\"", kft_fields[i].name);
    g_string_append(sql, ", position) VALUES (?");
    for (size_t i = 0; i < kft_n_fields; i++)
        g_string_append(sql, ", ?");
    g_string_append(sql, ", ?)");
    return g_string_free(sql, FALSE);
}

char *kft_config_row_dup_update(void)
{
    GString *sql = g_string_new("UPDATE configs SET extra = ?");
    for (size_t i = 0; i < kft_n_fields; i++)
        g_string_append_printf(sql, ", \"%s\" = ?", kft_fields[i].name);
    g_string_append(sql, " WHERE id = ?");
    return g_string_free(sql, FALSE);
}

static void bind_field(KftStatement *statement, const KftField *field, const KftConfig *config)
{
    uint64_t number = field->type == KFT_FIELD_TEXT ? 0 : kft_field_get_number(field, config);
    switch (field->type) {
    case KFT_FIELD_TEXT:
        kft_statement_bind_text(statement, *kft_field_text(field, config));
        return;
    case KFT_FIELD_PORT:
        if (number == 0)
            kft_statement_bind_text(statement, NULL);
        else
            kft_statement_bind_int(statement, (int64_t)number);
        return;
    case KFT_FIELD_OPTIONAL:
        if (number == KFT_CONFIG_UNSET)
            kft_statement_bind_text(statement, NULL);
        else
            kft_statement_bind_int(statement, (int64_t)MIN(number, INT64_MAX));
        return;
    case KFT_FIELD_NUMBER:
    case KFT_FIELD_BOOL:
        kft_statement_bind_int(statement, (int64_t)MIN(number, INT64_MAX));
        return;
    case KFT_FIELD_WORKLOAD:
        kft_statement_bind_text(statement, kft_workload_type_name((KftWorkloadType)number));
        return;
    case KFT_FIELD_PROTOCOL:
        kft_statement_bind_text(statement, kft_protocol_name((KftProtocol)number));
        return;
    case KFT_FIELD_TRANSPORT:
        kft_statement_bind_text(statement, kft_transport_name((KftTransport)number));
        return;
    case KFT_FIELD_BALANCE:
        kft_statement_bind_text(statement, kft_balance_name((KftBalance)number));
        return;
    }
    g_assert_not_reached();
}

void kft_config_row_bind(KftStatement *statement, const KftConfig *config)
{
    kft_statement_bind_text(statement, config->extra);
    for (size_t i = 0; i < kft_n_fields; i++)
        bind_field(statement, &kft_fields[i], config);
}

static bool read_text(const KftStatement *statement, int column, char **text)
{
    const char *stored = kft_statement_text(statement, column);
    if (stored == NULL && !kft_statement_is_null(statement, column))
        return false;
    g_free(*text);
    *text = stored == NULL || stored[0] == '\0' ? NULL : g_strdup(stored);
    return true;
}

static bool
read_integer(const KftStatement *statement, int column, const KftField *field, KftConfig *config)
{
    int64_t number = kft_statement_int(statement, column);
    if (field->type == KFT_FIELD_OPTIONAL && kft_statement_is_null(statement, column))
        return true;
    if (number < 0 || (field->type == KFT_FIELD_PORT && number > UINT16_MAX) ||
        (field->type == KFT_FIELD_BOOL && number > 1))
        return false;
    kft_field_set_number(field, config, (uint64_t)number);
    return true;
}

static bool
read_word(const KftStatement *statement, int column, const KftField *field, KftConfig *config)
{
    const char *word = kft_statement_text(statement, column);
    return word != NULL && kft_field_set(field, config, word, NULL);
}

static bool
read_field(const KftStatement *statement, int column, const KftField *field, KftConfig *config)
{
    switch (field->type) {
    case KFT_FIELD_TEXT:
        return read_text(statement, column, kft_field_text(field, config));
    case KFT_FIELD_PORT:
    case KFT_FIELD_NUMBER:
    case KFT_FIELD_OPTIONAL:
    case KFT_FIELD_BOOL:
        return read_integer(statement, column, field, config);
    case KFT_FIELD_WORKLOAD:
    case KFT_FIELD_PROTOCOL:
    case KFT_FIELD_TRANSPORT:
    case KFT_FIELD_BALANCE:
        return read_word(statement, column, field, config);
    }
    g_assert_not_reached();
}

KftConfig *kft_config_row_read(const KftStatement *statement, GError **error)
{
    g_autoptr(KftConfig) config = kft_config_new();
    config->id.v = kft_statement_int(statement, COLUMN_ID);
    const char *wrong = read_text(statement, COLUMN_EXTRA, &config->extra) ? NULL : "extra";
    for (size_t i = 0; i < kft_n_fields && wrong == NULL; i++) {
        if (!read_field(statement, FIRST_FIELD + (int)i, &kft_fields[i], config))
            wrong = kft_fields[i].name;
    }
    if (wrong == NULL)
        return g_steal_pointer(&config);
    g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                "the stored config %" G_GINT64_FORMAT
                " has a value of %s that kftray never writes: put back a copy of "
                "the file, or mend the row with sqlite3",
                config->id.v, wrong);
    return NULL;
}
