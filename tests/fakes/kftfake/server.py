"""The fake API server: listens, does TLS, applies the faults of connections and requests, and routes."""

import asyncio
import json
import os
import socket
import ssl
import struct

from . import (bytestream, defaultworld, endpoints, fault, httpmessage, journal, kubelet, manifest, portforward,
               resource as resources, rest, status, user as users, watch, world as worlds)

RUBBISH = b"\x00\x01\x02 this is not HTTP \xff\xfe\r\n\r\n" * 3
TRANSPORTS = ("tunnel", "v4", "spdy")


class Settings:
    """How the server behaves where nothing is wrong; the `server` section of a world file."""

    def __init__(self, spec):
        self.version = str(spec.get("version", "1.32"))
        self.transports = spec.get("transports")
        self.certificate = spec.get("certificate", "server")
        self.tls = spec.get("tls", True)
        self.address = spec.get("address", "127.0.0.1")
        self.port = spec.get("port", 0)
        self.prefix = spec.get("prefix", "").rstrip("/")
        self.anonymous = spec.get("anonymous", True)
        self.bookmark_ms = spec.get("bookmark_ms", 60000)
        self.pair_timeout_ms = spec.get("pair_timeout_ms", 30000)
        self.idle_ms = spec.get("idle_ms", 4 * 3600 * 1000)
        self.watch_list = spec.get("watch_list", self.at_least(1, 34))
        self.created = spec.get("created", {})

    def at_least(self, major, minor):
        own = tuple(int(part) for part in self.version.split(".")[:2])
        return own >= (major, minor)

    def speaks(self, transport):
        if self.transports is not None:
            return transport in self.transports
        return transport != "tunnel" or self.at_least(1, 31)


