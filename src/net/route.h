#ifndef KFT_NET_ROUTE_H
#define KFT_NET_ROUTE_H

#include <glib.h>

/* The address of this machine from which packets to @ip (numeric) would go; "" if there is no way
 * to it. Asks the kernel's routing, sends nothing. Returns: (transfer full). Thread: any. */
char *kft_route_dup_source(const char *ip);

#endif
