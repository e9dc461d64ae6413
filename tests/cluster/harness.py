"""The cluster tests' own tools: TAP, running a forwarder, clients of the pods' server.

A Forward is one foreground process (kftrayctl forward, or another named by PF_CMD). It is
started, its "Forwarding from" lines are read, and it is always ended by its own pid.
"""

import atexit
import contextlib
import hashlib
import http.client
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import freeport  # noqa: E402

K = os.environ.get("K8S_DIR", "/tmp/kftray-k8s")
CACHE = os.environ.get("KFT_TEST_CACHE", os.path.expanduser("~/.cache/kftray-tests"))
PODSRV = os.path.join(CACHE, "kube-1.20.2-r3", "bin", "podsrv")
PF_CMD = os.environ.get("PF_CMD")
OTHER = bool(PF_CMD)  # not our own program
LOOPED = OTHER and os.path.basename(shlex.split(PF_CMD)[0]) == "again.sh"
PROGRAM = shlex.split(PF_CMD)[1] + " in a loop" if LOOPED else shlex.split(PF_CMD)[0] if OTHER else "kftrayctl"
SANITIZED = bool(os.environ.get("KFT_SANITIZED"))
TRANSPORTS = ("websocket", "spdy", "tunnel")
MB = 1000 * 1000

# What the programs keep is not the user's own: neither his settings nor his relays concern the tests.
KEPT = tempfile.mkdtemp(prefix="kftray-tests-")
atexit.register(shutil.rmtree, KEPT, ignore_errors=True)
os.environ |= {"KFTRAY_CONFIG": os.path.join(KEPT, "config"), "XDG_STATE_HOME": os.path.join(KEPT, "state")}


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


class Failed(AssertionError):
    """A test's finding."""


def check(condition, text):
    if not condition:
        raise Failed(text)


def check_equal(got, want, what):
    if got != want:
        raise Failed(f"{what}: got {got!r}, want {want!r}")


def ours_only(reason):
    if OTHER:
        raise Skip(f"{PROGRAM}: {reason}")


# ---- TAP ----

TESTS = []


def test(name=None, transports=None):
    """Registers a function; with transports, once for each, which is passed as an argument."""

    def register(func):
        base = name or func.__name__.replace("_", " ")
        if transports is None:
            TESTS.append((base, func))
        else:
            for transport in transports:
                TESTS.append((f"{base}, {transport}", lambda t=transport: func(t)))
        return func

    return register


def run(words):
    """Runs the tests whose name has one of the words. Returns the number of failures."""
    chosen = [t for t in TESTS if not words or any(w in t[0] for w in words)]
    failures = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, (name, func) in enumerate(chosen, 1):
        start = time.monotonic()
        try:
            func()
            line, notes = f"ok {number} - {name}", []
        except Skip as skip:
            line, notes = f"ok {number} - {name} # SKIP {skip}", []
        except Exception as error:  # a broken test is a failed test
            failures += 1
            line = f"not ok {number} - {name}"
            notes = [f"{type(error).__name__}: {error}"] if not isinstance(error, Failed) else [str(error)]
        took = time.monotonic() - start
        print(line, flush=True)
        for note in notes:
            print("".join(f"# {text}\n" for text in note.splitlines()), end="")
        print(f"# {took:.1f} s", flush=True)
    print(f"# {len(chosen) - failures} passed, {failures} failed", flush=True)
    return failures


# ---- processes ----


def kubeconfig(user="admin-token", transport="auto"):
    prefix = "tunnel-" if transport == "tunnel" else ""
    return os.path.join(K, f"{prefix}{user}.kubeconfig")


