#!/usr/bin/python3
"""Checks the fake byte for byte against the recorded vectors and event orders of the protocol notes, with raw sockets.

No encoder is used but the literal bytes below and a minimal frame cutter; TAP output.
"""

import asyncio
import base64
import os
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from kftfake import bytestream, server  # noqa: E402

SYN_ERROR = bytes.fromhex(
    "80030001 01000055 00000001 00000000 0000 7820e3c6a7c2 00 3b00 c4ff 00000003 0000000a 73747265616d74797065"
    "00000005 6572726f72 00000004 706f7274 00000002 3830 00000009 726571756573746964 00000001 31 000000ffff")
SYN_DATA = bytes.fromhex(
    "80030001 0000004e 00000003 00000000 0000 00 3a00 c5ff 00000003 0000000a 73747265616d74797065 00000004 64617461"
    "00000004 706f7274 00000002 3830 00000009 726571756573746964 00000001 31 000000ffff")
REPLY_FIRST = bytes.fromhex("80030002 00000014 00000001 78f9e3c6a7c2 62606060 00000000ffff")
DATA_GET = bytes.fromhex("00000003 00000003 474554")
FIN_3 = bytes.fromhex("00000003 01000000")
RST_3 = bytes.fromhex("80030003 00000008 00000003 00000005")
PING_1 = bytes.fromhex("80030006 00000004 00000001")
GOAWAY = bytes.fromhex("80030007 00000008 00000000 00000000")
UPPER_CASE = SYN_ERROR.replace(b"streamtype", b"streamTypE")

WORLD = {"extends": "empty", "server": {"tls": False, "pair_timeout_ms": 400}, "pods": [
    {"name": "x", "apps": {"80": "http"}}, {"name": "echo", "apps": {"80": "echo"}},
    {"name": "refuse"}, {"name": "reset", "apps": {"80": "reset-after:3"}},
    {"name": "banner", "apps": {"80": "closes-first:hi"}}, {"name": "endless", "apps": {"80": "endless"}}]}


PATIENCE = 60  # for what must come


class Peer:
    """A raw client connection after its upgrade."""

    def __init__(self, stream):
        self.stream = stream
        self.rest = b""

    async def frames(self, count, seconds=PATIENCE):
        """COUNT SPDY frames as bytes, fewer at the end of the stream or after SECONDS."""
        found = []
        end = time.monotonic() + seconds
        while len(found) < count:
            if len(self.rest) >= 8:
                length = 8 + int.from_bytes(self.rest[5:8], "big")
                if len(self.rest) >= length:
                    found.append(self.rest[:length])
                    self.rest = self.rest[length:]
                    continue
            try:
                piece = await asyncio.wait_for(self.stream.read_some(), max(0.01, end - time.monotonic()))
            except asyncio.TimeoutError:
                break
            if not piece:
                break
            self.rest += piece
        return found

    async def everything(self):
        """All bytes until the end of the stream, which must come."""
        found = self.rest
        while True:
            piece = await asyncio.wait_for(self.stream.read_some(), PATIENCE)
            if not piece:
                return found
            found += piece


