"""A connection as the fake sees it: chunks in, bytes out, with bounds, and the byte-level faults.

Keeps what arrived in order and stops reading at READ_LIMIT; never changes bytes except as a fault asks
(cut after N bytes, drip, stalled reader, silence).
"""

import asyncio
import collections
import socket
import struct

READ_LIMIT = 1 << 20
WRITE_LIMIT = 256 * 1024


class ByteStream(asyncio.Protocol):
    def __init__(self):
        self.transport = None
        self.peer_certificate = None
        self.received = 0
        self.sent = 0
        self.closed = asyncio.get_running_loop().create_future()
        self._chunks = collections.deque()
        self._size = 0
        self._eof = False
        self._paused = False
        self._reader = None
        self._writers = []
        self._blocked = False
        self._limits = {}
        self._drip = None
        self._muted = False
        self.is_black_hole = False

    # What asyncio calls.

    def connection_made(self, transport):
        self.transport = transport
        self.peer_certificate = transport.get_extra_info("peercert")
        self._tls = transport.get_extra_info("sslcontext") is not None
        self._socket = transport.get_extra_info("socket")
        transport.set_write_buffer_limits(high=WRITE_LIMIT)

    def data_received(self, data):
        self.received += len(data)
        self._chunks.append(data)
        self._size += len(data)
        self._check_up_limits()
        if self._size > READ_LIMIT:
            self._pause()
        self._wake_reader()

    def eof_received(self):
        self._eof = True
        self._wake_reader()
        if self._tls:  # asyncio ends both directions of TLS now and drops what is still written
            self._muted = True
            self.resume_writing()
        return not self._tls

    def connection_lost(self, error):
        self._eof = True
        self._wake_reader()
        self.resume_writing()
        if not self.closed.done():
            self.closed.set_result(error)

    def pause_writing(self):
        self._blocked = True

    def resume_writing(self):
        self._blocked = False
        writers, self._writers = self._writers, []
        for waiter in writers:
            if not waiter.done():
                waiter.set_result(None)

    # Reading.

    async def read_some(self):
        """The next bytes, at least one, or b'' at the end."""
        while not self._chunks:
            if self._eof:
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        chunk = self._chunks.popleft()
        self._size -= len(chunk)
        if self._paused and self._size < READ_LIMIT // 2 and "stall" not in self._limits:
            self._paused = False
            self.transport.resume_reading()
        return chunk

    async def read_exactly(self, count):
        parts, missing = [], count
        while missing:
            chunk = await self.read_some()
            if not chunk:
                raise EOFError(f"end of stream, {missing} of {count} bytes missing")
            if len(chunk) > missing:
                self.unread(chunk[missing:])
                chunk = chunk[:missing]
            parts.append(chunk)
            missing -= len(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read_until(self, mark, limit):
        """Everything up to and including MARK; b'' if the stream ends first; ValueError over LIMIT bytes."""
        found = bytearray()
        while True:
            chunk = await self.read_some()
            if not chunk:
                return b""
            start = max(0, len(found) - len(mark))
            found += chunk
            end = found.find(mark, start)
            if end >= 0:
                self.unread(bytes(found[end + len(mark):]))
                return bytes(found[:end + len(mark)])
            if len(found) > limit:
                raise ValueError("line or head is too long")

    def unread(self, data):
        if data:
            self._chunks.appendleft(data)
            self._size += len(data)

    def waiting(self):
        """How many received bytes nobody has read yet."""
        return self._size

    def discard_waiting(self):
        self._chunks.clear()
        self._size = 0

    # Writing.

    def write(self, data):
        if self._muted or self.is_closing():
            return
        if self._drip is not None:
            self._drip.add(data)
            return
        self._send(data)

    async def drain(self):
        if self._drip is not None:
            await self._drip.room()
        while self._blocked and not self.is_closing():
            waiter = asyncio.get_running_loop().create_future()
            self._writers.append(waiter)
            await waiter
        if self.is_closing() or (self._eof and self._tls):
            raise ConnectionResetError("the connection is closed")

    async def write_all(self, data):
        self.write(data)
        await self.drain()

    def write_eof(self):
        if not self.is_closing() and self.transport.can_write_eof():
            self.transport.write_eof()

    def close(self):
        """An orderly end, behind all that was written."""
        if self.is_black_hole:
            return
        if self._drip is not None and self._drip.is_dripping():
            self._drip.close_behind()
        elif not self.is_closing():  # closed twice, asyncio's TLS transport cannot be aborted any more
            self.transport.close()

    def reset(self):
        """Ends the connection with a TCP RST."""
        if self.closed.done():
            return
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.abort()

    def abort(self):
        """Ends the connection without TLS goodbye; what is not yet sent is lost."""
        if not self.closed.done():
            self.transport.abort()

    def is_closing(self):
        """Also true when the connection was lost, which asyncio's TLS transport forgets."""
        return self.closed.done() or self.transport.is_closing()

    def is_ending(self):
        """Also true when it will be closed behind what still drips."""
        return self.is_closing() or (self._drip is not None and self._drip.closes_behind())

    # Faults.

    def end(self, how):
        """HOW: eof (orderly), cut (no TLS goodbye), reset (RST) or silence (keep open, say nothing more)."""
        if how == "reset":
            self.reset()
        elif how == "cut":
            self.abort()
        elif how == "silence":
            self._muted = True
            self.is_black_hole = True
        else:
            self.close()

    def cut_after(self, how="eof", down=None, up=None):
        """Ends the connection when that many more bytes were sent (down) or received (up)."""
        if down is not None:
            self._limits["down"] = (self.sent + down, how)
        if up is not None:
            self._limits["up"] = (self.received + up, how)

    def stall_reader_after(self, count):
        self._limits["stall"] = (self.received + count, "")
        self._check_up_limits()

    def drip(self, size, every_ms):
        self._drip = Drip(self, size, every_ms / 1000)

    def _send(self, data):
        limit, how = self._limits.get("down", (None, ""))
        if limit is not None and self.sent + len(data) >= limit:
            data = data[:max(0, limit - self.sent)]
            self.sent += len(data)
            self._send_last(data, how)
            return
        self.sent += len(data)
        self.transport.write(data)

    def _send_last(self, data, how):
        self.transport.write(data)
        self._muted = True
        if how in ("reset", "cut"):  # abort() would drop what is not yet in the kernel
            asyncio.get_running_loop().create_task(self._end_when_sent(how))
        else:
            self.end(how)

    async def _end_when_sent(self, how):
        while self.transport.get_write_buffer_size() and not self.is_closing():
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        self.end(how)

    def _check_up_limits(self):
        limit, how = self._limits.get("up", (None, ""))
        if limit is not None and self.received >= limit:
            del self._limits["up"]
            self._muted = True
            self.end(how)
        limit, _ = self._limits.get("stall", (None, ""))
        if limit is not None and self.received >= limit:
            self._pause()

    def _pause(self):
        if not self._paused and not self.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def _wake_reader(self):
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class Drip:
    """Sends what it is given in small pieces with pauses between them."""

    LIMIT = 64 * 1024

    def __init__(self, stream, size, pause):
        self._stream, self._size, self._pause = stream, size, pause
        self._left = bytearray()
        self._task = None
        self._closes = False
        self._room = asyncio.Event()
        self._room.set()

    def add(self, data):
        self._left += data
        if len(self._left) > self.LIMIT:
            self._room.clear()
        if not self.is_dripping():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def is_dripping(self):
        return self._task is not None and not self._task.done()

    def close_behind(self):
        self._closes = True

    def closes_behind(self):
        return self._closes and self.is_dripping()

    async def room(self):
        await self._room.wait()

    async def _run(self):
        while self._left and not self._stream.is_closing():
            piece = bytes(self._left[:self._size])
            del self._left[:self._size]
            self._stream._send(piece)
            if len(self._left) <= self.LIMIT:
                self._room.set()
            await asyncio.sleep(self._pause)
        self._room.set()
        if self._closes:
            self._stream.transport.close()


async def open_stream(host, port, ssl=None):
    """Dials HOST:PORT and returns its ByteStream."""
    loop = asyncio.get_running_loop()
    _, stream = await loop.create_connection(ByteStream, host, port, ssl=ssl)
    return stream


async def open_client(host, port):
    """The same for a client whose server may reset at any moment. That may overtake connect(), which has then been reset."""
    stream = ByteStream()
    try:
        await asyncio.get_running_loop().create_connection(lambda: stream, host, port)
    except ConnectionResetError as error:
        if not stream.closed.done():
            stream.connection_lost(error)
    return stream
