"""The tables and plots of a run, from its JSON file alone:

    report.py FILE.json [--document docs/performance.md] [--plots docs/images]"""

import argparse
import json
import math
import os
import re
import statistics
import subprocess

import targets
from contenders import DIRECT, FORWARDERS, KFTRAY, MANY, RELAY, many
from forwarder import kubectl
from results import Results
from workloads import ECHO_TIMEOUT_S, GIB, MB

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

# title, then key, column and digits of each number
TABLES = [
    ("New connections", [
        ("start", "start, ms", 0), ("first", "first byte, ms", 2),
        ("first10", "at 10 ms RTT", 1), ("first40", "at 40 ms RTT", 1),
        ("first150", "at 150 ms RTT", 1), ("sequential", "per second, one by one", 0),
        ("parallel", "per second, 64 at once", 0),
        ("connection_cpu", "CPU ms per connection", 2)]),
    ("Bulk", [
        ("down", "down, MB/s", 0), ("up", "up, MB/s", 0), ("down8", "down, 8 streams", 0),
        ("up8", "up, 8 streams", 0), ("cpu_down", "CPU s/GiB down", 2),
        ("cpu_up", "CPU s/GiB up", 2)]),
    ("Echo of one byte, ms", [
        ("echo_alone", "alone", 2), ("echo_alone99", "99 %", 2),
        ("echo_busy", "beside a download", 2), ("echo_busy99", "99 %", 2),
        ("echo_session", "before a download", 2), ("echo_session99", "99 %", 2),
        ("echo_stalled", "beside a stalled reader", 2), ("echo_stalled99", "99 %", 2)]),
    ("One process", [
        ("resident", "idle, MiB", 1), ("peak", "peak, MiB", 1), ("threads", "threads", 0),
        ("per_connection", "KiB per open connection", 1)]),
]
STATES = [("alone", "alone"), ("busy", "beside a download"), ("session", "before a download"),
          ("stalled", "beside a stalled reader")]
MISSING = "–"


def one_number(value, digits):
    return f"nothing in {ECHO_TIMEOUT_S} s" if math.isinf(value) else f"{value:,.{digits}f}"


def cell(values, digits):
    """The median, and in brackets the range."""
    if not values:
        return MISSING
    middle, least, most = (one_number(value, digits)
                           for value in (statistics.median(values), min(values), max(values)))
    return middle if middle == least == most else f"{middle} ({least}–{most})"


def table(columns, names, results):
    """Who has none of the numbers is left out, unless that is because it failed."""
    lines = ["| | " + " | ".join(title for _, title, _ in columns) + " |",
             "|---|" + "---:|" * len(columns)]
    failed = {name for _, name, _, _ in results.failures()}
    for name in names:
        cells = [cell(results.values(name, key), digits) for key, _, digits in columns]
        if name in failed or any(one != MISSING for one in cells):
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def servers_share(results):
    """Of the time of a new connection, what is neither the client's and the pod's nor ours."""
    client = results.median(DIRECT.name, "sequential")
    told = []
    for row in FORWARDERS:
        per_second = results.median(row.name, "sequential")
        cpu = results.median(row.name, "connection_cpu")
        if None in (client, per_second, cpu):
            continue
        whole, near = 1000 / per_second, 1000 / client
        told.append(f"{row.name} {whole:.2f} ms ({near:.2f}, {cpu:.2f}, "
                    f"{max(0, whole - near - cpu) / whole * 100:.0f} %)")
    return ("One by one a connection takes (in brackets the client's and the pod's part, the forwarder's "
            "CPU, and what remains for the servers and for waiting for a core): " + "; ".join(told)
            + ".") if told else ""


def echo_numbers(results):
    """How many round trips the percentiles are of."""
    wanted, fewer = results.settings["echoes"], []
    for row in (*FORWARDERS, RELAY, DIRECT):
        for key, title in STATES:
            counts = results.values(row.name, f"echo_{key}_n")
            if counts and min(counts) < wanted:
                fewer.append(f"{row.name} {title} {cell(counts, 0)}")
    return (f"n = {wanted:,} echoes for each state and round" +
            (f", or as many as there were in {results.settings['echo_seconds']} s: " +
             "; ".join(fewer) if fewer else "") + ".")


def further(results, row):
    """KiB for each forward more than one, by round."""
    one = results.by_round(many(row.program, 1), "memory")
    return [(value - one[number]) * 1024 / (row.detail - 1)
            for number, value in results.by_round(row.name, "memory").items()
            if number in one and row.detail > 1]


