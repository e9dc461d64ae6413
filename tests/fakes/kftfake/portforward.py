"""The pods/portforward endpoint: checks in the API server's order, negotiation by version, hand-over to a session."""

import asyncio

from . import channels, httpmessage, spdysession, status, tunnel, user as users, websocket as ws

SPDY_PROTOCOL = "portforward.k8s.io"
TUNNEL_PROTOCOL = "SPDY/3.1+portforward.k8s.io"


class PortForward:
    """One request for an upgrade."""

    def __init__(self, server, request, stream, user, entry):
        self._server = server
        self._settings = server.settings
        self._journal = server.journal
        self._request = request
        self._stream = stream
        self._user = user
        self._entry = entry
        self._upgrade_deeds = {}
        self._session_faults = []

    async def answer(self, address):
        """Ends with the connection used up in all cases; raises StatusError for what the API server itself refuses."""
        self._authorize(address)
        pod = self._server.world.get("Pod", address.namespace, address.name)
        if pod is None:
            raise status.not_found(address.resource, address.name)
        if not pod["spec"].get("nodeName"):
            raise status.StatusError(400, f"pod {address.name} does not have a host assigned")
        kind = self._request.upgrade()
        if kind == "none":
            raise status.StatusError(400, "Upgrade request required")
        self._check_early_bytes()
        await self._negotiate(kind, pod)

    def _authorize(self, address):
        verb = {"GET": "get", "POST": "create"}.get(self._request.method)
        if verb is None:
            raise status.StatusError(405, "the server does not allow this method on the requested resource",
                                     "MethodNotAllowed")
        users.check(self._user, verb, address)
        if verb == "get" and self._request.upgrade() == "websocket" and self._settings.at_least(1, 35):
            users.check(self._user, "create", address)

    async def _negotiate(self, kind, pod):
        if kind == "websocket":
            names = ws.offered(self._request)
            if len(self._request.header_list("sec-websocket-protocol")) > 1:
                self._journal.violation("upgrade: several Sec-WebSocket-Protocol lines; only the first is read")
            if self._settings.speaks("tunnel") and any(_asks_for_tunnel(name) for name in names):
                await self._serve_tunnel(pod)
            else:
                await self._serve_channels(pod, names)
        else:
            await self._serve_spdy(pod)

    # The three transports.

    async def _serve_tunnel(self, pod):
        forwarder = await self._forwarder(pod)
        if forwarder is None:
            return
        await self._switch("tunnel", self._websocket_headers(TUNNEL_PROTOCOL))
        pipe = tunnel.TunnelPipe(self._stream, self._journal, self._session_faults)
        await self._run_spdy(pipe, forwarder)
        pipe.close()

    async def _serve_channels(self, pod, names):
        ports = await self._ports()
        if ports is None:
            return
        forwarder = await self._forwarder(pod)
        if forwarder is None:
            return
        chosen = next((name for name in names if name in channels.KNOWN), None)
        if not self._settings.speaks("v4") or (names and chosen is None):
            self._note("no common subprotocol")
            self._entry["code"] = 403
            await self._stream.write_all(httpmessage.head(403, [("Connection", "close")]))
            self._stream.close()
            return
        await self._switch("v4", self._websocket_headers(chosen or ""))
        await channels.ChannelSession(self._stream, ports, chosen or "", forwarder, self._journal,
                                      self._session_faults, self._settings).run()

    async def _serve_spdy(self, pod):
        forwarder = await self._forwarder(pod)
        if forwarder is None:
            return
        wanted = self._request.header_list("x-stream-protocol-version")
        if not self._settings.speaks("spdy"):
            await self._refuse(403, "unable to upgrade: SPDY is not served")
        elif not wanted:
            await self._refuse(400, "unable to upgrade: X-Stream-Protocol-Version is required")
        elif SPDY_PROTOCOL not in wanted:
            await self._refuse(403, "unable to upgrade: unable to negotiate protocol: client supports "
                                    f"[{' '.join(wanted)}], server accepts [{SPDY_PROTOCOL}]",
                               [("X-Accepted-Stream-Protocol-Versions", SPDY_PROTOCOL)])
        else:
            await self._switch("spdy", [("Upgrade", "SPDY/3.1"), ("Connection", "Upgrade"),
                                        ("X-Stream-Protocol-Version", SPDY_PROTOCOL)])
            await self._run_spdy(self._stream, forwarder)

    async def _run_spdy(self, pipe, forwarder):
        session = spdysession.SpdySession(pipe, forwarder, self._journal, self._session_faults, self._settings)
        self._server.sessions.add(session)
        try:
            await session.run()
        finally:
            self._server.sessions.discard(session)

    # What they share.

    async def _forwarder(self, pod):
        """The runtime for the pod's sandbox; answers 500 as the kubelet does when there is none."""
        sandbox = self._server.kubelet.sandbox(pod)
        if sandbox is None:
            meta = pod["metadata"]
            await self._refuse(500, f'pod not found ("{meta["name"]}_{meta["namespace"]}")')
            return None
        return self._server.kubelet.forwarder(sandbox)

    async def _ports(self):
        """The numbers in `ports`, or None after a refusal."""
        words = [word for value in self._request.query.get("ports", []) for word in value.split(",")]
        if not words:
            await self._refuse(400, 'query parameter "port" is required')
            return None
        if not all(word.isdigit() and int(word) < 65536 for word in words):
            raise status.StatusError(400, f'converting ({words!r}) to (*[]int32): strconv.ParseUint: parsing: invalid syntax')
        if any(int(word) == 0 for word in words):
            await self._refuse(400, 'query parameter "port" must be > 0')
            return None
        return [int(word) for word in words]

    async def _refuse(self, code, text, headers=()):
        self._note(text)
        self._entry["code"] = code
        await httpmessage.send_response(self._stream, code, list(headers) + [("Connection", "close")],
                                        text.encode() + b"\n", "text/plain; charset=utf-8")
        self._stream.close()

    def _note(self, text):
        self._entry["note"] = text

    def _websocket_headers(self, subprotocol):
        key = self._request.header("sec-websocket-key")
        if len(key) != 24:
            self._journal.violation(f"upgrade: Sec-WebSocket-Key {key!r} is not 24 characters")
        if self._request.header("sec-websocket-version") != "13":
            self._journal.violation("upgrade: Sec-WebSocket-Version is not 13")
        return [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", ws.accept_value(key)),
                ("Sec-WebSocket-Protocol", subprotocol)]

    def _check_early_bytes(self):
        """The upgrade proxies lose what arrives before the 101; so does the fake, and it tells."""
        if self._stream.waiting():
            self._journal.violation("upgrade: bytes were sent before the 101")
            self._stream.discard_waiting()

    async def _switch(self, transport, headers):
        """Sends the 101 and arms the faults of the session."""
        facts = {"method": self._request.method, "path": self._request.path, "transport": transport,
                 "upgrade": self._request.upgrade(), "user": self._user.name}
        self._upgrade_deeds = {f.deed: f for f in self._server.faults.take("upgrade", **facts)}
        self._session_faults = self._server.faults.take("session", **facts)
        if "delay" in self._upgrade_deeds:
            await asyncio.sleep(self._upgrade_deeds["delay"].get("ms", 1000) / 1000)
        self._check_early_bytes()
        self._entry["code"] = 101
        self._entry["note"] = transport
        self._journal.count(f"upgrades_{transport}")
        await self._stream.write_all(httpmessage.head(101, self._spoil(headers)))
        self._arm()
        if "rubbish-after" in self._upgrade_deeds:
            text = self._upgrade_deeds["rubbish-after"].get("text", "\xff\xfenonsense" * 20)
            await self._stream.write_all(text.encode("latin-1"))

    def _spoil(self, headers):
        changed = dict(headers)
        if "wrong-accept" in self._upgrade_deeds:
            changed["Sec-WebSocket-Accept"] = ws.accept_value("another key")
        if "subprotocol" in self._upgrade_deeds:
            changed["Sec-WebSocket-Protocol"] = self._upgrade_deeds["subprotocol"].get("name", "v9.example")
        if "no-subprotocol" in self._upgrade_deeds:
            changed.pop("Sec-WebSocket-Protocol", None)
        return changed.items()

    def _arm(self):
        """Byte-level faults count from the end of the 101's head."""
        for fault in self._session_faults:
            if fault.deed in ("cut", "truncate"):
                self._stream.cut_after(fault.get("how", "eof"), fault.get("down"), fault.get("up"))
            elif fault.deed == "drip":
                self._stream.drip(fault.get("size", 1), fault.get("ms", 5))
            elif fault.deed == "stall-reader":
                self._stream.stall_reader_after(fault.get("after", 0))


def _asks_for_tunnel(name):
    return name.startswith("SPDY/3.1+") and name.endswith(".k8s.io")