class Server:
    """start(), then .port; stop(). DOCUMENT is a world document, CERTS the directory of support/certs.sh."""

    def __init__(self, document, certs):
        full = defaultworld.load(document)
        self.settings = Settings(document.get("server", {}))
        self.certs = certs
        self.journal = journal.Journal()
        self.faults = fault.FaultTable(document.get("faults", []))
        self.users = users.UserTable(full["users"], self.settings.anonymous)
        self.world = worlds.World(manifest.build_objects(full))
        for path in document.get("remove", []):
            self.world.delete(*path.split("/"))
        endpoints.EndpointsController(self.world)
        self.world.forget_history()
        self.kubelet = kubelet.Kubelet(self.world, self)
        self.rest = rest.Rest(self)
        self.connections = {}
        self.sessions = set()
        self.port = 0
        self._tasks = set()
        self._listener = None
        self._numbers = 0
        self._context = self._make_context() if self.settings.tls else None

    @property
    def url(self):
        host = f"[{self.settings.address}]" if ":" in self.settings.address else self.settings.address
        return f"{'https' if self.settings.tls else 'http'}://{host}:{self.port}{self.settings.prefix}"

    async def start(self):
        family = socket.AF_INET6 if ":" in self.settings.address else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.settings.address, self.settings.port))
        listener.listen(256)
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._keep(self._accept(listener))

    async def stop(self):
        self.kubelet.stop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        for stream, _ in list(self.connections.values()):
            stream.reset()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.stop_listening()

    def stop_listening(self):
        """New connections are refused; the old ones live on."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None

    def drop_connections(self, how="eof", upgraded=None):
        """Ends open connections: all, or only (not) UPGRADED ones. Returns how many."""
        chosen = [(stream, up) for stream, up in self.connections.values() if upgraded is None or up == upgraded]
        for stream, _ in chosen:
            stream.end(how)
        return len(chosen)

    def _make_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        name = os.path.join(self.certs, self.settings.certificate)
        context.load_cert_chain(name + ".crt", name + ".key")
        context.load_verify_locations(os.path.join(self.certs, "ca.crt"))
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _keep(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener):
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
            except OSError:  # no descriptors left, or the client is gone already
                await asyncio.sleep(0.05)
                continue
            self._numbers += 1
            self.journal.count("connections")
            self._keep(self._serve_socket(sock, self._numbers))

    async def _serve_socket(self, sock, number):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if not await self._connect_faults(sock):
                return
            _, stream = await asyncio.get_running_loop().connect_accepted_socket(
                bytestream.ByteStream, sock, ssl=self._context)
        except (OSError, ssl.SSLError) as error:
            self.journal.count("failed_handshakes")
            self.journal.add_request(number, httpmessage.Request("-", "-", [], b""))["note"] = str(error)
            sock.close()
            return
        except BaseException:
            sock.close()
            raise
        await self._serve_stream(stream, number)

    async def _serve_stream(self, stream, number):
        self.connections[number] = (stream, False)
        try:
            if await self._stream_faults(stream, self.faults.take("tls")):
                while await self._serve_request(stream, number):
                    pass
            if stream.is_black_hole:  # the client must find out by itself
                await stream.closed
            stream.close()
        except httpmessage.BadRequest as error:
            self.journal.violation(f"HTTP: {error}")
            stream.write(httpmessage.head(400, [("Connection", "close")]))
            stream.close()
        except (OSError, EOFError):
            stream.close()
        finally:
            if not stream.is_ending():
                stream.abort()
            self.connections.pop(number, None)

    # Faults before a request was read: True means go on.

    async def _connect_faults(self, sock):
        loop = asyncio.get_running_loop()
        for item in self.faults.take("connect"):
            if item.deed == "delay":
                await asyncio.sleep(item.get("ms", 1000) / 1000)
                continue
            if item.deed == "silence":
                while await loop.sock_recv(sock, 65536):
                    pass
            elif item.deed == "rubbish":
                await loop.sock_sendall(sock, item.get("text", "").encode("latin-1") or RUBBISH)
                await loop.sock_recv(sock, 65536)
            elif item.deed == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            return False
        return True

    async def _stream_faults(self, stream, faults):
        for item in faults:
            if item.deed == "delay":
                await asyncio.sleep(item.get("ms", 1000) / 1000)
            elif item.deed == "drip":
                stream.drip(item.get("size", 1), item.get("ms", 5))
            elif item.deed == "cut":
                stream.cut_after(item.get("how", "eof"), item.get("down"), item.get("up"))
            elif item.deed in ("silence", "close", "reset", "rubbish"):
                await self._end_by_fault(stream, item)
                return False
        return True

    async def _end_by_fault(self, stream, item):
        if item.deed == "silence":
            while await stream.read_some():
                pass
        elif item.deed == "reset":
            stream.reset()
        elif item.deed == "rubbish":
            await stream.write_all(item.get("text", "").encode("latin-1") or RUBBISH)
            if item.get("stay"):
                await stream.closed

    # Requests.

    async def _serve_request(self, stream, number):
        """False when the connection is used up."""
        request = await httpmessage.read_request(stream)
        if request is None:
            return False
        entry = self.journal.add_request(number, request)
        facts = {"method": request.method, "path": request.path, "query": request.target.partition("?")[2],
                 "upgrade": request.upgrade()}
        deeds = self.faults.take("request", **facts)
        if not await self._stream_faults(stream, deeds):
            entry["note"] = "fault"
            return False
        if any(item.deed in ("reply", "status", "huge-header") for item in deeds):
            return await self._reply_by_fault(stream, deeds, entry)
        return await self._route(request, stream, number, entry)

    async def _reply_by_fault(self, stream, deeds, entry):
        for item in deeds:
            entry["note"] = "fault"
            entry["code"] = item.get("code", 500 if item.deed == "status" else 200)
            if item.deed == "status":
                await _send_status(stream, status.by_code(entry["code"], item.get("message"), item.get("reason"),
                                                          item.get("retry_after")))
            elif item.deed == "reply":
                await httpmessage.send_response(
                    stream, entry["code"], list(item.get("headers", {}).items()),
                    item.get("body", "").encode(), item.get("type", "text/plain"))
                if item.get("close"):
                    return False
            elif item.deed == "huge-header":
                big = "x" * item.get("size", 1 << 20)
                await httpmessage.send_response(stream, 200, [("X-Padding", big)], b"{}")
        return True

    async def _route(self, request, stream, number, entry):
        try:
            user = self.users.authenticate(request, stream.peer_certificate)
            entry["user"] = user.name
            self._strip_prefix(request)
            address = resources.parse_path([part for part in request.path.split("/") if part])
            if address and address.plural == "pods" and address.subresource == "portforward":
                await self._forward(request, stream, user, address, entry, number)
                return False
            if address and address.resource and _is_watch(request, address):
                users.check(user, "watch", address)
                return await watch.Watch(self, request, stream, user, address).run()
            await self.rest.answer(request, stream, user)
            entry["code"] = 200
        except status.StatusError as error:
            entry["code"], entry["note"] = error.code, error.body["message"]
            await _send_status(stream, error)
        return request.wants_keep_alive()

    async def _forward(self, request, stream, user, address, entry, number):
        self.connections[number] = (stream, True)
        await portforward.PortForward(self, request, stream, user, entry).answer(address)

    def _strip_prefix(self, request):
        if not self.settings.prefix:
            return
        if not request.path.startswith(self.settings.prefix + "/"):
            raise status.no_such_path()
        request.path = request.path[len(self.settings.prefix):]


def _is_watch(request, address):
    return request.method == "GET" and not address.name and request.flag("watch")


async def _send_status(stream, error):
    await httpmessage.send_response(stream, error.code, error.headers, status.encode(error.body))


def load_document(path):
    """A world document from a file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)
