"""What is done through a forwarder, and how it is counted."""

import concurrent.futures
import contextlib
import json
import resource
import socket
import statistics
import subprocess
import sys
import time

from forwarder import cpu_seconds, memory_mib, pss_mib, threads, wakeups

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


def connections_per_second(address, count, parallel):
    """A connection is one GET with its whole answer."""
    def one(_):
        with connect(address) as client:
            client.sendall(GET)
            got = client.recv(65536)
            while client.recv(65536):
                pass
            return bool(got)

    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        answered = sum(pool.map(one, range(count)))
    if answered != count:
        raise SystemExit(f"{count - answered} of {count} connections ended without an answer")
    return count / (time.perf_counter() - start)


def download(address, size, on_begun=lambda: None):
    buffer = bytearray(1 << 20)
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


def bulk(address, size, pid=None):
    """MB/s with one stream and with eight, each way; processor seconds per GiB of one stream."""
    values = {}
    for name, move in (("down", download), ("up", upload)):
        before, start = cpu_seconds(pid) if pid else 0, time.perf_counter()
        move(address, size)
        values[name] = size / MB / (time.perf_counter() - start)
        if pid:
            values[f"cpu_{name}"] = (cpu_seconds(pid) - before) * GIB / size
        start = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(N_STREAMS) as pool:
            list(pool.map(lambda _, move=move: move(address, size // N_STREAMS), range(N_STREAMS)))
        values[f"{name}8"] = size / MB / (time.perf_counter() - start)
    return values


# ---- round trips of one byte ----


def echo_ms(address, count, timeout):
    result = []
    with connect(address, timeout) as client:
        client.sendall(b"x")
        client.recv(1)
        for _ in range(count):
            start = time.perf_counter()
            client.sendall(b"x")
            if not client.recv(1):
                raise SystemExit("the echo ended")
            result.append((time.perf_counter() - start) * 1000)
    return result


@contextlib.contextmanager
def downloading(address):
    """Another program that downloads at full speed: a thread of this one would measure itself."""
    line = [sys.executable, __file__, "download", str(address[1])]
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


def echoes(http, echo, count):
    """Median and 99th percentile, alone and beside others; None where no byte came back in time."""
    values = {}
    for name, beside in (("alone", None), ("busy", downloading), ("stalled", stalled)):
        with beside(http) if beside else contextlib.nullcontext():
            try:
                times = echo_ms(echo, count, 10)
                values[f"echo_{name}"] = median(times)
                values[f"echo_{name}99"] = percentile(times, 99)
            except TimeoutError:
                values[f"echo_{name}"] = values[f"echo_{name}99"] = float("inf")
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
    cpu, n_wakeups = cpu_seconds(pid), wakeups(pid)
    time.sleep(seconds)
    return {"idle_cpu": (cpu_seconds(pid) - cpu) / seconds * 100,
            "idle_wakeups": (wakeups(pid) - n_wakeups) / seconds}


def footprint(pid):
    return {"memory": pss_mib(pid), "threads": threads(pid)}


# ---- this file as a program: work beside, and work in the link's namespace ----


def main():
    what, port = sys.argv[1], int(sys.argv[2])
    if what == "download":
        download(("127.0.0.1", port), 100 * GIB, lambda: print("ready", flush=True))
    elif what == "first-bytes":
        print(json.dumps(first_bytes_ms(("127.0.0.1", port), int(sys.argv[3]))))


if __name__ == "__main__":
    main()
