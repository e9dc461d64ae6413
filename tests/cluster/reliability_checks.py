"""What must not be noticed: pods deleted, daemons killed and outages, under a load of new connections. Next to each number of
ours stands kubectl's, where it has one. Times are printed, never judged."""

import http.client
import os
import subprocess
import threading
import time

from harness import OTHER, Failed, Forward, check, eventually, get, kubectl, test

KUBE = os.path.join(os.path.dirname(__file__), "kube.sh")
SECONDS = int(os.environ.get("KFT_RELIABILITY_SECONDS", "30"))
EVERY = 5


class Load:
    """New HTTP connections, one after another in each thread, until the end of the with statement."""

    def __init__(self, port, n_threads=4):
        self.port = port
        self.good, self.slowest, self.failures, self.last_good = 0, 0.0, [], 0.0
        self.is_over = False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run) for _ in range(n_threads)]

    def _run(self):
        while not self.is_over:
            begun = time.monotonic()
            try:
                get(self.port, "/", 60)
                failure = None
            except (OSError, http.client.HTTPException, Failed) as error:
                failure = f"{type(error).__name__} {error}"
                time.sleep(0.05)
            with self.lock:
                self.last_good = time.monotonic() if failure is None else self.last_good
                self.good += failure is None
                self.slowest = max(self.slowest, time.monotonic() - begun) if failure is None else self.slowest
                self.failures += [failure] if failure else []

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join()

    def __str__(self):
        return f"{self.good} requests, {len(self.failures)} failed, the slowest took {self.slowest:.2f} s"


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
    """Returns how many."""
    end, count = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        kubectl("delete", "pod", in_use(), "--wait=false")
        count += 1
        time.sleep(EVERY)
    return count


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
        count = delete_pods(in_use)
        time.sleep(EVERY)
    print(f"# {replicas} replicas, {count} deletions, {'kubectl' if OTHER else 'kftrayctl'}: {load}; {load.failures[:2]}",
          flush=True)
    if not OTHER:
        check("no pod was ready" not in forward.stderr(), forward.stderr()[-800:])
        # The pods' server ends at once: requests that it was just answering end with it.
        check(len(load.failures) <= count * len(load.threads), str(load.failures))


@test("the pod in use is deleted every 5 s, 2 replicas, spdy")
def deletions_two():
    scale(2)
    with Forward("svc/web", ":8080", transport="spdy") as forward:
        run_deletions(2, forward)


@test("the pod in use is deleted every 5 s, 1 replica, spdy")
def deletions_one():
    scale(1)
    try:
        options = [] if OTHER else ["--hold-timeout", "60s"]
        with Forward("svc/web", ":8080", *options, transport="spdy") as forward:
            run_deletions(1, forward)
    finally:
        scale(2)


def restart(daemon, seconds):
    subprocess.run([KUBE, "restart", daemon, str(seconds)], check=True, timeout=120, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return time.monotonic()


def run_restart(daemon, seconds):
    scale(2)
    options = [] if OTHER else ["--hold-timeout", "60s"]
    with Forward("svc/web", ":8080", *options, transport="spdy") as forward:
        port = forward.port()
        eventually(lambda: get(port, "/", 5), 180, "an answer")
        with Load(port) as load:
            time.sleep(2)
            answers = restart(daemon, seconds)
            before = load.good
            try:
                eventually(lambda: load.good > before, 180, "a request that succeeds")
                first = f"{time.monotonic() - answers:.2f} s after it answers again"
            except Failed:
                first = "never"
            time.sleep(3)
        print(f"# {daemon} away for {seconds} s, {'kubectl' if OTHER else 'kftrayctl'}: good again {first}; {load}; "
              f"{load.failures[:2]}", flush=True)
        check(OTHER or first != "never", forward.stderr()[-800:])


@test("the API server is killed and comes back after 3 s")
def apiserver_killed():
    run_restart("kube-apiserver", 3)


@test("the kubelet is killed and comes back")
def kubelet_killed():
    run_restart("kubelet", 1)


@test("containerd is killed and comes back")
def containerd_killed():
    run_restart("containerd", 1)


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

