#!/usr/bin/python3
"""UDP round trips through kftray-server, and through the lock-step relay that it replaces. Prints a table.

    relay.py [--seconds S] [--server PROGRAM]

With kftray-server each of the peers has a stream of its own, as our client does it. With the lock-step
relay all share one, as upstream's client does it; "one each" shows what one stream per peer gives there.
The target answers at once, or 5 ms later. The relay in Python stands for its way of working, not for its
speed: compare the rows with 5 ms. Everything runs on loopback; client and target share the cores."""

import argparse
import contextlib
import heapq
import os
import pathlib
import re
import select
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
DATAGRAM = b"q" * 60


class Target:
    """Answers every datagram after a delay."""

    def __init__(self, delay):
        self.delay = delay
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.is_ending = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        due = []
        while not self.is_ending:
            wait = max(0, due[0][0] - time.monotonic()) if due else 0.1
            if select.select([self.socket], [], [], wait)[0]:
                data, peer = self.socket.recvfrom(65535)
                if self.delay == 0:
                    self.socket.sendto(data, peer)
                else:
                    heapq.heappush(due, (time.monotonic() + self.delay, data, peer))
            while due and due[0][0] <= time.monotonic():
                _, data, peer = heapq.heappop(due)
                self.socket.sendto(data, peer)

    def close(self):
        self.is_ending = True
        self.thread.join()
        self.socket.close()


@contextlib.contextmanager
def relay(command, port_pattern, target, **variables):
    env = {"PATH": os.environ["PATH"], "REMOTE_PORT": str(target.port), "LOCAL_PORT": "0", "PROXY_TYPE": "udp",
           "STATUS_PORT": "off", **variables}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield int(re.search(port_pattern, process.stdout.readline())[1])
        finally:
            process.terminate()
            process.stdout.read()


def run_client(port, n_peers, n_streams, seconds):
    """Each peer has one question under way. Returns the round trips in seconds."""
    streams = [socket.create_connection(("127.0.0.1", port)) for _ in range(n_streams)]
    poll = select.epoll()
    state = {}
    for stream in streams:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        state[stream.fileno()] = (stream, bytearray())
        poll.register(stream.fileno(), select.EPOLLIN)

    def ask(stream, peer):
        stream.sendall(struct.pack(">IId", 12 + len(DATAGRAM), peer, time.perf_counter()) + DATAGRAM)

    for peer in range(n_peers):
        ask(streams[peer % n_streams], peer)
    trips = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for descriptor, _ in poll.poll(1):
            stream, data = state[descriptor]
            data += stream.recv(1 << 16)
            while len(data) >= 4 and len(data) >= 4 + (size := struct.unpack_from(">I", data)[0]):
                peer, sent = struct.unpack_from(">Id", data, 4)
                del data[:4 + size]
                trips.append(time.perf_counter() - sent)
                ask(stream, peer)
    for stream in streams:
        stream.close()
    poll.close()
    return trips


def row(name, trips, seconds):
    trips.sort()
    return (f"| {name} | {len(trips) / seconds:,.0f} | {statistics.median(trips) * 1000:.2f} "
            f"| {trips[len(trips) * 99 // 100] * 1000:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--server", default=HERE.parents[1] / "build" / "bin" / "kftray-server")
    arguments = parser.parse_args()
    ours = ([arguments.server], r"address=\S+:(\d+) ", {"LISTEN_ADDRESS": "127.0.0.1"})
    theirs = ([sys.executable, HERE.parent / "fakes" / "lockstep-relay.py"], r"listening on (\d+)", {})
    runs = [("kftray-server", ours, 1, 1), ("lock-step", theirs, 1, 1), ("kftray-server", ours, 64, 64),
            ("lock-step, one stream", theirs, 64, 1), ("lock-step, one each", theirs, 64, 64)]
    print("| target, peers, relay | round trips per second | median, ms | 99 %, ms |\n|---|---:|---:|---:|")
    for delay in (0.005, 0):
        for name, (command, pattern, variables), n_peers, n_streams in runs:
            target = Target(delay)
            with relay(command, pattern, target, **variables) as port:
                trips = run_client(port, n_peers, n_streams, arguments.seconds)
            target.close()
            answers = f"answers after {delay * 1000:.0f} ms" if delay else "answers at once"
            print(row(f"{answers}, {n_peers}, {name}", trips, arguments.seconds), flush=True)


if __name__ == "__main__":
    main()
