/* The body of a watch, cut in pieces of a size that the first byte chooses: the events are the same
 * as of the uncut body, every model can be read from them, and what is wrong ends in one clean
 * sentence. */
#include <glib.h>
#include <string.h>

#include "fuzz.h"
#include "kube/pod.h"
#include "kube/service.h"
#include "kube/status.h"
#include "kube/watch-decoder.h"
#include "kube/workload.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void check_line(const char *text)
{
    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_null(strpbrk(text, "\r\n"));
}

static void read_models(json_object *object)
{
    g_autoptr(KftPod) pod = kft_pod_new_from_json(object);
    KftService *service = kft_service_new_from_json(object);
    KftEndpoints *endpoints = kft_endpoints_new_from_json(object);
    KftWorkload *workload = kft_workload_new_from_json(object);

    g_assert_true((pod != NULL) == (service != NULL));
    if (pod != NULL) {
        g_assert_cmpint(kft_pod_compare(pod, pod), ==, 0);
        g_assert_true(!kft_pod_is_usable(pod) || pod->waiting_reason == NULL);
        if (pod->waiting_reason != NULL)
            check_line(pod->waiting_reason);
    }
    kft_service_free(service);
    kft_endpoints_free(endpoints);
    kft_workload_free(workload);
}

static void read_status(json_object *object)
{
    const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
    g_autoptr(GError) error = kft_status_to_error(200, NULL, text, strlen(text), "watch");
    check_line(error->message);
}

/* Types of the events as letters, "!" for an error. */
static char *decode(const uint8_t *data, size_t size, size_t piece, bool reads_models)
{
    g_autoptr(KftWatchDecoder) decoder = kft_watch_decoder_new();
    GString *out = g_string_new(NULL);

    for (size_t at = 0; at < size; at += piece) {
        g_autoptr(GError) error = NULL;
        KftWatchType type = KFT_WATCH_ADDED;
        kft_watch_decoder_feed(decoder, data + at, MIN(piece, size - at));
        while (true) {
            g_autoptr(json_object) object = kft_watch_decoder_next(decoder, &type, &error);
            if (object == NULL)
                break;
            g_string_append_c(out, (char)('A' + type));
            if (reads_models)
                read_models(object);
            if (reads_models)
                read_status(object);
        }
        if (error != NULL) {
            check_line(error->message);
            g_string_append_c(out, '!');
            break;
        }
    }
    return g_string_free(out, FALSE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    g_autofree char *whole = decode(data + 1, size - 1, size - 1, /* reads_models */ true);
    g_autofree char *pieces =
        decode(data + 1, size - 1, 1 + (size_t)data[0] % 32, /* reads_models */ false);
    g_assert_cmpstr(whole, ==, pieces);
    return 0;
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
