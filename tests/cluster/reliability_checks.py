"""What must not be noticed: pods deleted, daemons killed and outages, under a load of new connections. Next to each number of
ours stands kubectl's, where it has one. Times are printed, never judged."""

import contextlib
import http.client
import json
import os
import ssl
import subprocess
import threading
import time
import urllib.parse

from harness import (OTHER, PROGRAM, TRANSPORTS, Failed, Forward, check, connect, eventually, get, kubectl, read_all,
                     test)
from load import TRACE, Load, find_unproven

KUBE = os.path.join(os.path.dirname(__file__), "kube.sh")
SECONDS = int(os.environ.get("KFT_RELIABILITY_SECONDS", "30"))
EVERY = 5


def scale(count):
    kubectl("scale", "deployment/web", f"--replicas={count}")
    kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=180s", timeout=240)
    eventually(lambda: len(pods()) == count, 180, f"{count} pods")


def pods():
    """Ready ones that are not being deleted."""
    rows = kubectl("get", "pods", "-l", "app=web", "-o", "go-template={{range .items}}{{if not .metadata.deletionTimestamp}}"
                   "{{.metadata.name}} {{range .status.conditions}}{{if eq .type \"Ready\"}}{{.status}}{{end}}{{end}}\n{{end}}"
                   "{{end}}")
    return [row.split()[0] for row in rows.splitlines() if row.endswith(" True")]


def delete_pods(in_use):
    """Returns which."""
    end, deleted = time.monotonic() + SECONDS, []
    while time.monotonic() < end:
        deleted.append(in_use())
        kubectl("delete", "pod", deleted[-1], "--wait=false")
        time.sleep(EVERY)
    return deleted


def check_failures(load, forward, dying=None):
    """Returns how the requests ended that failed and may fail."""
    unproven, ends = find_unproven(load, forward.stderr(), dying)
    check(not unproven, "\n".join(unproven[:10]))
    return ends


def run_deletions(replicas, forward):
    """The pod that answers is deleted every few seconds."""
    port = forward.port()
    eventually(lambda: get(port, "/", 5), 180, "an answer")

    def in_use():
        try:
            return get(port, "/", 30).decode().strip()
        except (OSError, http.client.HTTPException, Failed):
            return eventually(pods, 180, "a pod")[0]
    with Load(port) as load:
        deleted = delete_pods(in_use)
        time.sleep(EVERY)
    print(f"# {replicas} replicas, {len(deleted)} deletions, {PROGRAM}: {load}", flush=True)
    if OTHER:
        return
    check("no pod was ready" not in forward.stderr(), forward.stderr()[-800:])
    ends = check_failures(load, forward, set(deleted))
    print(f"# each of the failed ones had its bytes on the pod that died; ended as {ends}", flush=True)


@test("the pod in use is deleted every 5 s, 2 replicas, spdy")
def deletions_two():
    scale(2)
    with Forward("svc/web", ":8080", transport="spdy", trace=TRACE) as forward:
        run_deletions(2, forward)


@test("the pod in use is deleted every 5 s, 1 replica, spdy")
def deletions_one():
    scale(1)
    try:
        options = [] if OTHER else ["--hold-timeout", "60s"]
        with Forward("svc/web", ":8080", *options, transport="spdy", trace=TRACE) as forward:
            run_deletions(1, forward)
    finally:
        scale(2)


