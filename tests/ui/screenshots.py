#!/usr/bin/python3
"""Pictures of every window and state, to be looked at: screenshots.py --kftray P --kftrayctl P --out DIR [VARIANT…]

Variants: light dark german large german-large narrow contrast contrast-dark right-to-left."""
import argparse
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from desktop import Desktop, wait_until  # noqa: E402
import freeport  # noqa: E402
import relays  # noqa: E402
from program import Program, store  # noqa: E402

VARIANTS = {
    "light": {}, "dark": {"appearance": "dark"}, "german": {"env": {"LANGUAGE": "de"}},
    "large": {"env": {"GDK_DPI_SCALE": "1.5"}},
    "german-large": {"env": {"LANGUAGE": "de", "GDK_DPI_SCALE": "1.5"}}, "narrow": {"width": "640"},
    "contrast": {"settings": [("gtk-theme-name", "HighContrast"), ("gtk-icon-theme-name", "HighContrast")]},
    "contrast-dark": {"settings": [("gtk-theme-name", "HighContrastInverse")]},
    # GTK's own texts are Hebrew; ours stay English, from right to left.
    "right-to-left": {"env": {"LANGUAGE": "he"}, "language": "he"},
}


def config(alias, context, service, port, **more):
    return {"alias": alias, "context": context, "namespace": "default", "workload_type": "service", "protocol": "tcp",
            "service": service, "remote_port": port, "local_port": freeport.find(), **more}


def sample():
    return [
        config("web", "fake", "web", 8080, group="shop"), config("web-echo", "fake", "web", 7, group="shop"),
        config("database", "fake", "headless", 80, group="shop", note="The copy of last night"),
        config("payments", "fake", "stuck", 80), config("search", "fake", "nothere", 9200),
        config("admin", "fake-denied", "web", 8080), config("metrics", "fake-cert-ec", "web", 8080, group="ops"),
        config("logs", "fake-cert-ec", "web", 7, group="ops"),
    ]


class Gallery:
    def __init__(self, desktop, program, out, variant):
        self.desktop, self.program, self.out, self.variant = desktop, program, out, variant

    def settle(self, seconds=1.2):
        time.sleep(seconds)  # a picture, no test: what is drawn cannot be asked for

    def shot(self, name):
        self.settle()
        self.desktop.screenshot(self.out / f"{self.variant}-{name}.png")

    def key(self, *keys):
        subprocess.run(["xdotool", "key", *keys], env=self.desktop.env, check=True)

    def dialog(self, action, name, seconds=1.5):
        self.program.activate(action)
        self.settle(seconds)
        self.shot(name)
        self.key("Escape")
        self.settle(0.5)

    def early(self, action, name, seconds=0.7):
        """While it is busy: a look into a pod's port takes longer."""
        self.program.activate(action)
        self.settle(seconds)
        self.desktop.screenshot(self.out / f"{self.variant}-{name}.png")
        self.key("Escape")
        self.settle(0.5)


    def type(self, text):
        subprocess.run(["xdotool", "type", text], env=self.desktop.env, check=True)

    def fill_editor(self, service):
        """From the context, with their lists, to the service."""
        self.key("Tab", "Tab", "Tab", "Tab", "Tab")
        self.type(service)
        self.settle(2)
        self.key("Tab")

    def editor(self):
        self.program.activate("app.add")
        self.settle(2)
        self.fill_editor("web")
        self.shot("editor")
        self.key("Escape")
        self.settle(0.5)

    def faults(self):
        """The editor of a forward whose cluster gives no access, and a value that cannot be."""
        self.program.activate("app.add")
        self.settle()
        self.key("ctrl+a")
        self.type("fake-bad-token")
        self.fill_editor("web_1")
        self.shot("editor-faults")
        self.key("Escape")
        self.settle(0.5)

    def settings(self):
        self.program.activate("app.settings")
        self.settle()
        for page in ("behaviour", "network", "defaults", "appearance", "data", "about"):
            self.shot(f"settings-{page}")
            self.key("ctrl+Next")
        self.key("Escape")
        self.settle(0.5)

    def plan(self, configs):
        path = self.desktop.dir / "team.json"
        path.write_text(json.dumps([
            configs[0], {**configs[1], "note": "Read only"}, config("cache", "fake", "redis", 6379),
            {**config("late", "fake", "web", 81), "local_port": configs[0]["local_port"]}]))
        self.desktop.start_app(str(path), name="second").wait(30)
        self.shot("plan")
        self.key("Escape")
        self.settle(0.5)


