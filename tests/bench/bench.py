"""Measures port-forwarders against each other; run.sh has brought up what is needed.

Each round lets every contender do each workload once, in turns, so that a busy machine hurts all of
them alike. A measurement that fails is tried once more, and then noted as failed while the others go
on. docs/performance.md says what each number is, and holds the tables between its markers."""

import argparse
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import report
import workloads
from contenders import ONCE, ROUND_TRIPS_MS, WORKLOADS
from forwarder import Forwarder, ManyForwards, Pod, Process, TlsRelay, kubectl
from procfs import memory_mib, threads
from results import Results
from workloads import MB

DEADLINE_S = 240  # of one measurement
SETTINGS = ("rounds", "starts", "connections", "size", "transfers", "echoes", "open", "idle")
QUICK = {"rounds": 1, "starts": 3, "connections": 10, "size": 100 * MB, "transfers": 2, "echoes": 300,
         "open": 200, "idle": 5}


@functools.cache
def pod_ip():
    return kubectl("get", "pod", "mixed-a", "-o", "jsonpath={.status.podIP}")


def reach(row):
    """What leads to the pod."""
    if row.program == "pod":
        return Pod(pod_ip())
    if row.program == "socat":
        return TlsRelay(pod_ip())
    return Forwarder(row.program, row.detail)


# ---- one function for each workload ----


def measure_start(row, args):
    times = []
    for number in range(args.starts):
        with reach(row) as forwarder:
            times.append(forwarder.start_ms)
            if number == args.starts - 1:
                time.sleep(1)
                return {"start": workloads.median(times), "resident": memory_mib(forwarder.pid),
                        "threads": threads(forwarder.pid)}


def measure_first(row, args):
    with reach(row) as forwarder:
        workloads.first_bytes_ms(forwarder.http, 3)
        return {"first": workloads.median(workloads.first_bytes_ms(forwarder.http,
                                                                   args.connections))}


