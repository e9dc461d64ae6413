"""What is done through a forwarder, and how it is counted."""

import concurrent.futures
import contextlib
import json
import re
import resource
import socket
import statistics
import subprocess
import sys
import time

from procfs import cpu_seconds, memory_mib, pss_mib, threads, wakeups, woken

MB, GIB = 1000 * 1000, 1 << 30
GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
N_PARALLEL = 64
N_STREAMS = 8


def connect(address, timeout=30):
    client = socket.create_connection(address, timeout)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def first_byte_s(address):
    start = time.perf_counter()
    with connect(address) as client:
        client.sendall(GET)
        if not client.recv(1):
            raise SystemExit("a connection ended without an answer")
        return time.perf_counter() - start


def first_bytes_ms(address, count):
    result = []
    for _ in range(count):
        result.append(first_byte_s(address) * 1000)
        time.sleep(0.01)
    return result


def get(address):
    """A new connection, a GET and its whole answer. Not the connection's end as well: the servers
    tell it a second late (containerd), whoever forwards."""
    with connect(address) as client:
        client.sendall(GET)
        answer = b""
        while True:
            head, found, body = answer.partition(b"\r\n\r\n")
            if found and len(body) >= int(re.search(rb"(?i)content-length: *(\d+)", head)[1]):
                return
            got = client.recv(65536)
            if not got:
                raise SystemExit(f"a connection ended after {len(answer)} bytes of its answer")
            answer += got


def connections_per_second(address, count, parallel):
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        for _ in pool.map(lambda _: get(address), range(count)):
            pass
    return count / (time.perf_counter() - start)


def connections(address, pid, count):
    """New connections per second, one by one and four times as many from 64 threads; the
    forwarder's processor time for one."""
    cpu = cpu_seconds(pid) if pid else 0
    values = {"sequential": connections_per_second(address, count, 1),
              "parallel": connections_per_second(address, count * 4, N_PARALLEL)}
    if pid:
        values["connection_cpu"] = (cpu_seconds(pid) - cpu) * 1000 / (count * 5)
    return values


def download(address, size, on_begun=lambda: None, rate=None):
    """@rate: MB/s at most."""
    buffer = bytearray(1 << 20)
    start = time.perf_counter()
    with connect(address, 120) as client:
        client.sendall(f"GET /zero?n={size} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        got = 0
        while got < size:
            n = client.recv_into(buffer)
            if n == 0:
                raise SystemExit(f"the download ended after {got} bytes")
            if got < 16 * MB <= got + n:
                on_begun()
            got += n
            if rate:
                time.sleep(max(0, got / MB / rate - (time.perf_counter() - start)))


def upload(address, size):
    """The end is the server's count of the bytes."""
    block = bytes(1 << 20)
    with connect(address, 120) as client:
        client.sendall(f"POST /sink HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
        left = size
        while left > 0:
            n = min(left, len(block))
            client.sendall(block[:n] if n < len(block) else block)
            left -= n
        if f"{size}\n".encode() not in client.recv(4096):
            raise SystemExit("the upload was not counted in full")


def bulk(address, size, times, pid=None):
    """MB/s with one stream (@times transfers one after the other) and with eight, each way;
    processor seconds per GiB of one stream."""
    values = {}
    for name, move in (("down", download), ("up", upload)):
        before, start = cpu_seconds(pid) if pid else 0, time.perf_counter()
        for _ in range(times):
            move(address, size)
        values[name] = times * size / MB / (time.perf_counter() - start)
        if pid:
            values[f"cpu_{name}"] = (cpu_seconds(pid) - before) * GIB / (times * size)
        start = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(N_STREAMS) as pool:
            list(pool.map(lambda _, move=move: move(address, size // N_STREAMS), range(N_STREAMS)))
        values[f"{name}8"] = size / MB / (time.perf_counter() - start)
    return values


# ---- round trips of one byte ----


ECHO_TIMEOUT_S = 10  # for a single one
SESSION_S = 8  # after which a connection counts as one that was there first


def echo_ms(address, count, seconds, later=None):
    """@count times, or as many as there are in @seconds; none if the first does not come back. @later
    begins when the connection has been open for a while."""
    result = []
    with connect(address, ECHO_TIMEOUT_S) as client, contextlib.ExitStack() as stack:
        try:
            client.sendall(b"x")
            client.recv(1)
            if later is not None:
                time.sleep(SESSION_S)
                stack.enter_context(later)
            end = time.perf_counter() + seconds
            while len(result) < count and (start := time.perf_counter()) < end:
                client.sendall(b"x")
                if not client.recv(1):
                    raise SystemExit("the echo ended")
                result.append((time.perf_counter() - start) * 1000)
        except TimeoutError:
            result.append(float("inf"))
    return result


@contextlib.contextmanager
def downloading(address, rate=None):
    """Another program that downloads, at full speed or @rate MB/s: a thread of this one would measure
    itself."""
    line = [sys.executable, __file__, "download", *map(str, address), *([str(rate)] if rate else [])]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        try:
            yield
            if process.poll() is not None:
                raise SystemExit("the download beside the echo was too short")
        finally:
            process.kill()


@contextlib.contextmanager
def stalled(address):
    """A connection that asks for much and reads nothing."""
    with socket.socket() as client:
        client.connect(address)
        client.sendall(b"GET /zero?n=1000000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(1)
        yield


def median(values):
    return statistics.median(values)


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def echoes(http, echo, count, seconds):
    """Median, 99th percentile and number, alone and beside others; None is "not within 10 s"."""
    states = {"alone": (None, None), "busy": (downloading, None), "session": (None, downloading),
              "stalled": (stalled, None)}
    values = {}
    for name, (first, later) in states.items():
        with first(http) if first else contextlib.nullcontext():
            times = echo_ms(echo, count, seconds, later(http) if later else None)
        for key, value in (("", median(times)), ("99", percentile(times, 99))):
            values[f"echo_{name}{key}"] = None if value == float("inf") else value
        values[f"echo_{name}_n"] = sum(one != float("inf") for one in times)
    return values


# ---- footprint ----


def open_connections(address, pid, count):
    """KiB of the forwarder for each connection that is open and was used once."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = memory_mib(pid)
    clients = []
    try:
        for _ in range(count):
            client = connect(address, 60)
            client.sendall(b"x")
            clients.append(client)
        for client in clients:
            if not client.recv(1):
                raise SystemExit("one of many connections ended")
        return (memory_mib(pid) - before) * 1024 / count
    finally:
        for client in clients:
            client.close()


def idle(pid, seconds):
    """Percent of one core and wake-ups per second, while nothing is asked of the program."""
    cpu, before = cpu_seconds(pid), wakeups(pid)
    time.sleep(seconds)
    return {"idle_cpu": (cpu_seconds(pid) - cpu) / seconds * 100,
            "idle_wakeups": sum(woken(before, wakeups(pid)).values()) / seconds}


def footprint(pid):
    return {"memory": pss_mib(pid), "many_threads": threads(pid)}


# ---- this file as a program: work beside, and work in the link's namespace ----


def main():
    what, address = sys.argv[1], (sys.argv[2], int(sys.argv[3]))
    if what == "download":
        download(address, 1000 * GIB, lambda: print("ready", flush=True), *map(float, sys.argv[4:]))
    elif what == "first-bytes":
        print(json.dumps(first_bytes_ms(address, int(sys.argv[4]))))


if __name__ == "__main__":
    main()
