"""The window of relay pods: what is in a cluster, whose it is, and deleting what nobody uses any more."""
import json
import urllib.request

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402

import relays  # noqa: E402
from program import Program  # noqa: E402
from screen import Screen  # noqa: E402
from suite import check, check_ended, desktop, keys, run  # noqa: E402


def start(session, *more):
    """A cluster with two relays, one of which a program of this user has left, and @more."""
    session.start_window_manager()
    session.start_panel()
    return session.start_cluster("--control", "--world", relays.make_world(session, *more))[1]


def pods(facts):
    url = f"http://127.0.0.1:{facts['control']}/objects?kind=Pod&namespace=default"
    with urllib.request.urlopen(url, timeout=20) as answer:
        return {item["metadata"]["name"] for item in json.load(answer)}


def cell(screen, text):
    return screen.find(Atspi.Role.TABLE_CELL, text)


def test_list_and_delete(options):
    with desktop(options) as session:
        facts = start(session)
        program = Program(session)
        screen = Screen(program)
        screen.wait_window("kftray")
        program.activate("app.relays")
        screen.wait_window("Relays")
        for text in ("relay-left", "Orphaned", "ann@laptop", "db.example.com:5432", "relay-other", "Others’"):
            cell(screen, text)
        screen.find(Atspi.Role.LABEL, "2 relay pods, 1 of them orphaned")
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")

        # Not without being asked.
        screen.press("Delete All Orphaned…", "Relays")
        screen.find(Atspi.Role.LABEL, "Delete the orphaned relay pod relay-left?")
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")
        screen.press("Cancel")
        program.wait("the question's end", lambda: len(screen.windows()) == 2)
        check({"relay-left", "relay-other"} <= pods(facts), str(pods(facts)))

        screen.press("Delete All Orphaned…", "Relays")
        screen.press("Delete")
        screen.find(Atspi.Role.LABEL, "1 relay pod")
        check("relay-other" in pods(facts) and "relay-left" not in pods(facts), str(pods(facts)))
        keys(session, "Escape")
        screen.wait_no_window("Relays")
        check_ended(program, program.quit())


def select(screen, name):
    node = cell(screen, name)
    node.get_parent().get_selection_iface().clear_selection()
    if not node.get_component_iface().grab_focus():
        node.get_action_iface().do_action(0)


def is_enabled(screen, name):
    return screen.has_state(screen.search(Atspi.Role.PUSH_BUTTON, name, "Relays"), Atspi.StateType.SENSITIVE)


def test_delete_one(options):
    """By the button and by the key; those of others not."""
    with desktop(options) as session:
        facts = start(session, relays.SECOND)
        program = Program(session)
        screen = Screen(program)
        screen.wait_window("kftray")
        program.activate("app.relays")
        screen.wait_window("Relays")
        screen.find(Atspi.Role.LABEL, "3 relay pods, 2 of them orphaned")
        check(not is_enabled(screen, "Delete Selected…"), "something is selected from the start")
        select(screen, "relay-forgotten")
        program.wait("it can be deleted", lambda: is_enabled(screen, "Delete Selected…"))
        select(screen, "relay-other")
        program.wait("others' cannot", lambda: not is_enabled(screen, "Delete Selected…"))
        select(screen, "relay-forgotten")
        program.wait("it can be deleted", lambda: is_enabled(screen, "Delete Selected…"))
        screen.press("Delete Selected…", "Relays")
        screen.find(Atspi.Role.LABEL, "Delete the orphaned relay pod relay-forgotten?")
        screen.press("Delete")
        screen.find(Atspi.Role.LABEL, "2 relay pods, 1 of them orphaned")
        check({"relay-left", "relay-other"} <= pods(facts) and "relay-forgotten" not in pods(facts), str(pods(facts)))

        select(screen, "relay-left")
        program.wait("it can be deleted", lambda: is_enabled(screen, "Delete Selected…"))
        keys(session, "Delete")
        screen.find(Atspi.Role.LABEL, "Delete the orphaned relay pod relay-left?")
        screen.press("Delete")
        screen.find(Atspi.Role.LABEL, "1 relay pod")
        check(not is_enabled(screen, "Delete Selected…") and not is_enabled(screen, "Delete All Orphaned…"), "what is gone can be deleted")
        keys(session, "Escape")
        screen.wait_no_window("Relays")
        check_ended(program, program.quit())


def test_other_context(options):
    """What a cluster answers is told in the window; a later choice counts."""
    with desktop(options) as session:
        start(session)
        program = Program(session)
        screen = Screen(program)
        screen.wait_window("kftray")
        program.activate("app.relays")
        screen.wait_window("Relays")
        cell(screen, "relay-left")
        box = screen.find(Atspi.Role.COMBO_BOX, "Context")
        contexts = [box.get_child_at_index(0).get_child_at_index(i).get_name()
                    for i in range(box.get_child_at_index(0).get_child_count())]
        box.get_selection_iface().select_child(contexts.index("fake-denied"))
        program.wait("the refusal", lambda: any("may not list resource" in name for name in screen.names("Relays")))
        check(not screen.search(Atspi.Role.TABLE_CELL, "relay-left"), "another cluster's relays are shown")
        box.get_selection_iface().select_child(contexts.index("fake"))
        cell(screen, "relay-left")
        check(not any("may not" in name for name in screen.names("Relays")), "an old refusal is shown")
        screen.press("Close", "Relays")
        screen.wait_no_window("Relays")
        check_ended(program, program.quit())


run([test_list_and_delete, test_delete_one, test_other_context])
