#ifndef KFT_CONFIG_SYNTAX_H
#define KFT_CONFIG_SYNTAX_H

#include <stdbool.h>

/* What names and addresses may look like. Thread: any. */

/* RFC 1123 as Kubernetes takes it: lower case letters, digits and inner dashes, at most 63. */
bool kft_syntax_is_dns_label(const char *text);
/* Labels joined by dots, at most 253 characters. */
bool kft_syntax_is_dns_name(const char *text);
/* A host name as programs take it: also capitals and "_". */
bool kft_syntax_is_host_name(const char *text);
/* An IPv4 or IPv6 address, without zone. */
bool kft_syntax_is_ip_address(const char *text);
/* The URL of a proxy as it may be stored: http, https, socks5 or socks5h (http if there is none),
 * a host, perhaps a user name and a port, and no password. Else NULL or what is wrong, (transfer
 * none). */
const char *kft_syntax_find_proxy_fault(const char *text);
/* "HH:MM", 00:00 to 23:59. */
bool kft_syntax_is_time_of_day(const char *text);
/* A label selector: "a=b,c!=d,e in (f,g),!h". Else NULL or what is wrong, (transfer none). */
const char *kft_syntax_find_selector_fault(const char *text);
/* The host of "host", an address, or a URL, as upstream's relay server takes it; NULL if that is
 * none. (transfer full). */
char *kft_syntax_dup_remote_host(const char *text);

#endif
