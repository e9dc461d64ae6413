#!/usr/bin/python3
"""What the rest of the desktop has to do with the program: notifications, sleep and network."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from gi.repository import GLib  # noqa: E402
from program import Program, store  # noqa: E402
from screen import Screen  # noqa: E402
from suite import check, check_ended, config, desktop, run, states, wait_state  # noqa: E402


def told(daemon):
    """[(id that it replaces, title, text)] of all notifications so far."""
    return [(call[1], call[3], call[4]) for call in daemon.calls("Notify")]


def wait_told(program, daemon, title):
    """The notification with that title and all before it."""
    def find():
        found = told(daemon)
        return found if any(entry[1] == title for entry in found) else None
    return program.wait(lambda: f"{title!r} among {told(daemon)}", find)


def fetch(port):
    """The pod's name, "" if the connection was cut, at whatever moment: while it sends, urllib has its own error for that."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/name", timeout=60) as answer:
            return answer.read().decode()
    except (ConnectionError, urllib.error.URLError, http.client.HTTPException):
        return ""


def test_notifications(options):
    """Of failed, lost and recovered; not of what the user did; gone when they are old."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        daemon = session.start_mock("notification_daemon")
        cluster, facts = session.start_cluster()
        store(session, options.kftrayctl, [config("web", context="fake-cert-ec"), config("broken", context="nowhere")])
        program = Program(session, "--hidden")
        screen = Screen(program)
        program.click_menu("web")
        wait_state(program, "web", "running")
        program.click_menu("web")
        wait_state(program, "web", "stopped")
        program.click_menu("web")
        wait_state(program, "web", "running")
        program.click_menu("broken")
        # The first one of all: starting and stopping was the user's own doing.
        first = wait_told(program, daemon, "broken failed")
        check(len(first) == 1 and "Edit the forward" in first[0][2], str(first))
        check(not screen.windows(), "a window without a request")

        session.end(cluster, signal.SIGKILL)
        wait_told(program, daemon, "web is being reconnected")
        session.start_cluster("--port", str(facts["port"]))
        back = wait_told(program, daemon, "web works again")
        # It takes the place of the bad news. Nothing else was told.
        check(len(back) == 3 and back[2][0] == 2, str(back))

        # Its click shows the forward.
        daemon.emit("ActionInvoked", "us", GLib.Variant("u", 1), GLib.Variant("s", "default"))
        screen.wait_window("kftray")
        row = screen.find_row("broken")
        program.wait("the row to be selected", lambda: screen.is_selected(row))

        # What the user has dealt with is no news.
        program.click_menu("web")
        program.wait(lambda: str(daemon.calls("CloseNotification")),
                     lambda: [2] in [list(call) for call in daemon.calls("CloseNotification")])
        check_ended(program, program.quit())


def test_many_notifications(options):
    """Many at once are one; none while the user looks at the window, or wants none."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        daemon = session.start_mock("notification_daemon")
        cluster, facts = session.start_cluster()
        names = [f"web-{i}" for i in range(7)]
        store(session, options.kftrayctl, [config(name, context="fake-cert-ec") for name in names])
        program = Program(session, "--hidden")
        # The entry is there before the forwards are.
        for name in names:
            program.wait(name, lambda: program.menu_item(name))
        program.click_menu("Start All")
        for name in names:
            wait_state(program, name, "running")
        session.end(cluster, signal.SIGKILL)
        one = wait_told(program, daemon, "7 forwards are being reconnected")
        check(len(one) == 1 and one[0][2].count("web-") == 5 and one[0][2].endswith(", …"), str(one))
        session.start_cluster("--port", str(facts["port"]))
        two = wait_told(program, daemon, "7 forwards work again")
        check(len(two) == 2, str(two))
        check_ended(program, program.quit())


