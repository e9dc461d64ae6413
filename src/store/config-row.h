#ifndef KFT_STORE_CONFIG_ROW_H
#define KFT_STORE_CONFIG_ROW_H

#include "kftray/config.h"

#include "store/statement.h"

/* A config as a row of the table configs, made from the table of fields (config/field.h). Thread:
 * one at a time. */

/* "SELECT … FROM configs", with all that kft_config_row_read() wants. (transfer full). */
char *kft_config_row_dup_select(void);
/* INSERT and UPDATE … WHERE id = ? for kft_config_row_bind(). (transfer full). */
char *kft_config_row_dup_insert(void);
char *kft_config_row_dup_update(void);
/* Binds the fields; the next parameter is the insert's position, or the update's id. @config must
 * stay until the statement has run. */
void kft_config_row_bind(KftStatement *statement, const KftConfig *config);
/* Errors: STORAGE (a value that this program does not know). (transfer full). */
KftConfig *kft_config_row_read(const KftStatement *statement, GError **error);

#endif
