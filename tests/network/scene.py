"""A forwarder in a network that misbehaves: network namespaces, an emulated link, the scripted API server."""

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TESTS, "cluster"))

import harness  # noqa: E402
from harness import check, eventually  # noqa: E402

LINK = os.path.join(TESTS, "support", "link", "link.sh")
FAKE = os.path.join(TESTS, "fakes", "apiserver.py")
NEAR, FAR = f"kft-near-{os.getpid()}", f"kft-far-{os.getpid()}"
SERVER = "10.120.1.2"
PATIENCE = 90


class World:
    """The scripted API server, and its kubeconfig for the near side of the link."""

    def __init__(self, directory):
        self.directory = directory
        path = os.path.join(directory, "kubeconfig")
        self.server = subprocess.Popen([sys.executable, FAKE, "--control", "--kubeconfig-out", path], text=True,
                                       stdout=subprocess.PIPE)
        facts = dict(word.partition("=")[::2] for word in self.server.stdout.readline().split()[1:])
        self.port = int(facts["port"])
        with open(path, encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"( *)server: .*", rf'\1server: "https://{SERVER}:{self.port}"\n\1tls-server-name: "localhost"', text)
        self.kubeconfig = os.path.join(directory, "near-kubeconfig")
        with open(self.kubeconfig, "w", encoding="utf-8") as file:
            file.write(text)

    def stop(self):
        self.server.terminate()
        self.server.wait()


WORLD = None


def link(*args):
    done = subprocess.run([LINK, *args], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    check(done.returncode == 0, f"link {' '.join(args)}: {done.stdout}")
    return done.stdout


def near_ip(*args):
    subprocess.run(["ip", "-n", NEAR, *args], check=True)


class Scene:
    """The link, a forward on its near side and the near side's view of the forward's port."""

    def __init__(self, *settings, transport="auto", target="pod/x", ports=(":80", ":7", ":9"), options=()):
        self.settings = settings
        self.arguments = [target, *ports, *options]
        self.transport = transport

    def __enter__(self):
        link("up", *self.settings)
        self.forward = harness.Forward(*self.arguments, transport=self.transport, prefix=[LINK, "exec"],
                                       config=WORLD.kubeconfig)
        try:
            self.port(0)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.forward.stop()
        link("down")

    def port(self, index):
        return self.forward.port(index)

    def fetch(self, seconds=60):
        """Whether a request on a new connection is answered."""
        done = subprocess.run([LINK, "exec", "curl", "-sS", "--noproxy", "*", "-m", str(seconds), "-o", "/dev/null",
                               f"http://127.0.0.1:{self.port(0)}/name"], check=False, stderr=subprocess.PIPE)
        return done.returncode == 0

    def fetch_until_good(self):
        """Seconds until a new connection is answered; one that was begun too early is given up after a second, on a
        slow machine after a little more each time."""
        begun = time.monotonic()
        limits = itertools.count(10)
        eventually(lambda: self.fetch(next(limits) / 10), PATIENCE, "an answer")
        return time.monotonic() - begun

    def wait_stderr(self, pattern, count=1):
        """Seconds until COUNT lines fit."""
        begun = time.monotonic()
        while len(re.findall(pattern, self.forward.stderr())) < count:
            check(self.forward.alive(), f"the forward ended: {self.forward.stderr()}")
            check(time.monotonic() - begun < PATIENCE, f"no {pattern!r} in {self.forward.stderr()}")
            time.sleep(0.05)
        return time.monotonic() - begun

    def connect(self, index):
        return self.connect_many(index, 1)[0]

    def connect_many(self, index, count):
        return [Near(near) for near in connect_near(self.port(index), count)]

    def is_undisturbed(self):
        check("lost connection" not in self.forward.stderr(), self.forward.stderr())


def connect_near(port, count):
    """COUNT sockets that were made and connected inside the near namespace, and handed over."""
    code = ("import socket, sys; out = socket.socket(fileno=0)\n"
            "for _ in range(int(sys.argv[2])):\n"
            "    with socket.create_connection(('127.0.0.1', int(sys.argv[1]))) as made:\n"
            "        socket.send_fds(out, [b'x'], [made.fileno()])")
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            maker = subprocess.Popen([LINK, "exec", sys.executable, "-c", code, str(port), str(count)], stdin=theirs)
        found = []
        while len(found) < count:
            _, fds, _, _ = socket.recv_fds(ours, 1, 1)
            check(fds, f"no connection to port {port}")
            found.append(socket.socket(fileno=fds[0]))
        maker.wait()
    return found


class Near:
    """A TCP connection inside the near namespace."""

    def __init__(self, near):
        self.socket = near
        self.socket.settimeout(PATIENCE)
        self.poured = 0

    def echo(self, text):
        self.socket.sendall(text)
        got = b""
        while len(got) < len(text):
            piece = self.socket.recv(65536)
            check(piece, "the connection ended")
            got += piece
        check(got == text, f"sent {text!r}, got {got!r}")

    def pour(self):
        """Uploads in the background until the connection ends; counts what was taken."""
        self.socket.settimeout(2 * PATIENCE)

        def run():
            try:
                while True:
                    self.poured += self.socket.send(bytes(65536))
            except OSError:
                pass
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


def timed(func):
    begun = time.monotonic()
    func()
    return time.monotonic() - begun


def say(text):
    print(f"# {text}", flush=True)


def run_all(words):
    """Runs the tests that are registered; returns the exit status."""
    global WORLD
    if os.geteuid() != 0:
        print("network tests need root", file=sys.stderr)
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the namespaces go
    directory = tempfile.mkdtemp(prefix="kftray-network-")
    WORLD = World(directory)
    os.environ |= {"LINK_DIR": os.path.join(directory, "link"), "LINK_NEAR": NEAR, "LINK_FAR": FAR, "K8S_DIR": directory,
                   "API_PORT": str(WORLD.port)}
    try:
        return 1 if harness.run(words) else 0
    finally:
        subprocess.run([LINK, "down"], check=False)
        WORLD.stop()
        shutil.rmtree(directory, ignore_errors=True)
