#!/usr/bin/python3
"""The window, driven as a screen reader's user would: over AT-SPI and the keyboard."""
import json
import pathlib
import socket
import subprocess
import sys
import urllib.request

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "support")]
import freeport  # noqa: E402
from program import Program, store  # noqa: E402
from screen import Atspi, GLib, Screen  # noqa: E402
from suite import check, check_ended, clipboard, config, desktop, keys, run, states, stored, wait_keyboard  # noqa: E402


def test_add_edit_duplicate_delete(options):
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        program = Program(session)
        screen = Screen(program)
        screen.wait_window("kftray")
        program.activate("app.add")
        screen.wait_window("Add Forward")
        port = freeport.find()
        screen.type("Service", "web", "Add Forward")
        # The port list comes from the cluster, and its first entry into the empty field.
        program.wait("the port of the service", lambda: "8080" in
                     Atspi.Text.get_text(screen.find(Atspi.Role.TEXT, "Port", "Add Forward"), 0, 4))
        screen.type("Local port", str(port), "Add Forward")
        screen.type("Name", "shop", "Add Forward")
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")
        screen.press("Save", "Add Forward")
        screen.wait_no_window("Add Forward")
        screen.wait_rows(["shop"])
        check(stored(options, session)[0]["local_port"] == port, lambda: str(stored(options, session)))

        screen.select_row("shop")
        program.wait("the edit action", lambda: program.describe("win.edit")[0])
        program.activate("win.edit")
        screen.wait_window("Edit Forward")
        screen.type("Name", "store", "Edit Forward")
        screen.press("Save", "Edit Forward")
        screen.wait_rows(["store"])

        screen.select_row("store")
        program.activate("win.duplicate")
        screen.wait_rows(["store", "store copy"])
        check(len({entry["local_port"] for entry in stored(options, session)}) == 2, "two forwards on one port")

        # What is new is selected.
        program.activate("win.set-group")
        screen.type("Group", "shop")
        screen.press("Set Group")
        program.wait(lambda: str(stored(options, session)),
                     lambda: [entry.get("group") for entry in stored(options, session)] == [None, "shop"])

        program.activate("win.select-all")
        program.wait("the delete action", lambda: program.describe("win.remove")[0])
        program.activate("win.remove")
        screen.wait_rows([])
        program.wait("the undo action", lambda: program.describe("win.undo")[0])
        program.activate("win.undo")
        screen.wait_rows(["store", "store copy"])
        check(len(stored(options, session)) == 2, "undo lost something")
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")
        check_ended(program, program.quit())


def wait_selected(screen, names):
    """These rows are selected, no others, and the keyboard is in the first one."""
    def is_so():
        rows = [screen.search(Atspi.Role.LIST_ITEM, name, "kftray") for name in screen.rows()]
        selected = [screen.title(row) for row in rows if row is not None and screen.is_selected(row)]
        focused = [screen.title(row) for row in rows if screen.has_state(row, Atspi.StateType.FOCUSED)]
        return sorted(selected) == sorted(names) and focused == names[:1]
    screen.program.wait(lambda: f"{names} to be selected in {screen.rows()}", is_so)


