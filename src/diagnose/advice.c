/* What to do about a failure, found by a phrase in the sentence that says it. The sentences are
 * this program's own, or quote a peer; the first row that fits counts, and those with more in them
 * come first. tests/data/diagnose has a case for each row. */
#include "diagnose/advice.h"

#include <glib.h>
#include <string.h>

typedef struct {
    KftDiagnoseStep step;
    const char *phrase; /* "" fits always */
    KftDiagnoseAdvice advice;
} Row;

#define GATEWAY_ADVICE                                                                             \
    ADVICE("A gateway or load balancer answers that it does not reach the API server behind it: "  \
           "the control plane is down or starting")

#define IMAGE_ADVICE                                                                               \
    ADVICE_EACH("The node cannot fetch the relay's image: name one that it can with relay_image "  \
                "(--relay-image), or load it there (docs/relay.md)",                               \
                "The node cannot fetch the relay's image: name one that it can in the settings, "  \
                "“Image of relay pods” under “Network”, or load it there")

#define DENIED_ADVICE                                                                                \
    ADVICE_EACH("Ask whoever runs the gateway to add it to GATEWAY_ALLOW, or use a relay of your "   \
                "own: --relay own",                                                                  \
                "Ask whoever runs the gateway to add it to GATEWAY_ALLOW, or choose “Own pods” " \
                "as “Relay” in the settings, under “Network”")

#define FILE_ADVICE ADVICE("Put the file back, or correct its path")

#define DIRECT_ADVICE                                                                              \
    ADVICE("The proxy cannot reach the server itself: if that is an internal one, put it into "    \
           "NO_PROXY")

#define PULL_ADVICE                                                                                \
    ADVICE("The node cannot fetch the image: its name, its tag or the registry's login is wrong "  \
           "(kubectl describe pod)")

#define NODE_ADVICE                                                                                \
    ADVICE("No node takes the pod: too few resources, or rules that none fulfils (kubectl "        \
           "describe pod)")

