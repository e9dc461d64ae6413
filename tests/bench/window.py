#!/usr/bin/python3
"""Figures of the desktop program's window, in an X server of its own (no GPU): from the start to a list that can be
used, frames while scrolling and searching, and what a minute costs in which nothing happens. Numbers for people, no test.

window.py --kftray P --kftrayctl P [--rounds 7] [--seconds 60] [start scroll search idle]"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ui"))
from desktop import Desktop, wait_until  # noqa: E402

FRAME_MS = 1000 / 60
N_FORWARDS = 1000
N_CONTEXTS = 20
N_RUNNING = 30


def cpu_seconds(pid):
    """Of all threads, those that ended too: the process's CPU clock (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def wakeups(pid):
    """Voluntary context switches by thread."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():  # at rest, so none ends meanwhile
        name = (task / "comm").read_text().strip()
        count = int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", (task / "status").read_text(), re.M)[1])
        found[f"{name}/{task.name}"] = count
    return found


def memory_mib(pid):
    return int(re.search(r"VmRSS:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Log:
    """What KFT_FRAME_LOG has: (begin, end) in ms by kind; those without an end have it twice."""

    def __init__(self, path):
        self.path = path

    def read(self, kind, since=0.0):
        if not self.path.exists():
            return []
        found = []
        for line in self.path.read_text().splitlines():
            name, *times = line.split()
            if name == kind and times and int(times[0]) / 1000 >= since:
                found.append((int(times[0]) / 1000, int(times[-1]) / 1000))
        return found


def now_ms():
    return time.monotonic() * 1000


def config(number, running=False):
    context = "fake-cert-ec" if running else f"cluster-{number % N_CONTEXTS:02}"
    return {"alias": f"service-{number:04}", "context": context, "namespace": "default" if running else f"team-{number % 7}",
            "workload_type": "service", "protocol": "tcp", "service": "web" if running else f"service-{number:04}",
            "remote_port": 8080, "local_port": 20000 + number}


class Session:
    """A desktop, its store with @n forwards, and the program."""

    def __init__(self, options, n, n_running=0):
        self.options = options
        self.desktop = Desktop(str(pathlib.Path(options.kftray).resolve()), size="1280x900")
        self.configs = [config(i, i < n_running) for i in range(n)]
        self.log = Log(self.desktop.dir / "frames")

    def __enter__(self):
        self.desktop.__enter__()
        self.desktop.start_window_manager()
        self.desktop.start_panel()
        if any(entry["context"] == "fake-cert-ec" for entry in self.configs):
            self.desktop.start_cluster()
        path = self.desktop.dir / "import.json"
        path.write_text(json.dumps(self.configs))
        self.ctl("import", str(path))
        return self

    def __exit__(self, *unused):
        self.desktop.close()

    def ctl(self, *arguments):
        return subprocess.run([self.options.kftrayctl, *arguments], env=self.desktop.env, check=True, stdout=subprocess.PIPE,
                              text=True).stdout

    def x(self, *arguments):
        subprocess.run(["xdotool", *arguments], env=self.desktop.env, check=True)

    def start(self):
        """Returns the process, ms until the first frame with the list, and CPU seconds by then."""
        self.log.path.unlink(missing_ok=True)
        begin = now_ms()
        process = self.desktop.spawn("kftray", [self.desktop.kftray], env={"KFT_FRAME_LOG": str(self.log.path)})

        def first_frame():
            loaded = self.log.read("loaded")
            return loaded and self.log.read("frame", since=loaded[0][0])
        frame = wait_until("a frame with the list", first_frame)[0]
        cpu = cpu_seconds(process.pid)
        return process, frame[1] - begin, cpu

    def usable_ms(self):
        """From the start to the end of the last work that would hold up an answer to input by more than a frame."""
        ends = [end for begin, end in self.log.read("turn") + self.log.read("frame") if end - begin > FRAME_MS]
        return max(ends) - self.log.read("start")[0][0]

    def rest(self, process):
        """Until nothing was worked for a second."""
        last = -1.0
        while cpu_seconds(process.pid) != last:
            last = cpu_seconds(process.pid)
            time.sleep(1)


def spread(values, unit="ms"):
    values = sorted(values)
    return f"{statistics.median(values):.0f} ({values[0]:.0f}–{values[-1]:.0f}) {unit}"


def measure_start(options):
    for n in (N_FORWARDS, 1):
        with Session(options, n) as session:
            times, cpus, usable = [], [], []
            for number in range(options.rounds + 1):
                process, took, cpu = session.start()
                session.rest(process)
                if number > 0:  # the first one fills the disk's cache
                    times.append(took)
                    cpus.append(cpu * 1000)
                    usable.append(session.usable_ms())
                at_rest = cpu_seconds(process.pid) * 1000
                session.desktop.end(process)
            print(f"start, {n} forwards: the first frame with the list after {spread(times)}, {spread(cpus)} of CPU by "
                  f"then; no more work longer than a frame after {spread(usable)}; at rest after {at_rest:.0f} ms of CPU",
                  flush=True)


def tell_frames(what, session, since, n):
    """Frames and turns of the main loop since a moment in which @n events were sent."""
    time.sleep(0.5)
    works = sorted(end - begin for begin, end in session.log.read("frame", since))
    turns = sorted(end - begin for begin, end in session.log.read("turn", since))
    late = [work for work in turns if work > FRAME_MS]
    if not works:
        print(f"{what}: no frame")
        return
    print(f"{what}, {n} events: {len(works)} frames, median {statistics.median(works):.1f} ms, 95 % "
          f"{works[int(len(works) * 0.95)]:.1f} ms, longest {works[-1]:.1f} ms; turns of the main loop longer than a frame: "
          f"{len(late)}, the longest {turns[-1] if turns else 0:.1f} ms", flush=True)


def measure_scroll(options):
    for n_running in (0, N_RUNNING):
        with Session(options, N_FORWARDS, n_running) as session:
            process, *_ = session.start()
            start_running(session, n_running)
            session.rest(process)
            session.x("mousemove", "400", "400")
            for what, button in (("down", "5"), ("up", "4"), ("down again", "5")):
                since = now_ms()
                cpu = cpu_seconds(process.pid)
                session.x("click", "--repeat", "150", "--delay", "16", button)
                tell_frames(f"scrolling {what}, {n_running} running", session, since, 150)
                print(f"    {(cpu_seconds(process.pid) - cpu) / 150 * 1000:.1f} ms of CPU a notch", flush=True)
            since = now_ms()
            session.x("mousemove", "1272", "300", "mousedown", "1")
            for y in range(300, 800, 5):
                session.x("mousemove", "1272", str(y))
            session.x("mouseup", "1")
            tell_frames(f"dragging the scroll bar, {n_running} running", session, since, 100)


def measure_search(options):
    with Session(options, N_FORWARDS) as session:
        process, *_ = session.start()
        session.rest(process)
        session.x("search", "--sync", "--onlyvisible", "--name", "^kftray$", "windowfocus", "--sync")
        session.x("key", "ctrl+f")
        session.rest(process)
        for word in ("service-04", "cluster", "team-3", "99", "zzz"):
            since = now_ms()
            session.x("type", "--delay", "200", word)
            time.sleep(0.5)
            session.x("key", "--delay", "200", *["BackSpace"] * len(word))
            tell_frames(f"searching {word!r} and back", session, since, 2 * len(word))


def start_running(session, n):
    if n == 0:
        return
    for entry in session.configs[:n]:
        session.ctl("start", entry["alias"])
    wait_until("all to run", lambda: sum(row["state"] in ("ready", "running") for row in
                                         json.loads(session.ctl("list", "--output", "json"))) >= n)


def measure_idle(options):
    for n, n_running, hidden in ((N_FORWARDS, 0, False), (N_FORWARDS, N_RUNNING, False), (N_FORWARDS, N_RUNNING, True)):
        with Session(options, n, n_running) as session:
            process, *_ = session.start()
            start_running(session, n_running)
            if hidden:
                session.x("key", "ctrl+w")
            session.rest(process)
            time.sleep(3)
            cpu, before = cpu_seconds(process.pid), wakeups(process.pid)
            since = now_ms()
            time.sleep(options.seconds)
            after = wakeups(process.pid)
            counts = {name: after[name] - before.get(name, 0) for name in after}
            told = ", ".join(f"{name.split('/')[0]} {count}" for name, count in counts.items() if count)
            print(f"{'hidden' if hidden else 'shown'}, {n_running} of {n} running, {options.seconds} s: "
                  f"{(cpu_seconds(process.pid) - cpu) * 1000:.0f} ms of CPU, {sum(counts.values())} wake-ups ({told}), "
                  f"{len(session.log.read('frame', since))} frames, {memory_mib(process.pid):.0f} MiB", flush=True)


PARTS = {"start": measure_start, "scroll": measure_scroll, "search": measure_search, "idle": measure_idle}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kftray", required=True)
    parser.add_argument("--kftrayctl", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    options = parser.parse_args()
    options.kftrayctl = str(pathlib.Path(options.kftrayctl).resolve())
    print(f"load average before: {os.getloadavg()[0]:.1f}")
    for part in options.parts or PARTS:
        PARTS[part](options)


main()
