#!/usr/bin/python3
"""store_login.py SERVER PORT USER <PASSWORD: an entry as seahorse makes it, in the session's keyring."""

import sys

from gi.repository import Gio, GLib

ROOT = "/org/freedesktop/secrets"
INTERFACE = "org.freedesktop.Secret"

server, port, user = sys.argv[1:]
password = sys.stdin.buffer.read()
bus = Gio.bus_get_sync(Gio.BusType.SESSION)


def call(path, method, arguments):
    interface, _, name = method.rpartition(".")
    return bus.call_sync(ROOT.strip("/").replace("/", "."), path, f"{INTERFACE}.{interface}", name, arguments, None, 0, -1, None)


session = call(ROOT, "Service.OpenSession", GLib.Variant("(sv)", ("plain", GLib.Variant("s", "")))).unpack()[1]
attributes = {"xdg:schema": "org.gnome.keyring.NetworkPassword", "protocol": "http", "server": server, "port": port,
              "user": user}
properties = {f"{INTERFACE}.Item.Label": GLib.Variant("s", "a proxy"),
              f"{INTERFACE}.Item.Attributes": GLib.Variant("a{ss}", attributes)}
call(f"{ROOT}/aliases/default", "Collection.CreateItem",
     GLib.Variant("(a{sv}(oayays)b)", (properties, (session, b"", password, "text/plain"), True)))
