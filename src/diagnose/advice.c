/* What to do about a failure, found by a phrase in the sentence that says it. The sentences are
 * this program's own, or quote a peer; the first row that fits counts, and those with more in them
 * come first. tests/data/diagnose has a case for each row. */
#include <string.h>

#include "diagnose/diagnosis-priv.h"

typedef struct {
    KftDiagnoseStep step;
    const char *phrase; /* "" fits always */
    const char *advice;
} Row;

#define GATEWAY_ADVICE                                                                             \
    "A gateway or load balancer answers that it does not reach the API server behind it: the "     \
    "control plane is down or starting"

#define IMAGE_ADVICE                                                                               \
    "The node cannot fetch the relay's image: name one that it can with relay_image "              \
    "(--relay-image), or load it there (docs/relay.md)"

static const Row rows[] = {
    {KFT_DIAGNOSE_STEP_KUBECONFIG, "does not exist",
     "Copy the cluster's kubeconfig there, or name another file with --kubeconfig or $KUBECONFIG"},
    {KFT_DIAGNOSE_STEP_KUBECONFIG, "no kubeconfig",
     "Copy the cluster's kubeconfig to ~/.kube/config, or name the file with --kubeconfig or "
     "$KUBECONFIG"},
    {KFT_DIAGNOSE_STEP_KUBECONFIG, "ermission denied",
     "Make the file readable for you: it must belong to your user, mode 600"},
    {KFT_DIAGNOSE_STEP_KUBECONFIG, "", "Correct the file at the place that is named"},

    {KFT_DIAGNOSE_STEP_CONTEXT, "proxy",
     "Correct proxy-url in the kubeconfig: scheme, host and port"},
    {KFT_DIAGNOSE_STEP_CONTEXT, "certificate: ", "Put the file back, or correct its path"},
    {KFT_DIAGNOSE_STEP_CONTEXT,
     "certificate-authority: ", "Put the file back, or correct its path"},
    {KFT_DIAGNOSE_STEP_CONTEXT, "client-key: ", "Put the file back, or correct its path"},
    {KFT_DIAGNOSE_STEP_CONTEXT, "no current",
     "Choose one with \"kubectl config use-context NAME\" or give --context"},
    {KFT_DIAGNOSE_STEP_CONTEXT, "",
     "Give another --context, or fetch the kubeconfig anew: an entry that it refers to is missing "
     "or wrong"},

    {KFT_DIAGNOSE_STEP_CREDENTIAL, "did not end within",
     "The plugin waits for a login in the browser or for the network: run it once by hand in a "
     "terminal"},
    {KFT_DIAGNOSE_STEP_CREDENTIAL, "not found",
     "Install the program, or put it into the PATH that desktop programs have"},
    {KFT_DIAGNOSE_STEP_CREDENTIAL, "cannot read", "Put the file back, or correct its path"},
    {KFT_DIAGNOSE_STEP_CREDENTIAL, "plugin",
     "Log in again with the provider's program (aws sso login, gcloud auth login, az login, …), "
     "then run the plugin by hand to see what it says"},
    {KFT_DIAGNOSE_STEP_CREDENTIAL, "refresh",
     "The login has ended: log in again with the program that wrote the kubeconfig"},

    {KFT_DIAGNOSE_STEP_PROXY, "",
     "Correct it; letters like @, : and / in a password are written as %40, %3A and %2F"},

    {KFT_DIAGNOSE_STEP_CONNECT, "needs authentication",
     "Store its login in the keyring (server, protocol http, user), or put a name and its present "
     "password into the proxy's URL, as in "
     "http://NAME:PASSWORD@proxy:3128; letters like @ as %40"},
    {KFT_DIAGNOSE_STEP_CONNECT, "status 403",
     "The proxy forbids this server or port: whoever runs it must allow CONNECT to it, or the "
     "server belongs into NO_PROXY if it can be reached without"},
    {KFT_DIAGNOSE_STEP_CONNECT, "does not allow",
     "The proxy forbids this server or port: whoever runs it must allow it, or the server belongs "
     "into NO_PROXY if it can be reached without"},
    {KFT_DIAGNOSE_STEP_CONNECT, "is not trusted",
     "Add the authority that signed the proxy's certificate as additional CA bundle"},
    {KFT_DIAGNOSE_STEP_CONNECT, "certificate of the proxy",
     "The proxy's own certificate is wrong: tell whoever runs it, or look at the name in the "
     "proxy's URL"},
    {KFT_DIAGNOSE_STEP_CONNECT, "SOCKS5",
     "What listens there is another kind of proxy: try http:// in its URL"},
    {KFT_DIAGNOSE_STEP_CONNECT, "status 5",
     "The proxy cannot reach the server itself: if that is an internal one, put it into NO_PROXY"},
    {KFT_DIAGNOSE_STEP_CONNECT, "cannot connect",
     "The proxy cannot reach the server itself: if that is an internal one, put it into NO_PROXY"},
    {KFT_DIAGNOSE_STEP_CONNECT, "",
     "What listens there is no proxy of that kind, or it broke off: look at the proxy's URL"},

    {KFT_DIAGNOSE_STEP_TLS, "is not valid before", "Set this computer's clock right"},
    {KFT_DIAGNOSE_STEP_TLS, "expired",
     "If this computer's clock is right, the server's certificate must be renewed by whoever runs "
     "the cluster (kubeadm certs renew)"},
    {KFT_DIAGNOSE_STEP_TLS, "is for another name",
     "Use one of these names in the kubeconfig's server URL, or set tls-server-name to one"},
    {KFT_DIAGNOSE_STEP_TLS, "is not trusted",
     "If a gateway inspects TLS in this network, add its authority as additional CA bundle "
     "(--ca-bundle). If the cluster was made anew, fetch its kubeconfig anew: the authority in it "
     "is that of the old one"},
    {KFT_DIAGNOSE_STEP_TLS, "does not speak TLS",
     "Another service listens on this port, or the server URL must begin with http://"},
    {KFT_DIAGNOSE_STEP_TLS, "trusted certificates",
     "Correct certificate-authority in the kubeconfig, or the additional CA bundle"},
    {KFT_DIAGNOSE_STEP_TLS, "",
     "Something cuts TLS to this name: a firewall that inspects it, or a load balancer without a "
     "server behind it"},

    {KFT_DIAGNOSE_STEP_API, "client certificate",
     "The certificate in the kubeconfig is not one of this cluster: fetch the kubeconfig anew"},
    {KFT_DIAGNOSE_STEP_API, "HTTP 502", GATEWAY_ADVICE},
    {KFT_DIAGNOSE_STEP_API, "HTTP 503", GATEWAY_ADVICE},
    {KFT_DIAGNOSE_STEP_API, "HTTP 504", GATEWAY_ADVICE},
    {KFT_DIAGNOSE_STEP_API, "web page",
     "Something else answers in the API server's place: a login page of the network or a proxy, or "
     "the path is missing in the server URL"},
    {KFT_DIAGNOSE_STEP_API, "did not answer in time",
     "The API server is overloaded or waits for its own store (etcd)"},
    {KFT_DIAGNOSE_STEP_API, "not one of Kubernetes",
     "The server URL leads to something else than an API server: look at its host, port and path"},
    {KFT_DIAGNOSE_STEP_API, "no JSON",
     "The server URL leads to something else than an API server, or a login page of the network is "
     "in between"},
    {KFT_DIAGNOSE_STEP_API, "no such API",
     "The server URL leads to something else than an API server, or its path is missing"},
    {KFT_DIAGNOSE_STEP_API, "",
     "The control plane is starting, overloaded or broken: ask whoever runs the cluster"},

    {KFT_DIAGNOSE_STEP_IDENTITY, "system:anonymous",
     "The context's user has no credential, or one that is not sent: look at the \"user\" entry of "
     "the kubeconfig"},
    {KFT_DIAGNOSE_STEP_IDENTITY, "401",
     "The credential has ended, or is one of another cluster: log in again or fetch the kubeconfig "
     "anew"},

    {KFT_DIAGNOSE_STEP_NAMESPACE, "does not exist",
     "Give the right one with -n; \"kubectl get namespaces\" lists them"},
    {KFT_DIAGNOSE_STEP_NAMESPACE, "being deleted",
     "Wait until it is gone and made anew; nothing can be started in it"},

    {KFT_DIAGNOSE_STEP_TARGET, "ImagePull",
     "The node cannot fetch the image: its name, its tag or the registry's login is wrong (kubectl "
     "describe pod)"},
    {KFT_DIAGNOSE_STEP_TARGET, "ErrImage",
     "The node cannot fetch the image: its name, its tag or the registry's login is wrong (kubectl "
     "describe pod)"},
    {KFT_DIAGNOSE_STEP_TARGET, "CrashLoop",
     "The application ends right after its start: \"kubectl logs --previous\" shows why"},
    {KFT_DIAGNOSE_STEP_TARGET, "nschedulable",
     "No node takes the pod: too few resources, or rules that none fulfils (kubectl describe pod)"},
    {KFT_DIAGNOSE_STEP_TARGET, "ContainerCreating",
     "Wait a moment; if it stays so, \"kubectl describe pod\" tells what the node waits for"},
    {KFT_DIAGNOSE_STEP_TARGET, "scaled to 0", "Scale it up: kubectl scale --replicas=1"},
    {KFT_DIAGNOSE_STEP_TARGET, "no pod matches",
     "The service's selector and the pods' labels do not fit, or its workload is scaled to 0"},
    {KFT_DIAGNOSE_STEP_TARGET, "matches",
     "Look at the labels (kubectl get pods --show-labels), or start the workload"},
    {KFT_DIAGNOSE_STEP_TARGET, "not TCP", "The API server forwards TCP only; UDP needs the relay"},
    {KFT_DIAGNOSE_STEP_TARGET, "external",
     "There is no pod behind such a service: connect to the host that it names, or to a pod"},
    {KFT_DIAGNOSE_STEP_TARGET, "port",
     "Take one of the ports that are listed, or declare the port in the service or container"},
    {KFT_DIAGNOSE_STEP_TARGET, "not found",
     "Look at its name and namespace: \"kubectl get\" below lists what there is"},
    {KFT_DIAGNOSE_STEP_TARGET, "being deleted", "Wait for its successor"},
    {KFT_DIAGNOSE_STEP_TARGET, "", "\"kubectl describe\" shows more about the pod"},

    {KFT_DIAGNOSE_STEP_RELAY, "Image", IMAGE_ADVICE},
    {KFT_DIAGNOSE_STEP_RELAY, "CrashLoop",
     "The relay ends right after its start: its log says why. With a template of your own look at "
     "the variables in it"},
    {KFT_DIAGNOSE_STEP_RELAY, "PodSecurity",
     "The template asks for more than the namespace allows: the built-in one is what Pod Security "
     "\"restricted\" admits"},
    {KFT_DIAGNOSE_STEP_RELAY, "quota",
     "The namespace's quota is used up: use another namespace (-n), or have it raised"},
    {KFT_DIAGNOSE_STEP_RELAY, "may not",
     "Ask whoever runs the cluster for the role of packaging/kubernetes/users.yaml, or for a "
     "shared "
     "gateway"},
    {KFT_DIAGNOSE_STEP_RELAY, "no shared gateway",
     "Ask whoever runs the cluster to install it (docs/relay.md), or use a relay of your own: "
     "--relay own"},
    {KFT_DIAGNOSE_STEP_RELAY, "nschedulable",
     "No node takes the pod: too few resources, or rules that none fulfils (kubectl describe pod)"},
    {KFT_DIAGNOSE_STEP_RELAY, "emplate", "Correct the template, or unset relay_template"},
    {KFT_DIAGNOSE_STEP_RELAY, "is not ready",
     "The relay runs but does not answer its probe: its log and \"kubectl describe pod\" tell "
     "more"},
    {KFT_DIAGNOSE_STEP_RELAY, "",
     "Look at the pod's events (kubectl describe pod); for a cluster that is only slow try again"},

    {KFT_DIAGNOSE_STEP_UPGRADE, "without its Upgrade header",
     "A gateway before the API server must pass the Upgrade header on; nginx: proxy_http_version "
     "1.1, proxy_set_header Upgrade and Connection"},
    {KFT_DIAGNOSE_STEP_UPGRADE, "web page",
     "A proxy or gateway on the way refuses both WebSockets and SPDY: it must let one of them "
     "through to the API server"},
    {KFT_DIAGNOSE_STEP_UPGRADE, "dialing backend",
     "The API server does not reach the node: its kubelet is down, or a firewall blocks port "
     "10250"},
    {KFT_DIAGNOSE_STEP_UPGRADE, "",
     "The node refuses port-forwarding, or something on the way does: the answers above say which"},

    {KFT_DIAGNOSE_STEP_PORT, "connection refused",
     "Nothing listens on this port inside the pod: it is another one, the application is not up "
     "yet, or it listens on an address that is not the pod's localhost"},
    {KFT_DIAGNOSE_STEP_PORT, "",
     "The node could not carry the connection into the pod: it may have been replaced just now"},

    {KFT_DIAGNOSE_STEP_REACH, "not allowed by the rules",
     "Ask whoever runs the gateway to add it to GATEWAY_ALLOW, or use a relay of your own: --relay "
     "own"},
    {KFT_DIAGNOSE_STEP_REACH, "host unreachable",
     "The gateway cannot resolve the name, or nothing answers there: a NetworkPolicy or a firewall "
     "may be in the way"},
    {KFT_DIAGNOSE_STEP_REACH, "refused", "Nothing listens on that port there"},
    {KFT_DIAGNOSE_STEP_REACH, "",
     "Look at the address and port, and whether the cluster's network reaches it"},

    {KFT_DIAGNOSE_STEP_BYTES, "", "The application broke the connection off: look at its log"},

    {KFT_DIAGNOSE_STEP_LOCAL, "in use",
     "End that program, or take another local port: OTHER:REMOTE"},
    {KFT_DIAGNOSE_STEP_LOCAL, "privilege", "Take a local port from 1024 on: 8080:80"},
    {KFT_DIAGNOSE_STEP_LOCAL, "", "Take an address of this computer, like 127.0.0.1"},
};

const char *kft_diagnose_advice(KftDiagnoseStep step, const char *text)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].step == step && strstr(text, rows[i].phrase) != NULL)
            return rows[i].advice;
    }
    return NULL;
}
