"""run against a server that speaks HTTP/2: nghttpx in front of the scripted API server. Watches share connections
there, see what happens, and come back when their connections are lost."""

import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.request

import harness

COUNT = 50
# Each forward has a tunnel, which speaks HTTP/1.1, and two watches.
WATCHES_PER_CONNECTION = 32


def pod(index, generation):
    return {"name": f"app-{index}-{generation}", "labels": {"app": f"app-{index}"}, "ports": {"http": 80},
            "apps": {"80": "http"}}


def service(index):
    return {"name": f"app-{index}", "selector": {"app": f"app-{index}"},
            "ports": [{"name": "http", "port": 8080, "targetPort": "http"}]}


class Watches(harness.Case):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kftray-watches-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.start_server()
        self.port = harness.freeport.find()
        self.proxy = None
        self.start_proxy()
        self.addCleanup(self.stop_proxy)
        kubeconfig = (self.folder / "kubeconfig").read_text(encoding="utf-8")
        self.write("kubeconfig", kubeconfig.replace(f":{self.facts['port']}", f":{self.port}"))

    def start_server(self):
        world = {"pods": [pod(i, 0) for i in range(COUNT)], "services": [service(i) for i in range(COUNT)]}
        (self.folder / "world").write_text(json.dumps(world), encoding="utf-8")
        ready = self.folder / "ready"
        server = subprocess.Popen(["/usr/bin/python3", str(harness.TOP / "tests/fakes/apiserver.py"), "--control",
                                   "--world", str(self.folder / "world"), "--certs", str(self.folder / "certs"),
                                   "--kubeconfig-out", str(self.folder / "kubeconfig"), "--ready", str(ready)],
                                  stdout=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        harness.wait_until(ready.exists, "the API server")
        self.facts = json.loads(ready.read_text(encoding="utf-8"))

    def start_proxy(self):
        certs = self.folder / "certs"
        self.proxy = subprocess.Popen(
            ["nghttpx", "--conf=/dev/null", f"--frontend=127.0.0.1,{self.port}", "--insecure", "--workers=1",
             f"--backend=127.0.0.1,{self.facts['port']};;tls;proto=http/1.1", "--frontend-http2-read-timeout=1h",
             "--stream-read-timeout=1h", "--stream-write-timeout=1h", "--backend-read-timeout=1h",
             "--backend-write-timeout=1h", "--frontend-read-timeout=1h", "--frontend-write-timeout=1h",
             f"--errorlog-file={self.folder / 'nghttpx.log'}", "--single-process",
             str(certs / "server.key"), str(certs / "server.crt")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harness.wait_until(lambda: self.connections(listening=True), "nghttpx")

    def stop_proxy(self):
        """Ends all connections through it, without a word."""
        self.proxy.kill()
        self.proxy.wait()

    def connections(self, listening=False):
        """How many connections clients have to the proxy; or whether it listens."""
        rows = [row.split() for row in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        end = f":{self.port:04X}"
        if listening:
            return any(row[1].endswith(end) and row[3] == "0A" for row in rows)
        return sum(row[2].endswith(end) and row[3] == "01" for row in rows)

    def control(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.facts['control']}{path}", method=method,
                                         data=json.dumps(body).encode() if body is not None else None)
        with urllib.request.urlopen(request, timeout=harness.PATIENCE) as answer:
            return json.loads(answer.read() or "null")

    def replace_pods(self, generation):
        """Each service gets another pod; only its watch can tell that of an idle forward."""
        self.control("POST", "/objects", {"pods": [pod(i, generation) for i in range(COUNT)]})
        for i in range(COUNT):
            self.control("DELETE", f"/objects/pods/default/app-{i}-{generation - 1}")

    def start_forwards(self):
        ports = set()
        while len(ports) < COUNT:
            ports.add(harness.freeport.find())
        forwards = [{"service": f"app-{i}", "namespace": "default", "workload_type": "service", "protocol": "tcp",
                     "local_port": ports.pop(), "remote_port": 8080, "alias": f"f{i}"} for i in range(COUNT)]
        run = self.start("run", "-o", "lines", "-f", self.write("forwards.json", forwards))
        self.await_pods(run, 0)
        return run

    def await_pods(self, run, generation):
        """All forwards lead to the pods of GENERATION, in any order."""
        missing = set(range(COUNT))
        while missing:
            line = run.await_line(rf"ready at .*\(pod app-\d+-{generation}\)")
            missing.discard(int(line.partition("(pod app-")[2].partition("-")[0]))

    def test_share_connections(self):
        run = self.start_forwards()
        # Without sharing it were three for each forward.
        harness.wait_until(lambda: self.connections() < 2 * COUNT, "fewer connections than watches and tunnels")
        self.assertGreaterEqual(self.connections(), COUNT + 2 * COUNT // WATCHES_PER_CONNECTION)
        self.replace_pods(1)
        self.await_pods(run, 1)
        self.assertEqual(run.end(), 0)

    def test_come_back_together(self):
        run = self.start_forwards()
        self.stop_proxy()
        run.await_line("lost|waiting|unreachable")
        self.start_proxy()
        self.replace_pods(1)
        self.await_pods(run, 1)
        self.replace_pods(2)
        self.await_pods(run, 2)
        self.assertEqual(run.end(signal.SIGTERM), 0)
        self.assertNotRegex("\n".join(run.lines), "credential|401|403|not allowed|log in")


if __name__ == "__main__":
    unittest.main()
