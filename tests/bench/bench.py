"""Measures port-forwarders against each other; run.sh has brought up what is needed.

Each round starts every contender once, in turns, so that a busy machine hurts all of them alike.
What a number is:
  first byte   connect() to the first byte of the answer to a GET sent at once; a new connection
               each time, median of one start; also with 40 ms of round trip between the forwarder
               and the API server
  MB/s         one connection, /zero down and /sink up, 10^6 bytes
  CPU s/GiB    user and system time of the forwarder (and its children) over those transfers
  memory       resident set a second after the start, and the highest of the whole run
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

K = os.environ.get("K8S_DIR", "/tmp/kftray-k8s")
MB, GIB = 1000 * 1000, 1 << 30
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

# name, program, transport
CONTENDERS = [
    ("kftrayctl, tunnel", "ours", "tunnel"),
    ("kubectl, tunnel", "kubectl", "tunnel"),
    ("kftrayctl, SPDY", "ours", "spdy"),
    ("kubectl, SPDY", "kubectl", "spdy"),
    ("kftrayctl, v4 WebSocket", "ours", "websocket"),
]

COLUMNS = [
    ("first", "first byte, ms", 2),
    ("first40", "first byte at 40 ms RTT, ms", 1),
    ("down", "down, MB/s", 0),
    ("up", "up, MB/s", 0),
    ("cpu_down", "CPU s/GiB down", 2),
    ("cpu_up", "CPU s/GiB up", 2),
    ("idle", "idle, MiB", 1),
    ("peak", "peak, MiB", 1),
]


def kubectl(*args):
    return subprocess.run(["kubectl", "--kubeconfig", f"{K}/admin.kubeconfig", *args], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True).stdout.strip()


# ---- the forwarder as a process ----


def family(pid):
    """The process and its descendants: some clients are started by a wrapper."""
    pids, todo = [], [pid]
    while todo:
        one = todo.pop()
        pids.append(one)
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children", encoding="ascii") as children:
                    todo += [int(child) for child in children.read().split()]
    return pids


def cpu_seconds(pid):
    ticks = 0
    for one in family(pid):
        with contextlib.suppress(OSError), open(f"/proc/{one}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mib(pid, field):
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError), open(f"/proc/{one}/status", encoding="ascii") as status:
            total += int(re.search(field + r":\s+(\d+)", status.read()).group(1))
    return total / 1024


class Forwarder:
    def __init__(self, program, transport, pod, far):
        env = dict(os.environ)
        prefix = ("link-" if far else "") + ("tunnel-" if transport == "tunnel" else "")
        env["KUBECONFIG"] = f"{K}/{prefix}admin-token.kubeconfig"
        if program == "kubectl":
            env["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = str(transport == "tunnel").lower()
            line = ["kubectl", "port-forward", f"pod/{pod}", ":80"]
        else:
            line = [os.environ["KFTRAYCTL"], "forward", f"pod/{pod}", ":80",
                    "--transport", transport]
        if far:
            line = [os.environ["LINK"], "exec", *line]
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True)
        first = self.process.stdout.readline()
        match = re.match(r"Forwarding from 127\.0\.0\.1:(\d+) ->", first)
        if not match:
            self.errors.seek(0)
            message = self.errors.read().decode()
            self.stop()
            raise SystemExit(f"{' '.join(line)}: {first!r} {message}")
        self.port = int(match.group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for pid in reversed(family(self.process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 15)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# ---- measurements ----


def first_byte_ms(address, count):
    """Milliseconds of each of count new connections."""
    result = []
    for _ in range(count):
        start = time.perf_counter()
        with socket.create_connection(address, 20) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            if not client.recv(1):
                raise SystemExit("a connection ended without an answer")
            result.append((time.perf_counter() - start) * 1000)
        time.sleep(0.01)
    return result


def download(address, size):
    """MB/s of one connection."""
    buffer = bytearray(1 << 20)
    with socket.create_connection(address, 60) as client:
        start = time.perf_counter()
        client.sendall(f"GET /zero?n={size} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        got = 0
        while got < size:
            n = client.recv_into(buffer)
            if n == 0:
                raise SystemExit(f"the download ended after {got} bytes")
            got += n
        return got / MB / (time.perf_counter() - start)


def upload(address, size):
    """MB/s of one connection; the end is the server's count of the bytes."""
    block = bytes(1 << 20)
    with socket.create_connection(address, 60) as client:
        start = time.perf_counter()
        client.sendall(f"POST /sink HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
        left = size
        while left > 0:
            n = min(left, len(block))
            client.sendall(block[:n] if n < len(block) else block)
            left -= n
        if f"{size}\n".encode() not in client.recv(4096):
            raise SystemExit("the upload was not counted in full")
        return size / MB / (time.perf_counter() - start)


def measure_near(program, transport, pod, args):
    """Loopback: latency, throughput, processor time and memory of one start."""
    values = {}
    with Forwarder(program, transport, pod, False) as forwarder:
        address, pid = ("127.0.0.1", forwarder.port), forwarder.process.pid
        time.sleep(1)
        values["idle"] = memory_mib(pid, "VmRSS")
        first_byte_ms(address, 3)
        values["first"] = statistics.median(first_byte_ms(address, args.connections))
        for name, move in (("down", download), ("up", upload)):
            before = cpu_seconds(pid)
            values[name] = move(address, args.size)
            values[f"cpu_{name}"] = (cpu_seconds(pid) - before) * GIB / args.size
        values["peak"] = memory_mib(pid, "VmHWM")
    return values


def measure_far(program, transport, pod, args):
    """In the near namespace of the link: 40 ms to the API server."""
    with Forwarder(program, transport, pod, True) as forwarder:
        time.sleep(1)
        done = subprocess.run([os.environ["LINK"], "exec", sys.executable, __file__, "--first-byte",
                               str(forwarder.port), "--connections", str(args.connections // 2)],
                              check=True, stdout=subprocess.PIPE, text=True)
        return {"first40": statistics.median(json.loads(done.stdout))}


def measure_ceiling(pod_ip, args):
    """Straight to the pod over the bridge."""
    address = (pod_ip, 80)
    return {"first": statistics.median(first_byte_ms(address, args.connections)),
            "down": download(address, args.size), "up": upload(address, args.size)}


# ---- the table ----


def cell(values, digits):
    if not values:
        return "–"
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def table(results):
    lines = ["| | " + " | ".join(title for _, title, _ in COLUMNS) + " |",
             "|---|" + "---:|" * len(COLUMNS)]
    for name, rounds in results.items():
        cells = [cell([r[key] for r in rounds if key in r], digits) for key, _, digits in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine(args):
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        found = re.search(r"model name\s*: (.*)", info.read())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    version = json.loads(kubectl("version", "--output=json"))
    return (f"{os.cpu_count()} cores ({found.group(1) if found else 'unknown'}), {memory:.0f} GiB, "
            f"Linux {os.uname().release.split('-')[0]}; kubectl "
            f"{version['clientVersion']['gitVersion'].split('-')[0]}, Kubernetes "
            f"{version['serverVersion']['gitVersion']}; {args.rounds} rounds, "
            f"{args.size // MB} MB per transfer, {args.connections} connections per start; load "
            f"average before: {os.getloadavg()[0]:.1f}. Medians, in brackets the range.")


def write_document(path, text):
    with open(path, encoding="utf-8") as document:
        old = document.read()
    if BEGIN not in old or END not in old:
        raise SystemExit(f"{path}: the markers {BEGIN} and {END} are missing")
    head, _, rest = old.partition(BEGIN)
    with open(path, "w", encoding="utf-8") as document:
        document.write(f"{head}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


def chosen(args):
    have_ours = shutil.which(os.environ.get("KFTRAYCTL", "")) is not None
    if not have_ours:
        print("no kftrayctl: only kubectl is measured", file=sys.stderr)
    return [c for c in CONTENDERS if (have_ours or c[1] != "ours")
            and (not args.only or any(word in c[0] for word in args.only.split(",")))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--document")
    parser.add_argument("--print", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--size", type=int, default=1000 * MB)
    parser.add_argument("--first-byte", type=int)
    args = parser.parse_args()
    if args.first_byte:
        print(json.dumps(first_byte_ms(("127.0.0.1", args.first_byte), args.connections)))
        return
    if args.quick:
        args.rounds, args.size, args.connections = 1, 200 * MB, 10
    about = machine(args)
    pod = "mixed-a"
    ip = kubectl("get", "pod", pod, "-o", "jsonpath={.status.podIP}")
    contenders = chosen(args)
    results = {name: [] for name, _, _ in contenders}
    results["no forwarder (pod over the bridge)"] = []
    for number in range(args.rounds):
        order = contenders if number % 2 == 0 else contenders[::-1]
        for name, program, transport in order:
            values = measure_near(program, transport, pod, args)
            values.update(measure_far(program, transport, pod, args))
            results[name].append(values)
            print(f"round {number + 1}, {name}: " + ", ".join(
                f"{key} {value:.2f}" for key, value in values.items()), file=sys.stderr, flush=True)
        results["no forwarder (pod over the bridge)"].append(measure_ceiling(ip, args))
    text = f"{about}\n\n{table(results)}"
    print(text)
    if args.document and not args.print and not args.quick and not args.only:
        write_document(args.document, text)


if __name__ == "__main__":
    main()
