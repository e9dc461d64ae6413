#!/usr/bin/python3
"""Checks the fake's v4.channel.k8s.io with a WebSocket client that is not ours (Debian: python3-websockets).

TAP output. Exits 77 (skipped) when the client library is not installed.
"""

import asyncio
import hashlib
import os
import ssl
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from kftfake import server  # noqa: E402

try:
    import websockets
except ImportError:
    print("1..0 # SKIP python3-websockets is not installed")
    sys.exit(77)

BINARY = "v4.channel.k8s.io"


class Check:
    def __init__(self, fake, certs):
        self.fake = fake
        self.context = ssl.create_default_context(cafile=os.path.join(certs, "ca.crt"))
        self.number = 0
        self.failed = 0

    def result(self, good, name):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}", flush=True)

    def connect(self, ports, protocols=(BINARY,), pod="x"):
        url = self.fake.url.replace("https", "wss") + f"/api/v1/namespaces/default/pods/{pod}/portforward?{ports}"
        token = self.fake.users.by_name("admin").token
        return websockets.connect(url, ssl=self.context, subprotocols=list(protocols) or None, max_size=None,
                                  ping_interval=None, compression=None,
                                  extra_headers={"Authorization": f"Bearer {token}"})

    async def preamble(self, client, ports):
        frames = [await client.recv() for _ in range(2 * len(ports))]
        return frames == [bytes((channel,)) + struct.pack("<H", ports[channel // 2])
                          for channel in range(2 * len(ports))]

    async def preambles_and_echo(self):
        async with self.connect("ports=7,80") as client:
            self.result(client.subprotocol == BINARY, "the subprotocol is the one offered")
            self.result(await self.preamble(client, [7, 80]), "preambles of two ports, little endian")
            await client.send(b"\x00hello")
            self.result(await client.recv() == b"\x00hello", "echo on channel 0")
            await client.send(b"\x02GET /name HTTP/1.0\r\n\r\n")
            answer = b""
            while not answer.endswith(b"x\n"):
                answer += (await client.recv())[1:]
            self.result(b"200 OK" in answer, "http on channel 2")
            waiter = await client.ping(b"still there")
            await asyncio.wait_for(waiter, 2)
            self.result(True, "a ping is answered")
            self.result(not self.fake.journal.violations, "no violations so far")
            await client.send(b"\x09lost")
            await client.send(b"\x00x")
            self.result(await client.recv() == b"\x00x" and len(self.fake.journal.violations) == 1,
                        "data for an unknown channel is ignored and noted")

    async def refused(self):
        async with self.connect("ports=81") as client:
            await self.preamble(client, [81])
            text = await client.recv()
            self.result(text[:1] == b"\x01" and b"connection refused" in text, "refused: text on the error channel")
            self.result(await self.close_code(client) == 1000, "refused: Close 1000")

    async def close_code(self, client):
        try:
            while True:
                await client.recv()
        except websockets.ConnectionClosed:
            return client.close_code

    async def closes_first(self):
        begun = time.monotonic()
        async with self.connect("ports=21") as client:
            await self.preamble(client, [21])
            self.result(await client.recv() == b"\x00220 hello\r\n", "banner of an application that closes first")
            code = await self.close_code(client)
            self.result(code == 1000 and time.monotonic() - begun >= 1, "Close 1000 after one second")

    async def client_closes(self):
        async with self.connect("ports=7") as client:
            await self.preamble(client, [7])
            await client.close()
            self.result(client.close_code == 1000, "Close is answered")

    async def bulk(self):
        async with self.connect("ports=80") as client:
            await self.preamble(client, [80])
            await client.send(b"\x00GET /random?n=20000000&seed=5 HTTP/1.0\r\n\r\n")
            got, total = hashlib.sha256(), b""
            while b"\r\n\r\n" not in total:
                total += (await client.recv())[1:]
            body = total.partition(b"\r\n\r\n")[2]
            got.update(body)
            left = 20000000 - len(body)
            while left:
                piece = await client.recv()
                got.update(piece[1:])
                left -= len(piece) - 1
                if len(piece) > 32769:
                    left = -1
            async with self.connect("ports=80") as other:
                await self.preamble(other, [80])
                await other.send(b"\x00GET /sha256?n=20000000&seed=5 HTTP/1.0\r\n\r\n")
                text = b""
                while not text.endswith(b"\n") or text.endswith(b"\r\n"):
                    text += (await other.recv())[1:]
            self.result(text.split()[-1].decode() == got.hexdigest(), "20 MB down by checksum, frames up to 32 KiB")

    async def negotiation(self):
        async with self.connect("ports=7", ["v9.example", BINARY, "v4.base64.channel.k8s.io"]) as client:
            self.result(client.subprotocol == BINARY, "the first known name of the client's list is taken")
        async with self.connect("ports=7", ["v4.base64.channel.k8s.io"]) as client:
            first = await client.recv()
            self.result(first == "0BwA=", "base64 codec: text frames, channel as a digit")
        await self.expect_status("ports=7", ["v9.example"], "x", 403)
        await self.expect_status("", [BINARY], "x", 400)
        await self.expect_status("ports=0", [BINARY], "x", 400)
        await self.expect_status("ports=7", [BINARY], "nope", 404)
        await self.expect_status("ports=7", [BINARY], "unschedulable", 400)
        await self.expect_status("ports=7", [BINARY], "done", 500)

    async def expect_status(self, ports, protocols, pod, code):
        try:
            async with self.connect(ports, protocols, pod):
                self.result(False, f"{pod} {ports}: refused")
        except websockets.InvalidStatusCode as error:
            self.result(error.status_code == code, f"{pod} '{ports}' {protocols}: {code}")

    async def run(self):
        for step in (self.preambles_and_echo, self.refused, self.closes_first, self.client_closes, self.bulk,
                     self.negotiation):
            try:
                await asyncio.wait_for(step(), 30)
            except Exception as error:  # each step stands alone
                self.result(False, f"{step.__name__}: {type(error).__name__} {error}")


async def main():
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["sh", os.path.join(HERE, "..", "support", "certs.sh"), directory], check=True)
        fake = server.Server({"server": {"version": "1.20"}}, directory)
        await fake.start()
        check = Check(fake, directory)
        await check.run()
        await fake.stop()
    print(f"1..{check.number}")
    return 1 if check.failed else 0


sys.exit(asyncio.run(main()))
