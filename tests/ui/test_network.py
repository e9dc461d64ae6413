#!/usr/bin/python3
"""The desktop's proxy settings and the logins that proxies want."""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from desktop import TOP, wait_until  # noqa: E402
from program import Program, store  # noqa: E402
from screen import Atspi, Screen  # noqa: E402
from suite import check, check_ended, config, desktop, run  # noqa: E402

PASSWORD = "ge heim/%40"


def states(program):
    answer = program.call("/io/github/kftray/Kftray", "io.github.kftray.Kftray1", "List", None).unpack()[0]
    return {alias: state for _, alias, state, _, _ in answer}


def start_cluster(session):
    """The API server under a name that only the proxy knows: for it, every name means 127.0.0.1."""
    session.start_cluster()
    shown = subprocess.run(["kubectl", "config", "view", "--raw", "-o", "json"], env=session.env, check=True,
                           capture_output=True).stdout
    document = json.loads(shown)
    for row in document["clusters"]:
        port = row["cluster"]["server"].rpartition(":")[2]
        row["cluster"] |= {"server": f"https://kft.test:{port}", "tls-server-name": "localhost"}
    path = session.dir / "named"
    path.write_text(json.dumps(document))
    session.env["KUBECONFIG"] = str(path)


def start_proxy(session, *arguments, name="proxy"):
    ready = session.dir / f"{name}-ready"
    session.spawn(name, ["/usr/bin/python3", str(TOP / "tests/fakes/httpproxy.py"), "--ready", str(ready), *arguments])
    wait_until("the proxy", lambda: ready.exists() and ready.read_text().strip())
    return json.loads(ready.read_text())["port"]


def set_desktop_proxy(session, mode, port):
    """As gsettings does it: the file is replaced."""
    folder = session.dir / "config/glib-2.0/settings"
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / "new"
    new.write_text(f"[system/proxy]\nmode='{mode}'\n\n[system/proxy/https]\nhost='127.0.0.1'\n"
                   f"port={port}\n")
    new.rename(folder / "keyfile")


def wait_running(program, alias):
    program.wait(lambda: f"{alias} to run: {states(program)}", lambda: states(program)[alias] == "running")


def test_detour_is_told(options):
    """What does not let WebSockets through stands in the details."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        world = session.dir / "world.json"
        world.write_text(json.dumps({"faults": [{"on": "request", "do": "reply", "code": 403, "upgrade": "websocket",
                                                 "type": "text/html", "body": "<html>no</html>"}]}))
        session.start_cluster("--world", str(world))
        store(session, options.kftrayctl, [config("web")])
        program = Program(session)
        screen = Screen(program)
        screen.select_row("web")
        program.activate("app.start-all")
        wait_running(program, "web")
        screen.find(Atspi.Role.LABEL, "spdy, as WebSockets do not get through: the server, or a proxy before it, answered "
                                      "403 with a web page")
        check_ended(program, program.quit())


def test_desktop_proxy_is_followed(options):
    with desktop(options, environment={"GSETTINGS_BACKEND": "keyfile", "KFT_TRACE": "all:debug"}) as session:
        session.start_window_manager()
        session.start_panel()
        start_cluster(session)
        set_desktop_proxy(session, "none", 1)
        store(session, options.kftrayctl, [config("web")])
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["web"])
        screen.click(Atspi.Role.TOGGLE_BUTTON, "Run web")
        set_desktop_proxy(session, "manual", start_proxy(session))
        wait_running(program, "web")
        check_ended(program, program.quit())


def test_login_is_asked(options):
    """A wrong one, then the right one; nothing of both in the log."""
    with desktop(options, environment={"KFT_TRACE": "all:debug"}) as session:
        session.start_window_manager()
        session.start_panel()
        start_cluster(session)
        port = start_proxy(session, "--login", "ann:" + PASSWORD)
        subprocess.run([options.kftrayctl, "settings", "proxy", f"http://127.0.0.1:{port}"], env=session.env, check=True)
        store(session, options.kftrayctl, [config("web")])
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["web"])
        screen.click(Atspi.Role.TOGGLE_BUTTON, "Run web")
        screen.wait_window("Proxy Login")
        screen.find(Atspi.Role.LABEL, f"The proxy 127.0.0.1:{port} wants a login.")
        check(not screen.nameless(), lambda: f"no accessible name: {screen.nameless()}")
        fill(screen, "Name", "ann")
        fill(screen, "Password", "falsch")
        screen.press("Log In", "Proxy Login")
        screen.find(Atspi.Role.LABEL, f"The proxy 127.0.0.1:{port} refused the login. What is the right one?")
        fill(screen, "Password", PASSWORD)
        screen.press("Log In", "Proxy Login")
        screen.wait_no_window("Proxy Login")
        wait_running(program, "web")
        for word in (PASSWORD, "falsch"):
            check(word not in session.log("kftray"), f"{word} is in the log")
        check(program.quit() == 0, lambda: session.log("kftray"))


def test_two_proxies(options):
    """One question at a time; the second one comes when the first is closed, also without an answer."""
    with desktop(options) as session:
        session.start_window_manager()
        session.start_panel()
        start_cluster(session)
        ports = [start_proxy(session, "--login", "ann:" + PASSWORD, name=name) for name in ("one", "two")]
        pairs = [f"{context}=http://127.0.0.1:{port}" for context, port in zip(("fake", "fake-cert-ec"), ports)]
        subprocess.run([options.kftrayctl, "settings", "context_proxies", " ".join(pairs)], env=session.env, check=True)
        store(session, options.kftrayctl, [config("one", context="fake"), config("two", context="fake-cert-ec")])
        program = Program(session)
        screen = Screen(program)
        screen.wait_rows(["one", "two"])
        screen.click(Atspi.Role.TOGGLE_BUTTON, "Run one")
        screen.find(Atspi.Role.LABEL, f"The proxy 127.0.0.1:{ports[0]} wants a login.")
        screen.click(Atspi.Role.TOGGLE_BUTTON, "Run two")
        program.wait(lambda: f"two to wait for a login: {states(program)}",
                     lambda: states(program)["two"] not in ("stopped", "starting"))
        screen.press("Cancel", "Proxy Login")
        screen.find(Atspi.Role.LABEL, f"The proxy 127.0.0.1:{ports[1]} wants a login.")
        fill(screen, "Name", "ann")
        fill(screen, "Password", PASSWORD)
        screen.press("Log In", "Proxy Login")
        wait_running(program, "two")
        check(program.quit() == 0, lambda: session.log("kftray"))


def fill(screen, name, text):
    role = Atspi.Role.PASSWORD_TEXT if name == "Password" else Atspi.Role.TEXT
    Atspi.EditableText.set_text_contents(screen.find(role, name), text)


run([test_detour_is_told, test_desktop_proxy_is_followed, test_login_is_asked, test_two_proxies])
