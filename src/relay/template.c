/* The built-in template. It has what the Pod Security Standard "restricted" asks for
 * (https://kubernetes.io/docs/concepts/security/pod-security-standards/), and ends by itself when
 * nobody has used it for UNUSED_TIMEOUT: its client asks for /keepalive several times within it. */
#include "kftray/relay.h"

static const char template_text[] =
    "# The pod that carries UDP, and TCP to addresses beyond the cluster (docs/relay.md).\n"
    "apiVersion: v1\n"
    "kind: Pod\n"
    "metadata:\n"
    "  name: \"{hashed_name}\"\n"
    "  labels:\n"
    "    app: \"{hashed_name}\"\n"
    "    config_id: \"{config_id}\"\n"
    "spec:\n"
    "  # It asks the API server for nothing.\n"
    "  automountServiceAccountToken: false\n"
    "  enableServiceLinks: false\n"
    "  # It ends by itself when its client is gone; Always would start it again.\n"
    "  restartPolicy: OnFailure\n"
    "  terminationGracePeriodSeconds: 5\n"
    "  securityContext:\n"
    "    runAsNonRoot: true\n"
    "    runAsUser: 65532\n"
    "    runAsGroup: 65532\n"
    "    seccompProfile:\n"
    "      type: RuntimeDefault\n"
    "  containers:\n"
    "    - name: relay\n"
    "      image: \"{image}\"\n"
    "      imagePullPolicy: IfNotPresent\n"
    "      env:\n"
    "        - {name: PROXY_TYPE, value: \"{protocol}\"}\n"
    "        - {name: REMOTE_ADDRESS, value: \"{remote_address}\"}\n"
    "        - {name: REMOTE_PORT, value: \"{remote_port}\"}\n"
    "        - {name: LOCAL_PORT, value: \"{local_port}\"}\n"
    "        # Port-forwards arrive on loopback; nobody else in the cluster needs it.\n"
    "        - {name: LISTEN_ADDRESS, value: \"127.0.0.1\"}\n"
    "        - {name: STATUS_PORT, value: \"8090\"}\n"
    "        - {name: UNUSED_TIMEOUT, value: 10m}\n"
    "        - {name: DRAIN_TIMEOUT, value: 3s}\n"
    "      ports:\n"
    "        - {name: status, containerPort: 8090}\n"
    "      readinessProbe:\n"
    "        httpGet: {path: /healthz, port: 8090}\n"
    "        periodSeconds: 5\n"
    "      resources:\n"
    "        requests: {cpu: 10m, memory: 16Mi}\n"
    "        limits: {cpu: \"1\", memory: 128Mi}\n"
    "      securityContext:\n"
    "        allowPrivilegeEscalation: false\n"
    "        readOnlyRootFilesystem: true\n"
    "        capabilities:\n"
    "          drop: [ALL]\n";

const char *kft_relay_get_template(void)
{
    return template_text;
}
