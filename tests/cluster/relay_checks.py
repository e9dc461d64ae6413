"""Relays on the real cluster: the image of this checkout, pods that the client deploys and deletes.

An address beyond the cluster is the host's on the pods' bridge: it belongs to no pod and no service."""

import contextlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading

from harness import (Failed, Forward, check, check_equal, eventually, fails, get, kubeconfig, kubectl,
                     ours_only, test)

HERE = os.path.dirname(os.path.abspath(__file__))
LABEL = "kftray.github.io/installation"
TEMPLATE = """
apiVersion: v1
kind: Pod
metadata: {labels: {app: "{hashed_name}"}}
spec:
  restartPolicy: OnFailure
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, runAsUser: 65532}
  containers:
    - name: relay
      image: "{image}"
      env:
        - {name: REMOTE_ADDRESS, value: "{remote_address}"}
        - {name: REMOTE_PORT, value: "{remote_port}"}
        - {name: UNUSED_TIMEOUT, value: 20s}
      readinessProbe: {httpGet: {path: /healthz, port: 8090}, periodSeconds: 1}
"""


def image():
    """Made and imported once per run. What a run that was killed left is deleted by then."""
    if not hasattr(image, "name"):
        kubectl("delete", "pods", "-l", LABEL, "--grace-period=1", timeout=120)
        done = subprocess.run([os.path.join(HERE, "kube.sh"), "relay-image"], check=True,
                              stdout=subprocess.PIPE, text=True, timeout=600)
        image.name = done.stdout.split()[-1]
    return image.name


def relays(namespace="default"):
    """The pods, by name, those that are being deleted left out."""
    items = json.loads(kubectl("get", "pods", "-n", namespace, "-l", LABEL, "-o", "json"))["items"]
    return {item["metadata"]["name"]: item for item in items
            if "deletionTimestamp" not in item["metadata"]}


def gone():
    return not json.loads(kubectl("get", "pods", "-l", LABEL, "-o", "json"))["items"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"beyond {self.client_address[0]} {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def beyond():
    """(address, port) of a server that no cluster knows."""
    line = subprocess.run(["ip", "-4", "-o", "addr", "show", "kftbr0"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    address = re.search(r"inet ([0-9.]+)/", line).group(1)
    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address, server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def state():
    """A user's own configuration and state: an installation."""
    before = os.environ.get("KFTRAY_CONFIG")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KFTRAY_CONFIG"] = folder
        try:
            yield folder
        finally:
            os.environ.pop("KFTRAY_CONFIG")
            if before is not None:
                os.environ["KFTRAY_CONFIG"] = before


def relay_to(address, port, *more, **kwargs):
    ours_only("has no relays")
    return Forward("--relay", "own", "--relay-image", image(), "--remote-address", address,
                   f":{port}", *more, **kwargs)


@test("relay: tcp to an address beyond the cluster, and nothing left at the end")
def relay_tcp():
    with state(), beyond() as (address, port), relay_to(address, port) as forward:
        check_equal(get(forward.port(), "/a").decode().split()[::2], ["beyond", "/a"], "answer")
        answers = [get(forward.port(), f"/{i}").decode() for i in range(50)]
        check(all(answer.endswith(f"/{i}") for i, answer in enumerate(answers)), answers)
        check(f"-> {port}" in forward.forwarding()[0], forward.forwarding())
        check_equal(len(relays()), 1, "relays")
        check_equal(forward.stop(), 0, "status")
        eventually(gone, 180, "the relay is deleted")


def echo_datagrams(sock):
    while True:
        try:
            data, peer = sock.recvfrom(65536)
        except OSError:
            return
        sock.sendto(b"echo " + data, peer)


def ask(peer, local, question):
    """Until @question, which was sent once, is answered: a busy machine may lose datagrams. No answer is another peer's."""
    own = b"echo " + question.partition(b".")[0] + b"."
    peer.settimeout(2)
    for _ in range(90):
        with contextlib.suppress(TimeoutError):
            while (answer := peer.recv(100)) != b"echo " + question:
                check(answer.startswith(own), f"{answer} came for {question}")
            return
        peer.sendto(question, local)
    raise Failed(f"{question} got no answer")


@test("relay: udp to an address beyond the cluster, each local peer its own answers")
def relay_udp():
    with state(), beyond() as (address, _), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 0))
        threading.Thread(target=echo_datagrams, args=(server,), daemon=True).start()
        with relay_to(address, server.getsockname()[1], "--udp") as forward:
            local = ("127.0.0.1", forward.port())
            peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(16)]
            for turn in range(20):
                for number, peer in enumerate(peers):
                    peer.sendto(b"%d.%d" % (number, turn), local)
                for number, peer in enumerate(peers):
                    ask(peer, local, b"%d.%d" % (number, turn))
            for peer in peers:
                peer.close()
            check_equal(forward.stop(), 0, "status")
        eventually(gone, 180, "the relay is deleted")


