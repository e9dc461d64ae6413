#!/usr/bin/python3
"""Where the time goes that our own process does not take: whose processor time a new connection costs, and on which
leg of its way the slowest echoes wait. Prints tables; run.sh --where brings up what it needs and calls it.

    where.py [--connections N] [--echoes N]"""

import argparse
import collections
import contextlib
import os
import re
import statistics
import subprocess
import tempfile
import time
import types

from contenders import FORWARDERS
from forwarder import Forwarder
from procfs import cpu_seconds, read
from workloads import N_PARALLEL, connections_per_second, downloading, echo_ms, first_byte_s, percentile

API_PORTS = {"spdy": 16443, "tunnel": 16543}
SERVERS = ("kube-apiserver", "kubelet", "containerd", "kft-gateway", "podsrv")
SLOW_PERCENT = 2  # of the echoes, the slowest


def row(*cells):
    print("|", " | ".join(map(str, cells)), "|", flush=True)


# ---- new connections: whose processor time ----


def servers_cpu():
    """Seconds of each server's processes so far."""
    seconds = collections.Counter()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        name = read(pid, "comm").strip()
        if name in SERVERS:
            with contextlib.suppress(OSError):
                seconds[name] += time.clock_gettime((~int(pid) << 3) | 2)
    return seconds


def ticks():
    """Of all cores so far: idle, and all."""
    with open("/proc/stat", encoding="ascii") as file:
        values = [int(field) for field in file.readline().split()[1:9]]
    return values[3] + values[4], sum(values)


def connection_parts(address, pid, count, parallel):
    servers, ours, client, (idle, total) = servers_cpu(), cpu_seconds(pid), time.process_time(), ticks()
    per_second = connections_per_second(address, count, parallel)
    after = servers_cpu()
    idle, total = (now - then for now, then in zip(ticks(), (idle, total)))
    parts = {"client": time.process_time() - client, "forwarder": cpu_seconds(pid) - ours}
    parts |= {name: after[name] - servers[name] for name in SERVERS}
    return per_second, {name: value * 1000 / count for name, value in parts.items()}, 100 * idle / total


def connections(count):
    print("Processor time in ms for a new connection, by who takes it; idle: of the machine's cores meanwhile.\n")
    row("", "per second", "ms each", "client", "forwarder", *SERVERS, "servers together", "idle")
    row("---", *["---:"] * (len(SERVERS) + 6))
    for forwarder in FORWARDERS:
        if forwarder.detail not in API_PORTS:
            continue
        with Forwarder(forwarder.program, forwarder.detail) as process:
            connections_per_second(process.http, 50, 1)
            for name, times, parallel in (("one by one", 1, 1), (f"{N_PARALLEL} at once", 4, N_PARALLEL)):
                per_second, parts, idle = connection_parts(process.http, process.pid, count * times, parallel)
                together = sum(parts[server] for server in SERVERS)
                row(f"{forwarder.name}, {name}", f"{per_second:.0f}", f"{1000 / per_second:.2f}",
                    *(f"{value:.2f}" for value in parts.values()), f"{together:.2f}", f"{idle:.0f} %")


# ---- an echo: which leg of its way ----


@contextlib.contextmanager
def packets(ports):
    """The small packets with payload on loopback, to or from @ports: (seconds, from, to), once tcpdump has ended."""
    payload = "(ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2)) > 0"
    some = " or ".join(f"tcp port {port}" for port in ports)
    seen = []
    with tempfile.NamedTemporaryFile() as file:
        line = ["tcpdump", "-i", "lo", "-s", "96", "-B", "32768", "-w", file.name, f"{payload} and less 260 and ({some})"]
        with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
            while "listening" not in process.stderr.readline():
                if process.poll() is not None:
                    raise SystemExit("tcpdump did not start")
            yield seen
            time.sleep(0.5)  # the kernel hands over its last packets
            process.terminate()
        line = ["tcpdump", "-nn", "-tt", "-q", "-r", file.name]
        for text in subprocess.run(line, check=True, capture_output=True, text=True).stdout.splitlines():
            if found := re.match(r"(\S+) IP 127\.0\.0\.1\.(\d+) > 127\.0\.0\.1\.(\d+): tcp (\d+)", text):
                seen.append(types.SimpleNamespace(at=float(found[1]), sender=int(found[2]), to=int(found[3]),
                                                  size=int(found[4])))


def legs_over(seen, local, api, tunnel):
    """Those of the echoes that went over the connection to the API server from port @tunnel."""
    result, begun, sent, answered = [], None, None, None
    for one in seen:
        if one.to == local and one.size == 1:
            begun, sent, answered = one.at, None, None
        elif one.to == api and one.sender == tunnel and begun and sent is None:
            sent = one.at
        elif one.sender == api and one.to == tunnel and sent:
            answered = one.at
        elif one.sender == local and one.size == 1 and answered:
            result.append([(later - earlier) * 1000 for earlier, later in
                           ((begun, sent), (sent, answered), (answered, one.at))])
            begun = sent = answered = None
    return result


def legs(seen, local, api):
    """Of each echo, ms: from the local program to the API server, until it answers, back to the local program. A
    download's connection carries small packets, too; the echo's is the one with which the most echoes are whole."""
    tunnels = collections.Counter(one.sender for one in seen if one.to == api).most_common(4)
    return max((legs_over(seen, local, api, tunnel) for tunnel, _ in tunnels), key=len, default=[])


def echoes(transport, count):
    states = (("alone", lambda _: contextlib.nullcontext()),
              ("beside a download held to 50 MB/s", lambda address: downloading(address, 50)),
              ("beside one at full speed", downloading))
    for name, beside in states:
        with Forwarder("ours", transport) as process:
            first_byte_s(process.http)
            with beside(process.http):
                with packets((process.echo[1], API_PORTS[transport])) as seen:
                    echo_ms(process.echo, count, 20)
            parts = legs(seen, process.echo[1], API_PORTS[transport])
        if len(parts) < count / 2:
            raise SystemExit(f"only {len(parts)} of {count} echoes were seen whole")
        slowest = sorted(parts, key=sum)[-max(1, len(parts) * SLOW_PERCENT // 100):]
        total = sum(map(sum, slowest))
        columns = [*zip(*parts), [sum(part) for part in parts]]
        row(f"{transport}, {name}", len(parts),
            *(f"{statistics.median(column):.2f}, {percentile(column, 99):.2f}" for column in columns),
            *(f"{100 * sum(part[leg] for part in slowest) / total:.0f} %" for leg in range(3)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=400)
    parser.add_argument("--echoes", type=int, default=2000)
    options = parser.parse_args()
    print(f"Load average before: {os.getloadavg()[0]:.1f}.\n")
    connections(options.connections)
    print("\nAn echo of one byte, ms, median and 99 %: out, from the local program's packet to ours to the API server;\n"
          f"servers, until its answer; back, until the local program has it. Then what each is of the slowest "
          f"{SLOW_PERCENT} %.\n")
    row("", "n", "out", "servers", "back", "all", "slowest: out", "servers", "back")
    row("---", *["---:"] * 8)
    for transport in API_PORTS:
        echoes(transport, options.echoes)


if __name__ == "__main__":
    main()