class Upgrades:
    """Asks the API server for a port-forward every 50 ms, to know when all behind it answer again."""

    def __init__(self, pod):
        config = json.loads(kubectl("config", "view", "--raw", "-o", "json", user="admin-token"))
        self.url = urllib.parse.urlsplit(config["clusters"][0]["cluster"]["server"])
        self.token = config["users"][0]["user"]["token"]
        self.path = f"/api/v1/namespaces/default/pods/{pod}/portforward"
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        self.is_over, self.failed_at, self.back_at = False, None, None
        self.thread = threading.Thread(target=self._run)

    def _is_good(self):
        client = http.client.HTTPSConnection(self.url.hostname, self.url.port, timeout=5, context=self.tls)
        with contextlib.closing(client):
            try:
                client.request("POST", self.path, headers={
                    "Authorization": f"Bearer {self.token}", "Connection": "Upgrade", "Upgrade": "SPDY/3.1",
                    "X-Stream-Protocol-Version": "portforward.k8s.io"})
                return client.getresponse().status == 101
            except (OSError, http.client.HTTPException):
                return False

    def _run(self):
        while not self.is_over:
            good = self._is_good()
            now = time.monotonic()
            if not good:
                self.failed_at, self.back_at = self.failed_at or now, None
            elif self.failed_at is not None and self.back_at is None:
                self.back_at = now
            time.sleep(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()


def restart(daemon, seconds):
    subprocess.run([KUBE, "restart", daemon, str(seconds)], check=True, timeout=seconds + 240, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return time.monotonic()


class Idle:
    """Connections that have said nothing yet when something is killed: none of their bytes can be lost, so they must go on."""

    def __init__(self, port, count=10):
        self.sockets = [connect(port) for _ in range(count)]

    def count_good(self):
        return sum(self._is_answered(sock) for sock in self.sockets)

    @staticmethod
    def _is_answered(sock):
        with sock:
            try:
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return read_all(sock)[0].startswith(b"HTTP/1.") or False
            except OSError:
                return False


def run_restart(daemon, seconds, transport):
    scale(2)
    options = [] if OTHER else ["--hold-timeout", "60s"]
    with Forward("svc/web", ":8080", *options, transport=transport, trace=TRACE) as forward, Upgrades(pods()[0]) as upgrades:
        port = forward.port()
        eventually(lambda: get(port, "/", 5), 180, "an answer")
        with Load(port) as load:
            idle = Idle(port)
            time.sleep(2)
            restart(daemon, seconds)
            eventually(lambda: upgrades.back_at or upgrades.failed_at is None, 60, "port-forwards by others")
            before = load.good
            with contextlib.suppress(Failed):
                eventually(lambda: load.good > before, 15 if OTHER else 180, "a request that succeeds")
            is_back = load.good > before
            n_idle = idle.count_good()
            time.sleep(3)
        begin, end = load.longest_gap()
        answers = upgrades.back_at or end
        first = f"{max(end - answers, 0):.2f} s after others can forward again" if is_back else "never"
        print(f"# {daemon} away for {seconds} s, {PROGRAM}, {transport}: others can forward again "
              f"after {max(answers - begin, 0):.2f} s, good again {first}; {load}; of {len(idle.sockets)} connections that had "
              f"said nothing {n_idle} went on", flush=True)
        if OTHER:
            return
        check(is_back, forward.stderr()[-800:])
        ends = check_failures(load, forward)
        print(f"# each of the failed ones was under way; ended as {ends}", flush=True)
        check(n_idle == len(idle.sockets), f"{n_idle} of {len(idle.sockets)} went on: {forward.stderr()[-800:]}")


@test("the API server is killed and comes back after 3 s", transports=TRANSPORTS)
def apiserver_killed(transport):
    run_restart("kube-apiserver", 3, transport)


@test("the kubelet is killed and comes back", transports=TRANSPORTS)
def kubelet_killed(transport):
    run_restart("kubelet", 1, transport)


@test("containerd is killed and comes back", transports=TRANSPORTS)
def containerd_killed(transport):
    run_restart("containerd", 1, transport)


@test("fifty forwards through an outage of the API server")
def fifty_forwards():
    """Descriptors and memory of one process per forward say the same fifty times; ten are looked at."""
    if OTHER:
        return
    forwards = [Forward("svc/web", ":8080", "--hold-timeout", "90s", transport="spdy") for _ in range(50)]
    try:
        ports = [forward.port() for forward in forwards]
        for port in ports:
            eventually(lambda p=port: get(p, "/", 10), 180, "an answer")
        before = [(forward.rss_kib(), forward.fds()) for forward in forwards[:10]]
        answers = restart("kube-apiserver", 20)
        for port in ports:
            eventually(lambda p=port: get(p, "/", 60), 180, "an answer")
        took = time.monotonic() - answers
        time.sleep(2)
        after = [(forward.rss_kib(), forward.fds()) for forward in forwards[:10]]
        lines = max(len(forward.stderr().splitlines()) for forward in forwards)
        print(f"# 50 forwards: all good {took:.1f} s after the API server answers; most lines of one: {lines}; "
              f"memory KiB {before[0][0]} -> {after[0][0]}, descriptors {before[0][1]} -> {after[0][1]}", flush=True)
        for (_, fds), (_, later) in zip(before, after):
            check(later <= fds + 2, f"descriptors {fds} -> {later}")
    finally:
        for forward in forwards:
            forward.stop()

