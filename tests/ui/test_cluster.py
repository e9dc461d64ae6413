#!/usr/bin/python3
"""The desktop program with a real panel and a cluster: forwards started from the tray and stopped in the window, and an outage
of the API server. The cluster is the scripted one; with --kubeconfig a real one, which --outage takes down."""
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import Program, store  # noqa: E402
from screen import Atspi, Screen  # noqa: E402
from suite import arguments, check, check_ended, config, desktop, run, wait_state  # noqa: E402
from tray import is_registered, wait_icon  # noqa: E402


class Scripted:
    context = "fake-cert-ec"  # by certificate: the second server has other tokens
    path = "/name"

    def __init__(self, session):
        self.session = session
        self.process, self.facts = session.start_cluster()

    def begin_outage(self):
        self.session.end(self.process)

    def end_outage(self):
        self.session.start_cluster("--port", str(self.facts["port"]))


class Real:
    path = "/"

    def __init__(self, session, options):
        session.env["KUBECONFIG"] = options.kubeconfig
        self.session, self.options = session, options
        self.context, self.process = options.context, None

    def begin_outage(self):
        """The command kills the API server; it starts that again when its input ends."""
        # In the environment of the test, not the session's; and not ended with that: the API server comes back in any case.
        with open(self.session.dir / "outage.log", "ab") as log:
            self.process = subprocess.Popen(["/bin/sh", "-c", self.options.outage], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        line = self.process.stdout.readline().decode()
        check(line.strip() == "killed", lambda: f"{line!r}, {self.session.log('outage')}")

    def end_outage(self):
        self.process.stdin.close()
        status = self.process.wait(300)
        check(status == 0, lambda: f"the outage ended with {status}: {self.session.log('outage')}")


def start_cluster(session, options):
    return Real(session, options) if options.kubeconfig else Scripted(session)


def curl(port, path):
    """What the pod says its name is."""
    done = subprocess.run(["curl", "-fsS", "--noproxy", "*", "-m", "60", f"http://127.0.0.1:{port}{path}"], check=False,
                          capture_output=True, text=True)
    check(done.returncode == 0, done.stderr)
    return done.stdout.strip()


def wait_first_line(program, text):
    program.wait(lambda: str(program.menu_labels()), lambda: program.menu_labels()[0] == text)


def wait_row(program, screen, alias, text):
    row = screen.find_row(alias)
    program.wait(lambda: f"the row of {alias} to begin with {text!r}: {row.get_description()!r}",
                 lambda: row.get_description().startswith(text))


def test_start_in_tray_stop_in_window(options):
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        cluster = start_cluster(session, options)
        web = config("web", context=cluster.context)
        store(session, options.kftrayctl, [web, config("db", group="x", context=cluster.context)])
        program = Program(session)
        screen = Screen(program)
        program.wait("the panel to show it", lambda: is_registered(program))
        wait_icon(program, "idle")
        wait_first_line(program, "0 of 2 running")
        item = program.menu_item("web")
        check(item[1].get("toggle-type") == "checkmark" and item[1].get("toggle-state") == 0, str(item))
        check(f"127.0.0.1:{web['local_port']}" in item[1]["label"], str(item))

        program.click_menu("web")
        wait_state(program, "web", "running")
        check(curl(web["local_port"], cluster.path).startswith("web-"), "not the page of the pod")
        wait_icon(program, "active")
        program.wait("the check mark", lambda: program.menu_item("web")[1].get("toggle-state") == 1)
        check(program.menu_item("web")[0] == item[0], "the menu was made anew instead of changed")
        wait_first_line(program, "1 of 2 running")
        wait_row(program, screen, "web", "Running")

        screen.click(Atspi.Role.TOGGLE_BUTTON, "Run web")
        wait_state(program, "web", "stopped")
        wait_icon(program, "idle")
        wait_row(program, screen, "web", "Stopped")

        subprocess.run([options.kftrayctl, "start", "web"], env=session.env, check=True)
        wait_state(program, "web", "running")
        wait_row(program, screen, "web", "Running")
        check(curl(web["local_port"], cluster.path).startswith("web-"), "not the page of the pod")
        listed = subprocess.run([options.kftrayctl, "list"], env=session.env, check=True, capture_output=True, text=True)
        check("ready" in listed.stdout or "running" in listed.stdout, listed.stdout)
        subprocess.run([options.kftrayctl, "stop", "web"], env=session.env, check=True)
        wait_state(program, "web", "stopped")
        wait_row(program, screen, "web", "Stopped")

        program.click_menu("Start All")
        wait_state(program, "db", "running")
        program.click_menu("Stop All")
        wait_state(program, "db", "stopped")
        check_ended(program, program.quit())


class Answers:
    """Asks the program like a panel, a screen reader and a person, and keeps the longest wait."""

    def __init__(self, program, screen):
        self.program, self.screen = program, screen
        self.longest, self.count = 0.0, 0

    def take(self, question):
        begin = time.monotonic()
        check(question(), f"no answer to {question}")
        self.longest = max(self.longest, time.monotonic() - begin)
        self.count += 1

    def ask(self, alias):
        self.take(self.program.menu)
        self.take(lambda: self.screen.find_row(alias).get_description())
        for text in ("nobody", ""):
            self.screen.type("Search forwards", text, "kftray")
            self.screen.wait_rows([] if text else ["web", "site"])
            self.count += 1


def test_outage(options):
    """The API server is killed and comes back: the truth is told, and all is well again without a click."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        session.start_mock("notification_daemon")  # GIO warns if nobody takes them
        cluster = start_cluster(session, options)
        forwards = [config(alias, context=cluster.context) for alias in ("web", "site")]
        store(session, options.kftrayctl, forwards)
        program = Program(session)
        screen = Screen(program)
        program.click_menu("Start All")
        for forward in forwards:
            wait_state(program, forward["alias"], "running")
            check(curl(forward["local_port"], cluster.path).startswith("web-"), "not the page of the pod")
        wait_icon(program, "active")
        answers = Answers(program, screen)
        cluster.begin_outage()
        for forward in forwards:
            wait_state(program, forward["alias"], "reconnecting")
            wait_row(program, screen, forward["alias"], "Reconnecting")
        wait_icon(program, "reconnecting")
        program.wait("the mark in the menu", lambda: "⚠" in program.menu_item("web")[1]["label"])
        program.activate("win.search")
        for _ in range(5):
            answers.ask("web")
        cluster.end_outage()
        for forward in forwards:
            wait_state(program, forward["alias"], "running")
            wait_row(program, screen, forward["alias"], "Running")
            check(curl(forward["local_port"], cluster.path).startswith("web-"), "not the page of the pod")
        wait_icon(program, "active")
        wait_first_line(program, "2 of 2 running")
        print(f"# {answers.count} answers during the outage, the longest waited for {answers.longest * 1000:.0f} ms", flush=True)
        check_ended(program, program.quit())


def main():
    parser = arguments(parse=False)
    parser.add_argument("--kubeconfig", help="of a real cluster")
    parser.add_argument("--context", help="in that")
    parser.add_argument("--outage", help="shell command: kills the API server, says \"killed\", waits for the end of its input, "
                        "starts it again")
    run([test_start_in_tray_stop_in_window, test_outage], parser.parse_args())


main()
