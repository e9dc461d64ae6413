"""The node: sandboxes of pods, and the runtime's port-forward loop with its one second of grace."""

import asyncio
import hashlib

from . import manifest, podapp
from .podsocket import PodSocket

GRACE_SECONDS = 1.0
PIECE = 32768


class Sandbox:
    def __init__(self, pod):
        self.pod = pod
        self.id = hashlib.sha256(pod["metadata"]["uid"].encode()).hexdigest()
        self.alive = True
        self._sockets = set()
        self._tasks = set()

    def app(self, port):
        return (self.pod["metadata"].get("annotations") or {}).get(f"{manifest.APP_PREFIX}{port}", "refuse")

    def open(self, port, context):
        """Starts the application's side of a connection; raises ConnectionError when nobody listens."""
        spec = self.app(port)
        if spec == "refuse":
            raise ConnectionRefusedError(self._netns(
                f"failed to connect to localhost:{port} inside namespace \"{self.id}\", IPv4: dial tcp4 127.0.0.1:{port}:"
                f" connect: connection refused IPv6 dial tcp6 [::1]:{port}: connect: connection refused "))
        sock = PodSocket(self.pod, port)
        self._sockets.add(sock)
        task = asyncio.get_running_loop().create_task(podapp.run(spec, sock, context))
        self._tasks.add(task)
        task.add_done_callback(lambda done: (self._tasks.discard(done), self._sockets.discard(sock)))
        return sock

    def _netns(self, text):
        return (f'failed to execute portforward in network namespace "/var/run/netns/cni-{self.id[:8]}": ' + text)

    def kill_connections(self):
        """The container's processes die: their sockets close."""
        for task in list(self._tasks):
            task.cancel()
        for sock in list(self._sockets):
            sock.close()

    def kill(self):
        self.alive = False
        self.kill_connections()


class Kubelet:
    def __init__(self, world, context):
        self._context = context
        self._sandboxes = {}
        world.add_listener(self._on_change)

    def sandbox(self, pod):
        """The sandbox of a running POD, or None."""
        if pod.get("status", {}).get("phase") != "Running":
            return None
        uid = pod["metadata"]["uid"]
        if uid not in self._sandboxes:
            self._sandboxes[uid] = Sandbox(pod)
        self._sandboxes[uid].pod = pod
        return self._sandboxes[uid]

    def forwarder(self, sandbox):
        return Forwarder(sandbox, self._context)

    def stop(self):
        """All applications end."""
        for sandbox in self._sandboxes.values():
            sandbox.kill()

    def _on_change(self, change):
        item = change.new or change.old
        if item["kind"] != "Pod":
            return
        uid = item["metadata"]["uid"]
        gone = change.new is None or change.new.get("status", {}).get("phase") in ("Succeeded", "Failed")
        if gone and uid in self._sandboxes:
            self._sandboxes.pop(uid).kill()
        elif uid in self._sandboxes:
            self._sandboxes[uid].pod = item


class Forwarder:
    """CRI PortForward for the streams of one upgraded connection; bound to one sandbox for its life."""

    def __init__(self, sandbox, context):
        self._sandbox = sandbox
        self._context = context

    async def run(self, port, stream):
        """Copies both ways until the end. Returns the error text for the error stream, or None."""
        if not self._sandbox.alive:
            return self._text(port, f'network namespace for sandbox "{self._sandbox.id}" is closed')
        try:
            sock = self._sandbox.open(port, self._context)
        except ConnectionError as error:
            return self._text(port, str(error))
        self._context.journal.count("pod_connections")
        error = await self._copy_both(sock, stream)
        return self._text(port, error) if error else None

    def _text(self, port, text):
        return f"error forwarding port {port} to pod {self._sandbox.id}, uid : {text}"

    async def _copy_both(self, sock, stream):
        loop = asyncio.get_running_loop()
        first = {loop.create_task(self._copy_up(sock, stream)), loop.create_task(self._copy_down(sock, stream))}
        try:
            done, rest = await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            late = set()
            if rest:
                late, _ = await asyncio.wait(rest, timeout=GRACE_SECONDS)
        finally:
            for task in first:
                task.cancel()
            sock.close_by_runtime()
        return next((task.result() for task in [*done, *late] if not task.cancelled() and task.result()), None)

    async def _copy_up(self, sock, stream):
        journal = self._context.journal
        try:
            while True:
                data = await stream.recv()
                if not data:
                    return None
                journal.count("bytes_up", len(data))
                await sock.to_app.write(data)
        except OSError as error:
            return str(error)

    async def _copy_down(self, sock, stream):
        journal = self._context.journal
        while True:
            try:
                data = await sock.from_app.read(PIECE)
            except OSError as error:
                return str(error)
            if not data:
                return None
            journal.count("bytes_down", len(data))
            try:
                await stream.send(data)
            except OSError:
                return None
