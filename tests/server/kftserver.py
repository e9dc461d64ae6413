"""What the tests of kftray-server share: the program itself, targets for it, frames and SOCKS.

Everything is awaited with a deadline; nothing sleeps. Frames and SOCKS are written here anew, so that
a mistake in the program's own code cannot hide."""

import contextlib
import hashlib
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import freeport  # noqa: E402

WAIT_S = float(os.environ.get("KFT_TEST_WAIT_S", "60"))
PROGRAM = os.environ.get("KFTRAY_SERVER", "build/tests/bin/kftray-server")
MAX_DATAGRAM = 65507

CONNECT, BIND, UDP_FRAMES = 0x01, 0x02, 0xF3
IPV4, NAME, IPV6 = 0x01, 0x03, 0x04


class Failure(AssertionError):
    pass


def wait_until(what, condition):
    """Waits for something that shows no event of its own."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise Failure(f"{what}: not within {WAIT_S} s")


class Server:
    """The program with the variables given; a context manager that stops it and looks at how it ends."""

    def __init__(self, *, wrap=(), program=None, wanted_status=0, **variables):
        env = {k: v for k, v in os.environ.items() if k in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
        env |= {"LISTEN_ADDRESS": "127.0.0.1", "LOCAL_PORT": "0", "STATUS_ADDRESS": "127.0.0.1", "STATUS_PORT": "0",
                "DRAIN_TIMEOUT": "2s"}
        env |= {k: str(v) for k, v in variables.items() if v is not None}
        for name, value in variables.items():
            if value is None:
                env.pop(name, None)
        self.wanted_status = wanted_status
        self.lines = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen([*wrap, program or PROGRAM], env=env, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    def log(self):
        with self.changed:
            return "\n".join(line for line in self.lines if line is not None)

    def await_line(self, pattern, count=1):
        """The match of the count-th line that has the pattern."""
        end = time.monotonic() + WAIT_S
        with self.changed:
            while True:
                found = [m for m in (re.search(pattern, line) for line in self.lines if line is not None) if m]
                if len(found) >= count:
                    return found[count - 1]
                if None in self.lines or not self.changed.wait(max(0, end - time.monotonic())):
                    shown = "\n".join(line or "(end)" for line in self.lines)
                    raise Failure(f"no line {pattern!r} ({count}) in:\n{shown}")

    def __enter__(self):
        try:
            match = self.await_line(r"event=listening .*address=(\S+):(\d+) status=(?:off|(\S+):(\d+))")
        except Failure:
            self.process.kill()
            self.process.wait()
            raise
        self.port = int(match[2])
        self.status_port = int(match[4]) if match[4] else None
        return self

    def __exit__(self, kind, value, traceback):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure("the server does not end:\n" + self.log()) from value
        finally:
            self.reader.join(WAIT_S)
            self.process.stderr.close()
        if kind is None and status != self.wanted_status:
            raise Failure(f"the server ended with {status}:\n{self.log()}")
        if kind is None and "event=defect" in self.log():
            raise Failure(self.log())

    def connect(self, timeout=WAIT_S):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def resets(self):
        """Connects and waits for the end: whether it is a reset, which may overtake connect() itself."""
        try:
            with self.connect() as client:
                return not is_ended(client)
        except ConnectionResetError:
            return True

    def get(self, path, method="GET"):
        """Status and body of the second port."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.status_port}{path}", method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=WAIT_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self):
        values = {}
        for line in self.get("/metrics")[1].splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name.removeprefix("kftray_server_")] = int(value)
        return values

    def await_metric(self, name, value):
        wait_until(f"{name} {value}", lambda: self.metrics()[name] == value)


def run_to_end(**variables):
    """Status and log of a server that ends by itself."""
    env = {"PATH": os.environ["PATH"]} | {k: str(v) for k, v in variables.items()}
    done = subprocess.run([PROGRAM], env=env, stderr=subprocess.PIPE, text=True, timeout=WAIT_S, check=False)
    return done.returncode, done.stderr


