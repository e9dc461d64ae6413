"""The windows as a screen reader sees them, over AT-SPI."""
import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

from desktop import Failure  # noqa: E402

INTERACTIVE = {
    Atspi.Role.PUSH_BUTTON, Atspi.Role.TOGGLE_BUTTON, Atspi.Role.CHECK_BOX, Atspi.Role.RADIO_BUTTON,
    Atspi.Role.COMBO_BOX, Atspi.Role.ENTRY, Atspi.Role.TEXT, Atspi.Role.SPIN_BUTTON, Atspi.Role.TREE_TABLE,
    Atspi.Role.TABLE, Atspi.Role.LIST_BOX, Atspi.Role.LIST_ITEM, Atspi.Role.MENU_ITEM, Atspi.Role.PASSWORD_TEXT,
}


class Screen:
    def __init__(self, program):
        self.program = program
        Atspi.init()
        # A program that is busy answers late, not wrong.
        Atspi.set_timeout(30000, 60000)

    def application(self):
        desktop = Atspi.get_desktop(0)
        for index in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(index)
            if child is not None and child.get_process_id() == self.program.process.pid:
                child.clear_cache()  # what it remembers may be old
                return child
        return None

    # --- looking ---

    def walk(self, node, shown_only=True):
        """@node and all below it, as (node, depth)."""
        stack = [(node, 0)]
        while stack:
            current, depth = stack.pop()
            try:
                if shown_only and depth > 0 and not current.get_state_set().contains(Atspi.StateType.SHOWING):
                    continue
                yield current, depth
                children = [current.get_child_at_index(i) for i in range(current.get_child_count())]
            except Exception:  # it went away meanwhile
                continue
            stack.extend((child, depth + 1) for child in reversed(children) if child is not None)

    def windows(self):
        application = self.application()
        if application is None:
            return []
        nodes = [application.get_child_at_index(i) for i in range(application.get_child_count())]
        return [node for node in nodes if self.is_shown(node)]

    @staticmethod
    def is_shown(node):
        try:
            return node is not None and node.get_state_set().contains(Atspi.StateType.SHOWING)
        except GLib.Error:  # it went away meanwhile
            return False

    @staticmethod
    def title(window):
        try:
            return window.get_name()
        except GLib.Error:  # it went away meanwhile
            return ""

    def search(self, role, name, window=None):
        for top in self.windows():
            if window is not None and self.title(top) != window:
                continue
            for node, _ in self.walk(top):
                try:
                    if node.get_role() == role and name in (node.get_name(), self.label(node)):
                        return node
                except Exception:
                    continue
        return None

    @staticmethod
    def label(node):
        """The text of the label that belongs to it."""
        for relation in node.get_relation_set():
            if relation.get_relation_type() == Atspi.RelationType.LABELLED_BY:
                return relation.get_target(0).get_name()
        return None

    def find(self, role, name, window=None):
        return self.program.wait(lambda: f"{role.value_nick} {name!r} in {window or 'any window'}; there are "
                                 + ", ".join(self.names(window)), lambda: self.search(role, name, window))

    def names(self, window=None):
        found = []
        for top in self.windows():
            if window is None or self.title(top) == window:
                found += [text for text in (self.describe(node) for node, _ in self.walk(top)) if text]
        return found

    @staticmethod
    def describe(node):
        try:
            return f"{node.get_role_name()} {node.get_name()!r}" if node.get_name() else None
        except Exception:  # it went away meanwhile
            return None

    def list_box(self):
        """GTK takes a viewport that is scrolled far for not showing, so this looks below all."""
        for top in self.windows():
            for node, _ in self.walk(top, shown_only=False) if self.title(top) == "kftray" else ():
                try:
                    if node.get_role() == Atspi.Role.LIST_BOX and node.get_name() == "Forwards":
                        return node
                except GLib.Error:  # it went away meanwhile
                    continue
        return None

    def rows(self):
        """Names of the forwards in view."""
        box = self.list_box()
        if box is None:
            return []
        found = []
        for node, _ in self.walk(box):
            try:
                if node.get_role() == Atspi.Role.LIST_ITEM and " running" not in node.get_name():
                    found.append(node.get_name())
            except GLib.Error:  # it went away meanwhile
                continue
        return found

    def switches(self):
        """The forwards in view, in order: name → names of the switches in the row."""
        box = self.list_box()
        found, row = {}, None
        for node, _ in self.walk(box) if box else ():
            try:
                role, name = node.get_role(), node.get_name()
            except GLib.Error:  # it went away meanwhile
                continue
            if role == Atspi.Role.LIST_ITEM and " running" not in name:
                row = found.setdefault(name, [])
            elif role == Atspi.Role.TOGGLE_BUTTON and row is not None:
                row.append(name)
        return found

    def wait_rows(self, names):
        return self.program.wait(lambda: f"rows {sorted(names)}, there are {sorted(self.rows())}",
                                 lambda: sorted(self.rows()) == sorted(names))

    def find_row(self, name):
        return self.find(Atspi.Role.LIST_ITEM, name, "kftray")

    @staticmethod
    def has_state(node, state):
        return node is not None and node.get_state_set().contains(state)

    def is_selected(self, row):
        return self.has_state(row, Atspi.StateType.SELECTED)

    def text(self, name, window=None):
        """What stands in a text field or text view; "" while it is not there."""
        node = self.search(Atspi.Role.TEXT, name, window)
        return Atspi.Text.get_text(node, 0, Atspi.Text.get_character_count(node)) if node else ""

    def wait_window(self, name):
        return self.program.wait(lambda: f"a window {name!r} among {[self.title(w) for w in self.windows()]}",
                                 lambda: next((w for w in self.windows() if self.title(w) == name), None))

    def wait_no_window(self, name):
        self.program.wait(lambda: f"the end of window {name!r}; it says: " + "; ".join(self.names(name)),
                          lambda: all(self.title(w) != name for w in self.windows()))

    # --- doing ---

    def click(self, role, name, window=None):
        def find_ready():
            node = self.search(role, name, window)  # anew each time: a list may have replaced it
            try:
                return node if self.has_state(node, Atspi.StateType.SENSITIVE) else None
            except GLib.Error:  # it went away meanwhile
                return None
        node = self.program.wait(lambda: f"{role.value_nick} {name!r} to be sensitive in {window or 'any window'}; there are "
                                 + ", ".join(self.names(window)), find_ready)
        if not node.get_action_iface().do_action(0):
            raise Failure(f"{name!r} cannot be clicked")

    def press(self, name, window=None):
        self.click(Atspi.Role.PUSH_BUTTON, name, window)

    def type(self, name, text, window=None):
        node = self.find(Atspi.Role.TEXT, name, window)
        node.get_editable_text_iface().set_text_contents(text)

    def select_row(self, name):
        node = self.find_row(name)
        parent = node.get_parent()
        parent.get_selection_iface().clear_selection()
        parent.get_selection_iface().select_child(node.get_index_in_parent())

    # --- judging ---

    def nameless(self):
        """Interactive things without a name for a screen reader."""
        found = []
        for top in self.windows():
            for node, _ in self.walk(top):
                try:
                    if node.get_role() not in INTERACTIVE or node.get_name():
                        continue
                    if any(relation.get_relation_type() == Atspi.RelationType.LABELLED_BY
                           for relation in node.get_relation_set()):
                        continue
                    if not node.get_state_set().contains(Atspi.StateType.FOCUSABLE):
                        continue
                    chain = []
                    parent = node
                    while parent is not None and len(chain) < 6:
                        chain.append(f"{parent.get_role_name()} {parent.get_name()!r}")
                        parent = parent.get_parent()
                    found.append(" in ".join(chain))
                except Exception:
                    continue
        return found