def test_sleep(options):
    """logind says that the machine slept: a connection that went silent meanwhile is given up at once."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_system_bus()
        logind = session.start_mock("logind", is_system=True)
        cut = {"on": "session", "do": "cut", "down": 5000, "how": "silence", "times": 1}
        (session.dir / "world.json").write_text(json.dumps({"faults": [cut]}))
        session.start_cluster("--world", str(session.dir / "world.json"))
        web = config("web")
        store(session, options.kftrayctl, [web])
        session.env["G_MESSAGES_DEBUG"] = "kftray"
        program = Program(session, "--hidden")
        program.click_menu("web")
        wait_state(program, "web", "running")
        with socket.create_connection(("127.0.0.1", web["local_port"])) as client:
            client.sendall(b"GET /zero?n=100000 HTTP/1.0\r\n\r\n")
            check(client.recv(1) == b"H", "no answer")
            program.wait("its ear", lambda: "are watched" in session.log("kftray"))
            logind.emit("PrepareForSleep", "b", GLib.Variant("b", True))
            program.wait("the sleep", lambda: "about to sleep" in session.log("kftray"))
            logind.emit("PrepareForSleep", "b", GLib.Variant("b", False))
            woken = time.monotonic()
            # The first one may come before the news and be lost with the old connection.
            program.wait("a new connection", lambda: fetch(web["local_port"]).startswith("web-"))
            answered = time.monotonic()
            try:
                while client.recv(65536):
                    pass
            except ConnectionResetError:
                pass
            print(f"# answers {answered - woken:.2f} s after waking up, the old connection is ended after "
                  f"{time.monotonic() - woken:.1f} s", flush=True)
        program.activate("app.show")
        screen = Screen(program)
        screen.select_row("web")
        # Not by the time-out of a silent connection: that has other words.
        program.wait(lambda: screen.text("Log"),
                     lambda: "the network changed" in screen.text("Log"))
        check(program.process.poll() is None and "the machine woke up" in session.log("kftray"), session.log("kftray"))
        check_ended(program, program.quit())


def test_network_changed(options):
    """NetworkManager tells of another connectivity: the engine hears of it, and what works goes on."""
    with desktop(options, environment={"GIO_USE_NETWORK_MONITOR": "networkmanager"}) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_system_bus()
        manager = session.start_mock("networkmanager", is_system=True)
        session.start_cluster()
        web = config("web")
        store(session, options.kftrayctl, [web])
        session.env["G_MESSAGES_DEBUG"] = "kftray"
        program = Program(session, "--hidden")
        program.click_menu("web")
        wait_state(program, "web", "running")
        program.wait("its ear", lambda: "are watched" in session.log("kftray"))
        before = session.log("kftray").count("the network changed")
        manager.call("SetConnectivity", "(u)", 1)
        manager.call("SetConnectivity", "(u)", 4)
        program.wait(lambda: session.log("kftray"),
                     lambda: session.log("kftray").count("the network changed") > before)
        check(fetch(web["local_port"]).startswith("web-"), "not the page of the pod")
        wait_state(program, "web", "running")
        check_ended(program, program.quit())


def status(session, kftrayctl, name):
    """What kftrayctl tells of one config."""
    return json.loads(subprocess.run([kftrayctl, "show", name, "--json"], env=session.env, check=True,
                                     capture_output=True, text=True).stdout)


def test_killed(options):
    """After SIGKILL what ran runs again; a port that another program took meanwhile stays that program's, who is named."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        daemon = session.start_mock("notification_daemon")
        session.start_cluster()
        web, taken = config("web"), config("taken")
        store(session, options.kftrayctl, [web, taken, config("other")])
        program = Program(session, "--hidden")
        for name in ("web", "taken"):
            program.click_menu(name)
            wait_state(program, name, "running")
        # The numbers that other programs see.
        check(fetch(web["local_port"]).startswith("web-"), "not the page of the pod")
        program.wait("its handshake",
                     lambda: status(session, options.kftrayctl, "web")["health"]["connected_ms"] > 0)
        program.process.kill()
        program.process.wait(30)
        check(status(session, options.kftrayctl, "web")["state"] == "idle", "it still seems to run")

        with socket.create_server(("127.0.0.1", taken["local_port"])):
            program = Program(session, "--hidden")
            wait_state(program, "web", "running")
            wait_state(program, "taken", "failed")
            check(fetch(web["local_port"]).startswith("web-"), "not the page of the pod")
            news = wait_told(program, daemon, "taken failed")
            check(f"(pid {os.getpid()})" in news[-1][2], str(news))
            wait_state(program, "other", "stopped")
        check_ended(program, program.quit())


def test_toggle(options):
    """kftrayctl toggle, as a key of the desktop would call it: what runs stops, all of it; otherwise all starts."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        store(session, options.kftrayctl, [config(name, context="fake-cert-ec") for name in ("web", "other")])
        program = Program(session, "--hidden")
        both = ("web", "other")
        for words, wanted in ((["web"], ("running", "stopped")), (both, ("stopped", "stopped")), (both, ("running", "running")),
                              (["--all"], ("stopped", "stopped")), (["--all"], ("running", "running"))):
            subprocess.run([options.kftrayctl, "toggle", *words], env=session.env, check=True)
            for name, state in zip(both, wanted):
                wait_state(program, name, state)
        check_ended(program, program.quit())


def test_unreadable_store(options):
    """Whoever asks over the bus is told why there is no answer; once that is put right, there is one."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        path = session.dir / "kftray/kftray.db"
        path.write_text("This is no database. " * 500)
        program = Program(session, "--hidden")
        for method, arguments in (("List", None), ("Status", None), ("Start", GLib.Variant("(ax)", ([],)))):
            try:
                program.call("/io/github/kftray/Kftray", "io.github.kftray.Kftray1", method, arguments)
            except GLib.Error as error:
                check("the stored forwards cannot be read: " in error.message and "kftray.db" in error.message, error.message)
            else:
                check(False, f"{method} was answered")
        path.unlink()

        def read():
            try:
                return [states(program)]
            except GLib.Error:  # of a look that had begun before
                return None
        check(program.wait("an answer", read) == [{}], "not empty")
        check_ended(program, program.quit())


run([test_notifications, test_many_notifications, test_sleep, test_network_changed, test_killed,
     test_toggle, test_unreadable_store])