class TcpTarget:
    """Listens, and gives each connection to a function in a thread of its own."""

    def __init__(self, serve, host="127.0.0.1", port=0):
        self.serve = serve
        self.socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET,
                                           backlog=1024)
        self.port = self.socket.getsockname()[1]
        self.threads = []
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            connection.settimeout(WAIT_S)
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def _run(self, connection):
        with connection, contextlib.suppress(OSError):
            self.serve(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@contextlib.contextmanager
def echo_targets():
    """A port of 127.0.0.1 that sends back what it gets by TCP and by UDP."""
    port = freeport.find()
    with TcpTarget(echo, port=port), UdpTarget(echo_datagram, port=port):
        yield port


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


class UdpTarget:
    """A UDP socket; by default it sends every datagram back."""

    def __init__(self, serve=None, host="127.0.0.1", port=0):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((host, port))
        self.socket.settimeout(WAIT_S)
        self.port = self.socket.getsockname()[1]
        self.is_ending = False
        self.thread = None
        if serve is not None:
            self.thread = threading.Thread(target=self._run, args=(serve,), daemon=True)
            self.thread.start()

    def _run(self, serve):
        while not self.is_ending:
            readable, _, _ = select.select([self.socket], [], [], 0.05)
            if readable:
                with contextlib.suppress(ConnectionRefusedError):
                    data, peer = self.socket.recvfrom(65535)
                    serve(self.socket, data, peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_ending = True
        if self.thread is not None:
            self.thread.join(WAIT_S)
        self.socket.close()


def echo_datagram(sock, data, peer):
    sock.sendto(data, peer)


def receive(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise Failure(f"the connection ended after {len(data)} of {size} bytes")
        data += piece
    return data


def receive_all(connection):
    pieces = []
    while piece := connection.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def is_ended(connection):
    """Waits for the end: True if it was an orderly one, False for a reset."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return False


def frame(data):
    return struct.pack(">I", len(data)) + data


def receive_frame(connection):
    return receive(connection, struct.unpack(">I", receive(connection, 4))[0])


def socks_address(host, port):
    for family, kind in ((socket.AF_INET, IPV4), (socket.AF_INET6, IPV6)):
        with contextlib.suppress(OSError):
            return bytes([kind]) + socket.inet_pton(family, host) + struct.pack(">H", port)
    name = host.encode()
    return bytes([NAME, len(name)]) + name + struct.pack(">H", port)


def socks_request(host, port, command=CONNECT):
    return bytes([5, command, 0]) + socks_address(host, port)


def receive_reply(connection):
    """The code of a reply, whose address is read, too."""
    version, code, _, kind = receive(connection, 4)
    if version != 5:
        raise Failure(f"SOCKS version {version}")
    receive(connection, {IPV4: 6, IPV6: 18}[kind])
    return code


def socks(server, host, port, command=CONNECT):
    """A connection through a gateway, and the reply's code."""
    connection = server.connect()
    connection.sendall(b"\5\1\0")
    if receive(connection, 2) != b"\5\0":
        raise Failure("the gateway wants authentication")
    connection.sendall(socks_request(host, port, command))
    return connection, receive_reply(connection)


def send_blocks(connection, n_bytes, seed):
    """Sends bytes that depend on the seed; returns their SHA-256."""
    digest = hashlib.sha256()
    block = hashlib.shake_128(seed).digest(1 << 20)
    for number in range(n_bytes >> 20):
        piece = struct.pack(">Q", number) + block[8:]
        digest.update(piece)
        connection.sendall(piece)
    return digest.hexdigest()


def receive_blocks(connection):
    """Reads to the end; returns the number of bytes and their SHA-256."""
    digest = hashlib.sha256()
    size = 0
    while piece := connection.recv(1 << 18):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()
