"""The programs that are measured, as processes: how each is started, and what the kernel says of its
processor time, memory, threads and wake-ups."""

import contextlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time

K = os.environ.get("K8S_DIR", "/tmp/kftray-k8s")
POD = "mixed-a"
ECHO_PORT = 7


def kubectl(*args):
    return subprocess.run(["kubectl", "--kubeconfig", f"{K}/admin.kubeconfig", *args], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True).stdout.strip()


def family(pid):
    """The process and its descendants: some clients are started by a wrapper, socat forks."""
    pids, todo = [], [pid]
    while todo:
        one = todo.pop()
        pids.append(one)
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children", encoding="ascii") as children:
                    todo += [int(child) for child in children.read().split()]
    return pids


def read_proc(pid, name):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/{name}", encoding="ascii") as file:
        return file.read()
    return ""


def cpu_seconds(pid):
    """User and system time, that of children which have ended too."""
    ticks = 0
    for one in family(pid):
        fields = read_proc(one, "stat").rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def sum_field(pid, name, field):
    """The sum of a field of a /proc file over the family."""
    found = (re.search(rf"^{field}:\s+(\d+)", read_proc(one, name), re.M) for one in family(pid))
    return sum(int(match.group(1)) for match in found if match)


def memory_mib(pid, field="VmRSS"):
    return sum_field(pid, "status", field) / 1024


def pss_mib(pid):
    """Memory with shared pages divided among those who share them."""
    return sum_field(pid, "smaps_rollup", "Pss") / 1024


def threads(pid):
    return sum_field(pid, "status", "Threads")


def wakeups(pid):
    """How often a thread of the family went to sleep of its own accord."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)",
                                  read_proc(one, f"task/{task}/status"), re.M)
                total += int(found.group(1)) if found else 0
    return total


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Process:
    """A program that is stopped at the end of its block."""

    def __init__(self, line, env=None):
        self.errors = tempfile.TemporaryFile()
        self.line = line
        self.process = subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def fail(self, what):
        self.errors.seek(0)
        message = self.errors.read().decode(errors="replace")
        self.stop()
        raise SystemExit(f"{' '.join(self.line)[:200]}: {what} {message}")

    def stop(self):
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


class TlsRelay(Process):
    """The limit: socat copies between a local port and one TLS connection per client, to a second
    socat that stands for the servers and is not counted."""

    def __init__(self, ip):
        tls, local = free_port(), free_port()
        pem = f"cert={K}/pki/apiserver.crt,key={K}/pki/apiserver.key,verify=0"
        self.server = Process(["socat", "-b65536",
                               f"OPENSSL-LISTEN:{tls},bind=127.0.0.1,reuseaddr,fork,{pem}",
                               f"TCP:{ip}:80"])
        super().__init__(["socat", "-b65536", f"TCP-LISTEN:{local},bind=127.0.0.1,reuseaddr,fork",
                          f"OPENSSL:127.0.0.1:{tls},verify=0"])
        self.http = ("127.0.0.1", local)
        for port in (tls, local):
            self.await_port(port)

    def await_port(self, port):
        end = time.monotonic() + 20
        while not re.search(rf":{port:04X} 0+:0000 0A", read_proc("self", "net/tcp")):
            if time.monotonic() > end:
                self.fail("does not listen")
            time.sleep(0.02)

    def stop(self):
        super().stop()
        self.server.stop()


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
                        "protocol": "tcp", "local_port": 21000 + i, "remote_port": 80,
                        "alias": f"f{i}"} for i in range(count)]
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
