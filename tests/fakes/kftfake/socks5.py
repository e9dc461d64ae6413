"""A SOCKS5 proxy (RFC 1928, RFC 1929): CONNECT by address or name, with or without user and password."""

import ipaddress
import struct

from . import bytestream, httpproxy, listener

NO_AUTH, PASSWORD, NOTHING = 0, 2, 0xFF


class Socks5(listener.Listener):
    """LOGIN is 'user:password' or None."""

    def __init__(self, login=None):
        super().__init__()
        self._login = login

    async def serve(self, stream):
        if not await self._greet(stream):
            return
        _, command, _, kind = await stream.read_exactly(4)
        host = await self._read_host(stream, kind)
        port, = struct.unpack(">H", await stream.read_exactly(2))
        self.note(f"connect {'name' if kind == 3 else 'address'} {host} {port}")
        if command != 1:
            await stream.write_all(b"\x05\x07\x00\x01" + bytes(6))
            return
        try:
            other = await bytestream.open_stream(httpproxy.loopback(host), port)
        except OSError:
            await stream.write_all(b"\x05\x05\x00\x01" + bytes(6))
            return
        await stream.write_all(b"\x05\x00\x00\x01" + bytes(6))
        await listener.relay(stream, other)

    async def _greet(self, stream):
        version, count = await stream.read_exactly(2)
        offered = await stream.read_exactly(count)
        wanted = PASSWORD if self._login else NO_AUTH
        if version != 5 or wanted not in offered:
            self.note("no login" if self._login else "no common method")
            await stream.write_all(bytes((5, NOTHING)))
            return False
        await stream.write_all(bytes((5, wanted)))
        return wanted == NO_AUTH or await self._check_password(stream)

    async def _check_password(self, stream):
        _, length = await stream.read_exactly(2)
        name = await stream.read_exactly(length)
        length, = await stream.read_exactly(1)
        password = await stream.read_exactly(length)
        good = name + b":" + password == self._login.encode()
        await stream.write_all(b"\x01\x00" if good else b"\x01\x01")
        return good

    async def _read_host(self, stream, kind):
        if kind == 3:
            length, = await stream.read_exactly(1)
            return (await stream.read_exactly(length)).decode("ascii", "replace")
        return str(ipaddress.ip_address(await stream.read_exactly({1: 4, 4: 16}[kind])))
