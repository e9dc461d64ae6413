"""A desktop session of its own for one test: X server, session bus, window manager, panel, demo cluster.

Everything is below one temporary directory and is ended by process id. Nothing of the user's session is
touched: HOME, the XDG folders, the bus and the display are the session's own."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from gi.repository import Gio, GLib

TOP = pathlib.Path(__file__).resolve().parents[2]
DEADLINE = float(os.environ.get("KFT_UI_DEADLINE", "60"))


class Failure(AssertionError):
    pass


def wait_until(what, condition, deadline=DEADLINE):
    """Returns what @condition returns once that is true."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {deadline:.0f} s in vain: {what() if callable(what) else what}")
        time.sleep(0.05)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mock:
    """A service of python3-dbusmock, steered from the test."""
    PLACES = {
        "logind": ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"),
        "networkmanager": ("org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager",
                           "org.freedesktop.NetworkManager"),
        "notification_daemon": ("org.freedesktop.Notifications", "/org/freedesktop/Notifications",
                                "org.freedesktop.Notifications"),
    }

    def __init__(self, address, template, log):
        self.name, self.path, self.interface = self.PLACES[template]
        self.bus = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None, None)
        wait_until(lambda: f"{self.name}: {log()}", self.is_on_bus)

    def is_on_bus(self):
        return self.bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                  "NameHasOwner", GLib.Variant("(s)", (self.name,)), None, 0, 5000, None).unpack()[0]

    def call(self, method, signature, *arguments):
        return self.bus.call_sync(self.name, self.path, "org.freedesktop.DBus.Mock", method,
                                  GLib.Variant(signature, arguments), None, 0, 20000, None).unpack()

    def emit(self, signal, signature, *values):
        """@values: GLib.Variant each."""
        self.call("EmitSignal", "(sssav)", self.interface, signal, signature, list(values))

    def calls(self, method):
        """The arguments of all calls of @method so far."""
        return [arguments for _, arguments in self.call("GetMethodCalls", "(s)", method)[0]]


