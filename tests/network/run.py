#!/usr/bin/python3
"""kftrayctl in a network that misbehaves: network namespaces, an emulated link, the scripted API server. TAP output.

    run.py [WORD...]      runs the tests whose name has one of the words; KFTRAYCTL and KFT_LINK name the programs

Times are measured and printed, never judged: what is judged is that things end as they should. Needs root (77 without).
Beside other forwarders: peers.py.
"""

import socket
import statistics
import subprocess
import sys
import threading
import time

from scene import FAR, LINK, PATIENCE, SERVER, Scene, check, link, near_ip, run_all, say, timed
from harness import eventually, test

TRANSPORTS = ("tunnel", "websocket", "spdy")
# A WebSocket that went silent is no loss yet; what is said then is that the server does not answer others either.
FOUND = "the server stopped answering|lost connection"


# Of src/forward/held.h.
MAX_HELD = 256


def is_alive(connection):
    try:
        goes_on(connection)
    except ConnectionError:
        return False
    return True


def goes_on(connection):
    """Seconds until an echo is back on a connection that was silent; the kernels try again every 10 to 120 s."""
    connection.socket.settimeout(2 * PATIENCE)
    return timed(lambda: connection.echo(b"two"))


# ---- tests ----


@test("a black hole is found while nothing goes on, and what was open goes on when it ends", transports=TRANSPORTS)
def black_hole_idle(transport):
    with Scene("delay 5ms", transport=transport) as scene:
        connection = scene.connect(1)
        connection.echo(b"one")
        silent = scene.connect(1)
        link("set", "blackhole on")
        found = scene.wait_stderr(FOUND)
        link("set", "blackhole off")
        say(f"{transport}: found after {found:.1f} s, answers {scene.fetch_until_good():.1f} s after its end, what was open "
            f"goes on {goes_on(connection):.1f} s after that")
        goes_on(silent)


@test("a black hole is found while nobody is connected", transports=("tunnel", "spdy"))
def black_hole_unused(transport):
    with Scene("delay 5ms", transport=transport) as scene:
        check(scene.fetch(), "no answer")
        link("set", "blackhole on")
        found = scene.wait_stderr("the server stopped answering")
        link("set", "blackhole off")
        say(f"{transport}: found after {found:.1f} s, answers {scene.fetch_until_good():.1f} s after its end")


@test("a black hole is found in the middle of an upload", transports=TRANSPORTS)
def black_hole_upload(transport):
    with Scene("delay 5ms", "rate 80mbit", transport=transport) as scene:
        connection = scene.connect(2)
        thread = connection.pour()
        time.sleep(1)
        link("set", "blackhole on")
        found = scene.wait_stderr(FOUND)
        poured = connection.poured
        link("set", "blackhole off")
        say(f"{transport}: found after {found:.1f} s, answers {scene.fetch_until_good():.1f} s after its end")
        eventually(lambda: connection.poured > poured, 2 * PATIENCE, "the upload to go on")
        check(thread.is_alive(), "the upload ended")


@test("a black hole in one direction is found", transports=TRANSPORTS)
def black_hole_one_way(transport):
    """What we send arrives and the answers are lost (ba), and the reverse (ab)."""
    for way, name in (("ab", "to the server"), ("ba", "from the server")):
        with Scene("delay 5ms", transport=transport) as scene:
            connection = scene.connect(1)
            connection.echo(b"one")
            link("set", f"blackhole on {way}")
            found = scene.wait_stderr(FOUND)
            link("set", f"blackhole off {way}")
            say(f"{transport}: nothing goes {name}: found after {found:.1f} s, answers {scene.fetch_until_good():.1f} s "
                f"after its end, what was open goes on {goes_on(connection):.1f} s after that")


