"""A small TCP (or TLS) server on 127.0.0.1 that gives each connection to serve(stream); base of the small fakes."""

import asyncio
import os
import socket
import ssl

from . import bytestream


def server_context(certs, name="server"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = os.path.join(certs, name)
    context.load_cert_chain(path + ".crt", path + ".key")
    return context


class Listener:
    """Subclasses implement serve(). `log` has one line per thing worth checking."""

    LOG_LIMIT = 5000

    def __init__(self, certs=None):
        self.port = 0
        self.log = []
        self._context = server_context(certs) if certs else None
        self._tasks = set()
        self._server = None

    async def start(self, port=0):
        self._server = await asyncio.get_running_loop().create_server(
            self._accepted, "127.0.0.1", port, family=socket.AF_INET, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def serve(self, stream):
        raise NotImplementedError

    def note(self, line):
        if len(self.log) < self.LOG_LIMIT:
            self.log.append(line)

    def _accepted(self):
        stream = bytestream.ByteStream()
        task = asyncio.get_running_loop().create_task(self._serve(stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return stream

    async def _serve(self, stream):
        try:
            while stream.transport is None:  # TLS: the handshake comes first
                await asyncio.sleep(0.005)
            await self.serve(stream)
        except (OSError, EOFError, ValueError):
            pass
        finally:
            stream.close()


async def relay(one, other):
    """Copies both ways until one side ends; what was read by then still goes out."""
    async def copy(source, target):
        try:
            while True:
                data = await source.read_some()
                if not data:
                    target.write_eof()
                    return
                await target.write_all(data)
        except OSError:
            return
    try:
        await asyncio.wait({asyncio.ensure_future(copy(one, other)), asyncio.ensure_future(copy(other, one))},
                           return_when=asyncio.FIRST_COMPLETED)
    finally:
        other.close()
