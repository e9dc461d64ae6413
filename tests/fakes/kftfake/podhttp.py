"""The sample web application of the pods.

/  a page that names the pod · /name  the pod's name · /sleep?ms=N · /zero?n=N · /random?n=N&seed=S  (same bytes for
the same seed) · /sha256?n=N&seed=S  its checksum · /headers · POST /sink  counts and hashes what it gets
"""

import asyncio
import hashlib
import random
import urllib.parse

PIECE = 32768
HEAD_LIMIT = 65536

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<style>body{{font:16px/1.5 sans-serif;max-width:36em;margin:4em auto;padding:0 1em;color:#223}}
h1{{font-weight:600}}code{{background:#eef;padding:.1em .3em;border-radius:3px}}</style></head>
<body><h1>Hello from {name}</h1>
<p>This page was served by pod <code>{name}</code> in namespace <code>{namespace}</code>, port {port},
and reached you through a port-forward.</p>
<p>Request <code>{path}</code>. Reload: a new connection may be served by another pod of the same service.</p>
</body></html>
"""


class PodRequest:
    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.method, target, self.version = (lines[0].split(" ") + ["", "", ""])[:3]
        self.lines = lines
        parts = urllib.parse.urlsplit(target)
        self.path = parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query))
        fields = (line.partition(":") for line in lines[1:] if line)
        self.headers = {name.lower(): value.strip() for name, _, value in fields}

    def number(self, name, default):
        return int(self.query.get(name, default))


class PodHttp:
    """One connection, kept alive until the client or a `Connection: close` ends it."""

    def __init__(self, sock):
        self._sock = sock
        self._buffer = b""

    async def run(self):
        while True:
            request = await self._read_head()
            if request is None:
                break
            await self._answer(request)
            if request.headers.get("connection", "").lower() == "close" or request.version == "HTTP/1.0":
                break
        self._sock.close()

    async def _read_head(self):
        while b"\r\n\r\n" not in self._buffer:
            data = await self._sock.recv()
            if not data or len(self._buffer) > HEAD_LIMIT:
                return None
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return PodRequest(head)

    async def _answer(self, request):
        if request.method in ("POST", "PUT"):
            await self._sink(request)
        elif request.path == "/sleep":
            await asyncio.sleep(request.number("ms", 1000) / 1000)
            await self._text(b"slept\n")
        elif request.path == "/zero":
            await self._stream(request.number("n", 0), lambda count: bytes(count))
        elif request.path == "/random":
            await self._stream(request.number("n", 0), random.Random(request.number("seed", 1)).randbytes)
        elif request.path == "/sha256":
            await self._text(self._checksum(request).encode() + b"\n")
        elif request.path == "/headers":
            await self._text("\n".join(request.lines).encode())
        elif request.path == "/name":
            await self._text(self._sock.pod["metadata"]["name"].encode() + b"\n")
        else:
            await self._page(request)

    async def _page(self, request):
        meta = self._sock.pod["metadata"]
        page = PAGE.format(name=meta["name"], namespace=meta["namespace"], port=self._sock.port,
                           path=request.path.replace("<", "&lt;"))
        await self._text(page.encode(), "text/html; charset=utf-8")

    async def _text(self, body, content_type="text/plain"):
        await self._head(len(body), content_type)
        await self._sock.send(body)

    async def _head(self, length, content_type="application/octet-stream"):
        await self._sock.send((f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n"
                               f"Content-Length: {length}\r\n\r\n").encode())

    async def _stream(self, count, make):
        await self._head(count)
        while count:
            piece = make(min(PIECE, count))
            count -= len(piece)
            await self._sock.send(piece)

    def _checksum(self, request):
        source, total = random.Random(request.number("seed", 1)), request.number("n", 0)
        found = hashlib.sha256()
        while total:
            piece = source.randbytes(min(PIECE, total))
            total -= len(piece)
            found.update(piece)
        return found.hexdigest()

    async def _sink(self, request):
        if request.headers.get("expect", "").lower() == "100-continue":
            await self._sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        left = int(request.headers.get("content-length", 0))
        found, count = hashlib.sha256(), 0
        while left:
            data = self._buffer or await self._sock.recv()
            if not data:
                raise EOFError
            self._buffer, data = data[left:], data[:left]
            left -= len(data)
            count += len(data)
            found.update(data)
        await self._text(f"{count} {found.hexdigest()}\n".encode())


async def serve(sock, _argument, context):
    context.journal.count("http_connections")
    await PodHttp(sock).run()