def add_language(desktop, language):
    """One that says nothing itself, so that our texts stay English. GTK takes a direction from none else."""
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
    subprocess.run(["msgfmt", "--output-file", str(desktop.relocate(language)), "-"], input=header, text=True, check=True)


def take(options, variant):
    settings = VARIANTS[variant]
    with Desktop(options.kftray, environment=settings.get("env"), size="1100x760",
                 settings=settings.get("settings", ())) as desktop:
        desktop.start_window_manager()
        desktop.start_panel()
        desktop.start_cluster("--world", relays.make_world(desktop))
        if "language" in settings:
            add_language(desktop, settings["language"])
        for key in ("appearance",):
            if key in settings:
                subprocess.run([options.kftrayctl, "settings", key, settings[key]], env=desktop.env, check=True)
        width, height = settings.get("width", "1060"), "690"
        for key, value in (("window_width", width), ("window_height", height)):
            subprocess.run([options.kftrayctl, "settings", key, value], env=desktop.env, check=True,
                           stdout=subprocess.DEVNULL)
        program = Program(desktop)
        gallery = Gallery(desktop, program, options.out, variant)
        gallery.shot("welcome")
        configs = sample()
        store(desktop, options.kftrayctl, configs)
        program.wait("the list", lambda: program.menu_item("web"))
        program.activate("app.start-all")
        program.wait("a running forward", lambda: "3 " in program.menu_labels()[0] or "5 " in program.menu_labels()[0])
        port = configs[0]["local_port"]
        for size in (300000, 900000, 200000, 1500000):
            subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}/zero?n={size}"], env=desktop.env)
            time.sleep(1.1)
        gallery.shot("list")
        subprocess.run(["xdotool", "mousemove", "810" if "language" in settings else "250", "120", "click", "1"], env=desktop.env, check=True)
        gallery.shot("details")
        # No tooltip over what comes.
        subprocess.run(["xdotool", "mousemove", "1095", "700"], env=desktop.env, check=True)
        gallery.dialog("win.diagnose", "diagnose", 4)
        gallery.early("win.diagnose", "diagnose-running")
        gallery.dialog("app.diagnose", "diagnose-failed", 4)  # begins with what failed
        gallery.dialog("win.log", "log")
        gallery.dialog("app.log", "log-all")
        gallery.editor()
        gallery.faults()
        gallery.dialog("app.import-kubeconfig", "cluster", 3)
        gallery.dialog("app.relays", "relays")
        gallery.settings()
        gallery.dialog("app.shortcuts", "shortcuts")
        gallery.dialog("app.about", "about")
        gallery.dialog("app.quit", "quit")
        gallery.dialog("win.menu", "menu")
        gallery.dialog("win.set-group", "group")
        gallery.plan(configs)
        program.activate("win.search")
        gallery.type("web")
        gallery.shot("search")
        gallery.key("Escape")
        program.activate("win.select-all")
        gallery.shot("selection")
        program.activate("win.remove")
        gallery.shot("undo")
        print(variant, "exit", program.quit(), desktop.log("kftray")[-500:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kftray", required=True)
    parser.add_argument("--kftrayctl", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("variants", nargs="*", default=list(VARIANTS))
    options = parser.parse_args()
    options.out = options.out.resolve()
    options.kftray = str(pathlib.Path(options.kftray).resolve())
    options.out.mkdir(parents=True, exist_ok=True)
    for variant in options.variants or VARIANTS:
        take(options, variant)


main()