static const Row rows[] = {
    {KFT_DIAGNOSE_STEP_KUBECONFIG, "does not exist",
     ADVICE_EACH("Copy the cluster's kubeconfig there, or name another file with --kubeconfig or "
                 "$KUBECONFIG",
                 "Copy the cluster's kubeconfig there, or edit the forward and choose another file "
                 "as “Kubeconfig”")},
    {KFT_DIAGNOSE_STEP_KUBECONFIG, "no kubeconfig",
     ADVICE_EACH("Copy the cluster's kubeconfig to ~/.kube/config, or name the file with "
                 "--kubeconfig or $KUBECONFIG",
                 "Copy the cluster's kubeconfig to ~/.kube/config, or edit the forward and choose "
                 "the file as “Kubeconfig”")},
    {KFT_DIAGNOSE_STEP_KUBECONFIG, "ermission denied",
     ADVICE("Make the file readable for you: it must belong to your user, mode 600")},
    {KFT_DIAGNOSE_STEP_KUBECONFIG, "", ADVICE("Correct the file at the place that is named")},

    {KFT_DIAGNOSE_STEP_CONTEXT, "proxy",
     ADVICE("Correct proxy-url in the kubeconfig: scheme, host and port")},
    {KFT_DIAGNOSE_STEP_CONTEXT, "certificate: ", FILE_ADVICE},
    {KFT_DIAGNOSE_STEP_CONTEXT, "certificate-authority: ", FILE_ADVICE},
    {KFT_DIAGNOSE_STEP_CONTEXT, "client-key: ", FILE_ADVICE},
    {KFT_DIAGNOSE_STEP_CONTEXT, "no current",
     ADVICE_EACH("Choose one with \"kubectl config use-context NAME\" or give --context",
                 "Edit the forward and choose its “Context”")},
    {KFT_DIAGNOSE_STEP_CONTEXT, "",
     ADVICE_EACH("Give another --context, or fetch the kubeconfig anew: an entry that it refers to "
                 "is missing or wrong",
                 "Edit the forward and choose another “Context”, or fetch the kubeconfig anew: an "
                 "entry that it refers to is missing or wrong")},

    {KFT_DIAGNOSE_STEP_CREDENTIAL, "did not end within",
     ADVICE("The plugin waits for a login in the browser or for the network: run it once by hand "
            "in a terminal")},
    {KFT_DIAGNOSE_STEP_CREDENTIAL, "not found",
     ADVICE("Install the program, or put it into the PATH that desktop programs have")},
    {KFT_DIAGNOSE_STEP_CREDENTIAL, "cannot read", FILE_ADVICE},
    {KFT_DIAGNOSE_STEP_CREDENTIAL, "plugin",
     ADVICE("Log in again with the provider's program (aws sso login, gcloud auth login, az login, "
            "…), then run the plugin by hand to see what it says")},
    {KFT_DIAGNOSE_STEP_CREDENTIAL, "refresh",
     ADVICE("The login has ended: log in again with the program that wrote the kubeconfig")},

    {KFT_DIAGNOSE_STEP_PROXY, "",
     ADVICE("Correct it; letters like @, : and / in a password are written as %40, %3A and %2F")},

    {KFT_DIAGNOSE_STEP_CONNECT, "needs authentication",
     ADVICE_EACH("Store its login in the keyring (server, protocol http, user), or put a name and "
                 "its present password into the proxy's URL, as in "
                 "http://NAME:PASSWORD@proxy:3128; letters like @ as %40",
                 "Start the forward and enter the proxy's user name and password when kftray asks "
                 "for them, or put both into the proxy's URL, as in "
                 "http://NAME:PASSWORD@proxy:3128; letters like @ as %40")},
    {KFT_DIAGNOSE_STEP_CONNECT, "status 403",
     ADVICE("The proxy forbids this server or port: whoever runs it must allow CONNECT to it, or "
            "the server belongs into NO_PROXY if it can be reached without")},
    {KFT_DIAGNOSE_STEP_CONNECT, "does not allow",
     ADVICE("The proxy forbids this server or port: whoever runs it must allow it, or the server "
            "belongs into NO_PROXY if it can be reached without")},
    {KFT_DIAGNOSE_STEP_CONNECT, "is not trusted",
     ADVICE_EACH("Add the authority that signed the proxy's certificate as additional CA bundle",
                 "In the settings, under “Network”, name the file of the authority that signed the "
                 "proxy's certificate in “Additional authorities”")},
    {KFT_DIAGNOSE_STEP_CONNECT, "certificate of the proxy",
     ADVICE("The proxy's own certificate is wrong: tell whoever runs it, or look at the name in "
            "the proxy's URL")},
    {KFT_DIAGNOSE_STEP_CONNECT, "SOCKS5",
     ADVICE("What listens there is another kind of proxy: try http:// in its URL")},
    {KFT_DIAGNOSE_STEP_CONNECT, "status 5", DIRECT_ADVICE},
    {KFT_DIAGNOSE_STEP_CONNECT, "cannot connect", DIRECT_ADVICE},
    {KFT_DIAGNOSE_STEP_CONNECT, "",
     ADVICE(
         "What listens there is no proxy of that kind, or it broke off: look at the proxy's URL")},

    {KFT_DIAGNOSE_STEP_TLS, "is not valid before", ADVICE("Set this computer's clock right")},
    {KFT_DIAGNOSE_STEP_TLS, "expired",
     ADVICE("If this computer's clock is right, the server's certificate must be renewed by "
            "whoever runs the cluster (kubeadm certs renew)")},
    {KFT_DIAGNOSE_STEP_TLS, "is for another name",
     ADVICE(
         "Use one of these names in the kubeconfig's server URL, or set tls-server-name to one")},
    {KFT_DIAGNOSE_STEP_TLS, "is not trusted",
     ADVICE_EACH("If a gateway inspects TLS in this network, add its authority as additional CA "
                 "bundle (--ca-bundle). If the cluster was made anew, fetch its kubeconfig anew: "
                 "the authority in it is that of the old one",
                 "If a gateway inspects TLS in this network, name the file of its authority in the "
                 "settings, “Additional authorities” under “Network”. If the cluster was made "
                 "anew, fetch its kubeconfig anew: the authority in it is that of the old one")},
    {KFT_DIAGNOSE_STEP_TLS, "does not speak TLS",
     ADVICE("Another service listens on this port, or the server URL must begin with http://")},
    {KFT_DIAGNOSE_STEP_TLS, "trusted certificates",
     ADVICE_EACH("Correct certificate-authority in the kubeconfig, or the additional CA bundle",
                 "Correct certificate-authority in the kubeconfig, or “Additional authorities” in "
                 "the settings, under “Network”")},
    {KFT_DIAGNOSE_STEP_TLS, "",
     ADVICE("Something cuts TLS to this name: a firewall that inspects it, or a load balancer "
            "without a server behind it")},

    {KFT_DIAGNOSE_STEP_API, "client certificate",
     ADVICE("The certificate in the kubeconfig is not one of this cluster: fetch the kubeconfig "
            "anew")},
    {KFT_DIAGNOSE_STEP_API, "HTTP 502", GATEWAY_ADVICE},
    {KFT_DIAGNOSE_STEP_API, "HTTP 503", GATEWAY_ADVICE},
    {KFT_DIAGNOSE_STEP_API, "HTTP 504", GATEWAY_ADVICE},
    {KFT_DIAGNOSE_STEP_API, "web page",
     ADVICE("Something else answers in the API server's place: a login page of the network or a "
            "proxy, or the path is missing in the server URL")},
    {KFT_DIAGNOSE_STEP_API, "did not answer in time",
     ADVICE("The API server is overloaded or waits for its own store (etcd)")},
    {KFT_DIAGNOSE_STEP_API, "not one of Kubernetes",
     ADVICE("The server URL leads to something else than an API server: look at its host, port and "
            "path")},
    {KFT_DIAGNOSE_STEP_API, "no JSON",
     ADVICE("The server URL leads to something else than an API server, or a login page of the "
            "network is in between")},
    {KFT_DIAGNOSE_STEP_API, "no such API",
     ADVICE("The server URL leads to something else than an API server, or its path is missing")},
    {KFT_DIAGNOSE_STEP_API, "",
     ADVICE("The control plane is starting, overloaded or broken: ask whoever runs the cluster")},

    {KFT_DIAGNOSE_STEP_IDENTITY, "system:anonymous",
     ADVICE("The context's user has no credential, or one that is not sent: look at the \"user\" "
            "entry of the kubeconfig")},
    {KFT_DIAGNOSE_STEP_IDENTITY, "401",
     ADVICE("The credential has ended, or is one of another cluster: log in again or fetch the "
            "kubeconfig anew")},

    {KFT_DIAGNOSE_STEP_RIGHTS, "missing in namespace",
     ADVICE("Ask whoever runs the cluster for a role in that namespace that allows it")},

    {KFT_DIAGNOSE_STEP_NAMESPACE, "does not exist",
     ADVICE_EACH("Give the right one with -n; \"kubectl get namespaces\" lists them",
                 "Edit the forward and choose the right “Namespace”")},
    {KFT_DIAGNOSE_STEP_NAMESPACE, "being deleted",
     ADVICE("Wait until it is gone and made anew; nothing can be started in it")},

    {KFT_DIAGNOSE_STEP_TARGET, "ImagePull", PULL_ADVICE},
    {KFT_DIAGNOSE_STEP_TARGET, "ErrImage", PULL_ADVICE},
    {KFT_DIAGNOSE_STEP_TARGET, "CrashLoop",
     ADVICE("The application ends right after its start: \"kubectl logs --previous\" shows why")},
    {KFT_DIAGNOSE_STEP_TARGET, "nschedulable", NODE_ADVICE},
    {KFT_DIAGNOSE_STEP_TARGET, "ContainerCreating",
     ADVICE(
         "Wait a moment; if it stays so, \"kubectl describe pod\" tells what the node waits for")},
    {KFT_DIAGNOSE_STEP_TARGET, "scaled to 0", ADVICE("Scale it up: kubectl scale --replicas=1")},
    {KFT_DIAGNOSE_STEP_TARGET, "no pod matches",
     ADVICE(
         "The service's selector and the pods' labels do not fit, or its workload is scaled to 0")},
    {KFT_DIAGNOSE_STEP_TARGET, "matches",
     ADVICE("Look at the labels (kubectl get pods --show-labels), or start the workload")},
    {KFT_DIAGNOSE_STEP_TARGET, "not TCP",
     ADVICE("The API server forwards TCP only; UDP needs the relay")},
    {KFT_DIAGNOSE_STEP_TARGET, "external",
     ADVICE(
         "There is no pod behind such a service: connect to the host that it names, or to a pod")},
    {KFT_DIAGNOSE_STEP_TARGET, "port",
     ADVICE_EACH(
         "Take one of the ports that are listed, or declare the port in the service or container",
         "Edit the forward and choose one of the ports that are listed, or declare the port in the "
         "service or container")},
    {KFT_DIAGNOSE_STEP_TARGET, "not found",
     ADVICE_EACH(
         "Look at its name and namespace: \"kubectl get\" below lists what there is",
         "Edit the forward: its fields offer what there is in the cluster and the namespace")},
    {KFT_DIAGNOSE_STEP_TARGET, "being deleted", ADVICE("Wait for its successor")},
    {KFT_DIAGNOSE_STEP_TARGET, "", ADVICE("\"kubectl describe\" shows more about the pod")},

    {KFT_DIAGNOSE_STEP_RELAY, "Image", IMAGE_ADVICE},
    {KFT_DIAGNOSE_STEP_RELAY, "CrashLoop",
     ADVICE("The relay ends right after its start: its log says why. With a template of your own "
            "look at the variables in it")},
    {KFT_DIAGNOSE_STEP_RELAY, "PodSecurity",
     ADVICE("The template asks for more than the namespace allows: the built-in one is what Pod "
            "Security \"restricted\" admits")},
    {KFT_DIAGNOSE_STEP_RELAY, "quota",
     ADVICE_EACH("The namespace's quota is used up: use another namespace (-n), or have it raised",
                 "The namespace's quota is used up: edit the forward and choose another "
                 "“Namespace”, or have it raised")},
    {KFT_DIAGNOSE_STEP_RELAY, "may not",
     ADVICE("Ask whoever runs the cluster for the role of packaging/kubernetes/users.yaml, or for "
            "a shared gateway")},
    {KFT_DIAGNOSE_STEP_RELAY, "no shared gateway",
     ADVICE_EACH("Ask whoever runs the cluster to install it (docs/relay.md), or use a relay of "
                 "your own: --relay own",
                 "Ask whoever runs the cluster to install it, or choose “Own pods” as “Relay” in "
                 "the settings, under “Network”")},
    {KFT_DIAGNOSE_STEP_RELAY, "nschedulable", NODE_ADVICE},
    {KFT_DIAGNOSE_STEP_RELAY, "emplate",
     ADVICE_EACH("Correct the template, or unset relay_template",
                 "Correct the template, or empty “Template of relay pods” in the settings, under "
                 "“Network”")},
    {KFT_DIAGNOSE_STEP_RELAY, "is not ready",
     ADVICE("The relay runs but does not answer its probe: its log and \"kubectl describe pod\" "
            "tell more")},
    {KFT_DIAGNOSE_STEP_RELAY, "",
     ADVICE("Look at the pod's events (kubectl describe pod); for a cluster that is only slow try "
            "again")},

    {KFT_DIAGNOSE_STEP_UPGRADE, "without its Upgrade header",
     ADVICE("A gateway before the API server must pass the Upgrade header on; nginx: "
            "proxy_http_version 1.1, proxy_set_header Upgrade and Connection")},
    {KFT_DIAGNOSE_STEP_UPGRADE, "web page",
     ADVICE("A proxy or gateway on the way refuses both WebSockets and SPDY: it must let one of "
            "them through to the API server")},
    {KFT_DIAGNOSE_STEP_UPGRADE, "dialing backend",
     ADVICE("The API server does not reach the node: its kubelet is down, or a firewall blocks "
            "port 10250")},
    {KFT_DIAGNOSE_STEP_UPGRADE, "",
     ADVICE("The node refuses port-forwarding, or something on the way does: the answers above say "
            "which")},

    {KFT_DIAGNOSE_STEP_PORT, "connection refused",
     ADVICE("Nothing listens on this port inside the pod: it is another one, the application is "
            "not up yet, or it listens on an address that is not the pod's localhost")},
    {KFT_DIAGNOSE_STEP_PORT, "",
     ADVICE("The node could not carry the connection into the pod: it may have been replaced just "
            "now")},

    {KFT_DIAGNOSE_STEP_REACH, "cannot resolve the name of",
     ADVICE("The name must be one that the cluster's DNS knows, not only your own network. If it "
            "is, the relay does not reach the DNS: a NetworkPolicy may forbid UDP to port 53")},
    {KFT_DIAGNOSE_STEP_REACH, "refuses the relay's connection",
     ADVICE("Nothing listens on that port there, or a firewall before it refuses connections from "
            "the cluster")},
    {KFT_DIAGNOSE_STEP_REACH, "there is no way from the relay",
     ADVICE("The cluster's nodes have no route to that address: a VPN, peering or route is missing "
            "on the cluster's side")},
    {KFT_DIAGNOSE_STEP_REACH, "does not answer the relay",
     ADVICE("Something drops the packets between the cluster and the target: a firewall, a "
            "security group, or a NetworkPolicy")},
    {KFT_DIAGNOSE_STEP_REACH, "the relay's rules do not allow", DENIED_ADVICE},
    {KFT_DIAGNOSE_STEP_REACH, "not allowed by the rules", DENIED_ADVICE},
    {KFT_DIAGNOSE_STEP_REACH, "host unreachable",
     ADVICE("The gateway cannot resolve the name, or nothing answers there: a NetworkPolicy or a "
            "firewall may be in the way")},
    {KFT_DIAGNOSE_STEP_REACH, "refused", ADVICE("Nothing listens on that port there")},
    {KFT_DIAGNOSE_STEP_REACH, "",
     ADVICE("Look at the address and port, and whether the cluster's network reaches it")},

    {KFT_DIAGNOSE_STEP_BYTES, "",
     ADVICE("The application broke the connection off: look at its log")},

    {KFT_DIAGNOSE_STEP_LOCAL, "in use",
     ADVICE_EACH("End that program, or take another local port: OTHER:REMOTE",
                 "End that program, or edit the forward and choose another “Local port”")},
    {KFT_DIAGNOSE_STEP_LOCAL, "privilege",
     ADVICE_EACH("Take a local port from 1024 on: 8080:80",
                 "Edit the forward and choose a “Local port” from 1024 on")},
    {KFT_DIAGNOSE_STEP_LOCAL, "",
     ADVICE_EACH("Take an address of this computer, like 127.0.0.1",
                 "Edit the forward and choose a “Local address” of this computer, like 127.0.0.1")},
};

const KftDiagnoseAdvice *kft_diagnose_advice(KftDiagnoseStep step, const char *text)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].step == step && strstr(text, rows[i].phrase) != NULL)
            return &rows[i].advice;
    }
    return NULL;
}
