"""The programs that are measured, as processes: how each is started and when it is ready."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from procfs import family, read

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freeport  # noqa: E402

K = os.environ.get("K8S_DIR", "/tmp/kftray-k8s")
POD = "mixed-a"
ECHO_PORT = 7


def kubectl(*args):
    return subprocess.run(["kubectl", "--kubeconfig", f"{K}/admin.kubeconfig", *args], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True).stdout.strip()


class Process:
    """A program that is stopped at the end of its block, or with all the others by stop_all()."""

    running = set()

    def __init__(self, line, env=None):
        self.errors = tempfile.TemporaryFile()
        self.line = line
        self.process = subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.pid = self.process.pid
        Process.running.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def fail(self, what):
        self.errors.seek(0)
        message = self.errors.read().decode(errors="replace")
        self.stop()
        raise SystemExit(f"{' '.join(self.line)[:200]}: {what} {message}")

    @staticmethod
    def stop_all():
        """Those whose start was given up have no block."""
        for process in list(Process.running):
            process.stop()

    def stop(self):
        Process.running.discard(self)
        for pid in reversed(family(self.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 15)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


class Forwarder(Process):
    """One pod's ports 80 and 7 (echo) on loopback: addresses self.http and self.echo."""

    def __init__(self, program, transport, far=False):
        start = time.perf_counter()
        super().__init__(*command(program, transport, [":80", f":{ECHO_PORT}"], far))
        first, ports = None, {}
        while len(ports) < 2:
            line = self.process.stdout.readline()
            first = first or time.perf_counter()
            match = re.match(r"Forwarding from (\S+):(\d+) -> (\d+)", line)
            if match and match.group(1) == "127.0.0.1":
                ports[int(match.group(3))] = int(match.group(2))
            elif not line:
                self.fail("ended before it listened:")
        self.start_ms = (first - start) * 1000
        self.http = ("127.0.0.1", ports[80])
        self.echo = ("127.0.0.1", ports[ECHO_PORT])


def command(program, transport, ports, far=False):
    """The command line and environment of a forwarder."""
    env = dict(os.environ)
    prefix = ("link-" if far else "") + ("tunnel-" if transport == "tunnel" else "")
    env["KUBECONFIG"] = f"{K}/{prefix}admin-token.kubeconfig"
    if program == "kubectl":
        env["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = str(transport == "tunnel").lower()
        line = ["kubectl", "port-forward", f"pod/{POD}", *ports]
    else:
        line = [os.environ["KFTRAYCTL"], "forward", "--quiet", f"pod/{POD}", *ports,
                "--transport", transport]
    return ([os.environ["LINK"], "exec", *line] if far else line), env


class Pod:
    """No forwarder at all: the same client straight to the pod."""

    pid = None

    def __init__(self, ip):
        self.http, self.echo = (ip, 80), (ip, ECHO_PORT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Listener(Process):
    def __init__(self, line, port):
        super().__init__(line)
        end = time.monotonic() + 20
        while not re.search(rf":{port:04X} 0+:0000 0A", read("self", "net/tcp")):
            if time.monotonic() > end or self.process.poll() is not None:
                self.fail("does not listen")
            time.sleep(0.02)


class TlsRelay(contextlib.ExitStack):
    """The limit: socat copies between a local port and one TLS connection per client, to a second
    socat that stands for the servers and is not counted."""

    def __init__(self, ip):
        super().__init__()
        self.http, self.pid = self.relay(ip, 80)
        self.echo, _ = self.relay(ip, ECHO_PORT)

    def relay(self, ip, port):
        tls, local = freeport.find(), freeport.find()
        pem = f"cert={K}/pki/apiserver.crt,key={K}/pki/apiserver.key,verify=0"
        options = "bind=127.0.0.1,reuseaddr,nodelay,fork"
        self.enter_context(Listener(["socat", "-b65536", f"OPENSSL-LISTEN:{tls},{options},{pem}",
                                     f"TCP:{ip}:{port},nodelay"], tls))
        client = self.enter_context(Listener(["socat", "-b65536", f"TCP-LISTEN:{local},{options}",
                                              f"OPENSSL:127.0.0.1:{tls},nodelay,verify=0"], local))
        return ("127.0.0.1", local), client.pid


class ManyForwards(Process):
    """N forwards: one `kftrayctl run`, or a kubectl for each, all below one shell."""

    def __init__(self, program, count):
        if program == "kubectl":
            line, env = command("kubectl", "spdy", [":80"])
            quoted = " ".join(line)
            super().__init__(["sh", "-c", f"for i in $(seq {count}); do {quoted} & done; wait"], env)
            sign = "Forwarding from 127.0.0.1"
        else:
            env = dict(os.environ, KUBECONFIG=f"{K}/admin-token.kubeconfig")
            configs = [{"service": "mixed", "namespace": "default", "workload_type": "service",
                        "protocol": "tcp", "local_port": port, "remote_port": 80,
                        "alias": f"f{port}"} for port in freeport.find_many(count)]
            with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
                json.dump(configs, file)
            self.file = file.name
            super().__init__([os.environ["KFTRAYCTL"], "run", "-o", "lines", "-f", file.name], env)
            sign = ": ready at "
        self.count, seen = count, 0
        while seen < count:
            line = self.process.stdout.readline()
            if not line:
                self.fail(f"ended with {seen} of {count} forwards")
            seen += sign in line

    def stop(self):
        super().stop()
        with contextlib.suppress(AttributeError, OSError):
            os.unlink(self.file)
