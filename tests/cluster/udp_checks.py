"""UDP through relays on the real cluster, to servers that others wrote; the shared gateway; the relay in lock-step."""

import atexit
import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import socket
import subprocess

import relay_checks
from harness import (Forward, check, check_equal, eventually, get, kubeconfig, kubectl, name_of, ours_only,
                     test)
from lockstep_pod import LOCKSTEP

HERE = os.path.dirname(os.path.abspath(__file__))
MANIFESTS = os.path.join(HERE, "..", "..", "packaging", "kubernetes")
SYSTEM = "kftray-system"
WAIT_S = 60


def image_of(name):
    return subprocess.run([os.path.join(HERE, "kube.sh"), "image", name], check=True, stdout=subprocess.PIPE,
                          text=True, timeout=WAIT_S).stdout.strip()


def apply(text):
    done = subprocess.run(["kubectl", "--kubeconfig", kubeconfig("admin"), "apply", "--validate=false", "-f", "-"],
                          input=text, text=True, check=False, capture_output=True, timeout=WAIT_S)
    check_equal(done.returncode, 0, f"apply: {done.stderr}")


def delete_tools(*more):
    kubectl("delete", "pod/tools", "service/tools", "--now", "--ignore-not-found", *more)


def start_tools():
    """Once per run. What a run that was killed left may be of another checkout."""
    if hasattr(start_tools, "done"):
        return
    with open(os.path.join(HERE, "relay-workloads.yaml"), encoding="utf-8") as file:
        text = file.read().replace("@TOOLS@", image_of("tools")).replace("@PODSRV@", image_of("podsrv"))
    delete_tools()
    atexit.register(delete_tools, "--wait=false")
    apply(text)
    kubectl("wait", "--for=condition=Ready", "pod/tools", "--timeout=90s")
    start_tools.done = True


@contextlib.contextmanager
def tools():
    """The pod, ready, with its service, and a user's own configuration. At the end no relay may be left."""
    ours_only("has no relays")
    relay_checks.image()
    start_tools()
    with relay_checks.state() as folder:
        yield folder
    # The kubelet takes its time for what is asked for here.
    eventually(lambda: not relay_checks.relays(), 180, "the relays are deleted")


def udp(*args, image=None, **kwargs):
    return Forward("--udp", "--relay", "own", "--relay-image", image or relay_checks.image(), *args, **kwargs)


def cluster_ip(service):
    return kubectl("get", "service", service, "-o", "jsonpath={.spec.clusterIP}")


