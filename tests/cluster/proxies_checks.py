"""The recipes of tests/proxies, each with a diagnosis, a forward and 100 MB by checksum, before the real API server."""

import os
import subprocess
import sys

from harness import PODSRV, SANITIZED, check, kubeconfig, ours_only, test

PROXIES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "proxies")
sys.path.insert(0, PROXIES)

from recipes import RECIPES  # noqa: E402


def one(name):
    ours_only("has no doctor")
    done = subprocess.run([sys.executable, os.path.join(PROXIES, "run.py"), "--kftrayctl", os.environ["KFTRAYCTL"],
                           "--cluster", kubeconfig(), "--podsrv", PODSRV, "--megabytes", "10" if SANITIZED else "100", name],
                          check=False, capture_output=True, text=True, timeout=300)
    check(done.returncode == 0, done.stdout + done.stderr)


for recipe in RECIPES:
    # Name servers are looked at without a server behind.
    if "dns" not in recipe:
        test(f"proxy {recipe}")(lambda name=recipe: one(name))
