"""Forwards over the emulated link: a far API server, and one that disappears for a while."""

import os
import statistics
import subprocess
import time

from harness import K, TRANSPORTS, Forward, Skip, check, eventually, test

LINK = os.path.join(os.path.dirname(__file__), "..", "support", "link", "link.sh")


def link(*args, timeout=90):
    return subprocess.run([LINK, *args], timeout=timeout, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={**os.environ, "K8S_DIR": K})


class Link:
    """The link for the time of one test. Somebody else's is left alone."""

    def __init__(self, *settings):
        self.settings = settings

    def __enter__(self):
        if link("status").returncode == 0:
            raise Skip("the link is in use")
        up = link("up", *self.settings)
        check(up.returncode == 0, up.stdout)
        return self

    def __exit__(self, *_):
        link("down")


def far_forward(transport):
    tunnel = "tunnel-" if transport == "tunnel" else ""
    return Forward("pod/mixed-a", ":80", transport=transport, prefix=[LINK, "exec"],
                   config=os.path.join(K, f"link-{tunnel}admin-token.kubeconfig"))


def fetch(port, seconds=20):
    """Time to the first byte in ms, from a curl on the forwarder's side of the link."""
    done = link("exec", "curl", "-sS", "--noproxy", "*", "-m", str(seconds), "-o", "/dev/null",
                "-w", "%{http_code} %{time_starttransfer}", f"http://127.0.0.1:{port}/")
    code, _, took = done.stdout.strip().rpartition("\n")[2].partition(" ")
    return float(took) * 1000 if done.returncode == 0 and code == "200" else None


@test("link: delay, rate, loss and black hole are what was set")
def link_itself():
    if link("status").returncode == 0:
        raise Skip("the link is in use")
    done = link("check")
    check(done.returncode == 0, f"status {done.returncode}: {done.stdout}")


@test("40 ms away: the first byte of a new connection", transports=TRANSPORTS)
def far_first_byte(transport):
    with Link("delay 20ms"), far_forward(transport) as forward:
        port = forward.port()
        eventually(lambda: fetch(port), 180, "a first answer")
        times = [fetch(port) for _ in range(9)]
        check(None not in times, f"a request failed: {times}")
        # How long it takes is for tests/bench to say; here it must only work.
        print(f"# median {statistics.median(times):.0f} ms, {transport}", flush=True)


@test("a black hole of 4 s", transports=TRANSPORTS)
def black_hole(transport):
    with Link("delay 5ms"), far_forward(transport) as forward:
        port = forward.port()
        eventually(lambda: fetch(port), 180, "a first answer")
        link("set", "blackhole on")
        time.sleep(4)
        link("set", "blackhole off")
        eventually(lambda: fetch(port), 180, "an answer afterwards")
        check(forward.alive(), "the forward ended")
