#!/usr/bin/python3
"""locked-keyring.py accept|dismiss|silent COMMAND…: runs it beside a Secret Service whose one item is locked.

To unlock it somebody has to be asked, who does it, or does not want to; or nobody is asked (silent). Real keyrings
ask in a window, which no test can answer."""
import subprocess
import sys
import threading

from gi.repository import Gio, GLib

ROOT = "/org/freedesktop/secrets"
ITEM = ROOT + "/collection/login/1"
PROMPT = ROOT + "/prompt/1"
ATTRIBUTES = {"server": "proxy.test", "port": "3128", "protocol": "http", "user": "ann"}
XML = """<node>
 <interface name="org.freedesktop.Secret.Service">
  <method name="OpenSession"><arg type="s" direction="in"/><arg type="v" direction="in"/>
   <arg type="v" direction="out"/><arg type="o" direction="out"/></method>
  <method name="SearchItems"><arg type="a{ss}" direction="in"/><arg type="ao" direction="out"/>
   <arg type="ao" direction="out"/></method>
  <method name="Unlock"><arg type="ao" direction="in"/><arg type="ao" direction="out"/>
   <arg type="o" direction="out"/></method>
 </interface>
 <interface name="org.freedesktop.Secret.Session"><method name="Close"/></interface>
 <interface name="org.freedesktop.Secret.Item">
  <method name="GetSecret"><arg type="o" direction="in"/><arg type="(oayays)" direction="out"/></method>
  <property name="Attributes" type="a{ss}" access="read"/>
 </interface>
 <interface name="org.freedesktop.Secret.Prompt">
  <method name="Prompt"><arg type="s" direction="in"/></method>
  <signal name="Completed"><arg type="b"/><arg type="v"/></signal>
 </interface>
</node>"""


class Service:
    def __init__(self, mode):
        self.mode = mode
        self.is_locked = True

    def publish(self, bus):
        interfaces = {each.name.rpartition(".")[2]: each for each in Gio.DBusNodeInfo.new_for_xml(XML).interfaces}
        for path, name in ((ROOT, "Service"), (ROOT + "/session/1", "Session"), (ITEM, "Item"), (PROMPT, "Prompt")):
            bus.register_object(path, interfaces[name], self.on_call, self.on_get, None)

    def on_get(self, *_):
        return GLib.Variant("a{ss}", ATTRIBUTES)

    def on_call(self, bus, _sender, _path, _interface, method, arguments, call):
        if method == "OpenSession":
            call.return_value(GLib.Variant("(vo)", (GLib.Variant("s", ""), ROOT + "/session/1")))
        elif method == "SearchItems":
            lists = ([], [ITEM]) if self.is_locked else ([ITEM], [])
            fits = arguments.unpack()[0].items() <= ATTRIBUTES.items()
            call.return_value(GLib.Variant("(aoao)", lists if fits else ([], [])))
        elif method == "Unlock":
            self.is_locked = self.mode != "silent"
            call.return_value(GLib.Variant("(aoo)", ([], PROMPT) if self.is_locked else ([ITEM], "/")))
        elif method == "Prompt":
            call.return_value(None)
            self.is_locked = self.mode != "accept"
            done = GLib.Variant("(bv)", (self.is_locked, GLib.Variant("ao", [] if self.is_locked else [ITEM])))
            bus.emit_signal(None, PROMPT, "org.freedesktop.Secret.Prompt", "Completed", done)
        elif method == "GetSecret" and self.is_locked:
            call.return_dbus_error("org.freedesktop.Secret.Error.IsLocked", "it is locked")
        elif method == "GetSecret":
            secret = (ROOT + "/session/1", b"", b"geheim", "text/plain")
            call.return_value(GLib.Variant("((oayays))", (secret,)))
        else:
            call.return_value(None)


def main():
    mode, *command = sys.argv[1:]
    loop = GLib.MainLoop()
    status = []

    def run_command():
        status.append(subprocess.run(command, check=False).returncode)
        loop.quit()

    def on_owned(_bus, _name):
        threading.Thread(target=run_command).start()

    Gio.bus_own_name(Gio.BusType.SESSION, "org.freedesktop.secrets", Gio.BusNameOwnerFlags.NONE,
                     lambda bus, _name: Service(mode).publish(bus), on_owned, None)
    loop.run()
    sys.exit(status[0])


main()
