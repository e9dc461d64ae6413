"""The simulated applications that listen on pods' ports. A spec is NAME or NAME:ARGUMENT.

http · echo · discard · endless · closes-first[:BANNER] · banner:TEXT · reset · reset-after:BYTES · stall ·
late-answer:MS · slow:BYTES_PER_SECOND · hang · tcp:HOST:PORT     (refuse is dealt with before an application runs)
"""

import asyncio

from . import bytestream, podhttp

BLOCK = bytes(range(256)) * 128


async def run(spec, sock, context):
    """Serves one connection. CONTEXT has `journal`."""
    name, _, argument = spec.partition(":")
    try:
        await APPS[name](sock, argument, context)
    except (OSError, EOFError):
        sock.close()


async def echo(sock, _argument, _context):
    while True:
        data = await sock.recv()
        if not data:
            break
        await sock.send(data)
    sock.close()


async def discard(sock, _argument, context):
    while True:
        data = await sock.recv()
        if not data:
            break
        context.journal.count("discarded", len(data))
    sock.close()


async def endless(sock, _argument, _context):
    while True:
        await sock.send(BLOCK)


async def closes_first(sock, argument, _context):
    if argument:
        await sock.send(argument.encode())
    sock.close()


async def banner(sock, argument, context):
    """Says something at once, then echoes."""
    await sock.send(argument.encode() + b"\r\n")
    await echo(sock, "", context)


async def reset(sock, _argument, _context):
    sock.reset()


async def reset_after(sock, argument, _context):
    left = int(argument or 1)
    while left > 0:
        data = await sock.recv()
        if not data:
            break
        left -= len(data)
    sock.reset()


async def stall(sock, _argument, context):
    """Accepts and never reads; goes away when the connection does."""
    context.journal.count("stalled_connections")
    await asyncio.get_running_loop().create_future()


async def hang(sock, argument, context):
    """Reads everything, never answers."""
    while await sock.recv():
        pass
    await stall(sock, argument, context)


async def late_answer(sock, argument, context):
    """Reads until it sees the end, or until MS passed since the first byte; then answers with what it got and closes."""
    got = await sock.recv()
    end = asyncio.get_running_loop().time() + int(argument or 2000) / 1000
    saw_end = not got
    while not saw_end and len(got) < 65536:
        try:
            data = await asyncio.wait_for(sock.recv(), end - asyncio.get_running_loop().time())
        except asyncio.TimeoutError:
            break
        saw_end = not data
        got += data
    context.journal.count("late_answers")
    await sock.send(b"answer: " + got)
    sock.close()


async def slow(sock, argument, context):
    """Reads at most that many bytes per second, in twenty steps."""
    step = max(1, int(argument or 65536) // 20)
    left = step
    while data := await sock.recv(left):
        left -= len(data)
        context.journal.count("slowly_read", len(data))
        if left == 0:
            await asyncio.sleep(0.05)
            left = step
    sock.close()


async def tcp(sock, argument, _context):
    """A real server on loopback stands behind the port."""
    host, _, port = argument.rpartition(":")
    try:
        real = await bytestream.open_stream(host, int(port))
    except OSError:
        sock.reset()
        return

    async def upwards():
        while True:
            data = await sock.recv()
            if not data:
                real.write_eof()
                return
            await real.write_all(data)

    async def downwards():
        while True:
            data = await real.read_some()
            if not data:
                sock.finish()
                return
            await sock.send(data)

    try:
        await asyncio.gather(upwards(), downwards())
    finally:
        sock.close()
        real.close()


APPS = {"http": podhttp.serve, "echo": echo, "discard": discard, "endless": endless, "closes-first": closes_first,
        "banner": banner, "reset": reset, "reset-after": reset_after, "stall": stall, "hang": hang,
        "late-answer": late_answer, "slow": slow, "tcp": tcp}
