"""What a test can do to a running fake: a class for the same process, and a small JSON API over plain HTTP.

The paths are listed in ROUTES; tests/fakes/README.md describes them.
"""

import asyncio
import json
import re
import socket

from . import bytestream, fault, httpmessage, manifest, resource as resources


class Control:
    """Actions by name. Methods that take ARGS get a dict; what they return becomes the JSON answer."""

    def __init__(self, server):
        self.server = server

    def find_kind(self, word):
        """Pod, pod, pods, po -> the Resource."""
        low = word.lower()
        for r in resources.RESOURCES:
            if low in (r.kind.lower(), r.plural, *r.short):
                return r
        raise KeyError(f"no kind {word!r}")

    def objects(self, args):
        kinds = [self.find_kind(args["kind"])] if "kind" in args else resources.RESOURCES
        return [item for r in kinds for item in self.server.world.items(r.kind, args.get("namespace", ""))]

    def get(self, kind, namespace, name):
        return self.server.world.get(self.find_kind(kind).kind, namespace, name)

    def put(self, args):
        """A full object, or a world section with short forms: {"pods": [...]}."""
        if "metadata" in args:
            return self.server.world.put(args)
        return [self.server.world.put(item) for item in manifest.build_objects(args)]

    def patch(self, kind, namespace, name, change):
        return self.server.world.patch(self.find_kind(kind).kind, namespace, name, change)

    def delete(self, kind, namespace, name, grace_ms=0):
        known = self.find_kind(kind).kind
        if not grace_ms:
            return self.server.world.delete(known, namespace, name)
        item = self.server.world.begin_delete(known, namespace, name, grace_ms // 1000)
        uid = item["metadata"]["uid"]
        asyncio.get_running_loop().call_later(grace_ms / 1000, self._finish_delete, known, namespace, name, uid)
        return item

    def _finish_delete(self, kind, namespace, name, uid):
        item = self.server.world.get(kind, namespace, name)
        if item is not None and item["metadata"]["uid"] == uid:
            self.server.world.delete(kind, namespace, name)

    def replace(self, kind, namespace, name):
        return self.server.world.replace(self.find_kind(kind).kind, namespace, name)

    def restart_container(self, namespace, name):
        """Its connections end; the sandbox stays."""
        pod = self.server.world.get("Pod", namespace, name)
        self.server.kubelet.sandbox(pod).kill_connections()
        return {}

    def drop(self, args):
        return {"dropped": self.server.drop_connections(args.get("how", "eof"), args.get("upgraded"))}

    def goaway(self):
        """GOAWAY on every SPDY session, then its end."""
        sessions = list(self.server.sessions)
        for session in sessions:
            session.goaway()
        return {"sessions": len(sessions)}

    def set_faults(self, specs):
        self.server.faults.replace(specs)
        return self.server.faults.describe()

    def add_fault(self, spec):
        self.server.faults.add(spec)
        return self.server.faults.describe()

    def remove_fault(self, name):
        self.server.faults.remove(name)
        return self.server.faults.describe()

    def compact(self):
        self.server.world.forget_history()
        return {"resourceVersion": str(self.server.world.version)}

    def settings(self, args):
        for name, value in args.items():
            if not hasattr(self.server.settings, name):
                raise KeyError(f"no setting {name!r}")
            setattr(self.server.settings, name, value)
        return vars(self.server.settings)

    def log(self, since=0):
        return [entry for entry in self.server.journal.requests if entry["n"] > since]

    def counters(self):
        return dict(self.server.journal.counters, open_connections=len(self.server.connections))

    async def wait(self, counter, least, timeout_ms):
        reached = await self.server.journal.wait_counter(counter, least, timeout_ms / 1000)
        return {"reached": reached, "value": self.server.journal.counters[counter]}


OBJECT = r"/objects/(?P<kind>[^/]+)/(?P<namespace>[^/]*)/(?P<name>[^/]+)"


def _routes(c):
    """(method, path pattern, handler(match, request, body))"""
    def on(method, pattern, handler):
        return method, re.compile(pattern + "$"), handler
    return [
        on("GET", "/objects", lambda m, r, b: c.objects({k: v[0] for k, v in r.query.items()})),
        on("POST", "/objects", lambda m, r, b: c.put(b)),
        on("GET", OBJECT, lambda m, r, b: c.get(**m.groupdict())),
        on("PATCH", OBJECT, lambda m, r, b: c.patch(**m.groupdict(), change=b)),
        on("DELETE", OBJECT, lambda m, r, b: c.delete(**m.groupdict(), grace_ms=int(r.param("grace_ms", "0")))),
        on("POST", OBJECT + "/replace", lambda m, r, b: c.replace(**m.groupdict())),
        on("POST", r"/restart-container/(?P<namespace>[^/]+)/(?P<name>[^/]+)",
           lambda m, r, b: c.restart_container(**m.groupdict())),
        on("GET", "/faults", lambda m, r, b: c.server.faults.describe()),
        on("PUT", "/faults", lambda m, r, b: c.set_faults(b)),
        on("POST", "/faults", lambda m, r, b: c.add_fault(b)),
        on("DELETE", "/faults", lambda m, r, b: c.set_faults([])),
        on("DELETE", r"/faults/(?P<name>.+)", lambda m, r, b: c.remove_fault(**m.groupdict())),
        on("POST", "/drop-connections", lambda m, r, b: c.drop(b or {})),
        on("POST", "/goaway", lambda m, r, b: c.goaway()),
        on("POST", "/compact", lambda m, r, b: c.compact()),
        on("PATCH", "/settings", lambda m, r, b: c.settings(b)),
        on("POST", r"/users/(?P<name>[^/]+)/rotate-token",
           lambda m, r, b: {"token": c.server.users.rotate_token(m["name"], (b or {}).get("token"))}),
        on("GET", "/log", lambda m, r, b: c.log(int(r.param("since", "0")))),
        on("GET", "/violations", lambda m, r, b: list(c.server.journal.violations)),
        on("GET", "/counters", lambda m, r, b: c.counters()),
        on("GET", "/wait", lambda m, r, b: c.wait(r.param("counter"), int(r.param("least", "1")),
                                                  int(r.param("timeout_ms", "5000")))),
    ]


class ControlPort:
    """Serves a Control on 127.0.0.1."""

    def __init__(self, server):
        self._routes = _routes(Control(server))
        self._server = None
        self.port = 0

    async def start(self, port=0):
        loop = asyncio.get_running_loop()
        self._tasks = set()
        self._server = await loop.create_server(self._accepted, "127.0.0.1", port, family=socket.AF_INET)
        self.port = self._server.sockets[0].getsockname()[1]

    def _accepted(self):
        stream = bytestream.ByteStream()
        task = asyncio.get_running_loop().create_task(self._serve(stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return stream

    async def _serve(self, stream):
        try:
            while True:
                request = await httpmessage.read_request(stream)
                if request is None:
                    break
                code, answer = await self._answer(request)
                await httpmessage.send_response(stream, code, [], json.dumps(answer).encode() + b"\n")
        except (OSError, EOFError, ValueError, httpmessage.BadRequest):
            pass
        stream.close()

    async def _answer(self, request):
        for method, pattern, handler in self._routes:
            match = pattern.match(request.path)
            if match and method == request.method:
                try:
                    answer = handler(match, request, json.loads(request.body) if request.body else None)
                    return 200, await answer if asyncio.iscoroutine(answer) else answer
                except (KeyError, ValueError, TypeError, fault.FaultError) as error:
                    return 400, {"error": f"{type(error).__name__}: {error}"}
        return 404, {"error": f"no {request.method} {request.path}"}
