#ifndef KFT_APP_TEXT_H
#define KFT_APP_TEXT_H

#include "model.h"

/* Translated words for what the model holds. Texts are (transfer full) unless const. Thread: ui. */

/* "Running", "Stopped", … */
const char *kft_text_state(KftItemState state);
/* Icon that means the same as the word. */
const char *kft_text_state_icon(KftItemState state);
/* Style class of the icon and the word: "kft-running", … */
const char *kft_text_state_class(KftItemState state);
/* "Reconnecting, attempt 3, next try in 4 s: connection refused"; "Running on pod web-0". */
char *kft_text_status(KftForwardItem *item);
/* For the tray: "web  127.0.0.1:8080", with a mark and the reason if something is wrong. */
char *kft_text_tray_label(KftForwardItem *item);
/* "3 of 12 running, 1 reconnecting". */
char *kft_text_summary(const KftSummary *summary);
/* Of the tray; the worst state decides. */
const char *kft_text_tray_icon(const KftSummary *summary);
/* "1.2 MB/s" */
char *kft_text_rate(double bytes_per_second);
/* "2 h 5 min", "4 min", "12 s" */
char *kft_text_duration(gint64 seconds);
/* Name of a group; "" has one, too. (transfer none) */
const char *kft_text_group(const char *group, bool by_group);
/* "kubectl port-forward --context … svc/web 8080:80" for copying; NULL if kubectl cannot do it. */
char *kft_text_kubectl(const KftConfig *config);
/* A connection string for what the port looks like: "http://127.0.0.1:8080",
 * "postgresql://127.0.0.1:5432/", else the bare address. */
char *kft_text_connection(KftForwardItem *item);
/* What a browser can open: "http://127.0.0.1:8080/". */
char *kft_text_browser_uri(KftForwardItem *item);

/* "Ser_vice" → "Service" */
char *kft_text_strip_mnemonic(const char *label);

/* One sentence for an error code: what it means. */
const char *kft_error_sentence(KftErrorCode code);
/* What the user can do about it. */
const char *kft_error_hint(KftErrorCode code);

#endif
