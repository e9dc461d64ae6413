"""The cluster tests: forwards to a real kubelet and a real container runtime.

Each transport is exercised where the difference can show: v4 WebSocket and SPDY against the API
server itself, the tunnel through kft-gateway. run.sh brings all of them up.
"""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import desktop_checks  # noqa: F401  registers its tests
import gateway_checks  # noqa: F401  and this
import link_checks  # noqa: F401  and this
import outage_checks  # noqa: F401  and this
import proxies_checks  # noqa: F401  and this
import relay_checks  # noqa: F401  and this
import reliability_checks  # noqa: F401  and this
import udp_checks  # noqa: F401  and this
from harness import (MB, OTHER, SANITIZED, TESTS, TRANSPORTS, Forward, Skip, check, check_equal,
                     connect, eventually, fails, get, get_sum, kubeconfig, kubectl, name_of,
                     ours_only, post, random_bytes, read_all, run, test)

# ---- targets ----

TARGETS = [
    # arguments, what the pod's name begins with, can kubectl do it
    (["pod/mixed-a", ":80"], "mixed-a", True),
    (["mixed-b", ":8081"], "mixed-b", True),
    (["pod/mixed-b", ":http"], "mixed-b", True),
    (["svc/web", ":8080"], "web-", True),
    (["svc/web", ":http"], "web-", True),
    (["service/web", ":8080"], "web-", True),
    (["svc/web", ":80"], "web-", False),  # no service port, but a container port
    (["svc/web-headless", ":80"], "web-", True),
    (["svc/mixed", ":80"], "mixed-", True),  # port name that means 80 or 8081, by pod
    (["deploy/web", ":80"], "web-", True),
    (["deployment/web", ":http"], "web-", True),
    (["sts/db", ":80"], "db-0", True),
    (["ds/agent", ":80"], "agent-", True),
    (["rs/solo", ":80"], "solo-", True),
    (["rc/older", ":80"], "older-", True),
    (["job/batch", ":80"], "batch-", True),
    (["svc/pinned", ":8080"], "hello from busybox", False),  # no selector, Endpoints
    (["svc/sliced", ":8080"], "hello from busybox", False),  # no selector, EndpointSlice
    (["-l", "app=web", ":80"], "web-", False),
]


def register_targets():
    def one(args, prefix, transport, kubectl_can):
        if not kubectl_can:
            ours_only("does not resolve this target")
        with Forward(*args, transport=transport) as forward:
            got = name_of(forward.port())
            check(got.startswith(prefix), f"answer {got!r}, want a pod {prefix}…")

    for args, prefix, kubectl_can in TARGETS:
        # One transport is enough for the resolving; a workload and a service go over all.
        every = args in (["deploy/web", ":80"], ["svc/web", ":8080"])
        for transport in TRANSPORTS if every else ("auto",):
            test(f"target {' '.join(args)}, {transport}")(
                lambda a=args, p=prefix, t=transport, k=kubectl_can: one(a, p, t, k))


register_targets()