def test_keyboard(options):
    """What is added, copied, deleted and brought back: the selection and the focus go with it."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        store(session, options.kftrayctl, [config("one"), config("two"), config("three")])
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["one", "two", "three"])
        wait_keyboard(session, program, "kftray")
        # The head of the group, then its first row.
        keys(session, "Down", "Left")
        screen.wait_rows([])
        keys(session, "Right")
        screen.wait_rows(["one", "two", "three"])
        keys(session, "Down", "Down")
        wait_selected(screen, ["two"])
        keys(session, "ctrl+d")
        screen.wait_rows(["one", "two", "three", "two copy"])
        wait_selected(screen, ["two copy"])
        keys(session, "Up")
        wait_selected(screen, ["three"])
        keys(session, "Delete")
        screen.wait_rows(["one", "two", "two copy"])
        wait_selected(screen, ["two copy"])
        keys(session, "Delete")
        screen.wait_rows(["one", "two"])
        wait_selected(screen, ["two"])
        screen.find(Atspi.Role.LABEL, "2 forwards deleted", "kftray")
        keys(session, "ctrl+z")
        screen.wait_rows(["one", "two", "three", "two copy"])
        wait_selected(screen, ["three", "two copy"])
        keys(session, "Escape", "Up")
        wait_selected(screen, ["two"])

        keys(session, "ctrl+f")
        subprocess.run(["xdotool", "type", "copy"], env=session.env, check=True)
        screen.wait_rows(["two copy"])
        keys(session, "Return")
        wait_selected(screen, ["two copy"])
        keys(session, "Escape")
        screen.wait_rows(["one", "two", "three", "two copy"])
        wait_selected(screen, ["two copy"])

        keys(session, "ctrl+n")
        screen.wait_window("Add Forward")
        wait_keyboard(session, program, "Add Forward")
        # The current context, by its name.
        program.wait("the context", lambda: screen.text("Context", "Add Forward") == "fake")
        screen.type("Service", "web", "Add Forward")
        program.wait("the port of the service", lambda: "8080" in screen.text("Port", "Add Forward"))
        screen.type("Name", "new", "Add Forward")
        Atspi.Component.grab_focus(screen.find(Atspi.Role.TEXT, "Name", "Add Forward"))
        keys(session, "Return")
        screen.wait_no_window("Add Forward")
        wait_selected(screen, ["new"])
        check(stored(options, session)[-1]["context"] == "fake", lambda: str(stored(options, session)))
        check_ended(program, program.quit())


def test_editor_tells(options):
    """What is wrong is told in words of the form, and once."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        program = Program(session)
        screen = Screen(program)
        screen.wait_window("kftray")
        program.activate("app.add")
        program.wait("the context", lambda: screen.text("Context", "Add Forward") == "fake")

        def labels():
            return [node.get_name() for node, _ in screen.walk(screen.wait_window("Add Forward"))
                    if node.get_role() == Atspi.Role.LABEL]
        for field, value, told in (
                ("Service", "web_1", "The name of a service has lower case letters, digits and “-” only."),
                ("Service", "nothere", "Choose a port, or type its number."),
                ("Port", "http", "A port is a number from 1 to 65535."),
                ("Port", "80", None),
                ("Local address", "here", "The local address is an IP address of this computer, or localhost."),
                ("Local address", "127.0.0.2", None),
                ("Local port", "70000", "The local port is a number from 1 to 65535, or empty for a free one."),
                ("Local port", "", None)):
            screen.type(field, value, "Add Forward")
            if told is not None:
                screen.find(Atspi.Role.LABEL, told, "Add Forward")
            save = screen.find(Atspi.Role.PUSH_BUTTON, "Save", "Add Forward")
            program.wait(lambda: f"{value!r}: Save to be {'off' if told else 'on'}; {labels()}",
                         lambda: screen.has_state(save, Atspi.StateType.SENSITIVE) == (told is None))
        screen.type("Context", "nothere", "Add Forward")
        screen.find(Atspi.Role.LABEL, "The kubeconfig has no such context", "Add Forward")
        screen.type("Context", "fake-bad-token", "Add Forward")

        def complaints():
            return [text for text in labels() if text.startswith("The cluster gives no access")]
        program.wait(lambda: f"a complaint: {labels()}", complaints)
        screen.type("Context", "fake-denied", "Add Forward")
        program.wait(lambda: f"another one: {labels()}", lambda: any("denied" in text for text in complaints()))
        check(len(complaints()) == 1, lambda: str(labels()))
        screen.press("Cancel", "Add Forward")
        screen.wait_no_window("Add Forward")
        check_ended(program, program.quit())