@test("a connection that is begun in a black hole which is not found yet waits for its end", transports=("tunnel", "spdy"))
def begun_in_black_hole(transport):
    with Scene("delay 5ms", transport=transport) as scene:
        check(scene.fetch(), "no answer")
        link("set", "blackhole on")
        connection = scene.connect(1)
        connection.socket.sendall(b"one")
        begun = time.monotonic()
        scene.wait_stderr("lost connection")
        # For longer than a server that is there may take for an answer.
        time.sleep(max(0, begun + 33 - time.monotonic()))
        link("set", "blackhole off")
        after = timed(lambda: check(connection.socket.recv(3, socket.MSG_WAITALL) == b"one", "no echo"))
        say(f"{transport}: begun {time.monotonic() - begun - after:.1f} s before its end, answered {after:.1f} s after it")


@test("of more silent connections than are kept the one that is silent for longest ends, and no other",
      transports=("websocket",))
def many_silent(transport):
    with Scene("delay 5ms", transport=transport) as scene:
        connections = scene.connect_many(1, MAX_HELD + 1)
        for connection in connections:
            connection.echo(b"one")
        link("set", "blackhole on")
        found = scene.wait_stderr("too many connections were kept for later")
        link("set", "blackhole off")
        alive = sum(is_alive(connection) for connection in connections)
        say(f"{transport}: said after {found:.1f} s, {alive} of {len(connections)} went on")
        check(alive == MAX_HELD, f"{alive} went on")


@test("a slow line with a long queue is no black hole", transports=("tunnel", "spdy"))
def slow_line(transport):
    with Scene("delay 50ms", "rate 1mbit", transport=transport) as scene:
        thread = scene.connect(2).pour()
        time.sleep(45)
        check(thread.is_alive(), f"the upload ended: {scene.forward.stderr()}")
        scene.is_undisturbed()


@test("20 % loss and 300 ms: slow, but nothing is given up", transports=TRANSPORTS)
def lossy(transport):
    with Scene("delay 150ms", transport=transport) as scene:
        connection = scene.connect(1)
        times = [timed(lambda: check(scene.fetch(), "no answer")) for _ in range(5)]
        link("set", "loss 20%")
        end, echoes = time.monotonic() + 40, []
        while time.monotonic() < end:
            echoes.append(timed(lambda: connection.echo(b"x" * 1000)))
        say(f"{transport}: new connection {statistics.median(times):.2f} s at 300 ms; with 20 % loss {len(echoes)} echoes in "
            f"40 s, median {statistics.median(echoes):.2f} s, slowest {max(echoes):.1f} s")
        scene.is_undisturbed()


@test("a link that is down for 3 s: connections survive", transports=TRANSPORTS)
def link_flap(transport):
    with Scene("delay 5ms", transport=transport) as scene:
        connection = scene.connect(1)
        connection.echo(b"one")
        near_ip("link", "set", "kft0", "down")
        time.sleep(3)
        near_ip("link", "set", "kft0", "up")
        begun = time.monotonic()
        connection.echo(b"two")
        say(f"{transport}: goes on {time.monotonic() - begun:.1f} s after the link is up")
        check(scene.fetch(), "a new connection fails")


@test("the way to the server is gone (VPN down): said, waited for, back", transports=TRANSPORTS)
def route_gone(transport):
    with Scene("delay 5ms", transport=transport, options=("--hold-timeout", "90s")) as scene:
        check(scene.fetch(), "no answer")
        connection = scene.connect(1)
        connection.echo(b"one")
        near_ip("route", "del", "10.120.1.0/30", "dev", "kft0")
        if transport == "websocket":  # the loss of one would say nothing of others
            threading.Thread(target=scene.fetch, daemon=True).start()
        said = scene.wait_stderr(r"next try in|reconnecting|nreachable")
        time.sleep(8)
        lines = len(scene.forward.stderr().splitlines())
        near_ip("route", "add", "10.120.1.0/30", "dev", "kft0")
        back = scene.fetch_until_good()
        say(f"{transport}: said after {said:.1f} s in {lines} lines, answers {back:.2f} s after the route is back, what was "
            f"open goes on {goes_on(connection):.1f} s after that")


