#ifndef KFT_SERVER_RULES_H
#define KFT_SERVER_RULES_H

#include "server/address.h"

/* What a gateway may reach. A rule is a target and, behind a colon, ports:
 *
 *   10.0.0.0/8            a network              fd00::/8           IPv6, without ports
 *   10.1.2.3:5432         an address, one port   [fd00::/8]:443     IPv6, with ports
 *   db.example.com:5432   a name                 *.example.com      all names below example.com
 *   *:8000-8999           everything, a range    !10.0.0.1          never this
 *
 * A request is allowed if a rule matches the name asked for or the address that it resolved to,
 * and no "!" rule does. Whatever the rules say, some addresses are only reached if a network of the
 * second list names them: loopback, link-local, unspecified and multicast ones, and those where
 * clouds hand out credentials; also inside IPv6 forms of IPv4 addresses. Thread: any. */
typedef struct KftRules KftRules;

/* @allowed: rules, separated by commas or blanks; @reserved: networks, likewise, "" for none.
 * Errors: BAD_CONFIG names the rule and what is wrong with it; also if there is no rule. */
KftRules *kft_rules_new(const char *allowed, const char *reserved, GError **error);
void kft_rules_free(KftRules *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftRules, kft_rules_free)

/* @name: as asked for, in any case, with or without a last dot; NULL if it was an address.
 * @address: where the connection would go. */
bool kft_rules_allow(const KftRules *self, const char *name, const KftAddress *address);
/* Whether a name may be looked up at all: names that no rule could allow are not asked for, so that
 * the gateway is no way to send data through DNS. */
bool kft_rules_may_resolve(const KftRules *self, const char *name, uint16_t port);

#endif
