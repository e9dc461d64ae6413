"""The tray icon as the panel has it."""
from gi.repository import GLib

ITEM_PATH = "/org/ayatana/NotificationItem/kftray"


def icon(program):
    return program.call(ITEM_PATH, "org.freedesktop.DBus.Properties", "Get",
                        GLib.Variant("(ss)", ("org.kde.StatusNotifierItem", "IconName")), name=program.owner()).unpack()[0]


def wait_icon(program, name):
    program.wait(lambda: f"icon {name}, it is {icon(program)}", lambda: icon(program) == f"kftray-tray-{name}-symbolic")


def is_registered(program):
    """Whether the panel shows it."""
    try:
        items = program.bus.call_sync("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher",
                                      "org.freedesktop.DBus.Properties", "Get",
                                      GLib.Variant("(ss)", ("org.kde.StatusNotifierWatcher",
                                                            "RegisteredStatusNotifierItems")),
                                      None, 0, 5000, None).unpack()[0]
    except GLib.Error:
        return False
    return any("kftray" in item for item in items)
