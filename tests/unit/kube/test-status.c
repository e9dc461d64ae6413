/* Refusals as sentences. The messages are those of real servers. */
#include <string.h>

#include "kftray/error.h"

#include "kube/status.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define WHAT "get pod \"x\" in namespace \"a\""

typedef struct {
    unsigned status;
    int code;
    const char *type;
    const char *body; /* ' for " if it begins with a brace */
    const char *message;
} Row;

static const Row rows[] = {
    {403, KFT_ERROR_AUTH, "application/json",
     "{'kind':'Status','status':'Failure','message':'pods \\'x\\' is forbidden: User \\'dev\\' "
     "cannot "
     "get resource \\'pods\\' in API group \\'\\' in the namespace \\'a\\'','reason':'Forbidden',"
     "'details':{'name':'x','kind':'pods'},'code':403}",
     "user \"dev\" may not get resource \"pods\" in namespace \"a\": ask for a role with verb get "
     "on "
     "pods"},
    {403, KFT_ERROR_AUTH, "application/json",
     "{'kind':'Status','message':'deployments.apps \\'web\\' is forbidden: User "
     "\\'system:serviceaccount:a:b\\' cannot list resource \\'deployments\\' in API group "
     "\\'apps\\' in "
     "the namespace \\'a\\': requires one of [\\'x.y\\'] permission(s)'}",
     "user \"system:serviceaccount:a:b\" may not list resource \"deployments\" of group \"apps\" "
     "in "
     "namespace \"a\": ask for a role with verb list on deployments (group apps); the server adds: "
     "requires one of [\"x.y\"] permission(s)"},
    {403, KFT_ERROR_AUTH, "application/json",
     "{'kind':'Status','message':'namespaces is forbidden: User \\'dev\\' cannot list resource "
     "\\'namespaces\\' in API group \\'\\' at the cluster scope'}",
     "user \"dev\" may not list resource \"namespaces\" in the whole cluster: ask for a cluster "
     "role "
     "with verb list on namespaces"},
    {403, KFT_ERROR_AUTH, "application/json",
     "{'kind':'Status','message':'pods \\'x\\' is forbidden: User \\'dev\\' cannot create resource "
     "\\'pods/portforward\\' in API group \\'\\' in the namespace \\'a\\''}",
     "user \"dev\" may not create resource \"pods/portforward\" in namespace \"a\": ask for a role "
     "with verb create on pods/portforward"},
    {403, KFT_ERROR_AUTH, "application/json",
     "{'kind':'Status','message':'pods \\'x\\' is forbidden: '}",
     WHAT ": forbidden, the server gives no reason; forwarding needs the verbs get and create on "
          "pods/portforward"},
    {403, KFT_ERROR_AUTH, "application/json",
     "{'kind':'Status','message':'pods \\'x\\' is forbidden: exceeded quota: q'}",
     WHAT ": forbidden: exceeded quota: q"},
    {404, KFT_ERROR_NOT_FOUND, "application/json",
     "{'kind':'Status','message':'pods \\'x\\' not "
     "found','reason':'NotFound','details':{'name':'x',"
     "'kind':'pods'},'code':404}",
     "pod \"x\" not found in namespace \"a\""},
    {404, KFT_ERROR_NOT_FOUND, "application/json",
     "{'kind':'Status','message':'the server could not find the requested resource','details':{}}",
     WHAT ": the server has no such API (404 Not Found)"},
    {404, KFT_ERROR_NOT_FOUND, "text/plain; charset=utf-8", "404 page not found\n",
     WHAT ": the server has no such API (404 Not Found)"},
    {401, KFT_ERROR_AUTH, "application/json",
     "{'kind':'Status','message':'Unauthorized','code':401}",
     WHAT ": the server does not accept the credentials of this context (401 Unauthorized)"},
    {429, KFT_ERROR_REFUSED, "text/plain", "maximum number of in-flight requests exceeded",
     WHAT ": maximum number of in-flight requests exceeded (429 Too Many Requests)"},
    {500, KFT_ERROR_REFUSED, "application/json",
     "{'kind':'Status','message':'error dialing backend: dial tcp 10.0.0.1:10250: i/o timeout'}",
     WHAT ": error dialing backend: dial tcp 10.0.0.1:10250: i/o timeout"},
    {500, KFT_ERROR_REFUSED, "text/plain", "pod not found (\"x_a\")\nmore",
     WHAT ": pod not found (\"x_a\")"},
    {503, KFT_ERROR_REFUSED, NULL, "", WHAT ": the server answered HTTP 503"},
    {502, KFT_ERROR_PROTOCOL, "text/html",
     "<html><head><title>502 Bad\r\nGateway</title></head></html>",
     WHAT ": HTTP 502 with the web page \"502 Bad Gateway\", which does not come from a Kubernetes "
          "API server but from a proxy or another program"},
    {200, KFT_ERROR_PROTOCOL, "text/html", "<!DOCTYPE html>",
     WHAT ": HTTP 200 with a web page, which does not come from a Kubernetes API server but from a "
          "proxy or another program"},
    {302, KFT_ERROR_PROTOCOL, NULL, "", WHAT ": unexpected answer HTTP 302"},
    {500, KFT_ERROR_REFUSED, "application/json", "{broken", WHAT ": the server answered HTTP 500"},
    {403, KFT_ERROR_AUTH, "application/json", "{'kind':'Status','message':'User \\'dev\\' cannot'}",
     WHAT ": forbidden: User \"dev\" cannot"},
    {500, KFT_ERROR_REFUSED, "application/json",
     "{'kind':7,'message':['x'],'details':'y','code':'z'}", WHAT ": the server answered HTTP 500"},
};

