#!/usr/bin/python3
"""The windows of the log: of one forward and of all, followed, searched, copied."""
import pathlib
import sys

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import Program, store  # noqa: E402
from screen import Screen  # noqa: E402
from suite import check, check_ended, clipboard, config, desktop, keys, run, wait_state  # noqa: E402

ALL = "Log of All Forwards"


def lines(screen, window):
    """What is shown, without the times."""
    return [line.split("  ", 1)[1] for line in screen.text("Log", window).splitlines()]


def wait_lines(program, screen, window, condition):
    return program.wait(lambda: f"other lines: {lines(screen, window)}", lambda: condition(lines(screen, window)))


def test_all_forwards(options):
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_mock("notification_daemon")
        session.start_cluster()
        store(session, options.kftrayctl, [config("website"), config("broken", context="nowhere"), config("quiet")])
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["broken", "quiet", "website"])
        program.activate("app.log")
        screen.wait_window(ALL)
        screen.find(Atspi.Role.LABEL, "Nothing has happened since kftray began")
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")

        # It follows what happens.
        program.click_menu("website")
        wait_state(program, "website", "running")
        program.click_menu("broken")
        wait_state(program, "broken", "failed")
        seen = wait_lines(program, screen, ALL, lambda found: any(line.startswith("✗ broken: ") for line in found) and found)
        check(seen[0] == "website: started" and "broken: started" in seen, str(seen))
        check(screen.search(Atspi.Role.LABEL, "Nothing has happened since kftray began") is None, "it says that there is nothing")

        # Only errors, and only what has the words; a new line is held to both.
        screen.click(Atspi.Role.TOGGLE_BUTTON, "Errors Only", ALL)
        wait_lines(program, screen, ALL, lambda found: found and all(line.startswith("✗ broken: ") for line in found))
        screen.type("Search the log", "WEBSITE", ALL)
        screen.find(Atspi.Role.LABEL, "No line of the log matches")
        screen.click(Atspi.Role.TOGGLE_BUTTON, "Errors Only", ALL)
        wait_lines(program, screen, ALL, lambda found: found and all(line.startswith("website: ") for line in found))
        program.click_menu("broken")
        program.click_menu("website")
        wait_state(program, "website", "stopped")
        wait_lines(program, screen, ALL, lambda found: found and found[-1] == "website: stopped" and
                   all(line.startswith("website: ") for line in found))
        screen.press("Copy", ALL)
        program.wait(lambda: f"the copy: {clipboard(session)!r}", lambda: clipboard(session) == screen.text("Log", ALL))

        # That of one forward is a window of its own; asking again shows the same.
        screen.select_row("website")
        program.activate("win.log")
        screen.wait_window("Log of website")
        wait_lines(program, screen, "Log of website", lambda found: found and found[0] == "started" and found[-1] == "stopped")
        program.activate("app.log")
        check(sorted(screen.title(window) for window in screen.windows()) == [ALL, "Log of website", "kftray"], "windows")
        check_ended(program, program.quit())


def test_keys(options):
    """Ctrl+F searches, Escape ends first the search and then the window."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_cluster()
        store(session, options.kftrayctl, [config("web")])
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["web"])
        program.click_menu("web")
        wait_state(program, "web", "running")
        program.activate("app.log")
        window = screen.wait_window(ALL)
        program.wait("the window's focus", lambda: screen.has_state(window, Atspi.StateType.ACTIVE))
        keys(session, "ctrl+f")
        entry = screen.find(Atspi.Role.TEXT, "Search the log", ALL)
        program.wait("the entry's focus", lambda: screen.has_state(entry, Atspi.StateType.FOCUSED))
        keys(session, "z", "z", "z")
        screen.find(Atspi.Role.LABEL, "No line of the log matches")
        keys(session, "Escape")
        wait_lines(program, screen, ALL, lambda found: found and found[0] == "web: started")
        keys(session, "Escape")
        screen.wait_no_window(ALL)
        check_ended(program, program.quit())


run([test_all_forwards, test_keys])