class Check:
    def __init__(self, fake):
        self.fake = fake
        self.number = 0
        self.failed = 0
        self.token = fake.users.by_name("admin").token

    def result(self, good, name, seen=""):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}", flush=True)
        if not good:
            print(f"# {seen}")

    async def upgrade(self, pod, method="POST", query="", headers=(), early=b""):
        """(head of the answer, Peer)"""
        stream = await bytestream.open_stream("127.0.0.1", self.fake.port)
        lines = [f"{method} /api/v1/namespaces/default/pods/{pod}/portforward{query} HTTP/1.1", "Host: x",
                 f"Authorization: Bearer {self.token}", "Connection: Upgrade", *headers]
        stream.write("\r\n".join(lines).encode() + b"\r\n\r\n" + early)
        return (await stream.read_until(b"\r\n\r\n", 65536)).decode(), Peer(stream)

    async def spdy(self, pod):
        head, peer = await self.upgrade(pod, headers=["Upgrade: SPDY/3.1", "Content-Length: 0",
                                                      "X-Stream-Protocol-Version: portforward.k8s.io"])
        assert head.startswith("HTTP/1.1 101"), head
        return peer

    async def websocket(self, pod, protocols):
        key = base64.b64encode(bytes(16)).decode()
        return await self.upgrade(pod, "GET", "?ports=80", [
            "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}",
            f"Sec-WebSocket-Protocol: {protocols}"])

    async def pair(self, pod, extra=b""):
        peer = await self.spdy(pod)
        peer.stream.write(SYN_ERROR + SYN_DATA + extra)
        replies = await peer.frames(2)
        return peer, replies

    async def vectors(self):
        peer, replies = await self.pair("echo", DATA_GET)
        self.result(sum(map(len, replies)) == 48 and {r[8:12] for r in replies} == {bytes((0, 0, 0, n)) for n in (1, 3)},
                    "two replies of 48 bytes in all to the stored-block vectors", replies)
        self.result(REPLY_FIRST[12:18] == replies[0][12:18], "the first reply starts the zlib stream as recorded",
                    replies[0].hex())
        self.result(await peer.frames(1) == [DATA_GET], "DATA sent before the replies is echoed in the same bytes")
        peer.stream.write(PING_1)
        self.result(await peer.frames(1) == [PING_1], "PING comes back unchanged")
        peer.stream.write(GOAWAY)
        await peer.everything()
        self.result(True, "GOAWAY ends the connection")

    async def one_byte_at_a_time(self):
        peer = await self.spdy("echo")
        for byte in SYN_ERROR + SYN_DATA + DATA_GET:
            peer.stream.write(bytes((byte,)))
            await asyncio.sleep(0)
        frames = await peer.frames(3)
        self.result(frames[2:] == [DATA_GET], "the vectors byte by byte", frames)

    async def refused(self):
        peer, _ = await self.pair("refuse")
        frames = await peer.frames(3)
        good = (len(frames) == 3 and frames[0] == FIN_3 and frames[1][:5] == bytes.fromhex("0000000100")
                and b"connection refused" in frames[1] and frames[2] == bytes.fromhex("80030003 00000008 00000001 00000005"))
        self.result(good, "refused: FIN on data, text on error, RST CANCEL on error", frames)

    async def reset(self):
        peer, _ = await self.pair("reset", DATA_GET)
        frames = await peer.frames(3)
        self.result(len(frames) == 3 and frames[0] == FIN_3 and b"connection reset by peer" in frames[1],
                    "reset: FIN on data, text, RST", frames)

    async def closes_first(self):
        begun = time.monotonic()
        peer, _ = await self.pair("banner")
        data = await peer.frames(1)
        ends = await peer.frames(2)
        self.result(data == [bytes.fromhex("00000003 00000002") + b"hi"] and ends == [FIN_3, bytes.fromhex("00000001 01000000")],
                    "pod closes: data, then FIN on data, FIN on error", ends)
        self.result(time.monotonic() - begun >= 1, "the FINs come a second later")

    async def client_fin(self):
        begun = time.monotonic()
        peer, _ = await self.pair("echo", FIN_3)
        ends = await peer.frames(2)
        self.result(len(ends) == 2 and time.monotonic() - begun >= 1, "client FIN: guillotine after one second", ends)

    async def client_rst(self):
        peer, _ = await self.pair("endless")
        await peer.frames(4)
        begun = time.monotonic()
        peer.stream.write(RST_3)
        count, last = 0, b""
        while time.monotonic() - begun < PATIENCE:
            frame = await peer.frames(1)
            count += 1
            last = frame[0] if frame else b""
            if last[:4] == b"\0\0\0\1":
                break
        passed = time.monotonic() - begun
        self.result(last == bytes.fromhex("00000001 01000000") and passed >= 1 and count > 10,
                    "client RST: data goes on for a second, then FIN on error", (passed, count, last[:12].hex()))

    async def pair_timeout(self):
        peer = await self.spdy("echo")
        peer.stream.write(SYN_ERROR)
        frames = await peer.frames(2)
        more = await peer.frames(1, 1)
        self.result(len(frames) == 2 and b"timed out waiting for streams" in frames[1] and not more,
                    "half a pair: text on the error stream and no end", frames + more)

    async def upper_case(self):
        peer = await self.spdy("echo")
        peer.stream.write(UPPER_CASE)
        answer = await peer.everything()
        self.result(answer[:4] == bytes.fromhex("80030007"), "an upper-case header name: GOAWAY and the end", answer)

    async def small_id(self):
        peer, _ = await self.pair("echo")
        peer.stream.write(bytes.fromhex(
            "80030001 00000018 00000003 00000000 0000 00 0400 fbff 00000000 000000ffff"))
        self.result(await peer.frames(1) == [bytes.fromhex("80030003 00000008 00000003 00000001")],
                    "an id that is not larger: RST PROTOCOL_ERROR")

    async def channels(self):
        head, peer = await self.websocket("echo", "v4.channel.k8s.io")
        self.result("Sec-WebSocket-Protocol: v4.channel.k8s.io" in head, "v4 alone is answered with v4", head)
        peer.stream.write(bytes.fromhex("82 83 00000000 00 68 69 82 80 00000000"))
        got = await peer.stream.read_exactly(15)
        self.result(got == bytes.fromhex("82 03 00 50 00 82 03 01 50 00 82 03 00 68 69"),
                    "v4 vectors: preambles 00 50 00, 01 50 00, then the echo", got.hex())
        peer.stream.write(bytes.fromhex("88 82 00000000 03e8"))
        self.result(await peer.everything() == bytes.fromhex("88 02 03e8"), "Close is answered by Close 1000 and the end")

    async def unmasked(self):
        _, peer = await self.websocket("echo", "v4.channel.k8s.io")
        peer.stream.write(bytes.fromhex("82 03 00 68 69"))
        answer = await peer.everything()
        self.result(answer.endswith(bytes.fromhex("88 02 03ea 88 02 03e8")), "unmasked: Close 1002, Close 1000, end", answer.hex())

    async def tunnel(self):
        head, peer = await self.websocket("endless", "SPDY/3.1+portforward.k8s.io, v4.channel.k8s.io")
        self.result("Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io" in head, "both offered: the tunnel", head)
        spdy = SYN_ERROR + SYN_DATA
        peer.stream.write(b"\x82" + bytes((0xFE,)) + struct.pack(">H", len(spdy)) + bytes(4) + spdy)
        seen = b""
        while len(seen) < 70000:
            seen += await peer.stream.read_some()
        big = bytes.fromhex("02 7e 8008 00000003 00008000")
        at = seen.find(big)
        self.result(at >= 0 and seen[at + 4 + 32776:at + 4 + 32778] == bytes.fromhex("80 00"),
                    "server data of 32 KiB: FIN=0 with the bytes, then an empty FIN=1", seen[:80].hex())
        peer.stream.reset()

    async def early_bytes(self):
        before = len(self.fake.journal.violations)
        self.fake.faults.add({"on": "upgrade", "do": "delay", "ms": 100, "name": "late"})
        _, peer = await self.upgrade("echo", headers=["Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: portforward.k8s.io"],
                                     early=SYN_ERROR + SYN_DATA)
        self.fake.faults.remove("late")
        frames = await peer.frames(1, 0.3)
        self.result(not frames and len(self.fake.journal.violations) > before, "bytes before the 101 are lost and noted")

    async def answers(self):
        head, _ = await self.upgrade("echo", headers=["Upgrade: SPDY/3.1", "Content-Length: 0"])
        self.result(head.startswith("HTTP/1.1 400"), "SPDY without version header: 400", head)
        head, _ = await self.upgrade("echo", headers=["Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: v9"])
        self.result(head.startswith("HTTP/1.1 403") and "X-Accepted-Stream-Protocol-Versions: portforward.k8s.io" in head,
                    "SPDY without common version: 403 and what is accepted", head)
        head, _ = await self.websocket("echo", "portforward.k8s.io")
        self.result(head.startswith("HTTP/1.1 403") and "ontent-" not in head, "a bare name: 403, no body, no length", head)
        head, peer = await self.upgrade("echo", "GET")
        self.result(head.startswith("HTTP/1.1 400") and b"Upgrade request required" in await peer.stream.read_some(),
                    "no Upgrade header: 400 Status", head)

    async def run(self):
        for step in (self.vectors, self.one_byte_at_a_time, self.refused, self.reset, self.closes_first, self.client_fin,
                     self.client_rst, self.pair_timeout, self.upper_case, self.small_id, self.channels, self.unmasked,
                     self.tunnel, self.early_bytes, self.answers):
            try:
                await asyncio.wait_for(step(), 20)
            except Exception as error:  # each step stands alone
                self.result(False, step.__name__, f"{type(error).__name__}: {error}")


async def main():
    fake = server.Server(WORLD, None)
    await fake.start()
    check = Check(fake)
    await check.run()
    await fake.stop()
    print(f"1..{check.number}")
    return 1 if check.failed else 0


sys.exit(asyncio.run(main()))