def client_of(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(WAIT_S)
    sock.connect(("127.0.0.1", port))
    return sock


def ask_back(port, text):
    with client_of(port) as sock:
        sock.send(text)
        check_equal(sock.recv(65536), text, "echo")


def dig(port, name):
    """The answers. A busy machine may lose a datagram: dig says so (";; …") and asks again."""
    done = subprocess.run(["dig", "@127.0.0.1", "-p", str(port), "+short", "+tries=5", "+timeout=15", name, "A"],
                          check=True, stdout=subprocess.PIPE, text=True, timeout=120)
    return [line for line in done.stdout.splitlines() if not line.startswith(";;")]


def dig_number(port, number):
    """Asks for a name that only this question has. The server makes its address from it."""
    address = f"10.9.{number // 250}.{number % 250 + 1}"
    return dig(port, address.replace(".", "-") + ".numbers.test"), [address]


def dig_all(port, n_questions):
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        for got, want in pool.map(lambda number: dig_number(port, number), range(n_questions)):
            check_equal(got, want, "dig")


@test("udp: a DNS server in a pod, dig, 64 clients at once, by service, pod and ClusterIP")
def udp_dns():
    with tools():
        with udp("svc/tools", ":5300") as forward:
            dig_all(forward.port(), 256)
            check_equal(forward.stop(), 0, "status")
        with udp("pod/tools", ":53") as forward:
            dig_all(forward.port(), 64)
        with udp("--remote-address", cluster_ip("tools"), ":5300") as forward:
            dig_all(forward.port(), 64)


@test("udp: the cluster's own DNS, and a tcp service by its name")
def udp_cluster_dns():
    with tools():
        with udp("-n", "kube-system", "svc/kube-dns", ":53") as forward:
            check_equal(dig(forward.port(), "web.default.svc.cluster.local"), [cluster_ip("web")], "address of svc/web")
            check_equal(forward.stop(), 0, "status")
        eventually(lambda: not relay_checks.relays("kube-system"), 180, "its relay is deleted")
        with relay_checks.relay_to("web.default.svc.cluster.local", 8080) as forward:
            check(name_of(forward.port()).startswith("web-"), "svc/web by its name")
        with relay_checks.relay_to("tools", 8080) as forward:
            check_equal(name_of(forward.port()), "tools", "svc/tools by the search domain")


def iperf3(port, *more):
    done = subprocess.run(["iperf3", "-c", "127.0.0.1", "-p", str(port), "-J", *more], check=False,
                          stdout=subprocess.PIPE, text=True, timeout=120)
    result = json.loads(done.stdout)
    check("error" not in result, result.get("error"))
    return result["end"]["sum"]


@test("udp: iperf3, no packet lost")
def udp_iperf():
    with tools(), Forward("pod/tools", ":5201") as control:
        port = control.port()
        with udp("pod/tools", f"{port}:5201") as forward:
            forward.port()
            for way in ([], ["-R"]):
                total = iperf3(port, "-u", "-b", "2M", "-l", "1000", "-t", "3", *way)
                check(total["packets"] > 500, total)
                check_equal(total["lost_packets"], 0, f"lost of {total['packets']}")


@test("udp: a DTLS session, lines there and back")
def udp_dtls():
    with tools(), udp("pod/tools", ":4433") as forward:
        with subprocess.Popen(["openssl", "s_client", "-dtls", "-quiet", "-connect", f"127.0.0.1:{forward.port()}"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
            try:
                for number in range(50):
                    line = f"line {number} {'x' * 900}\n".encode()
                    client.stdin.write(line)
                    client.stdin.flush()
                    check_equal(client.stdout.readline(), line, "the same back")
            finally:
                client.kill()


@test("udp: datagrams that nobody asked for, and the largest ones")
def udp_unsolicited():
    with tools():
        with udp("svc/tools", ":19") as forward, client_of(forward.port()) as sock:
            sock.send(b"200 2")
            check_equal([int(sock.recv(100)) for _ in range(200)], list(range(200)), "in order, none lost")
        with udp("svc/tools", ":7") as forward:
            for size in (1, 1472, 9000, 65507):
                ask_back(forward.port(), bytes(os.urandom(size)))


@test("udp: 20,000 datagrams with a window, none lost")
def udp_window():
    with tools(), udp("svc/tools", ":7") as forward, client_of(forward.port()) as sock:
        seen, sent = 0, 0
        while seen < 20000:
            while sent < 20000 and sent - seen < 64:
                sock.send(b"%08d" % sent + b"." * 100)
                sent += 1
            check_equal(int(sock.recv(200)[:8]), seen, "the next one")
            seen += 1


@test("udp: the relay in lock-step, the same client, 64 peers")
def udp_lockstep():
    with tools() as folder:
        with open(os.path.join(folder, "relay-pod.yaml"), "w", encoding="utf-8") as template:
            template.write(LOCKSTEP)
        with udp("svc/tools", ":5300", image=image_of("tools")) as forward:
            dig_all(forward.port(), 128)
            check_equal(forward.stop(), 0, "status")


# ---- the shared gateway ----


def manifests(allow):
    """packaging/kubernetes as it is, with the image of this checkout and another allow list."""
    text = kubectl("kustomize", MANIFESTS)
    text, n_images = re.subn(r"image: ghcr.io/kftray/kftray-server\S*", f"image: {relay_checks.image()}", text)
    text, n_lists = re.subn(r"(name: GATEWAY_ALLOW\n\s+value: ).*", lambda match: f'{match[1]}"{allow}"', text)
    check_equal((n_images, n_lists), (1, 1), "image and allow list")
    # This cluster is too old for the version in which it stays.
    return text.replace("apiVersion: policy/v1\n", "apiVersion: policy/v1beta1\n")


@contextlib.contextmanager
def gateway(allow):
    ours_only("has no gateway")
    text = manifests(allow)
    try:
        apply(text)
        kubectl("rollout", "status", "deployment/kftray-server", "-n", SYSTEM, "--timeout=90s")
        yield
    finally:
        kubectl("delete", "namespace", SYSTEM, "--ignore-not-found", timeout=120)


def curl(port, url):
    done = subprocess.run(["curl", "-sS", "-m", "60", "--noproxy", "", "--socks5-hostname", f"127.0.0.1:{port}", url],
                          check=False, capture_output=True, text=True)
    return done.returncode, done.stdout.strip() or done.stderr.strip()


@test("gateway: curl by kubectl port-forward, and what the allow list refuses")
def gateway_curl():
    with relay_checks.beyond() as (address, port), gateway("*.svc.cluster.local 10.0.0.0/8:1-65535 !10.120.0.3"):
        with Forward("-n", SYSTEM, "svc/kftray-server", ":8080", user="admin",
                     other="kubectl port-forward") as forward:
            local = forward.port()
            status, text = curl(local, "http://web.default.svc.cluster.local:8080/")
            check(status == 0 and text.startswith("web-"), text)
            check_equal(curl(local, f"http://{cluster_ip('web')}:8080/")[0], 0, "ClusterIP")
            status, text = curl(local, f"http://{address}:{port}/a")
            check(status == 0 and text.startswith("beyond "), text)
            for url in ("http://10.120.0.3/", "http://127.0.0.1:8090/", "http://169.254.169.254/", "http://192.0.2.1/",
                        "http://localhost:8090/", "http://[::ffff:169.254.169.254]/"):
                status, text = curl(local, url)
                check(status == 97 and "(2)" in text, f"{url}: {status} {text}")


@test("gateway: the client's forwards, tcp and udp, spread over its pods; none of their own")
def gateway_shared():
    with tools(), gateway("*.svc.cluster.local"):
        shared = ("--relay", "shared", "--remote-address")
        with Forward(*shared, "web.default.svc.cluster.local", ":8080") as forward:
            check(name_of(forward.port()).startswith("web-"), "tcp")
        with Forward("--udp", *shared, "tools.default.svc.cluster.local", ":5300") as forward:
            dig_all(forward.port(), 128)
            used = kubectl("get", "pods", "-n", SYSTEM, "-o", "name").split()
            logs = [kubectl("logs", "-n", SYSTEM, pod) for pod in used]
            check_equal(len(used), 2, "pods")
            forward.stop()
            eventually(lambda: all("carries=udp" in kubectl("logs", "-n", SYSTEM, pod) for pod in used), 30,
                       f"both pods carried something: {logs}")
        check_equal(relay_checks.relays(), {}, "relays of its own")
        with Forward(*shared, "192.0.2.1", ":80") as forward:
            try:
                text = get(forward.port())
            except (OSError, http.client.HTTPException):
                text = None
            check(text is None, f"refused, but: {text}")