class Desktop:
    def __init__(self, kftray, size="1280x900", settings=(), environment=None, locale="C.UTF-8"):
        self.kftray = kftray
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kftray-ui-"))
        self.processes = []
        self.size = size
        self.env = {
            "PATH": os.environ["PATH"], "LANG": locale, "LANGUAGE": "", "HOME": str(self.dir),
            "XDG_CONFIG_HOME": f"{self.dir}/config", "XDG_DATA_HOME": f"{self.dir}/data",
            "XDG_CACHE_HOME": f"{self.dir}/cache", "XDG_RUNTIME_DIR": f"{self.dir}/run",
            "KFTRAY_CONFIG": f"{self.dir}/kftray", "GSETTINGS_BACKEND": "memory", "GDK_BACKEND": "x11",
            "G_DEBUG": "fatal-criticals", "XDG_CURRENT_DESKTOP": "XFCE", "NO_PROXY": "*",
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.dir}/no-system-bus",
            "G_MESSAGES_DEBUG": os.environ.get("G_MESSAGES_DEBUG", ""),
            # The leak suppressions need whole stacks.
            "ASAN_OPTIONS": "fast_unwind_on_malloc=0:malloc_context_size=30:" + os.environ.get("ASAN_OPTIONS", ""),
            "LSAN_OPTIONS": f"suppressions={TOP}/tests/ui/lsan.supp:print_suppressions=0:"
                            + os.environ.get("LSAN_OPTIONS", ""),
            "G_SLICE": "always-malloc",
        }
        self.env.update(environment or {})
        for name in ("config/gtk-3.0", "data", "cache", "run", "kftray"):
            (self.dir / name).mkdir(parents=True, mode=0o700)
        lines = {"gtk-font-name": "Cantarell 11", "gtk-icon-theme-name": "Adwaita", "gtk-theme-name": "Adwaita",
                 "gtk-enable-animations": "0", **dict(settings)}
        (self.dir / "config/gtk-3.0/settings.ini").write_text(
            "[Settings]\n" + "".join(f"{key}={value}\n" for key, value in lines.items()))

    # --- life ---

    def __enter__(self):
        try:
            self.start_display()
            self.start_bus()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *unused):
        self.close()

    def start_display(self):
        reader, writer = os.pipe()
        self.spawn("xvfb", ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{self.size}x24", "-nolisten", "tcp",
                            "-noreset"], pass_fds=(writer,))
        os.close(writer)
        with os.fdopen(reader) as stream:
            self.env["DISPLAY"] = ":" + stream.readline().strip()

    def start_bus(self):
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self.spawn_bus("bus")
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = self.env["DBUS_SESSION_BUS_ADDRESS"]
        os.environ["DISPLAY"] = self.env["DISPLAY"]

    def spawn_bus(self, name):
        """The address of a bus that lets everybody do everything."""
        process = self.spawn(name, ["dbus-daemon", "--session", "--print-address=1", "--nofork"],
                             stdout=subprocess.PIPE)
        return process.stdout.readline().decode().strip()

    def start_system_bus(self):
        """To be called before the program starts; without it there is none."""
        self.env["DBUS_SYSTEM_BUS_ADDRESS"] = self.spawn_bus("system-bus")

    def start_mock(self, template, is_system=False):
        """One of python3-dbusmock's make-believe services."""
        address = self.env["DBUS_SYSTEM_BUS_ADDRESS" if is_system else "DBUS_SESSION_BUS_ADDRESS"]
        self.spawn(template, ["/usr/bin/python3", "-m", "dbusmock", "--template", template])
        return Mock(address, template, lambda: self.log(template))

    def spawn(self, name, command, env=None, **options):
        log = open(self.dir / f"{name}.log", "ab")
        options.setdefault("stdout", log)
        process = subprocess.Popen(command, env={**self.env, **(env or {})}, stderr=log, start_new_session=True,
                                   cwd=self.dir, **options)
        log.close()
        self.processes.append(process)
        return process

    def close(self):
        for process in reversed(self.processes):
            self.end(process)
        self.processes = []
        if os.environ.get("KFT_UI_KEEP"):
            print(f"kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def end(self, process, how=signal.SIGTERM, deadline=10):
        """Its whole session: a program may have started helpers."""
        if process.poll() is None:
            try:
                os.killpg(process.pid, how)
                process.wait(deadline)
            except ProcessLookupError:
                pass
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def log(self, name):
        path = self.dir / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- parts ---

    def start_window_manager(self):
        return self.spawn("xfwm4", ["xfwm4", "--compositor=off"])

    def start_panel(self):
        """xfce4-panel with one plugin: the StatusNotifier host."""
        config = self.dir / "config/xfce4/xfconf/xfce-perchannel-xml"
        config.mkdir(parents=True)
        (config / "xfce4-panel.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<channel name="xfce4-panel" version="1.0">\n'
            '<property name="configver" type="int" value="2"/>\n<property name="panels" type="array">\n'
            '<value type="int" value="1"/>\n<property name="panel-1" type="empty">\n'
            '<property name="position" type="string" value="p=10;x=0;y=0"/>\n'
            '<property name="length" type="uint" value="100"/><property name="size" type="uint" value="28"/>\n'
            '<property name="position-locked" type="bool" value="true"/>\n'
            '<property name="plugin-ids" type="array"><value type="int" value="1"/></property>\n'
            '</property></property>\n<property name="plugins" type="empty">\n'
            '<property name="plugin-1" type="string" value="systray"/>\n</property></channel>\n')
        return self.spawn("panel", ["xfce4-panel", "--disable-wm-check"])

    def start_cluster(self, *arguments):
        """The scripted API server. Its facts: kubeconfig, port, control."""
        ready = self.dir / "cluster-ready"
        (self.dir / "certs").mkdir(exist_ok=True)  # a second one is the same cluster
        ready.unlink(missing_ok=True)
        process = self.spawn("cluster", ["/usr/bin/python3", str(TOP / "tests/fakes/apiserver.py"), "--stay",
                                         "--kubeconfig-out", str(self.dir / "kubeconfig"), "--ready", str(ready),
                                         "--certs", str(self.dir / "certs"),
                                         *arguments])
        wait_until(lambda: "the demo cluster: " + self.log("cluster"),
                   lambda: process.poll() is not None or (ready.exists() and ready.read_text().strip()))
        facts = json.loads(ready.read_text())
        self.env["KUBECONFIG"] = facts["kubeconfig"]
        return process, facts

    def relocate(self, language):
        """Takes a copy of the program, which looks beside itself, and returns where that finds its messages."""
        program = self.dir / "prefix/bin/kftray"
        messages = self.dir / f"prefix/share/locale/{language}/LC_MESSAGES"
        program.parent.mkdir(parents=True)
        messages.mkdir(parents=True)
        shutil.copy(self.kftray, program)
        (self.dir / "prefix/share/icons").symlink_to(pathlib.Path(self.kftray).parents[1] / "share/icons")
        self.kftray = str(program)
        return messages / "kftray.mo"

    def start_app(self, *arguments, name="kftray", wrapper=()):
        return self.spawn(name, [*wrapper, self.kftray, *arguments])

    def screenshot(self, path, window="root"):
        subprocess.run(["import", "-window", window, str(path)], env=self.env, check=True)
