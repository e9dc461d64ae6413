"""One SPDY/3.1 connection as the node's runtime serves it: stream pairs, five workers, pings, end of streams.

The five worker queues of 50 frames and the blocking hand-over are there because clients must live with what
they cause: a pod that does not read blocks a fifth of the streams, then everything.
"""

import asyncio
import struct

from . import spdyframe as spdy
from .pipe import Pipe

WORKERS = 5
QUEUE = 50
MIN_LENGTH = {spdy.SYN_STREAM: 10, spdy.SYN_REPLY: 4, spdy.RST_STREAM: 8, spdy.PING: 4, spdy.GOAWAY: 8,
              spdy.SETTINGS: 4, spdy.HEADERS: 4, spdy.WINDOW_UPDATE: 8}


class SpdyStream:
    """One stream. recv() gives client data, send() sends; both raise when the session is gone."""

    def __init__(self, session, number, headers, client_done):
        self.number = number
        self.headers = headers
        self._session = session
        self._inbox = Pipe(1)
        self._done = False
        self.was_reset = False
        if client_done:
            self._inbox.finish()

    async def recv(self):
        return await self._inbox.read()

    async def send(self, data):
        await self._session.send(spdy.data_head(self.number, len(data)) + data)

    async def finish(self):
        """DATA with FIN and no bytes, once; nothing after the client reset the stream."""
        if not self._done and not self.was_reset:
            self._done = True
            await self._session.send(spdy.data_head(self.number, 0, spdy.FIN))

    async def reset(self):
        if not self.was_reset:
            await self._session.send(spdy.rst_stream(self.number, spdy.CANCEL))
        self._done = True

    def stop_reading(self):
        self._inbox.stop_reading()

    # For the session only.

    async def deliver(self, data, last):
        try:
            await self._inbox.write(data)
        except OSError:
            pass
        if last:
            self._inbox.finish()

    def end(self):
        self._inbox.finish()


