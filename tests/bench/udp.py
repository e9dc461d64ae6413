#!/usr/bin/python3
"""UDP all the way: a local client, kftrayctl, the API server, a relay pod, a pod that answers at once. Prints tables.

    udp.py [--seconds S] [--rate DATAGRAMS_PER_SECOND]      run.sh --udp, which brings the cluster up, passes these on

First round trips, one question under way per peer, with our relay and with the one in lock-step (an emulation in
Python: it stands for a way of working). Then a stream of datagrams at a fixed rate, and how many came back."""

import argparse
import contextlib
import os
import pathlib
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from relay import row

HERE = pathlib.Path(__file__).resolve().parent
KUBE = HERE.parent / "cluster" / "kube.sh"
sys.path.insert(0, str(HERE.parent / "cluster"))
from lockstep_pod import LOCKSTEP  # noqa: E402  the tests' template

FILLER = b"q" * 64


def kube(*args):
    return subprocess.run([KUBE, *args], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]


@contextlib.contextmanager
def forward(pod, image, template=None):
    """The local port of a forward to the echo of a pod, by way of a relay of its own."""
    with tempfile.TemporaryDirectory() as folder:
        if template is not None:
            (pathlib.Path(folder) / "relay-pod.yaml").write_text(template, encoding="utf-8")
        kubeconfig = os.path.join(os.environ.get("K8S_DIR", "/tmp/kftray-k8s"), "admin-token.kubeconfig")
        command = [os.environ["KFTRAYCTL"], "forward", "--udp", "--relay", "own", "--relay-image", image, f"pod/{pod}",
                   ":7"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "KUBECONFIG": kubeconfig, "KFTRAY_CONFIG": folder}) as process:
            try:
                yield next(int(found[1]) for line in process.stdout
                           if (found := re.match(r"Forwarding from 127[.0-9]+:(\d+)", line)))
            finally:
                process.send_signal(signal.SIGTERM)
                process.stdout.read()


def client_of(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.connect(("127.0.0.1", port))
    return sock


def round_trips(port, n_peers, seconds):
    """Seconds of each; the first ones, which open a stream, are left out. After a second without an answer: again."""
    peers = {sock.fileno(): sock for sock in (client_of(port) for _ in range(n_peers))}
    poll, asked, begun, trips = select.epoll(), {}, set(), []

    def ask(descriptor):
        asked[descriptor] = time.perf_counter()
        peers[descriptor].send(struct.pack(">d", asked[descriptor]) + FILLER)

    for descriptor in peers:
        poll.register(descriptor, select.EPOLLIN)
        ask(descriptor)
    end, look = time.perf_counter() + 30, time.perf_counter() + 1
    while (now := time.perf_counter()) < end:
        for descriptor, _ in poll.poll(0.1):
            (sent,) = struct.unpack_from(">d", peers[descriptor].recv(2048))
            if sent != asked[descriptor]:
                continue
            now = time.perf_counter()
            if len(begun) == n_peers:
                trips.append(now - sent)
            else:
                begun.add(descriptor)
                if len(begun) == n_peers:
                    end = now + seconds
            ask(descriptor)
        if now >= look:
            look = now + 1
            for descriptor in [one for one, sent in asked.items() if sent < now - 1]:
                ask(descriptor)
    for sock in peers.values():
        sock.close()
    if not trips:
        raise SystemExit(f"{n_peers - len(begun)} of {n_peers} peers got no answer within 30 s")
    return trips


def stream(port, rate, seconds):
    """(sent, came back) of one peer that sends at a fixed rate."""
    with client_of(port) as sock:
        sock.send(FILLER)
        sock.recv(2048)
        sock.setblocking(False)
        n_sent, n_back, begin = 0, 0, time.perf_counter()
        quiet_since = begin
        while n_sent < rate * seconds or (n_back < n_sent and time.perf_counter() < quiet_since + 3):
            due = min(int((time.perf_counter() - begin) * rate), int(rate * seconds))
            for _ in range(due - n_sent):
                sock.send(FILLER)
            n_sent = due
            while select.select([sock], [], [], 0.0005)[0]:
                sock.recv(2048)
                n_back += 1
                quiet_since = time.perf_counter()
        return n_sent, n_back


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=int, default=10000)
    arguments = parser.parse_args()
    ours, tools = kube("relay-image"), kube("image", "tools")
    print(f"load average before: {os.getloadavg()[0]:.1f}\n")
    print("| peers, relay | round trips per second | median, ms | 99 %, ms |\n|---|---:|---:|---:|")
    for name, image, template in (("kftray-server", ours, None), ("lock-step", tools, LOCKSTEP)):
        with forward("mixed-a", image, template) as port:
            for n_peers in (1, 64):
                print(row(f"{n_peers}, {name}", round_trips(port, n_peers, arguments.seconds), arguments.seconds),
                      flush=True)
    print("\n| one peer, kftray-server | sent | came back |\n|---|---:|---:|")
    with forward("mixed-a", ours) as port:
        for rate in (arguments.rate // 2, arguments.rate, arguments.rate * 2):
            n_sent, n_back = stream(port, rate, arguments.seconds)
            print(f"| {rate:,} per second | {n_sent:,} | {n_back:,} |", flush=True)


if __name__ == "__main__":
    main()
