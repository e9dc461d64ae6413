#!/usr/bin/python3
"""What comes into the program and leaves it: dropped files, upstream's database, the first page's offers, export."""
import json
import pathlib
import re
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import Program, store  # noqa: E402
from screen import Atspi, Screen  # noqa: E402
from suite import check, check_ended, config, desktop, keys, run, states, stored, wait_keyboard  # noqa: E402


def drag(session, program, files):
    """Onto the middle of the main window, with the mouse."""
    def pointer(*command):
        return subprocess.run(["xdotool", *command], env=session.env, check=True, capture_output=True, text=True).stdout
    window = program.wait("the window", lambda: subprocess.run(
        ["xdotool", "search", "--onlyvisible", "--name", "^kftray$"], env=session.env, capture_output=True,
        text=True).stdout.split())[0]
    place = dict(re.findall(r"(\w+)=(\d+)", pointer("getwindowgeometry", "--shell", window)))
    x = int(place["X"]) + int(place["WIDTH"]) // 2
    y = int(place["Y"]) + int(place["HEIGHT"]) // 2
    session.spawn("drag", ["/usr/bin/python3", str(pathlib.Path(__file__).parent / "drag_source.py"), "1200", "820",
                           *map(str, files)])
    program.wait(lambda: session.log("drag"), lambda: "shown" in session.log("drag"))
    pointer("mousemove", "1230", "850")
    pointer("mousedown", "1")

    def is_accepted():
        nonlocal x
        x += 3 if x % 2 else -3  # it looks at what is below the mouse when that moves
        pointer("mousemove", str(x), str(y))
        return session.log("drag").split()[-1] == "accepted"
    program.wait(lambda: session.log("drag"), is_accepted)
    pointer("mouseup", "1")
    program.wait(lambda: session.log("drag"), lambda: "done" in session.log("drag"))


def test_drop_json(options):
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        taken = config("web")
        store(session, options.kftrayctl, [taken])
        path = session.dir / "team file.json"
        path.write_text(json.dumps([taken, config("api")]))
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["web"])
        drag(session, program, [path])
        screen.wait_window("Import team file.json")
        screen.find(Atspi.Role.LABEL, "1 new, 0 changed, 1 the same, 0 with a local port that is taken")
        screen.press("Import", "Import team file.json")
        screen.wait_rows(["web", "api"])
        check_ended(program, program.quit())


def test_drop_kubeconfig(options):
    """Onto the first page. The kubeconfig is another one than that of the environment, and is remembered."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        dropped = session.dir / "customer.yaml"
        dropped.write_text(pathlib.Path(session.env["KUBECONFIG"]).read_text())
        session.env["KUBECONFIG"] = "/nonexistent"
        program = Program(session)
        screen = Screen(program)
        screen.find(Atspi.Role.LIST_ITEM, "Try the demo", "kftray")
        drag(session, program, [dropped])
        screen.wait_window("Import from Cluster")
        screen.find(Atspi.Role.TABLE_CELL, "web-http   web:8080")
        Atspi.Component.grab_focus(screen.find(Atspi.Role.TREE_TABLE, "Contexts, namespaces and services"))
        keys(session, "Home", "Down", "Down", "Down", "space")
        screen.press("Add", "Import from Cluster")
        screen.wait_rows(["headless"])
        check(stored(options, session)[0]["kubeconfig"] == str(dropped), str(stored(options, session)))
        check_ended(program, program.quit())


def upstream_database(session, entries):
    """As upstream's version 0.27 leaves it; configs are JSON in one column."""
    folder = session.dir / ".kftray"
    folder.mkdir()
    with sqlite3.connect(folder / "configs.db") as database:
        database.execute("CREATE TABLE configs (id INTEGER PRIMARY KEY, data TEXT NOT NULL)")
        for entry in entries:
            database.execute("INSERT INTO configs (data) VALUES (?)", (json.dumps(entry),))
    database.close()


def test_first_page(options):
    """Each of its four offers leads to where it says."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        upstream_database(session, [config("theirs"), {"service": 7}])
        program = Program(session)
        screen = Screen(program)

        def choose(name):
            Atspi.Component.grab_focus(screen.find(Atspi.Role.LIST_ITEM, name, "kftray"))
            program.wait(f"the focus on {name}", lambda: screen.has_state(
                screen.search(Atspi.Role.LIST_ITEM, name, "kftray"), Atspi.StateType.FOCUSED))
            keys(session, "Return")

        # The first one has the focus.
        screen.find(Atspi.Role.LIST_ITEM, "Import from a cluster", "kftray")
        wait_keyboard(session, program, "kftray")
        keys(session, "Return")
        screen.wait_window("Import from Cluster")
        screen.press("Cancel", "Import from Cluster")
        screen.wait_no_window("Import from Cluster")
        choose("Import from a file")
        screen.press("Cancel", "Import Forwards")
        screen.wait_no_window("Import Forwards")
        choose("Import from another kftray")
        screen.wait_window("Import ~/.kftray")
        screen.find(Atspi.Role.LABEL, "1 new, 0 changed, 0 the same, 0 with a local port that is taken")
        screen.find(Atspi.Role.TOGGLE_BUTTON, "Some could not be read")
        screen.press("Cancel", "Import ~/.kftray")
        screen.wait_no_window("Import ~/.kftray")
        choose("Try the demo")
        screen.wait_rows(["demo-web", "demo-headless", "demo-stuck"])
        screen.click(Atspi.Role.TOGGLE_BUTTON, "Run demo-headless")
        program.wait(lambda: str(states(program)), lambda: states(program)["demo-headless"] == "running")
        program.activate("app.import-upstream")
        screen.press("Import", "Import ~/.kftray")
        screen.wait_rows(["demo-web", "demo-headless", "demo-stuck", "theirs"])
        check_ended(program, program.quit())


def test_export(options):
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        store(session, options.kftrayctl, [config("web"), config("db", group="shop")])
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["web", "db"])
        program.activate("app.export")
        screen.wait_window("Export Forwards")
        path = session.dir / "out.json"
        screen.type("Name:", str(path), "Export Forwards")
        screen.press("Save", "Export Forwards")
        program.wait("the file", path.exists)
        program.wait(lambda: path.read_text(), lambda: path.read_text().endswith("]\n"))
        check(json.loads(path.read_text()) == stored(options, session), path.read_text())
        # A folder that cannot be written is told of in the window.
        program.activate("app.export")
        screen.type("Name:", "/proc/out.json", "Export Forwards")
        screen.press("Save", "Export Forwards")
        screen.find(Atspi.Role.LABEL, "The file cannot be written", "kftray")
        check_ended(program, program.quit())


run([test_drop_json, test_drop_kubeconfig, test_first_page, test_export])
