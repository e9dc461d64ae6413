"""What the test programs share: arguments, one line for each step, TAP."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import traceback

from desktop import Desktop
import freeport


def arguments(parse=True):
    """@parse: False for the parser, of a test that has further ones."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kftray", required=True)
    parser.add_argument("--kftrayctl", required=True)
    parser.add_argument("only", nargs="*", help="names of tests")
    return parser.parse_args() if parse else parser


def run(tests, options=None):
    """Each test gets a desktop session of its own."""
    options = options or arguments()
    chosen = [test for test in tests if not options.only or test.__name__ in options.only]
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, test in enumerate(chosen, 1):
        reader = os.fork()
        if reader == 0:  # AT-SPI keeps the first bus it saw: a process for each session
            status = 0
            try:
                test(options)
            except BaseException:
                traceback.print_exc()
                status = 1
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        _, status = os.waitpid(reader, 0)
        failed += status != 0
        print(f"{'not ok' if status else 'ok'} {number} {test.__name__}", flush=True)
    sys.exit(1 if failed else 0)


def desktop(options, **more):
    return Desktop(str(pathlib.Path(options.kftray).resolve()), **more)


def config(alias, service="web", port=8080, **more):
    return {"alias": alias, "context": "fake", "namespace": "default", "workload_type": "service", "protocol": "tcp",
            "service": service, "remote_port": port, "local_port": freeport.find(), **more}


def states(program):
    answer = program.call("/io/github/kftray/Kftray", "io.github.kftray.Kftray1", "List", None).unpack()[0]
    return {alias: state for _, alias, state, _, _ in answer}


def wait_state(program, alias, state):
    program.wait(lambda: f"{alias} to be {state}: {states(program)}", lambda: states(program).get(alias) == state)


def stored(options, session):
    answer = subprocess.run([options.kftrayctl, "export"], env=session.env, check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)


def keys(session, *names):
    subprocess.run(["xdotool", "key", "--delay", "60", *names], env=session.env, check=True)


def wait_keyboard(session, program, window):
    program.wait(f"the keyboard in {window}", lambda: subprocess.run(
        ["xdotool", "getwindowfocus", "getwindowname"], env=session.env, stdout=subprocess.PIPE, text=True).stdout == f"{window}\n")


def clipboard(session):
    code = ("import gi; gi.require_version('Gtk', '3.0'); from gi.repository import Gdk, Gtk; "
            "print(Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).wait_for_text() or '', end='')")
    return subprocess.run(["/usr/bin/python3", "-c", code], env=session.env, check=True, capture_output=True,
                          text=True).stdout


def check(condition, text):
    if not condition:
        raise AssertionError(text() if callable(text) else text)


def check_ended(program, status):
    """Ended in order, and with nothing to complain about."""
    log = program.desktop.log("kftray")
    check(status == 0, f"kftray ended with {status}: {log}")
    for word in ("CRITICAL", "WARNING", "Sanitizer", "runtime error"):
        check(word not in log, f"{word} in the log: {log}")