/* \' stands for an escaped quote inside a JSON string. */
static char *unquote(const char *body)
{
    if (body[0] != '{')
        return g_strdup(body);
    return g_strdelimit(g_strdup(body), "'", '"');
}

static void test_messages(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *row = &rows[i];
        g_autofree char *body = unquote(row->body);
        g_autoptr(GError) error =
            kft_status_to_error(row->status, row->type, body, strlen(body), WHAT);
        g_assert_cmpstr(error->message, ==, row->message);
        g_assert_error(error, KFT_ERROR, row->code);
        g_assert_false(kft_status_is_gone(error));
    }
}

static void test_gone(void)
{
    static const char *const bodies[] = {
        "{\"kind\":\"Status\",\"message\":\"too old resource version: 1 "
        "(1394)\",\"reason\":\"Expired\","
        "\"code\":410}",
        "{\"kind\":\"Status\",\"reason\":\"Gone\"}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_autoptr(GError) error =
            kft_status_to_error(200, NULL, bodies[i], strlen(bodies[i]), "watch");
        g_assert_true(kft_status_is_gone(error));
    }
    g_autoptr(GError) other = g_error_new_literal(KFT_ERROR, KFT_ERROR_REFUSED, "no");
    g_assert_false(kft_status_is_gone(other));
    g_assert_false(kft_status_is_gone(NULL));
}

/* Whatever comes, the sentence is one printable line. */
static void test_hostile(void)
{
    g_autofree char *long_text = g_strnfill(200000, 'x');
    static const char noise[] = "a\033[31m\r\nb\001\377c";

    g_autoptr(GError) first = kft_status_to_error(500, NULL, long_text, strlen(long_text), WHAT);
    g_assert_cmpuint(strlen(first->message), <, 500);
    g_autoptr(GError) second = kft_status_to_error(500, NULL, noise, sizeof noise, WHAT);
    g_assert_true(g_utf8_validate(second->message, -1, NULL));
    g_assert_null(strpbrk(second->message, "\033\r\n\001"));
    g_autoptr(GError) third = kft_status_to_error(404, NULL, NULL, 0, NULL);
    g_assert_error(third, KFT_ERROR, KFT_ERROR_NOT_FOUND);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kube/status/messages", test_messages);
    g_test_add_func("/kube/status/gone", test_gone);
    g_test_add_func("/kube/status/hostile", test_hostile);
    return g_test_run();
}
