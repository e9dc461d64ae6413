#!/usr/bin/python3
"""What a user of a forwarder sees of a network that misbehaves, measured in the same way for kftrayctl and for others.

    peers.py [WORD...]                                                       kftrayctl
    PF_CMD='kubectl port-forward' peers.py [WORD...]
    PF_CMD="$PWD/tests/support/again.sh kubectl port-forward" peers.py [WORD...]

All are started as a user would, with what they do by default. Ten requests per second begin, each on a new connection and
given up after 20 s (ask.py). Eight connections are open when it happens: four were used before, four have said nothing yet.
Those that still carry an echo at the end, 30 s after the fault (PEERS_AFTER), have survived; it may take a minute, as the kernels on
both sides try again by their own clocks. Nothing is judged but that kftrayctl is back. Needs root (77 without).
"""

import concurrent.futures
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time

from scene import FAR, LINK, SERVER, Scene, check, link, near_ip, run_all, say
from harness import OTHER, PROGRAM, test

ASK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ask.py")
BEFORE, AFTER, ANSWER = 2, int(os.environ.get("PEERS_AFTER", "30")), 60
EACH = 4


class Asked:
    """The requests that begin in the next so many seconds."""

    def __init__(self, scene, seconds):
        self.process = subprocess.Popen([LINK, "exec", sys.executable, ASK, str(scene.port(0)), str(seconds)], text=True,
                                        stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def finish(self):
        """All, as (begun, ended, outcome), when the last has ended."""
        text, _ = self.process.communicate()
        return [(float(a), float(b), c) for a, b, c in (line.split(maxsplit=2) for line in text.splitlines())]


class Open:
    """The connections that are open when it happens."""

    def __init__(self, scene):
        self.used = [scene.connect(1) for _ in range(EACH)]
        for connection in self.used:
            connection.echo(b"one")
        self.silent = [scene.connect(1) for _ in range(EACH)]

    @staticmethod
    def _survived(connection):
        connection.socket.settimeout(ANSWER)
        with contextlib.suppress(Exception):
            connection.echo(b"two")
            return True
        return False

    def __str__(self):
        with concurrent.futures.ThreadPoolExecutor(2 * EACH) as pool:
            survived = list(pool.map(self._survived, self.used + self.silent))
        used, silent = sum(survived[:EACH]), sum(survived[EACH:])
        return f"survived: {used} of {EACH} that had been used, {silent} of {EACH} that had said nothing"


def summarize(requests):
    good = [ended - begun for begun, ended, outcome in requests if outcome == "ok"]
    return (f"{len(requests) - len(good)} of {len(requests)} requests failed, the others took "
            f"{statistics.median(good):.2f} s, the slowest {max(good):.1f} s" if good else f"all {len(requests)} requests failed")


def report(scene, requests, over, connections):
    """@over: since when the network is well again."""
    after = [ended for begun, ended, outcome in requests if begun >= over and outcome == "ok"]
    back = f"good again after {min(after) - over:.2f} s" if after else f"never good again in {AFTER} s"
    say(f"{PROGRAM}: {back}; {summarize(requests)}; {connections}; "
        f"{'runs' if scene.forward.alive() else 'has ended'}")
    check(OTHER or after, scene.forward.stderr()[-800:])


def run(scene, seconds, begin, end=lambda: None):
    """A fault of so many seconds."""
    connections = Open(scene)
    with Asked(scene, BEFORE + seconds + AFTER) as asked:
        time.sleep(BEFORE)
        begin()
        time.sleep(seconds)
        end()
        over = time.monotonic()
        requests = asked.finish()
    report(scene, requests, over, connections)


@test("the link is down for 3 s")
def link_down():
    with Scene("delay 5ms") as scene:
        run(scene, 3, lambda: near_ip("link", "set", "kft0", "down"), lambda: near_ip("link", "set", "kft0", "up"))


@test("a black hole for 10 s")
def short_black_hole():
    with Scene("delay 5ms") as scene:
        run(scene, 10, lambda: link("set", "blackhole on"), lambda: link("set", "blackhole off"))


@test("a black hole for 60 s")
def black_hole():
    with Scene("delay 5ms") as scene:
        run(scene, 60, lambda: link("set", "blackhole on"), lambda: link("set", "blackhole off"))


@test("the way to the server is gone for 10 s (VPN down)")
def route_gone():
    with Scene("delay 5ms") as scene:
        run(scene, 10, lambda: near_ip("route", "del", "10.120.1.0/30", "dev", "kft0"),
            lambda: near_ip("route", "add", "10.120.1.0/30", "dev", "kft0"))


@test("another address of this machine")
def address_change():
    def change():
        near_ip("addr", "add", "10.120.1.77/24", "dev", "kft0")
        near_ip("addr", "del", "10.120.1.1/30", "dev", "kft0")
    with Scene("delay 5ms") as scene:
        subprocess.run(["ip", "-n", FAR, "addr", "add", f"{SERVER}/24", "dev", "kft0"], check=True)
        run(scene, 0, change)


@test("another way to the server (VPN up), the old one is dead without a word")
def route_change():
    def change():
        near_ip("addr", "add", "10.120.1.77/24", "dev", "kft0")
        subprocess.run(["ip", "-n", FAR, "route", "add", "blackhole", "10.120.1.1/32"], check=True)
        near_ip("route", "add", f"{SERVER}/32", "dev", "kft0", "src", "10.120.1.77")
    with Scene("delay 5ms") as scene:
        subprocess.run(["ip", "-n", FAR, "addr", "add", f"{SERVER}/24", "dev", "kft0"], check=True)
        run(scene, 0, change)


@test("20 % loss and 300 ms for 40 s")
def lossy():
    with Scene("delay 150ms") as scene:
        with Asked(scene, 10) as asked:
            say(f"{PROGRAM}: at 300 ms {summarize(asked.finish())}")
        run(scene, 40, lambda: link("set", "loss 20%"), lambda: link("set", "loss off"))


def signal_tree(pid, number):
    os.kill(pid, number)
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        for child in file.read().split():
            signal_tree(int(child), number)


def forget_connections():
    """What comes on those that are open now is dropped without a word, as by a NAT that was not used for long."""
    rows = subprocess.run([LINK, "exec", "ss", "-Htn", "dst", SERVER], check=True, stdout=subprocess.PIPE, text=True).stdout
    for row in rows.splitlines():
        port = row.split()[3].rpartition(":")[2]
        subprocess.run(["ip", "netns", "exec", FAR, "iptables", "-A", "INPUT", "-p", "tcp", "--sport", port, "-j", "DROP"],
                       check=True)


@test("asleep for 10 s: the link is down meanwhile, and open connections are forgotten")
def asleep():
    """The link comes 2 s after the processes. Nothing tells them but the network: kftrayctl does not listen to logind, the
    desktop program does, and the clock by which the engine knows of a sleep does not jump here."""
    with Scene("delay 5ms") as scene:
        connections = Open(scene)
        signal_tree(scene.forward.pid, signal.SIGSTOP)
        near_ip("link", "set", "kft0", "down")
        forget_connections()
        time.sleep(10)
        signal_tree(scene.forward.pid, signal.SIGCONT)
        time.sleep(2)
        near_ip("link", "set", "kft0", "up")
        over = time.monotonic()
        with Asked(scene, AFTER) as asked:
            report(scene, asked.finish(), over, connections)


if __name__ == "__main__":
    sys.exit(run_all(sys.argv[1:]))