@test("another address of this machine: new connections work at once", transports=TRANSPORTS)
def address_change(transport):
    with Scene("delay 5ms", transport=transport) as scene:
        check(scene.fetch(), "no answer")
        subprocess.run(["ip", "-n", FAR, "addr", "add", f"{SERVER}/24", "dev", "kft0"], check=True)
        near_ip("addr", "add", "10.120.1.77/24", "dev", "kft0")
        near_ip("addr", "del", "10.120.1.1/30", "dev", "kft0")
        say(f"{transport}: answers {scene.fetch_until_good():.2f} s after the change")


@test("another way to the server (VPN up), the old one is dead without a word", transports=TRANSPORTS)
def route_change(transport):
    with Scene("delay 5ms", transport=transport) as scene:
        connection = scene.connect(1)
        connection.echo(b"one")
        subprocess.run(["ip", "-n", FAR, "addr", "add", f"{SERVER}/24", "dev", "kft0"], check=True)
        near_ip("addr", "add", "10.120.1.77/24", "dev", "kft0")
        # From now on the kernel takes the new address, and answers to the old one get lost.
        subprocess.run(["ip", "-n", FAR, "route", "add", "blackhole", "10.120.1.1/32"], check=True)
        near_ip("route", "add", f"{SERVER}/32", "dev", "kft0", "src", "10.120.1.77")
        begun = time.monotonic()
        back = scene.fetch_until_good()
        try:
            while connection.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        say(f"{transport}: answers {back:.2f} s after the change, the connection on the old way is ended after "
            f"{time.monotonic() - begun:.1f} s")


def is_dialling():
    return subprocess.check_output([LINK, "exec", "ss", "-Htn", "state", "syn-sent", "src", "10.120.1.1"], text=True)


@test("another way to the server while a tunnel is being opened on the old one", transports=("tunnel", "spdy"))
def route_change_dialling(transport):
    with Scene("delay 5ms", transport=transport, options=("--hold-timeout", "4s")) as scene:
        connection = scene.connect(1)
        connection.echo(b"one")
        subprocess.run(["ip", "-n", FAR, "addr", "add", f"{SERVER}/24", "dev", "kft0"], check=True)
        near_ip("addr", "add", "10.120.1.77/24", "dev", "kft0")
        subprocess.run(["ip", "-n", FAR, "route", "add", "blackhole", "10.120.1.1/32"], check=True)
        # The connection lasts, so another tunnel is opened for those to come.
        eventually(is_dialling, PATIENCE, "an attempt on the old way")
        near_ip("route", "add", f"{SERVER}/32", "dev", "kft0", "src", "10.120.1.77")
        scene.fetch(1)  # lost with the old way, if it was begun before the change was noticed
        answered = timed(lambda: check(scene.fetch(), f"waited for the attempt's deadline: {scene.forward.stderr()}"))
        say(f"{transport}: the second connection after the change is answered after {answered:.2f} s")


@test("the server is away: fifty connections wait until it is back", transports=("tunnel", "spdy"))
def away(transport):
    with Scene("delay 5ms", transport=transport, options=("--hold-timeout", "90s", "-q")) as scene:
        check(scene.fetch(), "no answer")
        link("set", "blackhole on")
        scene.wait_stderr("lost connection")  # what is sent before that is lost with the old connection
        clients = [subprocess.Popen([LINK, "exec", "curl", "-sS", "--noproxy", "*", "-m", "90", "-o", "/dev/null",
                                     f"http://127.0.0.1:{scene.port(0)}/name"]) for _ in range(50)]
        time.sleep(5)
        link("set", "blackhole off")
        begun = time.monotonic()
        bad = sum(client.wait() != 0 for client in clients)
        say(f"{transport}: all done {time.monotonic() - begun:.1f} s after the end, {bad} failed")
        check(bad == 0, f"{bad} of 50 failed: {scene.forward.stderr()[-500:]}")


if __name__ == "__main__":
    sys.exit(run_all(sys.argv[1:]))
