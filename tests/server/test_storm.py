"""Many connections at once that end in every way; the server stays whole and frees all."""

import asyncio
import random
import socket
import struct
import unittest

import kftserver as k

N_CONNECTIONS = 1000
RESET = struct.pack("ii", 1, 0)


class Target:
    """An echo over TCP and UDP that now and then ends a connection by itself."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    async def serve(self, reader, writer):
        try:
            while data := await reader.read(65536):
                dice = self.random.random()
                if dice < 0.02:
                    abort(writer)
                    return
                if dice < 0.04:
                    break
                writer.write(data)
                await writer.drain()
            writer.close()
            await writer.wait_closed()
        except OSError:
            writer.close()


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


def abort(writer):
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def talk(dice, reader, writer, wrap):
    """Sends, reads some of it back or not, and leaves somehow."""
    for _ in range(dice.randrange(1, 6)):
        writer.write(wrap(dice.randbytes(dice.choice((1, 100, 5000, 60000)))))
        if dice.random() < 0.7:
            await writer.drain()
        if dice.random() < 0.8:
            await asyncio.wait_for(reader.read(65536), 5)
    way = dice.random()
    if way < 0.4:
        abort(writer)
    elif way < 0.6:
        writer.write(wrap(b"last")[:-2])
    elif way < 0.8 and writer.can_write_eof():
        writer.write_eof()
        await asyncio.wait_for(reader.read(-1), 5)


async def one_client(dice, server, begin, wrap, gate):
    reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", server.port), k.WAIT_S)
    await gate.wait()
    try:
        greeting = begin(dice)
        if greeting is not None:
            writer.write(greeting)
        await talk(dice, reader, writer, wrap)
    except (OSError, asyncio.TimeoutError):
        pass
    writer.close()


async def storm(server, begin, wrap, seed):
    dice = random.Random(seed)
    gate = asyncio.Event()
    clients = asyncio.gather(*(one_client(random.Random(dice.random()), server, begin, wrap, gate)
                               for _ in range(N_CONNECTIONS)))
    # All are there before the first one does anything.
    await asyncio.to_thread(server.await_metric, "connections", N_CONNECTIONS)
    gate.set()
    await clients


class Storm(unittest.TestCase):
    def run_storm(self, mode, begin=lambda dice: None, wrap=bytes, **variables):
        async def main():
            target = Target(mode)
            port = k.freeport.find()  # for UDP as well
            tcp = await asyncio.start_server(target.serve, "127.0.0.1", port, backlog=4096)
            udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                Echo, local_addr=("127.0.0.1", port))
            begin_here = (lambda dice: begin(dice, port)) if mode == "gateway" else begin
            remote = {} if mode == "gateway" else {"REMOTE_PORT": port}
            server = k.Server(PROXY_TYPE=mode, MAX_CONNECTIONS=N_CONNECTIONS, **variables, **remote,
                              STATUS_PORT=0, GATEWAY_ALLOW="127.0.0.1", GATEWAY_ALLOW_RESERVED="127.0.0.1")
            server.__enter__()
            try:
                await storm(server, begin_here, wrap, mode)
                await asyncio.to_thread(server.await_metric, "connections", 0)
                metrics = await asyncio.to_thread(server.metrics)
            finally:
                await asyncio.to_thread(server.__exit__, None, None, None)
                udp.close()
                tcp.close()
            return metrics

        metrics = asyncio.run(main())
        ended = sum(v for name, v in metrics.items() if name.startswith("ended_total"))
        self.assertEqual(ended, metrics['connections_total{result="accepted"}'])
        self.assertEqual(ended, N_CONNECTIONS)
        self.assertEqual(metrics["queued_bytes"], 0)

    def test_tcp(self):
        self.run_storm("tcp")

    def test_udp(self):
        self.run_storm("udp", wrap=k.frame)

    def test_gateway(self):
        def begin(dice, port):
            way = dice.random()
            if way < 0.1:
                return dice.randbytes(10)
            if way < 0.2:
                return b"\5\1\0" + k.socks_request("127.0.0.1", port)[:dice.randrange(10)]
            host = "127.0.0.1" if way < 0.8 else "localhost"
            return b"\5\1\0" + k.socks_request(host, port, dice.choice((k.CONNECT, k.UDP_FRAMES)))

        self.run_storm("gateway", begin, k.frame)
