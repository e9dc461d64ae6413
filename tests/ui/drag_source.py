#!/usr/bin/python3
"""A small square, to be dragged with the mouse, that carries files: drag_source.py X Y FILE…

Prints "shown", then "accepted" when what is below the mouse would take them, and "done" after the drop."""
import pathlib
import sys

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402


def say(text):
    print(text, flush=True)


def main():
    # No window manager has a say in where it is.
    window = Gtk.Window(type=Gtk.WindowType.POPUP)
    box = Gtk.EventBox()
    window.add(box)
    window.set_default_size(60, 60)
    window.move(int(sys.argv[1]), int(sys.argv[2]))
    box.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
    box.drag_source_add_uri_targets()
    uris = [pathlib.Path(path).resolve().as_uri() for path in sys.argv[3:]]
    box.connect("drag-data-get", lambda _box, _context, data, _info, _time: data.set_uris(uris))
    box.connect("drag-begin", lambda _box, context: context.connect(
        "action-changed", lambda _context, action: say("accepted" if action else "refused")))
    box.connect("drag-end", lambda _box, _context: say("done"))
    window.connect("map-event", lambda _window, _event: say("shown"))
    window.show_all()
    Gtk.main()


main()
