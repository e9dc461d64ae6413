#!/usr/bin/python3
"""Figures of the desktop program, in an X server of its own (no GPU): from the start to the tray icon and to a list that
can be used, frames while scrolling and searching, and what a minute costs in which nothing happens. Numbers for people, no
test; run.sh takes its own from --json.

window.py --kftray P --kftrayctl P [--rounds 7] [--seconds 60] [--json FILE] [tray start focus scroll search idle running]"""
import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

from gi.repository import Gio, GLib

from procfs import cpu_seconds, memory_mib, wakeups, woken

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ui"))
from desktop import DEADLINE, Desktop, Failure, wait_until  # noqa: E402
import freeport  # noqa: E402  on the path since desktop

FRAME_MS = 1000 / 60
N_FORWARDS = 1000
N_CONTEXTS = 20
N_RUNNING = 30
# Where the window is put, and as large as it is at first.
TITLE, A_ROW, SCROLL_BAR = ("300", "25"), ("400", "400"), ("962", "200")
REST_CPU_SECONDS = 0.01  # in a second: forwards that run ping their tunnels now and then


class Log:
    """What KFT_FRAME_LOG has, in ms by kind: (begin, end), those without an end have it twice; the CPU time of spans."""

    def __init__(self, path):
        self.path = path

    def lines(self, kind, since):
        if not self.path.exists():
            return
        for line in self.path.read_text().splitlines():
            name, *fields = line.split()
            times = [int(field) / 1000 for field in fields]
            if name == kind and times and times[0] >= since:
                yield times

    def read(self, kind, since=0.0):
        return [(times[0], times[1] if len(times) > 1 else times[0]) for times in self.lines(kind, since)]

    def read_cpu(self, kind, since):
        return [times[2] for times in self.lines(kind, since) if len(times) > 2]


def now_ms():
    return time.monotonic() * 1000


def config(number, local_port, running=False):
    context = "fake-cert-ec" if running else f"cluster-{number % N_CONTEXTS:02}"
    return {"alias": f"service-{number:04}", "context": context, "namespace": "default" if running else f"team-{number % 7}",
            "workload_type": "service", "protocol": "tcp", "service": "web" if running else f"service-{number:04}",
            "remote_port": 8080, "local_port": local_port}


class Watcher:
    """org.kde.StatusNotifierWatcher, which the panel is: it knows the tray's icons."""
    NAME, PATH = "org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher"

    def __init__(self, desktop):
        self.desktop = desktop
        self.bus = Gio.DBusConnection.new_for_address_sync(
            desktop.env["DBUS_SESSION_BUS_ADDRESS"],
            Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        wait_until(lambda: "a panel with a tray: " + desktop.log("panel"), self.has_host)

    def has_host(self):
        try:
            return self.bus.call_sync(self.NAME, self.PATH, "org.freedesktop.DBus.Properties", "Get",
                                      GLib.Variant("(ss)", (self.NAME, "IsStatusNotifierHostRegistered")), None, 0, 5000,
                                      None).unpack()[0]
        except GLib.Error:
            return False

    def await_icon(self, start):
        """Calls @start, which returns the process; returns that, and when the watcher told of its icon."""
        told = []

        def on_registered(_bus, _sender, _path, _interface, _signal, arguments):
            if "kftray" in arguments.unpack()[0]:
                told.append(now_ms())
        watch = self.bus.signal_subscribe(None, self.NAME, "StatusNotifierItemRegistered", self.PATH, None, 0, on_registered)
        timer = GLib.timeout_add(200, lambda: True)  # to look whether it has ended
        process, end = start(), time.monotonic() + DEADLINE
        while not told:
            if process.poll() is not None or time.monotonic() > end:
                raise Failure("no tray icon of kftray: " + self.desktop.log("kftray"))
            GLib.MainContext.default().iteration(True)
        GLib.source_remove(timer)
        self.bus.signal_unsubscribe(watch)
        return process, told[0]


class Session:
    """A desktop, its store with @n forwards, and the program."""

    def __init__(self, options, n, n_running=0, animations=False):
        self.options = options
        self.desktop = Desktop(str(pathlib.Path(options.kftray).resolve()), size="1280x900",
                               settings=[("gtk-enable-animations", int(animations))])
        self.configs = [config(i, port, i < n_running) for i, port in enumerate(freeport.find_many(n))]
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

    def focus(self):
        """By a click on the title, where there is nothing but that."""
        self.x("mousemove", *TITLE, "click", "1")

    def find_window(self, title):
        found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", f"^{title}$"], env=self.desktop.env,
                               stdout=subprocess.PIPE, text=True).stdout.split()
        return found[0] if found else None

    def spawn(self, *arguments):
        self.log.path.unlink(missing_ok=True)
        return self.desktop.spawn("kftray", [self.desktop.kftray, *arguments], env={"KFT_FRAME_LOG": str(self.log.path)})

    def start(self):
        """Returns the process, ms until the first frame with the list, and CPU seconds by then."""
        begin = now_ms()
        process = self.spawn()

        def first_frame():
            if process.poll() is not None:
                raise Failure("kftray ended: " + self.desktop.log("kftray"))
            loaded = self.log.read("loaded")
            return loaded and self.log.read("frame", since=loaded[0][0])
        frame = wait_until("a frame with the list", first_frame)[0]
        cpu = cpu_seconds(process.pid)
        return process, frame[1] - begin, cpu

    def start_hidden(self):
        """Returns the process, ms until its icon is in the tray, and CPU seconds by then."""
        watcher, begin = Watcher(self.desktop), []

        def spawn():
            begin.append(now_ms())
            return self.spawn("--hidden")
        process, shown = watcher.await_icon(spawn)
        cpu = cpu_seconds(process.pid)
        return process, shown - begin[0], cpu

    def usable_ms(self):
        """From the start to the end of the last work that would hold up an answer to input by more than a frame."""
        ends = [end for begin, end in self.log.read("turn") + self.log.read("frame") if end - begin > FRAME_MS]
        return max(ends) - self.log.read("start")[0][0]

    def rest(self, process):
        """Until a second has passed in which hardly anything was worked."""
        end, last = time.monotonic() + DEADLINE, cpu_seconds(process.pid)
        while True:
            time.sleep(1)
            now = cpu_seconds(process.pid)
            if now - last < REST_CPU_SECONDS:
                return
            if time.monotonic() > end:
                raise Failure(f"kftray does not come to rest: {(now - last) * 1000:.0f} ms of CPU in the last of "
                              f"{DEADLINE:.0f} seconds, not under {REST_CPU_SECONDS * 1000:.0f}")
            last = now


