#!/usr/bin/env python3
"""Fault torture: reruns one case with the n-th fallible call failing, n = 1, 2, …, until it passes untouched.

    torture.py --kftrayctl PATH [--to N] [RUN…]

PATH is a build with KFT_FAULTS=ON. Each run forwards a port of the scripted API server, makes two connections and
stops; or deploys a relay for TCP or UDP first. Whatever fails inside, the program may not crash, hang or leak (a sanitizer build shows that), and must end
with status 0 or 1, in the latter case with a sentence. The last runs move few bytes per read and write and must
carry the data unharmed. TAP output.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
# Only a hang takes so long.
RUN_SECONDS = 180
# How long an answer is awaited that a fault may have swallowed, and one that must come.
SOON, PATIENCE = 15, 60
PARTIAL = [(1, 0), (0, 1), (7, 3), (1, 1), (4096, 1500)]
FORWARD = ("pod/x", ":80")
RELAY = ("--relay", "own", "--remote-address", "x.test", ":80")
# What is run, and what a relay of it is: an echo of frames is one of datagrams.
RUNS = {
    "tunnel": ("http", "--transport", "tunnel", *FORWARD),
    "spdy": ("http", "--transport", "spdy", *FORWARD),
    "websocket": ("http", "--transport", "websocket", *FORWARD),
    "relay": ("http", *RELAY),
    "udp": ("echo", "--udp", *RELAY),
}
WORLD = '{"server": {"created": {"apps": {"8080": "%s", "8090": "http"}}}}'
DATAGRAM = bytes(range(256)) * 4
# A file to compare through the forward.
BYTES = 20000
BATCH = 4


class Server:
    def __init__(self, directory, app):
        directory.mkdir()
        self.kubeconfig = directory / "kubeconfig"
        self.state = directory / "state"
        world = directory / "world.json"
        world.write_text(WORLD % app, encoding="utf-8")
        self._process = subprocess.Popen(
            ["/usr/bin/python3", TOP / "tests/fakes/apiserver.py", "--kubeconfig-out", self.kubeconfig, "--world", world],
            stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline()
        if not line.startswith("ready"):
            raise RuntimeError(f"the API server did not start: {line}")

    def stop(self):
        self._process.terminate()
        self._process.wait()


def request(port, path, seconds):
    """The body of a GET, or None if the connection failed, which a fault may well cause."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
            client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = b""
            while piece := client.recv(65536):
                answer += piece
    except OSError:
        return None
    return answer.partition(b"\r\n\r\n")[2]


def ask(port, seconds):
    """The answer to a datagram, which is sent again each second; None if there is none."""
    end = time.monotonic() + seconds
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        while time.monotonic() < end:
            try:
                client.connect(("127.0.0.1", port))
                client.send(DATAGRAM)
                return client.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return None
    return None


def read_port(process):
    """The local port, or None if the program ended first."""
    for line in process.stdout:
        match = re.match(r"Forwarding from 127\.0\.0\.1:(\d+) ->", line)
        if match:
            return int(match[1])
    return None


def run_once(program, server, what, environment, seconds):
    """(status, stderr, bodies) of one run; status None if it had to be killed."""
    command = [program, "forward", "--kubeconfig", server.kubeconfig, "-q", "--address", "127.0.0.1",
               "--pod-running-timeout", "3s", *RUNS[what][1:]]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True,
                                   env={**os.environ, "XDG_STATE_HOME": server.state, **environment})
        deadline = time.monotonic() + RUN_SECONDS
        port = read_port(process)
        bodies = []
        if port:
            bodies = [ask(port, seconds) if what == "udp" else request(port, f"/zero?n={BYTES}", seconds) for _ in range(2)]
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(max(1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = None
        process.stdout.close()
        errors.seek(0)
        return status, errors.read(), bodies


def complaint(status, errors):
    if status is None:
        return f"did not end within {RUN_SECONDS} s"
    if status not in (0, 1):
        return f"ended with status {status}"
    if status == 1 and not re.search(r"^error: .+", errors, re.M):
        return "ended with status 1 and no error message"
    return None


class Report:
    def __init__(self):
        self.count = 0
        self.failures = 0

    def add(self, name, problem, errors=""):
        self.count += 1
        if problem is None:
            print(f"ok {self.count} - {name}", flush=True)
            return
        self.failures += 1
        print(f"not ok {self.count} - {name}\n#   {problem}", flush=True)
        for line in errors.splitlines()[-40:]:
            print(f"#   {line}")


def torture(report, pool, program, server, what, last):
    """Runs batches of neighbouring calls at once; the first untouched run ends it."""
    def attempt(n):
        return n, *run_once(program, server, what, {"KFT_FAULT_NTH": str(n)}, SOON)

    for start in range(1, last + 1, BATCH):
        for n, status, errors, _ in pool.map(attempt, range(start, start + BATCH)):
            if "fault injected" not in errors:
                return
            point = re.search(r"fault injected: (\S+)", errors)[1]
            report.add(f"{what}: call {n} fails, {point}", complaint(status, errors), errors)
    report.add(f"{what}: ends", f"more than {last} fallible calls")


def partial(report, program, server, what):
    for read, write in PARTIAL:
        environment = {"KFT_DBG_RMAX": str(read), "KFT_DBG_WMAX": str(write)}
        status, errors, bodies = run_once(program, server, what, environment, PATIENCE)
        problem = complaint(status, errors)
        if problem is None and bodies != [DATAGRAM if what == "udp" else bytes(BYTES)] * 2:
            problem = f"wrong data: {[None if b is None else len(b) for b in bodies]}"
        report.add(f"{what}: at most {read or 'any'} bytes read, {write or 'any'} written at once",
                   problem, errors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kftrayctl", required=True)
    parser.add_argument("--to", dest="last", type=int, default=2000)
    parser.add_argument("only", nargs="*", metavar="RUN", help=", ".join(RUNS))
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as directory:
        for what in options.only or RUNS:
            server = Server(pathlib.Path(directory) / what, RUNS[what][0])
            try:
                with concurrent.futures.ThreadPoolExecutor(BATCH) as pool:
                    torture(report, pool, options.kftrayctl, server, what, options.last)
                    partial(report, options.kftrayctl, server, what)
            finally:
                server.stop()
    print(f"1..{report.count}")
    print(f"# {report.count - report.failures} passed, {report.failures} failed")
    sys.exit(1 if report.failures else 0)


main()
