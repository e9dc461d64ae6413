"""The desktop program as a test sees it: its actions over D-Bus, its tray menu over com.canonical.dbusmenu."""
import pathlib
import subprocess

import gi
from gi.repository import Gio, GLib

from desktop import Failure, wait_until

NAME = "io.github.kftray.Kftray"
PATH = "/io/github/kftray/Kftray"
MENU_PATH = "/org/ayatana/NotificationItem/kftray/Menu"


class Program:
    def __init__(self, desktop, *arguments, wrapper=()):
        self.desktop = desktop
        self.process = desktop.start_app(*arguments, wrapper=wrapper)
        address = desktop.env["DBUS_SESSION_BUS_ADDRESS"]
        self.bus = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None, None)
        self.wait("its name on the bus", self.is_on_bus)

    # --- life ---

    def wait(self, what, condition, **options):
        def alive():
            if self.process.poll() is not None:
                raise Failure(f"kftray ended with {self.process.returncode}: {self.desktop.log('kftray')}")
            return condition()
        return wait_until(lambda: f"{what() if callable(what) else what}; log: {self.desktop.log('kftray')[-2000:]}",
                          alive, **options)

    def is_on_bus(self):
        answer = self.bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                    "NameHasOwner", GLib.Variant("(s)", (NAME,)), None, 0, 60000, None)
        return answer.unpack()[0]

    def quit(self, deadline=60):
        """As the session's end does it; the exit status."""
        self.process.terminate()
        return self.process.wait(deadline)

    # --- actions ---

    def call(self, path, interface, method, arguments, name=NAME):
        return self.bus.call_sync(name, path, interface, method, arguments, None, 0, 60000, None)

    def activate(self, action, *parameters):
        """"app.start-all", "win.search" """
        scope, name = action.split(".")
        path = PATH if scope == "app" else f"{PATH}/window/1"
        self.call(path, "org.gtk.Actions", "Activate", GLib.Variant("(sava{sv})", (name, list(parameters), {})))

    def describe(self, action):
        """(enabled, parameter type, [state])"""
        scope, name = action.split(".")
        path = PATH if scope == "app" else f"{PATH}/window/1"
        return self.call(path, "org.gtk.Actions", "Describe", GLib.Variant("(s)", (name,))).unpack()[0]

    # --- tray menu ---

    def owner(self):
        """The tray's things belong to the connection, not to the name."""
        return self.bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner",
                                  GLib.Variant("(s)", (NAME,)), None, 0, 60000, None).unpack()[0]

    def call_menu(self, method, arguments):
        return self.call(MENU_PATH, "com.canonical.dbusmenu", method, arguments, name=self.owner())

    def menu(self):
        """[(id, properties, children)] of the tray's menu; none while it is not on the bus yet."""
        try:
            answer = self.call_menu("GetLayout", GLib.Variant("(iias)", (0, -1, [])))
        except GLib.Error as error:
            if "UnknownMethod" in error.message:
                return []
            raise
        return answer.unpack()[1][2]

    def open_submenus(self):
        """As a panel does before it shows them: they are filled then."""
        for item in self.menu():
            if item[2]:
                self.call_menu("AboutToShow", GLib.Variant("(i)", (item[0],)))

    def menu_labels(self):
        return [item[1].get("label", "") for item in self.menu() if item[1].get("type") != "separator"] or [""]

    def menu_item(self, start):
        """The first item, in submenus too, whose label starts with @start."""
        def search(items):
            for item in items:
                if item[1].get("label", "").replace("_", "").startswith(start):
                    return item
                found = search(item[2])
                if found:
                    return found
            return None
        return search(self.menu())

    def click_menu(self, start):
        item = self.wait(lambda: f"a menu entry {start!r} among {self.menu_labels()}", lambda: self.menu_item(start))
        self.call_menu("Event", GLib.Variant("(isvu)", (item[0], "clicked", GLib.Variant("s", ""), 0)))
        return item


def store(desktop, kftrayctl, configs):
    """Puts configs (of the JSON format) into the store, by the command line."""
    import json
    path = pathlib.Path(desktop.dir) / "import.json"
    path.write_text(json.dumps(configs))
    subprocess.run([kftrayctl, "import", str(path)], env=desktop.env, check=True, stdout=subprocess.DEVNULL)
