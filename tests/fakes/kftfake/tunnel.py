"""SPDY inside a WebSocket: makes a byte pipe for SpdySession out of binary messages.

Writes the way the real hop does: messages over 8 KiB as FIN=0 plus an empty FIN=1, those of 4 to 8 KiB in
several fragments; small ones whole.
"""

from . import websocket as ws

SMALL = 4096


class TunnelPipe:
    def __init__(self, stream, journal, faults):
        self._stream = stream
        self._journal = journal
        self._deeds = {fault.deed: fault for fault in faults}
        self._in_message = False
        self._closed = False

    async def read_some(self):
        while True:
            frame = await self._next()
            if frame is None:
                return b""
            if frame.opcode == ws.PING:
                self._on_ping(frame)
            elif frame.opcode == ws.CLOSE:
                self._journal.count("client_closes")
                return b""
            elif frame.opcode == ws.TEXT:
                self._journal.violation("tunnel: a text message")
                return b""
            elif frame.opcode in (ws.BINARY, ws.CONTINUATION):
                if not self._fits_message(frame):
                    return b""
                if frame.payload:
                    return frame.payload

    async def _next(self):
        try:
            return await ws.read_frame(self._stream)
        except ws.WebSocketError as error:
            self._journal.violation(f"tunnel: {error}")
            self._stream.write(ws.close_frame(1002))
        except EOFError:
            pass
        return None

    def _fits_message(self, frame):
        fits = (frame.opcode == ws.CONTINUATION) == self._in_message
        self._in_message = not frame.final
        if not fits:
            self._journal.violation(f"tunnel: opcode {frame.opcode} in the wrong place")
        return fits

    def _on_ping(self, frame):
        self._journal.count("websocket_pings")
        if "no-pong" not in self._deeds:
            self._stream.write(ws.pong_frame(frame.payload))

    def write(self, data):
        if len(data) <= SMALL and "fragment" not in self._deeds:
            self._stream.write(ws.frame(ws.BINARY, data))
        elif "fragment" in self._deeds:
            self._write_fragments(data, self._deeds["fragment"].get("size", 1))
        elif len(data) <= 2 * SMALL:
            self._write_fragments(data, SMALL)
        else:
            self._stream.write(ws.frame_head(ws.BINARY, len(data), final=False) + data
                               + ws.frame_head(ws.CONTINUATION, 0))

    def _write_fragments(self, data, size):
        opcode = ws.BINARY
        for start in range(0, len(data), size):
            self._stream.write(ws.frame(opcode, data[start:start + size], final=start + size >= len(data)))
            opcode = ws.CONTINUATION

    async def drain(self):
        await self._stream.drain()

    def close(self):
        """The server sends Close 1000 whatever the reason."""
        if not self._closed:
            self._closed = True
            self._stream.write(ws.close_frame(1000))
