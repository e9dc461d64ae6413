#!/usr/bin/python3
"""Requests, forwards and diagnoses through real proxies and gateways against the scripted API server. TAP on stdout.

    run.py --kftrayctl PATH [--megabytes N] [--cluster KUBECONFIG --podsrv PATH] [PATTERN...]

With --cluster, the kubeconfig of a user with a token, it is the real cluster of tests/cluster instead of the scripted one.

Programs: tinyproxy, squid (with OpenSSL), microsocks, danted, mitmdump, nginx, and as root dnsmasq in a namespace of its own.
What is not installed is skipped. Everything listens on loopback and ends with this program. Each forward carries N megabytes
(100 if not given) whose checksum is compared.
"""

import argparse
import base64
import fnmatch
import hashlib
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, HERE)

from recipes import RECIPES, SECRET, Skip  # noqa: E402

FORWARDING = re.compile(r"^Forwarding from 127\.0\.0\.1:(\d+) ")
START_SECONDS = 60
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failure(Exception):
    pass


class Bench:
    """The API server, and one proxy at a time, in a directory of their own."""

    def __init__(self, program, directory):
        self.program = program
        self.directory = directory
        self.certs = os.path.join(directory, "certs")
        self._children = []
        self.token = None
        self.more_environment = {}
        subprocess.run(["sh", os.path.join(TESTS, "support", "certs.sh"), self.certs], check=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def start(self, arguments, wrap=(), **options):
        log = open(self.path(f"log-{len(self._children)}"), "w+", encoding="utf-8")
        child = subprocess.Popen([*wrap, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 cwd=self.directory, start_new_session=True, **options)
        child.log = log
        self._children.append(child)
        return child

    def wait(self, what, condition, child=None):
        end = time.monotonic() + START_SECONDS
        while not condition():
            if child is not None and child.poll() is not None:
                child.log.seek(0)
                raise Failure(f"{what}: ended with {child.returncode}: {child.log.read()[-600:]}")
            if time.monotonic() > end:
                raise Failure(f"{what}: not there after {START_SECONDS} s")
            time.sleep(0.05)

    def wait_port(self, what, port, child):
        self.wait(what, lambda: is_open(port), child)

    def start_server(self, wrap=()):
        """Returns what the fake's ready file says."""
        ready = self.path("ready")
        child = self.start([sys.executable, os.path.join(TESTS, "fakes", "apiserver.py"), "--kubeconfig-out",
                            self.path("admin"), "--ready", ready, "--certs", self.certs], wrap)
        self.wait("apiserver.py", lambda: os.path.exists(ready) and os.path.getsize(ready) > 0, child)
        with open(self.path("admin"), encoding="utf-8") as file:
            self.token = re.search(r'token: "(\w+)"', file.read())[1]
        with open(ready, encoding="utf-8") as file:
            return json.load(file)

    def wanted_sum(self, url, size, seed):
        """The checksum of what url/random sends."""
        return DIRECT.open(f"{url}/sha256?n={size}&seed={seed}", timeout=120).read().decode().strip()

    def kubeconfig(self, server, proxy=None, ca="ca.crt", name=None):
        """A kubeconfig with the administrator's token, for SERVER by PROXY."""
        cluster = {"server": server, "certificate-authority": os.path.join(self.certs, ca)}
        cluster |= {"proxy-url": proxy} if proxy else {}
        cluster |= {"tls-server-name": name} if name else {}
        return self.write("kubeconfig", json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "k", "clusters": [{"name": "c", "cluster": cluster}],
            "contexts": [{"name": "k", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": self.token}}]}))

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": self.directory, "KUBECONFIG": self.path("kubeconfig"), "LC_ALL": "C.UTF-8",
                "KFT_TRACE": "all:debug"} | self.more_environment | {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}

    def diagnose(self, *arguments, wrap=()):
        """{step: (state, text and advice)} of kftrayctl diagnose."""
        done = subprocess.run([*wrap, self.program, "diagnose", "--json", *arguments], capture_output=True, text=True,
                              timeout=60, env=self.environment(), check=False)
        self.check_secrets(done.stdout + done.stderr)
        try:
            document = json.loads(done.stdout)
        except ValueError:
            raise Failure(f"diagnose printed no JSON: {done.stdout[-300:]} {done.stderr[-600:]}") from None
        if (done.returncode == 0) != document["ok"]:
            raise Failure(f"exit status {done.returncode} with ok={document['ok']}")
        return {row["step"]: (row["state"], f"{row['text']} -> {row.get('advice', '')}") for row in document["steps"]}

    def expect_well(self, *arguments, wrap=()):
        steps = self.diagnose(*arguments, wrap=wrap)
        bad = {step: text for step, (state, text) in steps.items() if state == "failed"}
        if bad:
            raise Failure(f"diagnose says {bad}")
        return steps

    def expect_failed(self, step, *patterns, arguments=(), wrap=()):
        steps = self.diagnose("svc/web", ":8080", *arguments, wrap=wrap)
        failed = {name: text for name, (state, text) in steps.items() if state == "failed"}
        if list(failed) != [step]:
            raise Failure(f"failed: {failed}, expected only {step}")
        for pattern in patterns:
            if not re.search(pattern, failed[step]):
                raise Failure(f"{pattern!r} is not in {failed[step]!r}")

    def transfer(self, megabytes, *arguments):
        """Forwards, fetches so many megabytes and compares their checksum; returns what went to stderr."""
        child = self.start([self.program, "forward", *arguments, "svc/web", ":8080"], env=self.environment())
        self.wait("forward", lambda: forwarded_port(child), child)
        size, seed = megabytes << 20, random.randrange(1 << 30)
        url = f"http://127.0.0.1:{forwarded_port(child)}"
        try:
            wanted = self.wanted_sum(url, size, seed)
            sum_ = hashlib.sha256()
            with DIRECT.open(f"{url}/random?n={size}&seed={seed}", timeout=120) as answer:
                while piece := answer.read(1 << 20):
                    sum_.update(piece)
        except OSError as error:
            raise Failure(f"{error}; forward said: {read_log(child)[-800:]}") from error
        if sum_.hexdigest() != wanted:
            raise Failure("the checksum differs")
        child.terminate()
        child.wait(30)
        text = read_log(child)
        self.check_secrets(text)
        return text

    def check_secrets(self, text):
        for secret in (SECRET, self.token):
            if secret in text:
                raise Failure("a secret is in the output or the log")

    def stop(self):
        for child in reversed(self._children):
            try:
                os.killpg(child.pid, 15)
            except ProcessLookupError:
                pass
        for child in self._children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, 9)
                child.wait()
            child.log.close()


class RealBench(Bench):
    """The same before the real cluster, whose authority is trusted beside that of the test's own servers."""

    cluster = podsrv = None

    def start_server(self, wrap=()):
        if wrap:
            raise Skip("not for the real cluster")
        with open(self.cluster, encoding="utf-8") as file:
            config = file.read()
        self.token = re.search(r"token: \"?([\w.-]+)", config)[1]
        authority = re.search(r"certificate-authority: \"?([^\s\"]+)", config)
        with open(os.path.join(self.certs, "ca.crt"), "ab") as file:
            if authority:
                with open(authority[1], "rb") as source:
                    file.write(source.read())
            else:
                file.write(base64.b64decode(re.search(r"certificate-authority-data: \"?([\w+/=]+)", config)[1]))
        url = re.search(r"server: \"?(https://[\w.:-]+)", config)[1]
        return {"url": url, "port": int(url.rpartition(":")[2])}

    def wanted_sum(self, url, size, seed):
        with subprocess.Popen([self.podsrv, "--random", str(size), str(seed)], stdout=subprocess.PIPE) as child:
            sum_ = hashlib.sha256()
            while piece := child.stdout.read(1 << 20):
                sum_.update(piece)
        return sum_.hexdigest()


def read_log(child):
    child.log.seek(0)
    return child.log.read()


def forwarded_port(child):
    found = [match[1] for line in read_log(child).splitlines() if (match := FORWARDING.match(line))]
    return int(found[0]) if found else None


def is_open(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def run(name, recipe, options, program):
    directory = tempfile.mkdtemp(prefix="kftray-proxies-")
    bench = None
    try:
        bench = (RealBench if options.cluster else Bench)(program, directory)
        os.chmod(directory, 0o755)
        recipe(bench, options.megabytes)
        return "ok", ""
    except Skip as skip:
        return "ok", f" # SKIP {skip}"
    except (Failure, AssertionError, OSError, subprocess.SubprocessError) as error:
        return "not ok", "\n# " + str(error).replace("\n", "\n# ")
    finally:
        if bench:
            bench.stop()
        shutil.rmtree(directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kftrayctl", required=True)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--cluster", metavar="KUBECONFIG")
    parser.add_argument("--podsrv", metavar="PATH")
    parser.add_argument("pattern", nargs="*")
    options = parser.parse_args()
    RealBench.cluster, RealBench.podsrv = options.cluster, options.podsrv
    chosen = [(n, r) for n, r in RECIPES.items() if any(fnmatch.fnmatch(n, p) for p in options.pattern or ["*"])]
    print(f"1..{len(chosen)}", flush=True)
    n_failed = 0
    for number, (name, recipe) in enumerate(chosen, 1):
        begun = time.monotonic()
        result, remark = run(name, recipe, options, os.path.abspath(options.kftrayctl))
        n_failed += result != "ok"
        print(f"{result} {number} - {name}: {recipe.__doc__}{remark or f' # {time.monotonic() - begun:.1f} s'}", flush=True)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