def spread(values, unit="ms", digits=0):
    values = sorted(values)
    return f"{statistics.median(values):.{digits}f} ({values[0]:.{digits}f}–{values[-1]:.{digits}f}) {unit}"


def measure_tray(options):
    with Session(options, N_FORWARDS) as session:
        times, cpus = [], []
        for number in range(options.rounds + 1):
            process, took, cpu = session.start_hidden()
            if number > 0:  # the first one fills the disk's cache
                times.append(took)
                cpus.append(cpu * 1000)
            session.rest(process)
            session.desktop.end(process)
    print(f"start --hidden, {N_FORWARDS} forwards: in the tray after {spread(times)}, {spread(cpus)} of CPU by then", flush=True)
    return {"icon": times, "cpu": cpus}


def measure_start(options):
    found = {}
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
            found[n] = {"first_frame": times, "cpu": cpus, "usable": usable, "at_rest": at_rest}
    return found


def tell_frames(what, session, since, n):
    """Frames and turns of the main loop since a moment in which @n events were sent."""
    time.sleep(0.5)
    works = sorted(end - begin for begin, end in session.log.read("frame", since))
    turns = sorted(end - begin for begin, end in session.log.read("turn", since))
    cpu = max(session.log.read_cpu("turn", since), default=0)
    late = [work for work in turns if work > FRAME_MS]
    if not works:
        print(f"{what}: no frame")
        return
    print(f"{what}, {n} events: {len(works)} frames, median {statistics.median(works):.1f} ms, 95 % "
          f"{works[int(len(works) * 0.95)]:.1f} ms, longest {works[-1]:.1f} ms; turns of the main loop longer than a frame: "
          f"{len(late)}, the longest {turns[-1] if turns else 0:.1f} ms; the most CPU in one {cpu:.1f} ms", flush=True)


def tell_turns(what, session, since):
    """The dearest turn of the main loop after each moment of @since, and all of them, until the next moment."""
    works, cpus, sums = [], [], []
    for begin, end in zip(since, [*since[1:], now_ms()]):
        turns = [times for times in session.log.lines("turn", begin) if times[0] < end]
        works.append(max((times[1] - times[0] for times in turns), default=0))
        cpus.append(max((times[2] for times in turns), default=0))
        sums.append(sum(times[2] for times in turns))
    print(f"{what}, {len(since)} times: the longest turn {spread(works, digits=1)}, its CPU {spread(cpus, digits=1)}, CPU of all turns {spread(sums, digits=1)}",
          flush=True)