def test_search_and_groups(options):
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        store(session, options.kftrayctl,
              [config("web"), config("web-admin", port=8081), config("db", service="postgres", context="other"),
               config("cache", service="redis", port=6379, context="other")])
        program = Program(session)
        screen = Screen(program)
        everything = ["web", "web-admin", "db", "cache"]
        screen.wait_rows(everything)
        program.activate("win.search")
        for text, expected in (("web", ["web", "web-admin"]), ("postgres", ["db"]), ("6379", ["cache"]),
                               ("other db", ["db"]), ("default/web:8081", ["web-admin"]), ("", everything)):
            screen.type("Search forwards", text)
            screen.wait_rows(expected)
        screen.type("Search forwards", "nothing like it")
        screen.find(Atspi.Role.LABEL, "No forward matches")
        screen.type("Search forwards", "")
        program.activate("win.collapse-all")
        screen.wait_rows([])
        program.activate("win.expand-all")
        screen.wait_rows(everything)
        check_ended(program, program.quit())


def test_search_in_many(options):
    """More rows than fit: after each key those that match, in order, each with its own controls."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        names = [f"service-{number:03}" for number in range(120)]
        store(session, options.kftrayctl, [config(name, context=f"cluster-{number % 6}", local_port=20000 + number)
                                           for number, name in enumerate(names)])
        order = [name for cluster in range(6) for name in names[cluster::6]]
        program = Program(session)
        screen = Screen(program)

        def wait_shown(expected):
            """The first of them fill the view."""
            def is_shown():
                found = screen.switches()
                rows = list(found)
                # The last one may be cut, with its switch out of view.
                return rows == expected[:len(rows)] and len(rows) >= min(len(expected), 6) and all(
                    found[name] == [f"Run {name}"] for name in rows[:-1])
            program.wait(lambda: f"{expected[:20]}, there are {screen.switches()}", is_shown)

        def scroll_to_end(value, end):
            """What comes into view has its controls, too."""
            def is_there():
                found = screen.switches()
                rows = list(found)
                return end in rows and rows == order[order.index(rows[0]):][:len(rows)] and all(
                    found[name] == [f"Run {name}"] for name in rows[1:-1])
            bar = next(node for node, _ in screen.walk(screen.list_box().get_parent().get_parent())
                       if node.get_role() == Atspi.Role.SCROLL_BAR and node.get_state_set().contains(Atspi.StateType.VERTICAL))
            Atspi.Value.set_current_value(bar, value)
            program.wait(lambda: f"{end} in view, there are {screen.switches()}", is_there)

        def matching(text):
            return [name for name in order if text in name]

        def ctl(*arguments):
            subprocess.run([options.kftrayctl, *arguments], env=session.env, check=True, stdout=subprocess.DEVNULL)
        wait_shown(order)
        scroll_to_end(100000, order[-1])
        scroll_to_end(0, order[0])
        program.activate("win.search")
        Atspi.Component.grab_focus(screen.find(Atspi.Role.TEXT, "Search forwards"))
        wait_keyboard(session, program, "kftray")
        for key, text in (("minus", "-"), ("0", "-0"), ("3", "-03"), ("BackSpace", "-0"), ("1", "-01"), ("BackSpace", "-0"),
                          ("BackSpace", "-"), ("BackSpace", "")):
            keys(session, key)
            wait_shown(matching(text))
        subprocess.run(["xdotool", "type", "--delay", "1", "service-11"], env=session.env, check=True)
        wait_shown(matching("service-11"))
        subprocess.run(["xdotool", "key", "--delay", "1", *["BackSpace"] * 10], env=session.env, check=True)
        wait_shown(order)

        # Back to where it was, or to what was found.
        answer = program.call("/io/github/kftray/Kftray", "io.github.kftray.Kftray1", "List", None).unpack()[0]
        program.activate("app.reveal", GLib.Variant("x", next(entry[0] for entry in answer if entry[1] == "service-045")))
        program.wait(lambda: f"the row in {screen.rows()}", lambda: "service-045" in screen.rows())
        before = screen.rows()
        screen.type("Search forwards", "-11")
        wait_shown(matching("-11"))
        screen.type("Search forwards", "")
        program.wait(lambda: f"{before}, there are {screen.rows()}", lambda: screen.rows() == before)
        check(order[0] not in before, str(before))
        screen.type("Search forwards", "-11")
        wait_shown(matching("-11"))
        program.activate("win.select-all")
        screen.find(Atspi.Role.LABEL, "10 selected")
        screen.select_row("service-111")
        screen.type("Search forwards", "")
        program.wait(lambda: f"what was found in {screen.rows()}", lambda: "service-111" in screen.rows())

        # Rows that change meanwhile.
        screen.type("Search forwards", "-11")
        store(session, options.kftrayctl, [config("late-11", context="cluster-2", local_port=20120)])
        order.insert(order.index("service-116") + 1, "late-11")
        wait_shown(matching("-11"))
        ctl("remove", "--yes", "service-114")
        order.remove("service-114")
        wait_shown(matching("-11"))
        ctl("edit", "late-11", "alias=late-12")
        order[order.index("late-11")] = "late-12"
        wait_shown(matching("-11"))
        screen.type("Search forwards", "late")
        wait_shown(["late-12"])
        check_ended(program, program.quit())


def test_import_from_cluster(options):
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        program = Program(session)
        screen = Screen(program)
        screen.wait_window("kftray")
        program.activate("app.import-kubeconfig")
        screen.wait_window("Import from Cluster")
        tree = screen.find(Atspi.Role.TREE_TABLE, "Contexts, namespaces and services")
        # The current context is open already; its services are there once the cluster answered.
        screen.find(Atspi.Role.TABLE_CELL, "web-http   web:8080")
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")
        wait_keyboard(session, program, "Import from Cluster")
        check(screen.has_state(tree, Atspi.StateType.FOCUSED), "the tree has not the focus")
        # To a service, to its namespace, which closes, and opens again.
        keys(session, "Home", "Down", "Down", "Left", "Left")
        program.wait("a closed namespace", lambda: screen.search(Atspi.Role.TABLE_CELL, "web-http   web:8080") is None)
        keys(session, "Right")
        screen.find(Atspi.Role.TABLE_CELL, "web-http   web:8080")
        keys(session, "Home", "Down", "Down", "Down", "space")
        screen.press("Add", "Import from Cluster")
        screen.wait_no_window("Import from Cluster")
        screen.wait_rows(["headless"])
        entry = stored(options, session)[0]
        check(entry["service"] == "headless" and entry["context"] == "fake", str(entry))
        check_ended(program, program.quit())


def test_import_file(options):
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        taken = config("web")
        store(session, options.kftrayctl, [taken])
        path = session.dir / "team.json"
        path.write_text(json.dumps([taken, config("api"), config("late", port=81, local_port=taken["local_port"])]))
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["web"])
        program.activate("app.import-file")
        screen.press("Cancel", "Import Forwards")
        screen.wait_no_window("Import Forwards")
        # The file by the command line, which does what dropping it onto the window does.
        check(session.start_app(str(path), name="second").wait(30) == 0, lambda: session.log("second"))
        screen.wait_window("Import team.json")
        screen.find(Atspi.Role.LABEL, "1 new, 0 changed, 1 the same, 1 with a local port that is taken")
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")
        screen.press("Import", "Import team.json")
        screen.wait_rows(["web", "api", "late"])
        check(len({entry["local_port"] for entry in stored(options, session)}) == 3, "a port was given twice")
        check_ended(program, program.quit())


def test_quit_and_restore(options):
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        store(session, options.kftrayctl, [config("web"), config("other")])
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["web", "other"])
        screen.click(Atspi.Role.TOGGLE_BUTTON, "Run web")
        program.wait(lambda: f"web to run: {states(program)}", lambda: states(program)["web"] == "running")
        program.activate("app.quit")
        screen.press("Cancel")
        program.wait("the end of the question", lambda: len(screen.windows()) == 1)
        check(states(program)["web"] == "running", str(states(program)))
        program.activate("app.quit")
        screen.press("Keep for Next Start")
        check_ended(program, program.process.wait(30))
        program = Program(session)
        program.wait(lambda: f"web to run again: {states(program)}", lambda: states(program)["web"] == "running")
        check(states(program)["other"] == "stopped", str(states(program)))
        program.activate("app.quit")
        Screen(program).press("Stop All")
        check_ended(program, program.process.wait(30))
        program = Program(session)
        program.wait("the list", lambda: len(states(program)) == 2)
        check(states(program)["web"] == "stopped", str(states(program)))
        check_ended(program, program.quit())


def register_browser(session):
    """A browser that writes down what it is to open."""
    folder = session.dir / "data/applications"
    folder.mkdir()
    opened = session.dir / "opened"
    (folder / "browser.desktop").write_text(
        f"[Desktop Entry]\nType=Application\nName=Browser\nExec=sh -c 'echo %u >>{opened}'\n"
        "MimeType=x-scheme-handler/http;\n")
    (session.dir / "config/mimeapps.list").write_text(
        "[Default Applications]\nx-scheme-handler/http=browser.desktop\n")
    return opened


def test_copy_and_open(options):
    """What is copied is right: the address and the connection lead to the pod, and so does the kubectl command."""
    with desktop(options, settings={"gtk-double-click-time": "600000"}) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        opened = register_browser(session)
        web = config("web")
        database = config("db", service="headless", port=5432)
        address = f"127.0.0.1:{web['local_port']}"
        store(session, options.kftrayctl, [web, database])
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["web", "db"])

        def wait_copied(text):
            program.wait(lambda: f"{text!r} to be copied: {clipboard(session)!r}", lambda: clipboard(session) == text)
        screen.click(Atspi.Role.TOGGLE_BUTTON, "Run web")
        program.wait(lambda: f"web to run: {states(program)}", lambda: states(program)["web"] == "running")
        screen.press(f"Copy {address}")
        wait_copied(address)
        screen.find(Atspi.Role.LABEL, f"Copied {address}")
        screen.select_row("db")
        program.activate("win.copy-connection")
        wait_copied(f"postgresql://127.0.0.1:{database['local_port']}/")
        screen.select_row("web")
        program.activate("win.copy-connection")
        wait_copied(f"http://{address}/")
        program.activate("win.copy-address")
        wait_copied(address)
        screen.press("Open in the browser")
        program.wait("the browser", opened.exists)
        program.wait(opened.read_text, lambda: opened.read_text() == f"http://{address}/\n")
        # The second click of a double click, the first of which was above.
        screen.press(f"Copy {address}")
        program.wait(opened.read_text, lambda: opened.read_text() == f"http://{address}/\n" * 2)
        program.activate("win.copy-kubectl")
        command = f"kubectl port-forward --context fake --namespace default svc/web {web['local_port']}:8080"
        wait_copied(command)

        screen.click(Atspi.Role.TOGGLE_BUTTON, "Run web")
        program.wait(lambda: f"web to end: {states(program)}", lambda: states(program)["web"] == "stopped")
        session.spawn("kubectl", command.split())
        program.wait(lambda: session.log("kubectl"), lambda: "Forwarding from" in session.log("kubectl"))
        with urllib.request.urlopen(f"http://{address}/name", timeout=30) as answer:
            check(answer.read().startswith(b"web-"), "not the page of the pod")
        check_ended(program, program.quit())


def test_every_window_has_names(options):
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        program = Program(session)
        screen = Screen(program)
        screen.wait_window("kftray")
        program.wait("the welcome page", lambda: screen.search(Atspi.Role.LIST_ITEM, "Try the demo"))
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")
        store(session, options.kftrayctl, [config("web")])
        screen.wait_rows(["web"])
        screen.select_row("web")
        for action, window in (("app.settings", "Settings"), ("app.about", "About kftray"), ("app.relays", "Relays"),
                               ("app.log", "Log of All Forwards"),
                               ("win.set-group", None), ("win.diagnose", "Diagnose web")):
            program.activate(action)
            if window:
                screen.wait_window(window)
            program.wait("another window", lambda: len(screen.windows()) > 1)
            if action == "win.diagnose":
                screen.find(Atspi.Role.LABEL, "Nothing is wrong on the way to the pod.")
            check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")
            keys(session, "Escape")
            program.wait("its end", lambda: len(screen.windows()) == 1)
        check_ended(program, program.quit())


class Steps:
    """The list of steps in the window of a diagnosis."""
    def __init__(self, screen, window):
        self.screen = screen
        self.list = screen.find(Atspi.Role.LIST_BOX, "Steps of the diagnosis", window)

    @staticmethod
    def box(node):
        return Atspi.Component.get_extents(node, Atspi.CoordType.SCREEN)

    def rows(self):
        return [self.list.get_child_at_index(i) for i in range(self.list.get_child_count())]

    def in_view(self):
        """Boxes of the rows, and of their texts: (name, box, [box]). GTK tells no place of what is out of view."""
        found = []
        for row in self.rows():
            texts = [self.box(node) for node, _ in self.screen.walk(row, shown_only=False)
                     if node.get_role() == Atspi.Role.LABEL and node.get_state_set().contains(Atspi.StateType.VISIBLE)]
            found.append((row.get_name(), self.box(row), texts))
        return [row for row in found if all(box.y >= 0 for box in (row[1], *row[2]))]

    def faults(self):
        """Rows that are not as high as their texts, or that do not follow the one before."""
        rows = self.in_view()
        # Above and below the texts there is as much in each row.
        found = {name: place.height - max(box.y + box.height for box in texts) + min(box.y for box in texts)
                 for name, place, texts in rows}
        ends = [f"{name!r} ends at {at.y + at.height}, {after[0]!r} begins at {after[1].y}"
                for (name, at, _), after in zip(rows, rows[1:]) if at.y + at.height != after[1].y]
        if len(rows) < 3:
            return [f"only {len(rows)} in view"]
        return ends + ([str(found)] if len(set(found.values())) > 1 else [])

    def find(self, name):
        """The row of that name, which is in view. (GTK takes a list that is scrolled far for not showing.)"""
        pane = self.box(self.list.get_parent().get_parent())

        def search():
            row = next((row for row in self.rows() if row.get_name() == name), None)
            place = row and self.box(row)
            return row if row and pane.y <= place.y and place.y + place.height <= pane.y + pane.height else None
        return self.screen.program.wait(lambda: f"{name!r} in view; there are {[r.get_name() for r in self.rows()]}", search)


def test_diagnosis(options):
    """Each step is as high as its texts at any width, says what to do in words of this window, and can be copied."""
    taken = socket.create_server(("127.0.0.1", 0))
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        store(session, options.kftrayctl, [config("broken", context="nowhere"),
                                           {**config("web"), "local_port": taken.getsockname()[1]}])
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["broken", "web"])
        screen.select_row("broken")
        program.wait("the action", lambda: program.describe("win.diagnose")[0])
        program.activate("win.diagnose")
        screen.wait_window("Diagnose broken")
        screen.find(Atspi.Role.LABEL, "Something is wrong:")
        row = screen.find(Atspi.Role.LIST_ITEM, "The context is complete: failed")
        screen.find(Atspi.Role.LIST_ITEM, "The credential is there: skipped")
        screen.find(Atspi.Role.LABEL, "Not tried, as this failed: The context is complete")
        advice = screen.find(Atspi.Role.LABEL, "Edit the forward and choose another “Context”, or fetch the kubeconfig anew: "
                             "an entry that it refers to is missing or wrong.")
        options_named = [name for name in screen.names("Diagnose broken") if " -" in name]
        check(not options_named, lambda: f"options of a command: {options_named}")
        steps = Steps(screen, "Diagnose broken")
        check(len(steps.rows()) == 20, lambda: screen.names("Diagnose broken"))
        program.wait(lambda: steps.faults(), lambda: not steps.faults())
        height = steps.box(advice).height
        for width in ("520", "1000"):
            before = steps.box(steps.list).width
            subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "^Diagnose broken$", "windowsize", width, "640"],
                           env=session.env, check=True)
            program.wait(f"another width than {before}", lambda before=before: steps.box(steps.list).width != before)
            program.wait(lambda: steps.faults(), lambda: not steps.faults())
            check((steps.box(advice).height > height) == (width == "520"), f"{steps.box(advice).height} after {height}")

        Atspi.Component.grab_focus(row)
        program.wait("the focus", lambda: screen.has_state(row, Atspi.StateType.FOCUSED))
        keys(session, "ctrl+c")
        program.wait(lambda: clipboard(session), lambda: "The context is complete: failed\n" in clipboard(session))
        check("“Context”" in clipboard(session), clipboard(session))
        keys(session, "Down")
        program.wait("the next one", lambda: screen.has_state(steps.rows()[2], Atspi.StateType.FOCUSED))
        keys(session, "Tab")
        program.wait("the list to be left",
                     lambda: not any(screen.has_state(row, Atspi.StateType.FOCUSED) for row in steps.rows()))

        # Its last step fails, which is below what the window shows.
        screen.find(Atspi.Role.COMBO_BOX, "Forward").get_selection_iface().select_child(1)
        screen.wait_window("Diagnose web")
        screen.find(Atspi.Role.LABEL, "Something is wrong:")
        row = steps.find("The local port is free: failed")
        texts = [node.get_name() for node, _ in screen.walk(row)]
        check("End that program, or edit the forward and choose another “Local port”." in texts, str(texts))
        program.wait(lambda: steps.faults(), lambda: not steps.faults())
        screen.press("Copy Report", "Diagnose web")
        program.wait(lambda: clipboard(session), lambda: clipboard(session).startswith("Diagnosis of "))
        keys(session, "Escape")
        screen.wait_no_window("Diagnose web")
        check_ended(program, program.quit())


def test_menu_and_about(options):
    """The main menu has an action, and the diagnosis, for who has no tray; the settings tell what this is."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        store(session, options.kftrayctl, [config("web")])
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["web"])
        # Its key is F10; here it is activated, as the window manager may leave the focus where it was.
        program.activate("win.menu")
        program.wait(lambda: f"the diagnosis in the menu: {screen.names()}",
                     lambda: any("'Diagnose…'" in name for name in screen.names("kftray")))
        program.activate("win.menu")
        program.activate("app.settings")
        screen.wait_window("Settings")
        screen.click(Atspi.Role.RADIO_BUTTON, "About", "Settings")
        version = subprocess.run([options.kftray, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
        screen.find(Atspi.Role.LABEL, version, "Settings")
        screen.press("Licence…", "Settings")
        screen.wait_window("About kftray")
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")
        check_ended(program, program.quit())


def check_large_text(options, language, label):
    with desktop(options, environment={"GDK_DPI_SCALE": "1.5", "LANGUAGE": language}, size="1100x760") as session:
        session.start_window_manager()
        session.start_panel()
        store(session, options.kftrayctl, [config("web")])
        program = Program(session)
        screen = Screen(program)
        screen.select_row("web")
        button = screen.find(Atspi.Role.PUSH_BUTTON, label, "kftray")

        def sides():
            return [(box.x, box.x + box.width) for box in (
                Atspi.Component.get_extents(node, Atspi.CoordType.SCREEN) for node in (button, screen.wait_window("kftray")))]

        def is_inside():
            (left, right), (begin, end) = sides()
            return begin <= left < right <= end <= 1100
        program.wait(lambda: f"the button in the window, on the screen: {sides()}", is_inside)
        check_ended(program, program.quit())


def test_large_text(options):
    """With letters of 150 % the rows give way, and all of the details stay in a window of the usual size."""
    check_large_text(options, "en", "Copy Connection String")


def test_large_text_german(options):
    """The same with longer words."""
    check_large_text(options, "de", "Verbindungszeichenkette kopieren")


def test_narrow(options):
    """Beside the details, a narrow list keeps its switches."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        store(session, options.kftrayctl, [config("web")])
        subprocess.run([options.kftrayctl, "settings", "window_width", "640"], env=session.env, check=True,
                       stdout=subprocess.DEVNULL)
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["web"])
        address = "Copy 127.0.0.1:" + str(stored(options, session)[0]["local_port"])
        screen.find(Atspi.Role.PUSH_BUTTON, address)
        screen.select_row("web")

        def place(role, name):
            return Atspi.Component.get_extents(screen.find(role, name, "kftray"), Atspi.CoordType.WINDOW)

        def is_whole():
            switch = place(Atspi.Role.TOGGLE_BUTTON, "Run web")
            return switch.x + switch.width < place(Atspi.Role.PUSH_BUTTON, "Copy Connection String").x
        program.wait("the switch beside the details", is_whole)
        program.wait("no address in the row", lambda: screen.search(Atspi.Role.PUSH_BUTTON, address) is None)
        check_ended(program, program.quit())


def test_size_and_autostart(options):
    """The window comes back as large as it was; the switch writes the desktop's autostart file, and removes it."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()

        def xdotool(*words):
            return subprocess.run(["xdotool", *words], env=session.env, check=False, capture_output=True, text=True).stdout

        def window():
            return xdotool("search", "--onlyvisible", "--name", "^kftray$").split()

        def size(screen):
            """As the program knows it, which is later than the X server does."""
            place = Atspi.Component.get_extents(screen.wait_window("kftray"), Atspi.CoordType.SCREEN)
            return place.width, place.height
        program = Program(session)
        screen = Screen(program)
        program.wait("the window", window)
        xdotool("windowsize", *window(), "930", "610")
        program.wait(lambda: f"another size: {size(screen)}", lambda: size(screen) == (930, 610))
        check_ended(program, program.quit())
        program = Program(session)
        screen = Screen(program)
        program.wait(lambda: f"the size of before: {size(screen)}", lambda: size(screen) == (930, 610))

        entry = session.dir / "config/autostart/io.github.kftray.Kftray.desktop"
        program.activate("app.settings")
        screen.wait_window("Settings")
        wait_keyboard(session, program, "Settings")
        keys(session, "ctrl+Next")
        screen.find(Atspi.Role.LABEL, "Hold connections", "Settings")
        keys(session, "ctrl+Prior")
        screen.click(Atspi.Role.TOGGLE_BUTTON, "Start at login", "Settings")
        program.wait("the autostart file", entry.exists)
        check("Exec=" in entry.read_text() and "--hidden" in entry.read_text(), entry.read_text())
        screen.click(Atspi.Role.TOGGLE_BUTTON, "Start at login", "Settings")
        program.wait("the file's end", lambda: not entry.exists())
        check_ended(program, program.quit())


run([test_add_edit_duplicate_delete, test_keyboard, test_editor_tells, test_search_and_groups, test_search_in_many,
     test_import_from_cluster, test_import_file, test_quit_and_restore, test_copy_and_open, test_every_window_has_names,
     test_diagnosis, test_menu_and_about, test_large_text, test_large_text_german, test_narrow, test_size_and_autostart])