@test(transports=TRANSPORTS)
def curl_fetches(transport):
    with Forward("svc/web", ":8080", transport=transport) as forward:
        done = subprocess.run(["curl", "-fsS", "--noproxy", "*", "-m", "20",
                               f"http://127.0.0.1:{forward.port()}/"], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        check_equal(done.returncode, 0, f"curl: {done.stderr}")
        check(done.stdout.startswith("web-"), done.stdout)


@test("client certificate")
def client_certificate():
    with Forward("pod/mixed-a", ":80", user="admin") as forward:
        check_equal(name_of(forward.port()), "mixed-a", "answer")


@test("several ports in one forward", transports=TRANSPORTS)
def several_ports(transport):
    with Forward("pod/mixed-a", ":80", ":7", transport=transport) as forward:
        check_equal(name_of(forward.port(0)), "mixed-a", "answer")
        with connect(forward.port(1)) as echo:
            echo.sendall(b"abc")
            check_equal(echo.recv(3), b"abc", "echo")


# ---- bytes ----


@test("100 MB down, same checksum", transports=TRANSPORTS)
def bulk_down(transport):
    want = hashlib.sha256(random_bytes(100 * MB, 7)).hexdigest()
    with Forward("pod/mixed-a", ":80", transport=transport) as forward:
        got = get_sum(forward.port(), f"/random?n={100 * MB}&seed=7")
        check_equal(got, (100 * MB, want), "length and checksum")


@test("100 MB up, same checksum", transports=TRANSPORTS)
def bulk_up(transport):
    body = random_bytes(100 * MB, 8)
    want = f"{len(body)} {hashlib.sha256(body).hexdigest()}"
    with Forward("pod/mixed-a", ":80", transport=transport) as forward:
        check_equal(post(forward.port(), "/sum", body), want, "length and checksum")


@test("both directions at once, in odd pieces", transports=TRANSPORTS)
def echo_pieces(transport):
    data = random_bytes(20 * MB, 9)
    pieces = random.Random(1)
    with Forward("pod/mixed-a", ":7", transport=transport) as forward:
        with connect(forward.port(), 60) as echo:
            def send():
                at = 0
                while at < len(data):
                    n = pieces.choice((1, 7, 100, 4096, 70000, 300000))
                    echo.sendall(data[at:at + n])
                    at += n

            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            digest, left = hashlib.sha256(), len(data)
            while left:
                block = echo.recv(256 * 1024)
                check(block, f"ended with {left} bytes to come")
                digest.update(block)
                left -= len(block)
            sender.join(10)
        check_equal(digest.hexdigest(), hashlib.sha256(data).hexdigest(), "checksum")


# ---- many connections ----


@test("200 connections at once", transports=TRANSPORTS)
def parallel_200(transport):
    results, lock = [], threading.Lock()

    def one(port):
        try:
            answer = get(port, "/sleep?ms=500", 90).decode().strip()
        except Exception as error:  # counted below
            answer = repr(error)
        with lock:
            results.append(answer)

    with Forward("pod/mixed-a", ":80", transport=transport) as forward:
        port = forward.port()
        threads = [threading.Thread(target=one, args=(port,)) for _ in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        bad = [r for r in results if r != "500"]
        check(not bad, f"{len(bad)} of 200 failed, first: {bad[:1]}")
        check(forward.alive(), "the forward ended")


@test("1,000 connections one by one, nothing grows", transports=TRANSPORTS)
def sequential_1000(transport):
    def settle(forward, fds):
        return eventually(lambda: forward.fds() <= fds, 60, f"descriptors above {fds}")

    with Forward("pod/mixed-a", ":80", transport=transport) as forward:
        port = forward.port()
        time.sleep(0.5)
        fds = forward.fds()
        for _ in range(200):
            check_equal(name_of(port), "mixed-a", "answer")
        if not OTHER:
            settle(forward, fds + 4)  # the pool may hold a few tunnels, no more
        rss, fds = forward.rss_kib(), max(fds, forward.fds())
        for number in range(1000):
            check_equal(name_of(port), "mixed-a", f"answer {number}")
        if OTHER:
            return
        settle(forward, fds)
        grown = forward.rss_kib() - rss
        check(SANITIZED or grown <= 1024, f"resident memory grew by {grown} KiB")


# ---- applications and clients that end things in their own way ----


@test("application closes first", transports=TRANSPORTS)
def closes_first(transport):
    with Forward("pod/mixed-a", ":21", transport=transport) as forward:
        for _ in range(3):
            with connect(forward.port(), 10) as client:
                got, reset = read_all(client)
                check_equal(got, b"220 the server closes first\r\n", "banner")
                check(not reset, "the clean end arrived as a reset")


def read_refused(port):
    """What comes from a port that the application refuses: the reset may be there before connect() returns."""
    try:
        with connect(port, 15) as client:
            return read_all(client)[0]
    except ConnectionResetError:
        return b""


@test("application refuses, the forward stays", transports=TRANSPORTS)
def refuses(transport):
    ours_only("ends with 'lost connection to pod'")
    with Forward("pod/mixed-a", ":81", ":80", transport=transport) as forward:
        for _ in range(3):
            check_equal(read_refused(forward.port(0)), b"", "bytes from a closed port")
            check_equal(name_of(forward.port(1)), "mixed-a", "the other port")
        check("81" in forward.stderr(), f"nothing about port 81 on stderr: {forward.stderr()}")


@test("application resets, the forward stays", transports=TRANSPORTS)
def resets(transport):
    ours_only("ends with 'lost connection to pod'")
    with Forward("pod/mixed-a", ":24", ":80", transport=transport) as forward:
        for _ in range(3):
            with connect(forward.port(0), 15) as client:
                client.sendall(b"x")
                check_equal(read_all(client)[0], b"", "bytes from a reset connection")
            check_equal(name_of(forward.port(1)), "mixed-a", "the other port")


@test("half-close, the answer comes 5 s later", transports=TRANSPORTS)
def half_close(transport):
    ours_only("truncates answers that take longer than 1 s")
    with Forward("pod/mixed-a", ":22", ":80", transport=transport) as forward:
        with connect(forward.port(0), 20) as client:
            client.sendall(b"5000\n")
            client.shutdown(socket.SHUT_WR)
            check_equal(read_all(client), (b"late 5000\n", False), "answer")
        with connect(forward.port(1), 20) as client:
            client.sendall(b"GET /sleep?ms=3000 HTTP/1.0\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            check(read_all(client)[0].endswith(b"\r\n\r\n3000\n"), "HTTP answer incomplete")


@test("half-close, a whole megabyte follows", transports=TRANSPORTS)
def half_close_bulk(transport):
    ours_only("truncates answers that take longer than 1 s")
    with Forward("pod/mixed-a", ":80", transport=transport) as forward:
        with connect(forward.port(), 20) as client:
            client.sendall(b"GET /drip?n=1000000&bps=400000 HTTP/1.0\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            got, reset = read_all(client)
            check(not reset, "reset")
            check_equal(len(got.partition(b"\r\n\r\n")[2]), 1000000, "body")


@test("half-close timeout tells the pod", transports=TRANSPORTS)
def half_close_timeout(transport):
    ours_only("has no such option")
    args = ("pod/mixed-a", ":9", "--half-close-timeout", "500ms")
    with Forward(*args, transport=transport) as forward:
        with connect(forward.port(), 15) as client:
            client.sendall(b"x" * 100000)
            client.shutdown(socket.SHUT_WR)
            start = time.monotonic()
            check_equal(read_all(client)[0], b"", "bytes from discard")
            took = time.monotonic() - start
            check(took < 25, f"the connection ended after {took:.1f} s")


@test("a reader that stalls holds up nobody else", transports=TRANSPORTS)
def stalled_reader(transport):
    ours_only("shares one tunnel without flow control")
    with Forward("pod/mixed-a", ":19", ":80", transport=transport) as forward:
        with connect(forward.port(0)) as stalled:
            stalled.recv(1000)
            time.sleep(2)
            for _ in range(5):
                check_equal(name_of(forward.port(1)), "mixed-a", "answer beside it")
            check(SANITIZED or forward.rss_kib() < 200 * 1024, f"{forward.rss_kib()} KiB resident")


# ---- pods that go ----


def web_pods():
    text = kubectl("get", "pods", "-l", "app=web", "-o",
                   "jsonpath={range .items[*]}{.metadata.name} {.metadata.deletionTimestamp} "
                   "{.status.conditions[?(@.type=='Ready')].status}{'\\n'}{end}")
    return [line.split()[0] for line in text.splitlines()
            if line.split()[1:] == ["True"]]


@test("pod deleted under a transfer, the next connection has another", transports=TRANSPORTS)
def pod_deleted(transport):
    ours_only("does not follow a replaced pod")
    eventually(lambda: len(web_pods()) == 2, 180, "two web pods")
    with Forward("deploy/web", ":80", transport=transport) as forward:
        port = forward.port()
        old = name_of(port)
        with connect(port, 40) as running:
            running.sendall(b"GET /drip?n=500000000&bps=5000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            check(running.recv(1000), "the transfer did not start")
            kubectl("delete", "pod", old, "--grace-period=1", "--wait=false")
            start, got = time.monotonic(), 0
            while time.monotonic() - start < 30:
                try:
                    block = running.recv(65536)
                except ConnectionError:
                    break
                if not block:
                    break
                got += len(block)
            else:
                raise Skip("the transfer went on for 30 s")
            check(got < 500000000, "the transfer was not cut")
        new = eventually(lambda: name_of(port, 15), 120, "an answer after the pod went")
        check(new != old and new.startswith("web-"), f"{old} was followed by {new}")
        check(forward.alive(), "the forward ended")
    eventually(lambda: len(web_pods()) == 2, 180, "two web pods")


@test("pod recreated with the same name", transports=TRANSPORTS)
def pod_recreated(transport):
    ours_only("does not follow a replaced pod")
    with Forward("sts/db", ":80", transport=transport) as forward:
        port = forward.port()
        check_equal(name_of(port), "db-0", "answer")
        kubectl("delete", "pod", "db-0", "--grace-period=1", "--wait=true")
        check_equal(eventually(lambda: name_of(port, 15), 120, "an answer"), "db-0", "answer")


@test("connection held while there is no pod")
def connection_held():
    ours_only("does not follow a replaced pod")
    with Forward("sts/db", ":80") as forward:
        port = forward.port()
        check_equal(name_of(port), "db-0", "answer")
        kubectl("delete", "pod", "db-0", "--grace-period=0", "--force")
        check_equal(name_of(port, 40), "db-0", "the first connection after it")


# ---- the same lines as kubectl ----

SAME = [
    ["pod/x", ":80"],
    ["x", "18471:80"],
    ["svc/web", ":8080"],
    ["svc/web", "18472:http"],
    ["deploy/web", ":http", ":7"],
    ["pod/x", ":80", "--address", "127.0.0.1"],
    ["pod/x", ":80", "--address", "localhost"],
    ["pod/x", "18473:80", "--address", "127.0.0.2,127.0.0.3"],
    ["pod/x", "18474:80", "--address", "0.0.0.0"],
    ["svc/mixed", ":80"],
    ["pod/x", ":80", "-n", "default", "--context", "kftray-test"],
]


def normalised(lines):
    """Random local ports become R1, R2, … in order of appearance; fixed ones stay."""
    seen = {}
    result = []
    for line in lines:
        match = re.match(r"(Forwarding from .*:)(\d+)( -> \d+)$", line)
        if match and not match.group(2).startswith("184"):
            name = seen.setdefault(match.group(2), f"R{len(seen) + 1}")
            line = match.group(1) + name + match.group(3)
        result.append(line)
    return result


def register_same():
    def lines_of(args, other):
        with Forward(*args, other=other) as forward:
            forward.wait_lines(1)
            time.sleep(0.7)
            return normalised(forward.lines)

    def one(args):
        ours_only("is what is compared with")
        check_equal(lines_of(args, None), lines_of(args, "kubectl port-forward"), "stdout")

    for args in SAME:
        test(f"same lines as kubectl: {' '.join(args)}")(lambda a=args: one(a))


register_same()

BAD_ARGUMENTS = [
    ["pod/there-is-no-such-pod", ":80"],
    ["svc/there-is-no-such-service", ":80"],
    ["deploy/there-is-no-such-deployment", ":80"],
    ["svc/web", ":9999"],
    ["svc/web", ":no-such-name"],
    ["pod/x", "70000:80"],
    ["pod/x", ":0"],
    ["pod/x", "a:b:c"],
    ["pod/x"],
    ["nonsense/x", ":80"],
    ["pod/x", ":80", "--context", "no-such-context"],
    ["pod/x", ":80", "-n", "no-such-namespace"],
    ["pod/x", ":80", "--address", "203.0.113.77"],
]


def register_bad():
    def one(args):
        ours = fails(*args)
        check(len(ours.strip().splitlines()) <= 4, f"more than a clear sentence: {ours}")
        fails(*args, other="kubectl port-forward")

    for args in BAD_ARGUMENTS:
        test(f"same status as kubectl: {' '.join(args)}")(lambda a=args: one(a))


register_bad()


@test("local port in use")
def port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = fails("pod/x", f"{port}:80", "--address", "127.0.0.1")
        check(str(port) in text and "in use" in text, text)


# ---- access ----


@test("user who may do nothing")
def user_denied():
    text = fails("pod/x", ":80", user="denied")
    check("pods" in text and ("forbidden" in text or "may not" in text or "denied" in text), text)


@test("user who may forward but not read services")
def user_pods_only():
    with Forward("pod/mixed-a", ":80", user="pods-only") as forward:
        check_equal(name_of(forward.port()), "mixed-a", "answer")
    text = fails("svc/web", ":8080", user="pods-only")
    check("services" in text, text)
    text = fails("pod/mixed-a", ":80", "-n", "other", user="pods-only")
    check("other" in text, text)


@test("user who may forward by GET only")
def user_get_only():
    ours_only("needs the verb create for SPDY")
    with Forward("pod/mixed-a", ":80", user="get-only") as forward:
        check_equal(name_of(forward.port()), "mixed-a", "answer")


@test("user who may forward by POST only")
def user_create_only():
    with Forward("pod/mixed-a", ":80", user="create-only") as forward:
        check_equal(name_of(forward.port()), "mixed-a", "answer")


@test("developer")
def user_dev():
    for target in ("svc/web", "deploy/web", "job/batch"):
        port = ":8080" if target == "svc/web" else ":80"
        with Forward(target, port, user="dev") as forward:
            check(name_of(forward.port()), "no answer")


# ---- pods that do not run ----


@test("service without endpoints")
def no_endpoints():
    text = fails("svc/empty", ":80", "--pod-running-timeout", "2s", within=50)
    check("empty" in text or OTHER, text)


NOT_RUNNING = [
    ("no-image", "image"),
    ("no-node", "node|schedul"),
    ("crash", "crash|CrashLoop"),
    ("done", "Succeeded|ended|completed"),
]


def register_not_running():
    def one(pod, pattern):
        if pod == "crash":
            ours_only("forwards to a pod that crashes again and again")
        # Without the option it would be a minute.
        text = fails(f"pod/{pod}", ":80", "--pod-running-timeout", "3s", within=50)
        check(OTHER or re.search(pattern, text, re.IGNORECASE), f"no word why: {text}")

    for pod, pattern in NOT_RUNNING:
        test(f"pod that does not run: {pod}")(lambda p=pod, w=pattern: one(p, w))


register_not_running()


@test("waits for a pod that comes later")
def pod_comes_later():
    ours_only("gives up when the pod exists but is pending")
    kubectl("scale", "rs/solo", "--replicas=0")
    try:
        eventually(lambda: not kubectl("get", "pods", "-l", "app=solo", "-o", "name"), 120, "no pod")
        with Forward("rs/solo", ":80", "--pod-running-timeout", "40s") as forward:
            time.sleep(1)
            kubectl("scale", "rs/solo", "--replicas=1")
            check(name_of(forward.port()).startswith("solo-"), "answer")
    finally:
        kubectl("scale", "rs/solo", "--replicas=1")


# ---- the process ----


def register_signals():
    def one(sig, busy):
        if sig == signal.SIGTERM:
            ours_only("dies from SIGTERM")
        with Forward("pod/mixed-a", ":80", ":19") as forward:
            check_equal(name_of(forward.port()), "mixed-a", "answer")
            client = connect(forward.port(1)) if busy else None
            if client:
                client.recv(1000)
            check_equal(forward.stop(sig), 0, "status")
            if client:
                client.close()
            for extra in forward.stderr().splitlines():
                check(not extra.startswith("error:"), f"stderr: {extra}")

    for sig in (signal.SIGINT, signal.SIGTERM):
        for busy in (False, True):
            test(f"{sig.name} ends it with status 0{', while busy' if busy else ''}")(
                lambda s=sig, b=busy: one(s, b))


register_signals()


@test("no kubeconfig")
def no_kubeconfig():
    text = fails("pod/x", ":80", config="/nonexistent/kubeconfig", within=20)
    check(text.strip(), text)


@test("wget fetches")
def wget_fetches():
    if not shutil.which("wget"):
        raise Skip("wget is not installed")
    with Forward("svc/web", ":8080") as forward:
        out = subprocess.run(["wget", "-q", "--no-proxy", "-O", "-", "-T", "20",
                              f"http://127.0.0.1:{forward.port()}/"], check=False,
                             stdout=subprocess.PIPE).stdout.decode()
        check(out.startswith("web-"), out)


# ---- what there is ----


def ask(*args, user="admin-token", store):
    """The JSON that a command of ours prints, and what it says beside it."""
    ours_only("has no such command")
    env = dict(os.environ, KUBECONFIG=kubeconfig(user), KFTRAY_CONFIG=store)
    done = subprocess.run([os.environ["KFTRAYCTL"], *args, "--json"], env=env, timeout=60, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    check_equal(done.returncode, 0, f"{args}: {done.stderr}")
    return json.loads(done.stdout)


@test("contexts that can be reached")
def contexts_reached():
    with tempfile.TemporaryDirectory() as store:
        for user in ("admin", "denied"):
            context = ask("contexts", user=user, store=store)[0]
            check(context["current"] and context["probe"]["reachable"], context)
            check(context["probe"]["version"].startswith("v1.20."), context)


@test("discover finds services, adds one, list has it")
def discover_add_list():
    with tempfile.TemporaryDirectory() as store:
        found = ask("discover", "--all-namespaces", store=store)
        ports = {(item["namespace"], item["service"], item["port"], item["target"]) for item in found["items"]}
        for wanted in (("default", "web", 8080, "http"), ("default", "web", 7, "7"), ("default", "pinned", 8080, "80")):
            check(wanted in ports, f"{wanted} is not among {ports}")
        check_equal(found["note"], None, "note")
        check_equal(ask("discover", "--add", "web:http", store=store)["new"], 1, "new")
        configs = ask("list", store=store)
        check_equal([(item["alias"], item["remote"]) for item in configs], [("web-http", "default/web:8080")], "list")
        again = ask("discover", "web:http", store=store)["items"][0]
        check_equal(again["stored_id"], configs[0]["id"], "stored")


@test("run carries a discovered config, list in a second terminal shows it")
def run_discovered():
    with tempfile.TemporaryDirectory() as store:
        ask("discover", "--add", "web:http", store=store)
        environment = {**os.environ, "KUBECONFIG": kubeconfig("admin-token"), "KFTRAY_CONFIG": store}
        program = subprocess.Popen([os.environ["KFTRAYCTL"], "run", "web-http", "-o", "lines"], env=environment,
                                   stdout=subprocess.PIPE, text=True)
        try:
            line = next(line for line in program.stdout if ": ready at " in line)
            shown = ask("list", store=store)[0]
            check_equal((shown["state"], shown["pid"], shown["running"]), ("ready", program.pid, True), "list")
            check(f"(pod {shown['pod']})" in line, f"{line!r} does not name {shown['pod']}")
            check_equal(name_of(int(shown["address"].rpartition(":")[2])), shown["pod"], "answers")
        finally:
            program.terminate()
            check_equal(program.wait(20), 0, "exit status of run")
            program.stdout.close()
        after = ask("list", store=store)[0]
        check_equal((after["state"], after["pid"]), ("idle", None), "list after the end")
        check(after["traffic"]["connections"] == 1 and after["traffic"]["bytes_down"] > 0, after["traffic"])


@test("discover with the rights of one namespace")
def discover_one_namespace():
    with tempfile.TemporaryDirectory() as store:
        found = ask("discover", "-A", user="dev", store=store)
        check("may not list" in found["note"], found["note"])
        check("web" in {item["service"] for item in found["items"]}, found["items"])


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(name for name, _ in TESTS))
        return 0
    # A first request per kubeconfig: a cluster that is not there is not 90 failures.
    kubectl("get", "pods", user="admin-token", timeout=120)
    subprocess.run(["kubectl", "--kubeconfig", kubeconfig(transport="tunnel"), "get", "pods"],
                   check=True, timeout=120, stdout=subprocess.DEVNULL)
    return 1 if run(sys.argv[1:]) else 0


if __name__ == "__main__":
    sys.exit(main())
