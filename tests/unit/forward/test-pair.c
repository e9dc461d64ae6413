#include <string.h>

#include "forward/pair.h"

/* Texts as containerd and cri-o write them (wire protocols, 1.5 and 3.7). */
#define REFUSED                                                                                    \
    "error forwarding port 81 to pod 0123, uid : failed to execute portforward in network "        \
    "namespace \"/var/run/netns/cni-1\": failed to connect to localhost:81 inside namespace "      \
    "\"0123\", IPv4: dial tcp4 127.0.0.1:81: connect: connection refused IPv6 dial tcp6: "         \
    "address localhost: no suitable address found"

static void test_no_pod(void)
{
    static const char *const gone[] = {
        "failed to find sandbox \"0123\" in store: not found",
        "could not find sandbox \"0123\"",
        "PodSandbox with ID starting with 0123 not found: ID does not exist",
        "network namespace for sandbox \"0123\" is closed",
        "rpc error: code = Unknown desc = sandbox container \"0123\" is not running",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(gone); i++)
        g_assert_true(kft_pair_text_means_no_pod(gone[i]));
    g_assert_false(kft_pair_text_means_no_pod(REFUSED));
    g_assert_false(kft_pair_text_means_no_pod("network namespace for sandbox \"0123\" is busy"));
    g_assert_false(kft_pair_text_means_no_pod(""));
}

static void assert_simplified(const char *text, const char *expected)
{
    g_autofree char *simple = kft_pair_text_simplify(text, 81);
    g_assert_cmpstr(simple, ==, expected);
}

static void test_simplify(void)
{
    assert_simplified(REFUSED, "nothing listens on port 81 in the pod (connection refused)");
    assert_simplified("read tcp4 127.0.0.1:1->127.0.0.1:81: connection reset by peer",
                      "the pod reset the connection");
    assert_simplified("failed to find sandbox \"0123\" in store", "the pod is gone");
    assert_simplified("something\nelse\x01here", "something else here");
    g_autofree char *lengthy = g_strnfill(5000, 'x');
    g_autofree char *simple = kft_pair_text_simplify(lengthy, 81);
    g_assert_cmpuint(strlen(simple), <, 400);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pair/no-pod", test_no_pod);
    g_test_add_func("/pair/simplify", test_simplify);
    return g_test_run();
}