@test("relay: the pod has what Pod Security restricted asks for, and runs with it")
def relay_restricted():
    with state(), beyond() as (address, port), relay_to(address, port) as forward:
        forward.port()
        pod = next(iter(relays().values()))
        spec, container = pod["spec"], pod["spec"]["containers"][0]
        check_equal(spec["securityContext"], {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532,
                                              "seccompProfile": {"type": "RuntimeDefault"}}, "pod")
        check_equal(container["securityContext"], {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                   "capabilities": {"drop": ["ALL"]}}, "container")
        check_equal(spec.get("volumes", []), [], "volumes: no token")
        check(not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")), "host namespaces")
        check_equal(pod["status"]["phase"], "Running", "phase")
        for key in ("owner", "host", "for"):
            check(pod["metadata"]["annotations"].get(f"kftray.github.io/{key}"), f"annotation {key}")
        check_equal(pod["metadata"]["labels"]["app"], pod["metadata"]["name"], "upstream's label")


@test("relay: deleted while in use, it is back by itself")
def relay_deleted():
    with state(), beyond() as (address, port), relay_to(address, port) as forward:
        local = forward.port()
        get(local)
        old = next(iter(relays()))
        kubectl("delete", "pod", old, "--wait=false")
        eventually(lambda: list(relays()) and old not in relays() and get(local, "/again"), 60, "another relay")
        check("deployed" in forward.stderr(), forward.stderr())
        check_equal(forward.stop(), 0, "status")
        eventually(gone, 180, "both are deleted")


@test("relay: a killed client's is deleted at the next start, another installation's is not")
def relay_killed():
    with beyond() as (address, port), state(), relay_to(address, port) as other:
        other.port()
        foreign = set(relays())
        with state():
            first = relay_to(address, port)
            with first:
                first.port()
                orphan = set(relays()) - foreign
                check_equal(len(orphan), 1, "orphans")
                first.stop(signal.SIGKILL)
            check(orphan <= set(relays()), "it stays while nobody looks")
            with Forward("pod/mixed-a", ":80") as second:
                second.port()
                eventually(lambda: not orphan & set(relays()), 180, "the orphan is deleted")
                check_equal(set(relays()), foreign, "the other installation's relay")
        get(other.port())


@test("relay: without its client it ends by its own deadline")
def relay_deadline():
    with state() as folder, beyond() as (address, port):
        path = os.path.join(folder, "relay-pod.yaml")
        with open(path, "w", encoding="utf-8") as template:
            template.write(TEMPLATE)
        with relay_to(address, port) as forward:
            forward.port()
            name = next(iter(relays()))
            forward.stop(signal.SIGKILL)
        eventually(lambda: relays()[name]["status"]["phase"] == "Succeeded", 90, "it has ended")
        with Forward("pod/mixed-a", ":80") as second:
            second.port()
            eventually(gone, 180, "and the next start deletes what is left of it")


@test("relay: a client that does nothing keeps its relay")
def relay_keepalive():
    with state() as folder, beyond() as (address, port):
        with open(os.path.join(folder, "relay-pod.yaml"), "w", encoding="utf-8") as template:
            template.write(TEMPLATE)
        with relay_to(address, port) as forward:
            forward.port()
            name = next(iter(relays()))
            # Twice over, one without a client ends: so long it has lived on.
            for _ in range(2):
                with relay_to(address, port) as victim:
                    victim.port()
                    other = next(iter(set(relays()) - {name}))
                    victim.stop(signal.SIGKILL)
                eventually(lambda gone=other: relays()[gone]["status"]["phase"] == "Succeeded", 90, "the other has ended")
                kubectl("delete", "pod", other, "--wait=false")
            check_equal(list(relays()), [name], "the same relay")
            check_equal(relays()[name]["status"]["phase"], "Running", "phase")


@test("relay: an image that does not exist is told in the cluster's words, and nothing is left")
def relay_no_image():
    ours_only("has no relays")
    with state():
        text = fails("--relay", "own", "--relay-image", "localhost/kftray/absent:1", "--pod-running-timeout", "20s",
                     "--remote-address", "10.0.0.1", ":80", within=60)
        check("ErrImage" in text or "ImagePull" in text, text)
        # The kubelet takes its time over a pod that has never run.
        eventually(lambda: not relays(), 180, "it is deleted")


@test("relay: a user who may not create pods is told so")
def relay_no_right():
    ours_only("has no relays")
    with state():
        text = fails("--relay", "own", "--remote-address", "10.0.0.1", ":80", user="get-only")
        check("may not create resource \"pods\"" in text, text)


# ---- the doctor ----

DENY_ALL = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-all, namespace: default}
spec: {podSelector: {}, policyTypes: [Egress]}
"""


def diagnose(*args):
    """The steps by name, and the exit status."""
    ours_only("has no doctor")
    command = [os.environ["KFTRAYCTL"], "diagnose", "--json", "--kubeconfig", kubeconfig(), "--relay", "own",
               "--relay-image", image(), *args]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    check(done.stdout, done.stderr)
    return {step["step"]: step for step in json.loads(done.stdout)["steps"]}, done.returncode


def failed(steps):
    return [name for name, step in steps.items() if step["state"] == "failed"]


@test("relay: diagnose deploys one, gets an answer through it, and deletes it")
def relay_diagnose():
    with state(), beyond() as (address, port):
        steps, status = diagnose("--remote-address", address, f":{port}")
        check_equal((failed(steps), status), ([], 0), "failed steps")
        for name in ("rights", "relay", "upgrade", "port", "reach", "policies", "bytes"):
            check_equal(steps[name]["state"], "ok", steps[name])
        check("HTTP/1.1" in steps["bytes"]["text"], steps["bytes"])
        eventually(gone, 180, "the relay is deleted")


@test("relay: diagnose says by the relay's log why its target is not reached")
def relay_diagnose_failures():
    with state(), beyond() as (address, _):
        with socket.socket() as free:
            free.bind((address, 0))
            port = free.getsockname()[1]
        steps, status = diagnose("--remote-address", address, f":{port}")
        check_equal((failed(steps), status), (["reach"], 1), "failed steps")
        check("result=refused" in steps["reach"]["text"], steps["reach"])
        steps, _ = diagnose("--remote-address", "nowhere.invalid", ":80")
        check_equal(failed(steps), ["reach"], "failed steps")
        check("cannot resolve the name" in steps["reach"]["text"], steps["reach"])


@test("relay: diagnose names the NetworkPolicy that forbids it")
def relay_diagnose_policy():
    with state(), beyond() as (address, port):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(DENY_ALL)
            file.flush()
            kubectl("apply", "-f", file.name)
        try:
            steps, _ = diagnose("--remote-address", address, f":{port}")
        finally:
            kubectl("delete", "networkpolicy", "deny-all")
        # Nothing in this cluster heeds policies.
        check_equal(failed(steps), [], "failed steps")
        check("\"deny-all\" selects the relay" in steps["policies"]["text"], steps["policies"])
        check("does not heed it" in steps["policies"]["text"], steps["policies"])
