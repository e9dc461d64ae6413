"""Measures port-forwarders against each other; run.sh has brought up what is needed.

Each round starts every contender once, in turns, so that a busy machine hurts all of them alike.
docs/performance.md says what each number is, and holds the tables between its markers."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time

import report
import workloads
from forwarder import Forwarder, ManyForwards, TlsRelay, kubectl, memory_mib, threads
from workloads import MB

# name, program, transport
CONTENDERS = [
    ("kftrayctl, tunnel", "ours", "tunnel"),
    ("kubectl, tunnel", "kubectl", "tunnel"),
    ("kftrayctl, SPDY", "ours", "spdy"),
    ("kubectl, SPDY", "kubectl", "spdy"),
    ("kftrayctl, v4 WebSocket", "ours", "websocket"),
]
DIRECT = "no forwarder (pod over the bridge)"
RELAY = "socat, bare TLS"
ROUND_TRIPS_MS = (10, 40, 150)
MANY = {"ours": (1, 100, 1000), "kubectl": (1, 100)}


def measure_near(program, transport, args):
    """Everything on loopback, with one start."""
    with Forwarder(program, transport) as forwarder:
        values = {"start": forwarder.start_ms}
        time.sleep(1)
        values["idle"] = memory_mib(forwarder.pid)
        values["threads"] = threads(forwarder.pid)
        workloads.first_bytes_ms(forwarder.http, 3)
        values["first"] = workloads.median(workloads.first_bytes_ms(forwarder.http,
                                                                    args.connections))
        values["sequential"] = workloads.connections_per_second(forwarder.http,
                                                                args.connections * 5, 1)
        values["parallel"] = workloads.connections_per_second(
            forwarder.http, args.connections * 20, workloads.N_PARALLEL)
        values.update(workloads.bulk(forwarder.http, args.size, forwarder.pid))
        values["peak"] = memory_mib(forwarder.pid, "VmHWM")
        values.update(workloads.echoes(forwarder.http, forwarder.echo, args.connections * 12))
    with Forwarder(program, transport) as forwarder:
        workloads.first_bytes_ms(forwarder.http, 3)
        values["per_connection"] = workloads.open_connections(forwarder.echo, forwarder.pid,
                                                              args.open)
    return values


def measure_far(program, transport, args):
    """First bytes in the near namespace of the link, for each of its delays."""
    values, link = {}, os.environ["LINK"]
    for rtt in ROUND_TRIPS_MS:
        subprocess.run([link, "set", f"delay {rtt / 2:g}ms"], check=True)
        with Forwarder(program, transport, far=True) as forwarder:
            time.sleep(0.5 + rtt / 100)
            done = subprocess.run([link, "exec", sys.executable, workloads.__file__, "first-bytes",
                                   str(forwarder.http[1]), str(args.connections // 2)],
                                  check=True, stdout=subprocess.PIPE, text=True)
            values[f"first{rtt}"] = workloads.median(json.loads(done.stdout))
    return values


def measure_direct(ip, args):
    address = (ip, 80)
    return {"first": workloads.median(workloads.first_bytes_ms(address, args.connections)),
            "sequential": workloads.connections_per_second(address, args.connections * 5, 1),
            "parallel": workloads.connections_per_second(address, args.connections * 20,
                                                         workloads.N_PARALLEL),
            **workloads.bulk(address, args.size)}


def measure_relay(ip, args):
    with TlsRelay(ip) as relay:
        return workloads.bulk(relay.http, args.size, relay.pid)


def measure_many(program, args):
    """Memory, threads, processor time and wake-ups of many forwards that nobody uses."""
    values = {}
    for count in MANY[program]:
        with ManyForwards(program, count) as forwards:
            time.sleep(5)
            values[count] = workloads.footprint(forwards.pid)
            if count == 100:
                values[count].update(workloads.idle(forwards.pid, args.idle))
        say(f"{program}, {count} forwards", values[count])
    return values


def say(name, values):
    print(f"{name}: " + ", ".join(f"{key} {value:.2f}" for key, value in values.items()),
          file=sys.stderr, flush=True)


def chosen(args):
    have_ours = shutil.which(os.environ.get("KFTRAYCTL", "")) is not None
    if not have_ours:
        print("no kftrayctl: only kubectl is measured", file=sys.stderr)
    return [c for c in CONTENDERS if (have_ours or c[1] != "ours")
            and (not args.only or any(word in c[0] for word in args.only.split(",")))]


def run_rounds(args):
    ip = kubectl("get", "pod", "mixed-a", "-o", "jsonpath={.status.podIP}")
    contenders = chosen(args)
    results = {name: [] for name, _, _ in contenders}
    results[RELAY], results[DIRECT] = [], []
    for number in range(args.rounds):
        for name, program, transport in contenders if number % 2 == 0 else contenders[::-1]:
            values = measure_near(program, transport, args)
            values.update(measure_far(program, transport, args))
            results[name].append(values)
            say(f"round {number + 1}, {name}", values)
        results[RELAY].append(measure_relay(ip, args))
        results[DIRECT].append(measure_direct(ip, args))
    return results


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--document", help="the file that holds the tables")
    parser.add_argument("--plots", help="the folder for the plots")
    parser.add_argument("--print", action="store_true", help="change no file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one short round, changes no file")
    parser.add_argument("--only", default="", help="words of the contenders to measure")
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--open", type=int, default=2000)
    parser.add_argument("--size", type=int, default=1000 * MB)
    parser.add_argument("--idle", type=int, default=60)
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.size, args.connections, args.open = 1, 200 * MB, 10, 200
        args.idle = 5
    return args


def main():
    args = parse_arguments()
    about = report.machine(args)
    many = {program: measure_many(program, args) for program in sorted({c[1] for c in chosen(args)})}
    results = run_rounds(args)
    text = f"{about}\n\n{report.tables(results, many)}"
    print(text)
    if args.document and not args.print and not args.quick and not args.only:
        report.write_document(args.document, text)
        report.plot(args.plots, results)


if __name__ == "__main__":
    main()
