#ifndef KFT_APP_SETTING_ROW_H
#define KFT_APP_SETTING_ROW_H

#include <gtk/gtk.h>

#include "core.h"

/* One setting: what it does, its default, and what changes it, by its type. Thread: ui. */
#define KFT_TYPE_SETTING_ROW (kft_setting_row_get_type())
G_DECLARE_FINAL_TYPE(KftSettingRow, kft_setting_row, KFT, SETTING_ROW, GtkListBoxRow)

/* Translated words of one value. */
typedef struct {
    const char *value;
    const char *label;
} KftSettingWord;

/* @title: translated. @words: labels of an ENUM's values, (transfer none), ended by a NULL value;
 * else NULL. */
GtkWidget *kft_setting_row_new(KftCore *core,
                               KftSetting setting,
                               const char *title,
                               const KftSettingWord *words);

#endif