def kubectl(*args, user="admin", timeout=180, ok=True):
    done = subprocess.run(["kubectl", "--kubeconfig", kubeconfig(user), *args], timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if ok and done.returncode != 0:
        raise Failed(f"kubectl {' '.join(args)}: {done.stderr}")
    return done.stdout.strip()


def command_line(args, transport, other=None, command="forward"):
    """The command and what its environment needs, for our program or another forwarder."""
    env = dict(os.environ)
    words = other or PF_CMD
    if words is None:
        ctl = [os.environ["KFTRAYCTL"], command, *args]
        return (ctl + ["--transport", transport] if transport != "auto" else ctl), env
    if transport == "websocket":
        raise Skip(f"{'kubectl' if other else PROGRAM} does not speak v4 for port-forward")
    env["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = "false" if transport == "spdy" else "true"
    if LOOPED:  # on the same port again
        args = [re.sub(r"^:(?=\w+$)", lambda _: f"{freeport.find()}:", word) for word in args]
    return shlex.split(words) + list(args), env


class Forward:
    """A running forwarder. Use it in a with statement."""

    def __init__(self, *args, transport="auto", user="admin-token", other=None, config=None,
                 prefix=(), trace=None, command="forward"):
        line, env = command_line(args, transport, other, command)
        line = [*prefix, *line]
        env["KUBECONFIG"] = config or kubeconfig(user, transport)
        if trace is not None:
            env["KFT_TRACE"] = trace
        self.args = args
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.errors)
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for raw in self.process.stdout:
            with self.changed:
                self.lines.append(raw.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def forwarding(self):
        return [line for line in self.lines if line.startswith("Forwarding from ")]

    def wait_lines(self, count, timeout=60):
        """Waits for that many Forwarding lines."""
        end = time.monotonic() + timeout
        with self.changed:
            while len(self.forwarding()) < count and time.monotonic() < end:
                if not self.reader.is_alive():
                    break
                self.changed.wait(0.1)
        check(len(self.forwarding()) >= count,
              f"{' '.join(self.args)}: {len(self.forwarding())} of {count} lines: {self.lines} "
              f"status {self.process.poll()}, stderr: {self.stderr()}")
        return self.forwarding()

    def port(self, index=0):
        """The local port of the index-th remote port (IPv4 lines only)."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found = [m.group(1) for m in
                     (re.match(r"Forwarding from 127\.\d+\.\d+\.\d+:(\d+) -> ", line)
                      for line in list(self.lines)) if m]
            if len(found) > index:
                return int(found[index])
            if not self.reader.is_alive():
                break
            time.sleep(0.02)
        raise Failed(f"{' '.join(self.args)}: no local port {index}: {self.lines}, status "
                     f"{self.process.poll()}, stderr: {self.stderr()}")

    def stop(self, sig=signal.SIGTERM, timeout=60):
        """Ends the process; returns its status, or None if it had to be killed."""
        status = self.process.poll()
        if status is None:
            self.process.send_signal(sig)
            try:
                status = self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(5)
        return status

    def wait_exit(self, timeout):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{' '.join(self.args)}: still runs after {timeout} s") from late

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def fails(*args, within=60, **kwargs):
    """Runs a forwarder that must not start; returns its stderr. Demands status 1 and a sentence."""
    with Forward(*args, **kwargs) as forward:
        status = forward.wait_exit(within)
        text = forward.stderr()
        check_equal(status, 1, f"{' '.join(args)}: status (stderr: {text})")
        check(text.strip(), f"{' '.join(args)}: no error text")
        if not OTHER and not kwargs.get("other"):
            check(text.strip().splitlines()[-1].startswith("error: "),
                  f"the last line does not begin with 'error: ': {text}")
        return text


# ---- clients ----


def connect(port, timeout=60, host="127.0.0.1"):
    return socket.create_connection((host, port), timeout)


def get(port, path="/", timeout=60):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as c:
        c.request("GET", path, headers={"Connection": "close"})
        answer = c.getresponse()
        check_equal(answer.status, 200, f"GET {path}")
        return answer.read()


def name_of(port, timeout=60):
    return get(port, "/", timeout).decode().strip()


def get_sum(port, path, timeout=300):
    """SHA-256 and length of what a GET delivers."""
    digest, count = hashlib.sha256(), 0
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as c:
        c.request("GET", path)
        answer = c.getresponse()
        while True:
            block = answer.read(256 * 1024)
            if not block:
                return count, digest.hexdigest()
            digest.update(block)
            count += len(block)


def post(port, path, body, timeout=300):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as c:
        c.request("POST", path, body=body)
        answer = c.getresponse()
        check_equal(answer.status, 200, f"POST {path}")
        return answer.read().decode().strip()


def read_all(sock):
    """Everything until the end; the second value tells whether the end was a reset."""
    got = b""
    try:
        while True:
            block = sock.recv(65536)
            if not block:
                return got, False
            got += block
    except ConnectionError:
        return got, True


def random_bytes(count, seed):
    """What /random of the pods' server sends, made on this machine."""
    return subprocess.run([PODSRV, "--random", str(count), str(seed)], check=True,
                          stdout=subprocess.PIPE).stdout


def eventually(func, timeout, what):
    """Calls func until it returns something true; a Failed or OSError counts as not yet."""
    end, last = time.monotonic() + timeout, None
    while time.monotonic() < end:
        try:
            value = func()
            if value:
                return value
        except (OSError, Failed, http.client.HTTPException) as error:
            last = error
        time.sleep(0.2)
    raise Failed(f"{what}: not within {timeout} s (last: {last})")
