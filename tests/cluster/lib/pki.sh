# shellcheck shell=bash
# Keys, certificates, bearer tokens and kubeconfigs. Made anew by each first `up`, never kept
# in the checkout.
#
# Users with a kubeconfig: admin (client certificate), admin-token, dev (read, and forward to
# pods in `default`), denied (nothing), pods-only (get pods, pods/portforward in `default`),
# get-only (pods/portforward by GET only), create-only (pods/portforward by POST only).

TOKEN_USERS="admin-token:system:masters dev:developers denied:outsiders pods-only:podders
    get-only:getters create-only:creators"

key_new() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$1" 2>/dev/null; }

cert() { # name subject extension...
    local n=$K/pki/$1 subj=$2
    shift 2
    [ ! -s "$n.crt" ] || return 0
    key_new "$n.key"
    openssl req -new -key "$n.key" -subj "$subj" -out "$n.csr"
    printf '%s\n' basicConstraints=CA:FALSE keyUsage=digitalSignature,keyEncipherment "$@" >"$n.ext"
    openssl x509 -req -in "$n.csr" -CA "$K/pki/ca.crt" -CAkey "$K/pki/ca.key" -CAcreateserial \
        -days 3650 -extfile "$n.ext" -out "$n.crt" 2>/dev/null
    rm -f "$n.csr" "$n.ext"
}

b64() { base64 -w0 "$1"; }
cert_auth() {
    echo "client-certificate-data: $(b64 "$K/pki/$1.crt"), client-key-data: $(b64 "$K/pki/$1.key")"
}
token_auth() { echo "token: $(grep ",$1,$1," "$K/pki/tokens.csv" | cut -d, -f1)"; }

kubeconfig() { # file user auth-yaml
    cat >"$K/$1" <<Y
apiVersion: v1
kind: Config
clusters:
- name: kftray-test
  cluster: {server: "https://127.0.0.1:$API_PORT", certificate-authority-data: $(b64 "$K/pki/ca.crt")}
users:
- name: $2
  user: {$3}
contexts:
- name: kftray-test
  context: {cluster: kftray-test, user: $2, namespace: default}
current-context: kftray-test
Y
}

pki_certificates() {
    if [ ! -s "$K/pki/ca.crt" ]; then
        key_new "$K/pki/ca.key"
        openssl req -x509 -new -key "$K/pki/ca.key" -days 3650 -subj /CN=kftray-test-ca \
            -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature -out "$K/pki/ca.crt"
    fi
    if [ ! -s "$K/pki/sa.key" ]; then
        openssl genrsa -out "$K/pki/sa.key" 2048 2>/dev/null
        openssl rsa -in "$K/pki/sa.key" -pubout -out "$K/pki/sa.pub" 2>/dev/null
    fi
    local names="DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
    cert apiserver /CN=kube-apiserver extendedKeyUsage=serverAuth \
        "subjectAltName=$names,IP:127.0.0.1,IP:${SVC_CIDR%.*}.1,IP:$POD_NET.1,IP:$LINK_ADDR"
    cert kubelet-server "/CN=$NODE" extendedKeyUsage=serverAuth \
        "subjectAltName=DNS:localhost,IP:127.0.0.1"
    cert admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth
    cert apiserver-kubelet /O=system:masters/CN=kube-apiserver-kubelet-client \
        extendedKeyUsage=clientAuth
    cert kubelet "/O=system:nodes/CN=system:node:$NODE" extendedKeyUsage=clientAuth
    cert kcm /CN=system:kube-controller-manager extendedKeyUsage=clientAuth
    cert proxy /CN=system:kube-proxy extendedKeyUsage=clientAuth
    cert sched /CN=system:kube-scheduler extendedKeyUsage=clientAuth
}

pki_tokens() {
    local u
    [ ! -s "$K/pki/tokens.csv" ] || return 0
    for u in $TOKEN_USERS; do
        printf '%s,%s,%s,"%s"\n' "$(openssl rand -hex 16)" "${u%%:*}" "${u%%:*}" "${u#*:}"
    done >"$K/pki/tokens.csv"
}

pki() {
    local u
    mkdir -p "$K/pki"
    chmod 700 "$K/pki"
    umask 077
    pki_certificates
    pki_tokens
    kubeconfig admin.kubeconfig admin "$(cert_auth admin)"
    kubeconfig pki/kubelet.kubeconfig kubelet "$(cert_auth kubelet)"
    kubeconfig pki/kcm.kubeconfig kcm "$(cert_auth kcm)"
    kubeconfig pki/proxy.kubeconfig proxy "$(cert_auth proxy)"
    kubeconfig pki/sched.kubeconfig sched "$(cert_auth sched)"
    for u in $TOKEN_USERS; do
        u=${u%%:*}
        kubeconfig "$u.kubeconfig" "$u" "$(token_auth "$u")"
    done
    umask 022
}