OTHER = """
import gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gtk
Gtk.Window(title="another").show_all()
Gtk.main()
"""


def measure_focus(options):
    """From window to window and back. A window that gets or loses the focus has all of its colours changed."""
    for n, animations in ((1, False), (N_FORWARDS, False), (N_FORWARDS, True)):
        with Session(options, n, animations=animations) as session:
            process, *_ = session.start()
            session.desktop.spawn("another", ["/usr/bin/python3", "-c", OTHER])
            windows = [wait_until(f"a window {name}", lambda name=name: session.find_window(name)) for name in ("kftray", "another")]
            since = []
            for number in range(2 * options.rounds):
                session.rest(process)
                since.append(now_ms())
                session.x("windowactivate", "--sync", windows[number % 2])
            session.rest(process)
            tell_turns(f"the focus goes or comes, {n} forwards, {'with' if animations else 'without'} animations", session, since)


def measure_scroll(options):
    for n_running in (0, N_RUNNING):
        with Session(options, N_FORWARDS, n_running) as session:
            process, *_ = session.start()
            start_running(session, n_running)
            session.rest(process)
            # A window that gets the focus has all of its colours changed.
            since = now_ms()
            session.focus()
            tell_frames(f"giving it the focus, {n_running} running", session, since, 1)
            session.rest(process)
            session.x("mousemove", *A_ROW)
            for what, button in (("down", "5"), ("up", "4"), ("down again", "5")):
                since = now_ms()
                cpu = cpu_seconds(process.pid)
                session.x("click", "--repeat", "150", "--delay", "16", button)
                tell_frames(f"scrolling {what}, {n_running} running", session, since, 150)
                print(f"    {(cpu_seconds(process.pid) - cpu) / 150 * 1000:.1f} ms of CPU a notch", flush=True)
            session.x("mousemove", *SCROLL_BAR)
            session.rest(process)  # the bar widens
            since = now_ms()
            session.x("mousedown", "1")
            for step in range(100):
                session.x("mousemove_relative", "0", "4")
            session.x("mouseup", "1")
            tell_frames(f"dragging the scroll bar, {n_running} running", session, since, 100)


def measure_search(options):
    with Session(options, N_FORWARDS) as session:
        process, *_ = session.start()
        session.rest(process)
        session.focus()
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


def idle(options, n_running, hidden):
    with Session(options, N_FORWARDS, n_running) as session:
        process, *_ = session.start_hidden() if hidden else session.start()
        start_running(session, n_running)
        session.rest(process)
        cpu, before, since = cpu_seconds(process.pid), wakeups(process.pid), now_ms()
        time.sleep(options.seconds)
        counts = woken(before, wakeups(process.pid))
        if process.poll() is not None:
            raise Failure("kftray ended: " + session.desktop.log("kftray"))
        found = {"seconds": options.seconds, "cpu": (cpu_seconds(process.pid) - cpu) * 1000, "wakeups": sum(counts.values()),
                 "frames": len(session.log.read("frame", since)), "memory": memory_mib(process.pid)}
    told = ", ".join(f"{name.split('/')[0]} {count}" for name, count in counts.items())
    print(f"{'hidden' if hidden else 'shown'}, {n_running} of {N_FORWARDS} running, {options.seconds} s: {found['cpu']:.0f} ms of "
          f"CPU, {found['wakeups']} wake-ups ({told}), {found['frames']} frames, {found['memory']:.0f} MiB", flush=True)
    return found


def measure_idle(options):
    return {"shown": idle(options, 0, False), "hidden": idle(options, 0, True)}


def measure_running(options):
    return {"shown": idle(options, N_RUNNING, False), "hidden": idle(options, N_RUNNING, True)}


PARTS = {"tray": measure_tray, "start": measure_start, "focus": measure_focus, "scroll": measure_scroll, "search": measure_search,
         "idle": measure_idle, "running": measure_running}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kftray", required=True)
    parser.add_argument("--kftrayctl", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--json", help="a file for the numbers by part; frames while scrolling and searching are only told")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    options = parser.parse_args()
    options.kftrayctl = str(pathlib.Path(options.kftrayctl).resolve())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the desktops, too
    print(f"load average before: {os.getloadavg()[0]:.1f}")
    found = {part: PARTS[part](options) for part in options.parts or PARTS}
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(found))


main()
