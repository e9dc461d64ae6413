/* A gateway's allow list. What is not taken gets one clean line; what is never lets a loopback
 * address pass. */
#include <glib.h>
#include <string.h>

#include "fuzz.h"
#include "server/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(KftRules) rules = kft_rules_new(text, "", &error);
    KftAddress address;

    g_assert_true((rules == NULL) == (error != NULL));
    if (rules == NULL) {
        g_assert_null(strpbrk(error->message, "\r\n"));
        return 0;
    }
    g_assert_true(kft_address_parse("127.0.0.1", 80, &address));
    g_assert_false(kft_rules_allow(rules, "db.example.com", &address));
    g_assert_true(kft_address_parse("fd00::1", 80, &address));
    (void)kft_rules_allow(rules, "db.example.com", &address);
    (void)kft_rules_may_resolve(rules, "db.example.com", 80);
    return 0;
}