def many_table(results):
    lines = ["| forwards | memory, MiB (PSS) | per further forward, KiB | threads | idle CPU, % | "
             "wake-ups per second |", "|---|---:|---:|---:|---:|---:|"]
    for row in sorted(MANY, key=lambda row: row.program):
        cells = [cell(results.values(row.name, "memory"), 1), cell(further(results, row), 0),
                 cell(results.values(row.name, "many_threads"), 0),
                 cell(results.values(row.name, "idle_cpu"), 3),
                 cell(results.values(row.name, "idle_wakeups"), 1)]
        lines.append(f"| {row.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def desktop_table(results):
    idle = f"{results.settings['idle']} s at rest"
    rows = [("tray", "start to the tray icon, 1,000 configs, `--hidden`, ms", 0)]
    for count in ("1000", "1"):
        of = f"{int(count):,} config{'s' if count != '1' else ''}"
        rows += [(f"first_frame_{count}", f"start to the first frame with the list, {of}, ms", 0),
                 (f"cpu_{count}", f"CPU by then, {of}, ms", 0),
                 (f"usable_{count}", f"start to the end of the last work longer than a frame, {of}, ms",
                  0)]
    for state, title in (("shown", "window shown"), ("hidden", "`--hidden`")):
        rows += [(f"{state}_cpu", f"{idle}, {title}, 1,000 configs: CPU, ms", 0),
                 (f"{state}_wakeups", f"{idle}, {title}: voluntary context switches", 0),
                 (f"{state}_memory", f"{idle}, {title}: resident, MiB", 0)]
    lines = ["| kftray | |", "|---|---:|"]
    lines += [f"| {title} | {cell(results.values(KFTRAY.name, key), digits)} |"
              for key, title, digits in rows]
    return "\n".join(lines)


def failure_sentences(results):
    return "\n".join(f"Failed twice in round {number}, so without a number there: `{workload}` of "
                     f"{name}." for workload, name, number, _ in results.failures())


def tables(results):
    names = [row.name for row in (*FORWARDERS, RELAY, DIRECT)]
    notes = {"New connections": servers_share(results), "Echo of one byte, ms": echo_numbers(results)}
    parts = [("Targets of the project, and what was reached", targets.table(results), "")]
    parts += [(title, table(columns, names, results), notes.get(title, ""))
              for title, columns in TABLES]
    parts += [("Many forwards", many_table(results), ""),
              ("The desktop program", desktop_table(results), "")]
    return "\n\n".join("\n\n".join(filter(None, (f"### {title}", body, note)))
                       for title, body, note in parts)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        found = re.search(r"model name\s*: (.*)", info.read())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    version = json.loads(kubectl("version", "--output=json"))
    return (f"{os.cpu_count()} cores ({found.group(1) if found else 'unknown'}), {memory:.0f} GiB, "
            f"Linux {os.uname().release.split('-')[0]}; kubectl "
            f"{version['clientVersion']['gitVersion'].split('-')[0]}, Kubernetes "
            f"{version['serverVersion']['gitVersion']}")


def about(results):
    of, entries = results.settings, [entry for _, _, entry in results.entries()]
    dates, loads = {entry["date"] for entry in entries}, [entry["load"] for entry in entries]
    date = " to ".join(sorted({min(dates), max(dates)})) if dates else "nothing measured"
    load = f"{min(loads):.1f} to {max(loads):.1f}" if loads else MISSING
    return (f"{date}, {sum(entry['seconds'] for entry in entries) / 60:.0f} minutes; "
            f"{results.data['machine']}; {of['rounds']} rounds; in each {of['starts']} starts, "
            f"{of['transfers']} transfers of {of['size'] // MB} MB, first bytes of "
            f"{of['connections']} connections; load average before the contenders' first turns, "
            f"which includes those before them: {load}. Medians of the rounds, in brackets the range.")


def text(results):
    return "\n\n".join(filter(None, (about(results), failure_sentences(results), tables(results))))


def publish(results, document, plots):
    """Quick numbers are for those who work on the benchmark."""
    if results.settings["quick"]:
        return
    if not results.is_complete():
        print(f"{document} stays as it is: {results.path} has not all workloads yet")
        return
    images = plot(plots, results)
    write_document(document, "\n\n".join((text(results), *images)))


def write_document(path, content):
    with open(path, encoding="utf-8") as document:
        old = document.read()
    if BEGIN not in old or END not in old:
        raise SystemExit(f"{path}: the markers {BEGIN} and {END} are missing")
    head, _, rest = old.partition(BEGIN)
    with open(path, "w", encoding="utf-8") as document:
        document.write(f"{head}{BEGIN}\n{content}\n{END}{rest.partition(END)[2]}")


# ---- plots ----

PLOTS = [
    ("first-byte", "First byte of a new connection, ms, by round trip to the API server",
     [("first", "0"), ("first10", "10 ms"), ("first40", "40 ms"), ("first150", "150 ms")]),
    ("bulk", "MB/s, one stream and eight", [("down", "down, 1"), ("up", "up, 1"), ("down8", "down, 8"),
                                            ("up8", "up, 8")]),
    ("cpu", "Processor seconds per GiB", [("cpu_down", "down"), ("cpu_up", "up")]),
]


def bar(results, name, key):
    value = results.median(name, key)
    return "NaN" if value is None or math.isinf(value) else f"{value:.3f}"


def plot(folder, results):
    """Grouped bars, a group for each number and a bar for each contender. Returns Markdown."""
    images = []
    for name, title, keys in PLOTS:
        shown = [row.name for row in (*FORWARDERS, RELAY) if results.values(row.name, keys[0][0])]
        rows = ["\t".join([f'"{label}"', *(bar(results, row, key) for row in shown)])
                for key, label in keys]
        columns = ", ".join(
            f"$d using {i + 2}{':xtic(1)' if i == 0 else ''} title '{row}'"
            for i, row in enumerate(shown))
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
        if shown:
            subprocess.run(["gnuplot"], input=script, text=True, check=True)
            images.append(f"![{title}](images/bench-{name}.svg)")
    return images


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("json", help="the numbers of a run")
    parser.add_argument("--document", help="the file that gets them, between its markers")
    parser.add_argument("--plots", help="the folder for the plots, named as from the document")
    args = parser.parse_args()
    results = Results.load(args.json)
    print(text(results))
    if args.document and args.plots:
        publish(results, args.document, args.plots)


if __name__ == "__main__":
    main()