def measure_far(row, args):
    """First bytes in the near namespace of the link, for each of its delays."""
    values, link = {}, os.environ["LINK"]
    for rtt in ROUND_TRIPS_MS:
        subprocess.run([link, "set", f"delay {rtt / 2:g}ms"], check=True)
        with Forwarder(row.program, row.detail, far=True) as forwarder:
            time.sleep(0.5 + rtt / 100)
            done = subprocess.run([link, "exec", sys.executable, workloads.__file__, "first-bytes",
                                   *map(str, forwarder.http), str(args.connections // 4)],
                                  check=True, stdout=subprocess.PIPE, text=True)
            values[f"first{rtt}"] = workloads.median(json.loads(done.stdout))
    return values


def measure_connections(row, args):
    with reach(row) as forwarder:
        workloads.first_bytes_ms(forwarder.http, 3)
        return workloads.connections(forwarder.http, forwarder.pid, args.connections * 5)


def measure_bulk(row, args):
    with reach(row) as forwarder:
        values = workloads.bulk(forwarder.http, args.size, args.transfers, forwarder.pid)
        if forwarder.pid:
            values["peak"] = memory_mib(forwarder.pid, "VmHWM")
        return values


def measure_echo(row, args):
    with reach(row) as forwarder:
        return workloads.echoes(forwarder.http, forwarder.echo, args.echoes, args.echo_seconds)


def measure_open(row, args):
    with reach(row) as forwarder:
        workloads.first_bytes_ms(forwarder.http, 3)
        return {"per_connection": workloads.open_connections(forwarder.echo, forwarder.pid,
                                                             args.open)}


def measure_many(row, args):
    """Memory, threads, processor time and wake-ups of many forwards that nobody uses."""
    with ManyForwards(row.program, row.detail) as forwards:
        time.sleep(5)
        values = workloads.footprint(forwards.pid)
        if row.detail == 100:
            # kubectl wakes up every 5 s, so that a few of those tell as much as a minute.
            seconds = args.idle if row.program == "ours" else min(args.idle, 20)
            values.update(workloads.idle(forwards.pid, seconds))
        return values


def window(part, *options):
    """What window.py measures of the desktop program."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "window.py")
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        line = ["/usr/bin/python3", script, "--kftray", os.environ["KFTRAY"],
                "--kftrayctl", os.environ["KFTRAYCTL"], "--json", file.name, *options, part]
        with Process(line) as process:
            process.process.stdout.read()
            if process.process.wait() != 0:
                process.fail("failed:")
        return json.load(file)[part]


def measure_tray(_, args):
    return {"tray": workloads.median(window("tray", "--rounds", str(args.starts))["icon"])}


def measure_list(_, args):
    """Fewer starts than elsewhere: each one waits for the program to come to rest."""
    return {f"{key}_{count}": workloads.median(numbers[key])
            for count, numbers in window("start", "--rounds", str(args.starts // 2 + 1)).items()
            for key in ("first_frame", "usable", "cpu")}


def measure_window(_, args):
    return {f"{state}_{key}": numbers[key]
            for state, numbers in window("idle", "--seconds", str(args.idle)).items()
            for key in ("cpu", "wakeups", "memory")}


MEASURES = {"start": measure_start, "first": measure_first, "far": measure_far,
            "connections": measure_connections, "bulk": measure_bulk, "echo": measure_echo,
            "open": measure_open, "many": measure_many, "tray": measure_tray,
            "list": measure_list, "window": measure_window}


# ---- the run ----


def say(what):
    print(what, file=sys.stderr, flush=True)


def on_alarm(*_):
    raise TimeoutError(f"not done after {DEADLINE_S} s")


def attempt(workload, row, args):
    """(values, None) or (None, why not)"""
    signal.alarm(DEADLINE_S)
    try:
        return MEASURES[workload](row, args), None
    except (Exception, SystemExit) as error:  # whatever it is, the other workloads go on
        return None, f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
        Process.stop_all()


def run_one(results, workload, row, number, args):
    start = time.monotonic()
    for _ in range(2):
        values, failure = attempt(workload, row, args)
        if failure is None:
            break
        say(f"round {number}, {workload}, {row.name}: failed: {failure}")
    seconds = time.monotonic() - start
    results.put(workload, row.name, number, seconds, values, failure)
    if failure is None:
        numbers = ", ".join(f"{key} {'-' if value is None else format(value, '.2f')}"
                            for key, value in values.items())
        say(f"round {number}, {workload}, {row.name} ({seconds:.0f} s): {numbers}")
    return failure is None


def run(results, args):
    """Whether everything went well."""
    begun, is_good = set(), True
    for number in range(1, args.rounds + 1):
        for workload in args.only:
            if workload in ONCE and number > 1:
                continue
            rows = [row for row in WORKLOADS[workload] if is_chosen(row, args)]
            for row in rows if number % 2 == 1 else rows[::-1]:
                if (workload, row.name) not in begun:
                    begun.add((workload, row.name))
                    results.begin(workload, row.name)
                is_good = run_one(results, workload, row, number, args) and is_good
    return is_good


def is_chosen(row, args):
    return not args.contenders or any(word in row.name for word in args.contenders.split(","))


def workload_names(text):
    names = text.split(",")
    for name in names:
        if name not in WORKLOADS:
            raise argparse.ArgumentTypeError(f"no workload {name}; there are {', '.join(WORKLOADS)}")
    return names


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="run.sh", epilog="With --only or --contenders the rest of the JSON file stays as it is.")
    parser.add_argument("--document", help="the file that holds the tables")
    parser.add_argument("--plots", help="the folder for the plots")
    parser.add_argument("--json", required=True, help="the file for the numbers; with --quick it "
                                                      "gets “-quick” before its suffix")
    parser.add_argument("--check", action="store_true", help="only look at the arguments")
    parser.add_argument("--print", action="store_true", help="change no document")
    parser.add_argument("--quick", action="store_true",
                        help="one short round, which changes no document")
    parser.add_argument("--only", type=workload_names, metavar="WORKLOAD,…",
                        help=", ".join(WORKLOADS))
    parser.add_argument("--contenders", default="", metavar="WORD,…",
                        help="those whose names have one of the words")
    for name, value in (("rounds", 3), ("starts", 5), ("connections", 40), ("size", 300 * MB),
                        ("transfers", 2), ("echoes", 2000), ("open", 2000), ("idle", 60)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--echo-seconds", type=int, default=20, help="at most so long for a state")
    args = parser.parse_args()
    args.is_part = bool(args.only or args.contenders)
    args.only = args.only or list(WORKLOADS)
    if args.quick:
        vars(args).update(QUICK)
        args.json = "-quick".join(os.path.splitext(args.json))
    return args


def main():
    args = parse_arguments()
    settings = {name: getattr(args, name) for name in (*SETTINGS, "echo_seconds", "quick")}
    make = Results.merge if args.is_part else Results
    if args.check:
        make(args.json, None, settings)
        return
    signal.signal(signal.SIGALRM, on_alarm)
    results = make(args.json, report.machine(), settings)
    is_good = run(results, args)
    print(report.text(results))
    if not args.print:
        report.publish(results, args.document, args.plots)
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