class SpdySession:
    def __init__(self, pipe, forwarder, journal, faults, settings):
        """PIPE has read_some(), write(), drain(); FORWARDER.run(port, stream) returns an error text or None."""
        self.pipe = pipe
        self.forwarder = forwarder
        self.journal = journal
        self.settings = settings
        self.faults = {fault.deed: fault for fault in faults}
        self._streams = {}
        self._pending = {}
        self._tasks = set()
        self._last_id = 0
        self._rr = 0
        self._pairs = 0
        self._headers_in = spdy.HeaderReader()
        self._headers_out = spdy.HeaderWriter()
        self._writing = asyncio.Lock()
        self._queues = [asyncio.Queue(QUEUE) for _ in range(WORKERS)]
        self._over = asyncio.Event()

    async def run(self):
        """Serves until the connection ends."""
        helpers = [self._start(self._work(queue)) for queue in self._queues]
        reader = self._start(self._read())
        over = self._start(self._over.wait())
        try:
            await asyncio.wait({reader, over}, timeout=self._lifetime(), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in [reader, over, *helpers]:
                task.cancel()
            for stream in list(self._streams.values()):
                stream.end()
            await self._let_pairs_end()

    async def send(self, data):
        async with self._writing:
            self.pipe.write(data)
            await self.pipe.drain()

    def _lifetime(self):
        fault = self.faults.get("end")
        return fault.get("after_ms", 1000) / 1000 if fault else None

    async def _let_pairs_end(self):
        """The runtime gives every pair its second, then drops it."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=2)
            for task in late:
                task.cancel()

    def _start(self, coroutine):
        return asyncio.get_running_loop().create_task(coroutine)

    async def _read(self):
        frames = spdy.FrameReader()
        try:
            while True:
                data = await self.pipe.read_some()
                if not data:
                    break
                frames.feed(data)
                item = frames.next()
                while item is not None:
                    await self._dispatch(*item)
                    item = frames.next()
        except spdy.SpdyError as error:
            self.journal.violation(f"SPDY: {error}")
            await self._say_goodbye(1)
        except (OSError, EOFError):
            pass
        self._over.set()

    async def _dispatch(self, kind, number, flags, payload):
        if kind == 0:
            await self._queues[number % WORKERS].put(("data", number, flags, payload))
            return
        if len(payload) < MIN_LENGTH.get(kind, 1 << 30):
            raise spdy.SpdyError(f"control frame type {kind} with {len(payload)} bytes")
        if kind == spdy.SYN_STREAM:
            await self._on_syn(flags, payload)
        elif kind == spdy.RST_STREAM:
            number, code = struct.unpack_from(">II", payload)
            await self._queues[number % WORKERS].put(("rst", number, code, b""))
        elif kind == spdy.PING:
            await self._on_ping(flags, payload)
        elif kind == spdy.GOAWAY:
            self.journal.count("client_goaways")
            self._over.set()
        elif kind == spdy.HEADERS:
            self.journal.violation("SPDY: HEADERS frame; a real server would stop serving here")
        elif kind not in (spdy.SETTINGS, spdy.WINDOW_UPDATE):
            self.journal.violation(f"SPDY: unexpected control frame type {kind}")

    async def _on_syn(self, flags, payload):
        number, _ = struct.unpack_from(">II", payload)
        headers = self._headers_in.read(payload[10:])
        if number <= self._last_id or number % 2 == 0:
            self.journal.violation(f"SPDY: stream id {number} after {self._last_id}")
            await self.send(spdy.rst_stream(number, spdy.PROTOCOL_ERROR))
            return
        if payload[8] >> 5:
            self.journal.violation(f"SPDY: stream {number} has priority {payload[8] >> 5}, frames may be reordered")
        self._last_id = number
        if "ignore-syn" in self.faults:
            return
        stream = SpdyStream(self, number, headers, flags & spdy.FIN)
        self._streams[number] = stream
        await self._queues[number % WORKERS].put(("syn", number, flags, stream))

    async def _on_ping(self, flags, payload):
        number, = struct.unpack(">I", payload[:4])
        if number == 0 or flags:
            raise spdy.SpdyError("PING with id 0 or flags")
        self._rr = (self._rr + 1) % WORKERS
        await self._queues[self._rr].put(("ping", number, 0, b""))

    async def _work(self, queue):
        while True:
            kind, number, flags, payload = await queue.get()
            try:
                await self._serve(kind, number, flags, payload)
            except OSError:
                self._over.set()
                return

    async def _serve(self, kind, number, flags, payload):
        if kind == "data":
            await self._on_data(number, flags, payload)
        elif kind == "syn":
            await self._on_stream(payload)
        elif kind == "rst":
            self._on_rst(number)
        elif "no-pong" not in self.faults:
            self.journal.count("pings")
            await self.send(spdy.ping(number))

    async def _on_data(self, number, flags, payload):
        stream = self._streams.get(number)
        if stream is None:
            self.journal.count("data_for_unknown_streams")
            return
        await stream.deliver(payload, flags & spdy.FIN)

    def _on_rst(self, number):
        self.journal.count("client_resets")
        stream = self._streams.get(number)
        if stream is not None:
            stream.was_reset = True
            stream.end()

    async def _on_stream(self, stream):
        kind, port = stream.headers.get("streamtype"), stream.headers.get("port", "")
        if kind not in ("data", "error") or not (port.isdigit() and 0 < int(port) < 65536):
            self.journal.violation(f"SPDY: stream {stream.number} has headers {stream.headers}")
            await self._refuse(stream)
            return
        request = stream.headers.get("requestid") or str(stream.number - (2 if kind == "data" else 0))
        await self.send(spdy.control(spdy.SYN_REPLY, struct.pack(">I", stream.number) + self._headers_out.write({})))
        pair = self._pending.setdefault(request, {})
        if kind in pair:
            self.journal.violation(f"SPDY: request id {request} is used twice")
            await self._refuse(stream)
            return
        pair[kind] = stream
        if len(pair) == 2:
            del self._pending[request]
            self._keep(self._start(self._run_pair(int(port), pair["data"], pair["error"])))
        else:
            self._keep(self._start(self._expire_pair(request, pair)))

    async def _refuse(self, stream):
        del self._streams[stream.number]
        await self.send(spdy.rst_stream(stream.number, spdy.CANCEL))

    def _keep(self, task):
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _expire_pair(self, request, pair):
        try:
            await asyncio.wait_for(self._over.wait(), self.settings.pair_timeout_ms / 1000)
        except asyncio.TimeoutError:
            pass
        if self._pending.get(request) is pair and len(pair) == 1 and not self._over.is_set():
            del self._pending[request]
            self.journal.count("pair_timeouts")
            if "error" in pair:
                await pair["error"].send(f"(conn=0xc000, request={request}) timed out waiting for streams".encode())

    async def _run_pair(self, port, data, error):
        self._pairs += 1
        self.journal.count("pairs")
        self.journal.count("open_pairs")
        try:
            await self._forward_pair(port, data, error)
        except OSError:
            self._over.set()
        finally:
            self.journal.count("open_pairs", -1)
            for stream in (data, error):
                stream.stop_reading()
                self._streams.pop(stream.number, None)

    async def _forward_pair(self, port, data, error):
        if "unknown-stream" in self.faults:
            await self.send(spdy.data_head(data.number + 1000000, 5) + b"stray")
        if self.faults.get("goaway", {}).get("unseen"):
            await self._say_goodbye(0, max(min(data.number, error.number) - 2, 0))
            return
        self._plan_goaway()
        fault = self.faults.get("pair-error")
        if fault is not None and self._pairs > fault.get("after", 0):
            await self._fail_pair(data, error, fault.get("text", "error forwarding port"), fault.get("fin", True))
            return
        text = await self.forwarder.run(port, data)
        if text is not None:
            await self._fail_pair(data, error, text, True)
        else:
            await data.finish()
            await error.finish()

    async def _fail_pair(self, data, error, text, finish):
        """The order of a failure: FIN on data, the text, then RST (FIN before 1.32) on error."""
        self.journal.count("pair_errors")
        if not finish:
            await error.send(text.encode())
            await self._over.wait()
            return
        await data.finish()
        await error.send(text.encode())
        if self.settings.at_least(1, 32):
            await error.reset()
        else:
            await error.finish()

    def _plan_goaway(self):
        fault = self.faults.get("goaway")
        if fault is not None and self._pairs >= fault.get("after_pairs", 1):
            self._keep(self._start(self._goaway_later(fault.get("after_ms", 0) / 1000)))

    async def _goaway_later(self, seconds):
        await asyncio.sleep(seconds)
        await self._say_goodbye(0)

    def goaway(self):
        """GOAWAY and the end, now."""
        self._keep(self._start(self._say_goodbye(0)))

    async def _say_goodbye(self, code, last_id=None):
        try:
            await self.send(spdy.goaway(self._last_id if last_id is None else last_id, code))
        except OSError:
            pass
        self._over.set()
