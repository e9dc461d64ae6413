"""One direction of an in-memory socket: a bounded queue of chunks with an end, an error and a deaf reader."""

import asyncio
import collections


class Pipe:
    def __init__(self, limit):
        self._limit = limit
        self._chunks = collections.deque()
        self._size = 0
        self._finished = False
        self._error = None
        self._deaf = None
        self._reader = None
        self._writer = None

    async def write(self, data):
        """Waits for room. Raises BrokenPipeError when nobody will ever read."""
        while self._size >= self._limit and self._deaf is None and self._error is None:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer
        if self._error is not None:
            raise self._error
        if self._deaf is not None:
            raise self._deaf
        if data and not self._finished:
            self._chunks.append(data)
            self._size += len(data)
            _wake(self._reader)

    async def read(self, most=1 << 30):
        """At least one byte, b'' at the end; raises the error the writer left."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self._finished:
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        chunk = self._chunks.popleft()
        if len(chunk) > most:
            self._chunks.appendleft(chunk[most:])
            chunk = chunk[:most]
        self._size -= len(chunk)
        if self._size < self._limit:
            _wake(self._writer)
        return chunk

    def finish(self):
        """The writer has said everything."""
        self._finished = True
        _wake(self._reader)

    def fail(self, error):
        """The writer died: what is queued is lost, both sides see ERROR."""
        if self._error is None:
            self._error = error
            self._chunks.clear()
        _wake(self._reader)
        _wake(self._writer)

    def stop_reading(self):
        """The reader went away: later writes fail."""
        if self._deaf is None:
            self._deaf = BrokenPipeError("write: broken pipe")
        self._chunks.clear()
        self._size = 0
        _wake(self._writer)


def _wake(waiter):
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
