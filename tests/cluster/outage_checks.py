"""Fifty forwards of one program through an outage of the API server, counted at a door in front of it. Times are printed, never
judged; what is judged is the number of attempts, that all are back, and that nothing is left over."""

import asyncio
import concurrent.futures
import contextlib
import http.client
import json
import os
import sys
import tempfile
import threading
import time
import urllib.parse

from harness import OTHER, PROGRAM, SANITIZED, Failed, Forward, check, eventually, get, kubectl, test
from reliability_checks import restart, scale

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import freeport  # noqa: E402

SECONDS = int(os.environ.get("KFT_OUTAGE_SECONDS", "20"))
COUNT = 50
# The engine probes a server that is away every 0.2 s at the most, for all forwards together. Each may have been at something of
# its own when it went, and try that at once.
MOST_PER_SECOND, MOST_AT_ONCE = 5, 3 * COUNT
GROWTH_KIB, MORE_FDS = 8 * 1024, 4


class Door:
    """A way to the API server that stays open while nobody is behind it, and counts who comes."""

    def __init__(self, url):
        self.upstream = urllib.parse.urlsplit(url)
        self.n_came = self.n_in_vain = 0
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    async def _serve(self, reader, writer):
        self.n_came += 1
        writers = [writer]
        try:
            inner, outer = await asyncio.open_connection(self.upstream.hostname, self.upstream.port)
            writers.append(outer)
            pumps = [asyncio.ensure_future(pump(reader, outer)), asyncio.ensure_future(pump(inner, writer))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            self.n_in_vain += 1
        finally:
            for end in writers:
                end.transport.abort()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass


def write_kubeconfig(path, config, port):
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)


def run_outage(transport, forward, door, ports):
    for port in ports:
        eventually(lambda p=port: get(p, "/", 10), 180, "an answer")
    before, came = (forward.rss_kib(), forward.fds()), door.n_came
    begun = time.monotonic()
    answers = restart("kube-apiserver", SECONDS)
    for port in ports:
        eventually(lambda p=port: get(p, "/", 60), 180, "an answer")
    back, in_vain, came = time.monotonic() - answers, door.n_in_vain, door.n_came - came
    eventually(lambda: forward.fds() <= before[1] + MORE_FDS, 120,
               f"descriptors as before ({before[1]}, now {forward.fds()})")
    memory = forward.rss_kib()
    print(f"# {COUNT} forwards of one program, {transport}, API server away for {answers - begun:.0f} s: {in_vain} attempts in "
          f"vain, {came} connections in all, all good {back:.2f} s after it answers; memory KiB {before[0]} -> {memory}, "
          f"descriptors {before[1]} -> {forward.fds()}", flush=True)
    most = MOST_AT_ONCE + MOST_PER_SECOND * (answers - begun)
    check(in_vain <= most, f"{in_vain} attempts, at most {most:.0f} were to be")
    check(SANITIZED or memory <= before[0] + GROWTH_KIB, f"memory {before[0]} -> {memory} KiB")


def count_good(ports):
    def is_good(port):
        with contextlib.suppress(OSError, http.client.HTTPException, Failed):
            return bool(get(port, "/", 10))
        return False
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        return sum(pool.map(is_good, ports))


def run_others(transport, door, path):
    """What has one forward per process, as many times. Nothing is judged."""
    with contextlib.ExitStack() as stack:
        forwards = [stack.enter_context(Forward("svc/web", ":8080", transport=transport, config=path)) for _ in range(COUNT)]
        ports = [forward.port() for forward in forwards]
        for port in ports:
            eventually(lambda p=port: get(p, "/", 10), 180, "an answer")
        begun = time.monotonic()
        answers = restart("kube-apiserver", SECONDS)
        n_good = 0
        while n_good < COUNT and time.monotonic() < answers + 60:
            n_good = count_good(ports)
        back = time.monotonic() - answers
        print(f"# {COUNT} times {PROGRAM}, {transport}, API server away for {answers - begun:.0f} s: {door.n_in_vain} attempts in "
              f"vain, {n_good} good {back:.1f} s after it answers", flush=True)


@test("fifty forwards of one program through an outage of the API server", transports=("spdy", "websocket"))
def fifty_of_one(transport):
    scale(2)
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json", user="admin-token"))
    with tempfile.TemporaryDirectory() as directory, Door(config["clusters"][0]["cluster"]["server"]) as door:
        path = os.path.join(directory, "kubeconfig")
        write_kubeconfig(path, config, door.port)
        if OTHER:
            run_others(transport, door, path)
            return
        ports = freeport.find_many(COUNT)
        configs = [{"alias": f"web-{port}", "service": "web", "namespace": "default", "local_port": port, "remote_port": 8080,
                    "workload_type": "service", "protocol": "tcp", "transport": transport} for port in ports]
        with Forward("-o", "lines", "--json", json.dumps(configs), command="run", config=path,
                     prefix=["env", f"KFTRAY_CONFIG={directory}"]) as forward:
            run_outage(transport, forward, door, ports)
            check(forward.alive(), forward.stderr())
