"""What the tests of kftrayctl's commands share: a home of their own, a scripted API server, terminals."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/support"))

import freeport  # noqa: E402

PROGRAM = os.path.abspath(os.environ["KFTRAYCTL"])
PASSED_ON = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LLVM_PROFILE_FILE")
# No test waits this long but a broken one.
PATIENCE = 60


def wait_until(condition, what):
    """Asks again and again until CONDITION() is true; its value. For what gives no event to await."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come within {PATIENCE} s")


class Case(unittest.TestCase):
    """Each test has an empty directory, which is its home and holds its database."""

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="kftray-cli-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self.environment |= {"HOME": str(self.home), "KFTRAY_CONFIG": str(self.home / "config"), "LC_ALL": "C.UTF-8",
                             "KUBECONFIG": str(self.home / "kubeconfig"), "TERM": "xterm"}

    def run_program(self, *arguments, stdin=""):
        return subprocess.run([PROGRAM, *arguments], input=stdin, capture_output=True, text=True, check=False,
                              env=self.environment, cwd=self.home, timeout=PATIENCE)

    def good(self, *arguments, stdin=""):
        """Standard output of a command that succeeds and has nothing to complain about."""
        done = self.run_program(*arguments, stdin=stdin)
        self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
        return done.stdout

    def bad(self, *arguments, stdin=""):
        """The sentence of a command that fails: one line on standard error, nothing on standard output."""
        done = self.run_program(*arguments, stdin=stdin)
        self.assertEqual((done.returncode, done.stdout), (1, ""), arguments)
        self.assertTrue(done.stderr.startswith("error: "), done.stderr)
        return done.stderr.removeprefix("error: ").removesuffix("\n")

    def json(self, *arguments, stdin=""):
        return json.loads(self.good(*arguments, stdin=stdin))

    def rows(self, *arguments):
        """Table rows as lists of cells, without the headings."""
        return [re.split(r"  +", line.strip()) for line in self.good(*arguments).splitlines()[1:]]

    def write(self, name, content):
        path = self.home / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return name

    def start(self, *arguments):
        process = Background([PROGRAM, *arguments], self.environment, self.home)
        self.addCleanup(process.destroy)
        return process

    def open_terminal(self, *command, columns=100, rows=24):
        terminal = Terminal(command or [PROGRAM], self.environment, self.home, (rows, columns))
        self.addCleanup(terminal.destroy)
        return terminal


class ClusterCase(Case):
    """With a scripted API server; $KUBECONFIG is its kubeconfig, pod web-0 answers HTTP on 8080."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = pathlib.Path(tempfile.mkdtemp(prefix="kftray-cli-cluster-"))
        cls.addClassCleanup(shutil.rmtree, cls.cluster, ignore_errors=True)
        ready = cls.cluster / "ready"
        server = subprocess.Popen(["/usr/bin/python3", str(TOP / "tests/fakes/apiserver.py"), "--ready", str(ready),
                                   "--demo", "--dir", str(cls.cluster)], stdout=subprocess.DEVNULL)
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.terminate)
        wait_until(ready.exists, "the API server")
        cls.kubeconfig = json.loads(ready.read_text(encoding="utf-8"))["kubeconfig"]

    def setUp(self):
        super().setUp()
        self.environment["KUBECONFIG"] = self.kubeconfig

    def fetch(self, port):
        """The body of a request to a forwarded port."""
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
            sock.settimeout(PATIENCE)
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            parts = list(iter(lambda: sock.recv(65536), b""))
        return b"".join(parts).partition(b"\r\n\r\n")[2].decode()


class Background:
    """A program that goes on: its lines are awaited, it is ended by a signal."""

    def __init__(self, command, environment, home):
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, env=environment, cwd=home)
        self.pid = self._process.pid
        self._rest = b""
        self.lines = []

    def await_line(self, pattern):
        """The first line from here on that fits PATTERN; older ones were seen already."""
        end = time.monotonic() + PATIENCE
        while True:
            line = self._next_line(end)
            if line is None:
                raise AssertionError(f"no line fits {pattern!r}: {self.lines}")
            if re.search(pattern, line):
                return line

    def _next_line(self, end):
        while b"\n" not in self._rest:
            readable, _, _ = select.select([self._process.stdout], [], [], max(0, end - time.monotonic()))
            data = os.read(self._process.stdout.fileno(), 65536) if readable else b""
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        self.lines.append(line.decode())
        return self.lines[-1]

    def end(self, number=signal.SIGINT):
        """Its exit status after the signal; all its lines are in LINES then."""
        self._process.send_signal(number)
        return self.wait()

    def close_output(self):
        self._process.stdout.close()

    def wait_silent(self):
        """Its exit status, once its output is closed."""
        return self._process.wait(PATIENCE)

    def wait(self):
        while self._next_line(time.monotonic() + PATIENCE) is not None:
            continue
        return self._process.wait(PATIENCE)

    def destroy(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command, environment, home, size):
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            self._fd = 0
            self.resize(*size)  # here, so that the program never sees another size
            os.chdir(home)
            os.execvpe(command[0], list(command), environment)
        self.output = ""
        self._is_reaped = False

    def resize(self, rows, columns):
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def has_echo(self):
        return bool(termios.tcgetattr(self._fd)[3] & termios.ECHO)

    def send(self, text):
        """Types TEXT; what was shown until now is forgotten."""
        self.output = ""
        os.write(self._fd, text.encode())

    def expect(self, pattern):
        """Waits until what was shown fits PATTERN."""
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.output):
            readable, _, _ = select.select([self._fd], [], [], max(0, end - time.monotonic()))
            if not readable or not self._read():
                raise AssertionError(f"{pattern!r} did not come: {self.output!r}")

    def _read(self):
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # the program's side is closed
            return False
        self.output += data.decode("utf-8", "replace")
        return bool(data)

    def wait(self):
        """The exit status, after all that it showed."""
        while self._read():
            continue
        self._is_reaped = True
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def destroy(self):
        if not self._is_reaped:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._fd)
