"""The tables and plots of a run."""

import json
import math
import os
import re
import statistics
import subprocess

from forwarder import kubectl
from workloads import GIB, MB

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

# title, then key, column and digits of each number
TABLES = [
    ("New connections", [
        ("start", "start, ms", 0), ("first", "first byte, ms", 2),
        ("first10", "at 10 ms RTT", 1), ("first40", "at 40 ms RTT", 1),
        ("first150", "at 150 ms RTT", 1), ("sequential", "per second, one by one", 0),
        ("parallel", "per second, 64 at once", 0)]),
    ("Bulk", [
        ("down", "down, MB/s", 0), ("up", "up, MB/s", 0), ("down8", "down, 8 streams", 0),
        ("up8", "up, 8 streams", 0), ("cpu_down", "CPU s/GiB down", 2),
        ("cpu_up", "CPU s/GiB up", 2)]),
    ("Echo of one byte, ms", [
        ("echo_alone", "alone", 2), ("echo_alone99", "99 %", 2),
        ("echo_busy", "beside a download", 2), ("echo_busy99", "99 %", 2),
        ("echo_stalled", "beside a stalled reader", 2), ("echo_stalled99", "99 %", 2)]),
    ("One process", [
        ("idle", "idle, MiB", 1), ("peak", "peak, MiB", 1), ("threads", "threads", 0),
        ("per_connection", "KiB per open connection", 1)]),
]


def cell(values, digits):
    if not values:
        return "–"
    if math.isinf(max(values)):
        return "nothing in 10 s"
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def table(columns, results):
    lines = ["| | " + " | ".join(title for _, title, _ in columns) + " |",
             "|---|" + "---:|" * len(columns)]
    for name, rounds in results.items():
        cells = [cell([r[key] for r in rounds if key in r], digits) for key, _, digits in columns]
        if any(one != "–" for one in cells):
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def many_table(many):
    lines = ["| forwards | memory, MiB (PSS) | per further forward, KiB | threads | idle CPU, % | "
             "wake-ups per second |", "|---|---:|---:|---:|---:|---:|"]
    names = {"ours": "kftrayctl, one process", "kubectl": "kubectl, a process each"}
    for program, counts in many.items():
        for count, values in counts.items():
            more = (values["memory"] - counts[1]["memory"]) * 1024 / (count - 1) if count > 1 else None
            cells = [f"{values['memory']:.1f}", f"{more:.0f}" if more is not None else "–",
                     f"{values['threads']}"]
            cells += [f"{values[key]:.2f}" if key in values else "–"
                      for key in ("idle_cpu", "idle_wakeups")]
            lines.append(f"| {count}, {names[program]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def tables(results, many):
    parts = [f"### {title}\n\n{table(columns, results)}" for title, columns in TABLES]
    return "\n\n".join([*parts, f"### Many forwards\n\n{many_table(many)}"])


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


# ---- plots ----

PLOTS = [
    ("first-byte", "First byte of a new connection, ms, by round trip to the API server",
     [("first", "0"), ("first10", "10 ms"), ("first40", "40 ms"), ("first150", "150 ms")]),
    ("bulk", "MB/s", [("down", "down"), ("up", "up"), ("down8", "down, 8 streams"),
                      ("up8", "up, 8 streams")]),
    ("cpu", "Processor seconds per GiB", [("cpu_down", "down"), ("cpu_up", "up")]),
]


def medians(rounds, key):
    values = [r[key] for r in rounds if key in r]
    return f"{statistics.median(values):.3f}" if values else "NaN"


def plot(folder, results):
    """Grouped bars, a group for each number and a bar for each contender."""
    for name, title, keys in PLOTS:
        shown = [c for c in results if any(keys[0][0] in r for r in results[c]) and "no forw" not in c]
        rows = ["\t".join([f'"{label}"', *(medians(results[c], key) for c in shown)])
                for key, label in keys]
        columns = ", ".join(
            f"$d using {i + 2}{':xtic(1)' if i == 0 else ''} title '{contender}'"
            for i, contender in enumerate(shown))
        script = f"""$d << EOD
{chr(10).join(rows)}
EOD
set terminal svg size 760,360 font 'sans,12' background rgb 'white'
set output '{folder}/bench-{name}.svg'
set title '{title}'
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.85 border -1
set key outside right top
set yrange [0:*]
set grid ytics
plot {columns}
"""
        subprocess.run(["gnuplot"], input=script, text=True, check=True)
