"""The desktop program and the real cluster: tests/ui/test_cluster.py, which else has the scripted API server."""

import json
import os
import shlex
import subprocess

from harness import Failed, Skip, check_equal, kubeconfig, kubectl, ours_only, test

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "..", "ui", "test_cluster.py")
KFTRAY = os.environ.get("KFTRAY")


def run_desktop(name):
    ours_only("has no window")
    if not KFTRAY:
        raise Skip("KFTRAY names no desktop program")
    config = kubeconfig()
    context = json.loads(kubectl("config", "view", "-o", "json", user="admin-token"))["current-context"]
    outage = f"{shlex.quote(os.path.join(HERE, 'kube.sh'))} restart kube-apiserver -"
    # Debian's Python, which has the bindings of AT-SPI.
    done = subprocess.run(["/usr/bin/python3", PROGRAM, "--kftray", KFTRAY, "--kftrayctl", os.environ["KFTRAYCTL"],
                           "--kubeconfig", config, "--context", context, "--outage", outage, name], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
    for line in done.stdout.splitlines():
        if line.startswith("# "):
            print(line, flush=True)
    if done.returncode != 0:
        raise Failed(done.stdout)
    check_equal(f"ok 1 {name}" in done.stdout, True, "the test ran")


@test("desktop: started in the tray, stopped in the window, and by kftrayctl")
def desktop_tray():
    run_desktop("test_start_in_tray_stop_in_window")


@test("desktop: the API server is killed and comes back")
def desktop_outage():
    run_desktop("test_outage")
