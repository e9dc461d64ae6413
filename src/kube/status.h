#ifndef KFT_KUBE_STATUS_H
#define KFT_KUBE_STATUS_H

#include <glib.h>

/* Turns an HTTP answer that is not 2xx into an error that a person understands: a metav1.Status by
 * its message and reason (wire protocols, 1.5), anything else by its status and, if it is short
 * text, its first line. 403 says which verb on which resource in which namespace is missing.
 * Thread: any.
 * @what: what was being done ("forward to pod \"web-0\""), begins the sentence if needed.
 * Returns: (transfer full), codes AUTH (401, 403), NOT_FOUND (404), REFUSED (other 4xx and 5xx; 429
 * too, as a later try may succeed), PROTOCOL (a web page, an answer that makes no sense). */
GError *kft_status_to_error(unsigned http_status,
                            const char *content_type,
                            const char *body,
                            gsize body_size,
                            const char *what);
/* Whether the error came from an answer 410 Gone / reason Expired. */
gboolean kft_status_is_gone(const GError *error);

#endif
