#!/usr/bin/python3
"""The tray icon in a real panel, over com.canonical.dbusmenu."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import Program, store  # noqa: E402
from screen import Atspi, Screen  # noqa: E402
from suite import check, check_ended, clipboard, config, desktop, keys, run, wait_state  # noqa: E402
from tray import is_registered, wait_icon  # noqa: E402


def test_failed(options):
    with desktop(options) as session:
        session.start_panel()
        session.start_mock("notification_daemon")  # GIO warns if nobody takes them
        session.start_cluster()
        store(session, options.kftrayctl, [config("broken", context="nowhere")])
        program = Program(session, "--hidden")
        program.click_menu("broken")
        wait_state(program, "broken", "failed")
        wait_icon(program, "failed")
        program.wait("the mark in the menu", lambda: "✗" in program.menu_item("broken")[1]["label"])
        check_ended(program, program.quit())


def test_diagnose_in_tray(options):
    """Begins with what does not work; another one can be chosen. And the log has a window of its own."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_mock("notification_daemon")  # GIO warns if nobody takes them
        session.start_cluster()
        store(session, options.kftrayctl, [config("web"), config("broken", context="nowhere")])
        program = Program(session, "--hidden")
        screen = Screen(program)
        program.click_menu("broken")
        wait_state(program, "broken", "failed")
        program.click_menu("Diagnose")
        screen.wait_window("Diagnose broken")
        screen.find(Atspi.Role.LABEL, "Something is wrong:")
        box = screen.find(Atspi.Role.COMBO_BOX, "Forward")
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")
        box.get_selection_iface().select_child(1)
        screen.wait_window("Diagnose web")
        screen.find(Atspi.Role.LABEL, "Nothing is wrong on the way to the pod.")
        screen.press("Close", "Diagnose web")
        screen.wait_no_window("Diagnose web")

        program.activate("app.show")
        screen.select_row("broken")
        program.wait("the log action", lambda: program.describe("win.log")[0])
        program.activate("win.log")
        screen.wait_window("Log of broken")
        program.wait(lambda: screen.text("Log", "Log of broken"), lambda: "✗" in screen.text("Log", "Log of broken"))
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")
        lines = screen.text("Log", "Log of broken").count("\n")
        program.click_menu("broken")
        program.wait("further lines", lambda: screen.text("Log", "Log of broken").count("\n") > lines)
        screen.press("Copy", "Log of broken")
        program.wait(lambda: clipboard(session), lambda: "✗" in clipboard(session))
        keys(session, "ctrl+w")
        screen.wait_no_window("Log of broken")
        check_ended(program, program.quit())


def test_hidden_and_activated(options):
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        program = Program(session, "--hidden")
        screen = Screen(program)
        program.wait("the panel to show it", lambda: is_registered(program))
        program.wait("the menu", lambda: program.menu_item("Open kftray"))
        check(not screen.windows(), lambda: f"windows: {[w.get_name() for w in screen.windows()]}")
        again = session.start_app(name="second")
        check(again.wait(30) == 0, lambda: session.log("second"))
        screen.wait_window("kftray")
        program.activate("win.close")
        screen.wait_no_window("kftray")
        program.click_menu("Open kftray")
        screen.wait_window("kftray")
        check_ended(program, program.quit())


def test_no_tray(options):
    with desktop(options) as session:
        session.start_window_manager()
        program = Program(session)
        screen = Screen(program)
        screen.wait_window("kftray")
        program.wait(lambda: str(screen.names()), lambda: any("no tray icons" in name for name in screen.names()))
        program.activate("win.close")
        check_ended(program, program.process.wait(30))


def test_many_forwards(options):
    """More than twenty: the used ones first, all in submenus."""
    with desktop(options) as session:
        session.start_panel()
        session.start_cluster()
        configs = [config(f"forward-{i:02}", context=f"context-{i % 3}") for i in range(24)] + [config("zebra")]
        store(session, options.kftrayctl, configs)
        program = Program(session, "--hidden")

        def in_submenus():
            return [[child[1].get("label", "").split(" ")[0] for child in item[2]] for item in program.menu() if item[2]]
        program.wait("four submenus that nobody opened", lambda: in_submenus() == [["…"]] * 4)
        program.open_submenus()
        program.wait(lambda: str(in_submenus()), lambda: sum(len(names) for names in in_submenus()) == 25)
        check("zebra" in in_submenus()[-1] and "…" not in sum(in_submenus(), []), str(in_submenus()))
        program.click_menu("zebra")
        wait_state(program, "zebra", "running")

        def first():
            return [item for item in program.menu() if item[1].get("toggle-type") == "checkmark"]
        program.wait(lambda: str(program.menu_labels()), lambda: first()[0][1]["label"].startswith("zebra"))
        check(len(first()) == 10, str(program.menu_labels()))
        check_ended(program, program.quit())


run([test_failed, test_diagnose_in_tray, test_hidden_and_activated, test_no_tray, test_many_forwards])
