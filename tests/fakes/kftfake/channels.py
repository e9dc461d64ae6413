"""v4.channel.k8s.io and v4.base64.channel.k8s.io: port-forward channels over a WebSocket, as the runtime serves them."""

import asyncio
import base64
import binascii
import struct

from . import websocket as ws
from .pipe import Pipe

PIECE = 32768
KNOWN = ("v4.channel.k8s.io", "v4.base64.channel.k8s.io")


class ChannelPort:
    """The two channels of one port; what the runtime's copy loops talk to."""

    def __init__(self, session, index, number):
        self.number = number
        self._session = session
        self._index = index
        self.inbox = Pipe(1)

    async def recv(self):
        return await self.inbox.read()

    async def send(self, data):
        await self._session.send(2 * self._index, data)

    async def send_error(self, text):
        await self._session.send(2 * self._index + 1, text.encode())

    async def announce(self):
        """The preamble: the port as little-endian 16 bit on both channels."""
        port = struct.pack("<H", self.number)
        await self.send(port)
        await self._session.send(2 * self._index + 1, port)


class ChannelSession:
    def __init__(self, stream, ports, subprotocol, forwarder, journal, faults, settings):
        self._stream = stream
        self._base64 = "base64" in subprotocol
        self._forwarder = forwarder
        self._journal = journal
        self._settings = settings
        self._deeds = {fault.deed: fault for fault in faults}
        self._ports = [ChannelPort(self, index, number) for index, number in enumerate(ports)]
        self._active = asyncio.get_running_loop().time()

    async def run(self):
        """Serves until all ports ended, the client closed, or the idle time is over."""
        loop = asyncio.get_running_loop()
        for port in self._ports:
            await port.announce()
        reader = loop.create_task(self._read())
        runners = [loop.create_task(self._run_port(port)) for port in self._ports]
        ended = loop.create_task(asyncio.wait(runners))
        idle = loop.create_task(self._watch_idle())
        limit = self._deeds["end"].get("after_ms", 1000) / 1000 if "end" in self._deeds else None
        await asyncio.wait({reader, ended, idle}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if not idle.done():
            self._stream.write(ws.close_frame(1000))
        self._stream.close()
        reader.cancel()
        idle.cancel()
        for port in self._ports:
            port.inbox.finish()
        await asyncio.wait({ended}, timeout=2)
        for task in [ended, *runners]:
            task.cancel()

    async def send(self, channel, data):
        for start in range(0, max(len(data), 1), PIECE):
            self._touch()
            await self._stream.write_all(self._frame(channel, data[start:start + PIECE]))

    def _frame(self, channel, data):
        if self._base64:
            return ws.frame(ws.TEXT, b"%d" % channel + base64.b64encode(data))
        return ws.frame_head(ws.BINARY, len(data) + 1) + bytes((channel,)) + data

    def _touch(self):
        self._active = asyncio.get_running_loop().time()

    async def _watch_idle(self):
        """Pings do not count as activity; at the end there is no Close frame, only EOF."""
        limit = self._settings.idle_ms / 1000
        while True:
            left = self._active + limit - asyncio.get_running_loop().time()
            if left <= 0:
                self._journal.count("idle_cuts")
                return
            await asyncio.sleep(left)

    async def _run_port(self, port):
        self._journal.count("channel_ports")
        self._journal.count("open_pairs")
        try:
            fault = self._deeds.get("pair-error")
            text = fault.get("text", "error forwarding port") if fault else await self._forwarder.run(port.number, port)
            if text is not None:
                self._journal.count("pair_errors")
                await port.send_error(text)
        except OSError:
            pass
        finally:
            self._journal.count("open_pairs", -1)
            port.inbox.stop_reading()

    async def _read(self):
        try:
            while True:
                frame = await ws.read_frame(self._stream)
                if frame is None or not await self._on_frame(frame):
                    return
        except ws.Unmasked as error:
            self._journal.violation(f"v4: {error}")
            self._stream.write(ws.close_frame(1002))
        except ws.WebSocketError as error:
            self._journal.violation(f"v4: {error}")
        except (OSError, EOFError):
            pass

    async def _on_frame(self, frame):
        """False ends the session."""
        if frame.opcode == ws.CLOSE:
            self._journal.count("client_closes")
            return False
        if frame.opcode == ws.PING:
            self._journal.count("websocket_pings")
            if "no-pong" not in self._deeds:
                self._stream.write(ws.pong_frame(frame.payload))
        elif frame.opcode != ws.PONG:
            await self._on_payload(frame)
        return True

    async def _on_payload(self, frame):
        self._touch()
        if not frame.final or frame.opcode == ws.CONTINUATION:
            self._journal.violation("v4: a fragmented message; each fragment loses its first byte")
        if not frame.payload:
            self._journal.count("empty_frames")
            return
        channel, data = self._split(frame.payload)
        if channel % 2 or channel >= 2 * len(self._ports):
            self._journal.violation(f"v4: data for channel {channel}")
            return
        try:
            await self._ports[channel // 2].inbox.write(data)
        except OSError:
            pass

    def _split(self, payload):
        if not self._base64:
            return payload[0], payload[1:]
        try:
            return payload[0] - ord("0"), base64.b64decode(payload[1:], validate=True)
        except binascii.Error:
            self._journal.violation("v4: not base64")
            return 255, b""
