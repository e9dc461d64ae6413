"""The steps of a case: what a client does with the forwarded port, what happens to the cluster, what is awaited."""

import ast
import asyncio
import hashlib
import json
import os
import random
import re

from kftfake import bytestream

from . import compare
from .compare import Mismatch
from .program import ProgramError

TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|\{.*$|\[.*$|\S+)')
PATIENCE = 60
PIECE = 65536
STILL_PAUSE = 0.05
STILL_SAMPLES = 10
RAW = {"wait-stdout": 1, "wait-stderr": 1, "wait-stderr-lines": 2, "wait-request": 1, "file-has": 2}


def tokens(line):
    """Words; "quoted" ones become bytes with Python's escapes; an object or list takes the rest of the line.

    A step that ends with a regular expression takes it as it stands."""
    name = line.split(None, 1)[0]
    if name in RAW:
        return line.split(None, RAW[name])
    found = []
    for word in TOKEN.findall(line):
        if word.startswith('"'):
            found.append(ast.literal_eval("b" + word))
        elif word[0] in "{[" and word != "[::1]":
            found.append(json.loads(word))
        else:
            found.append(word)
    return found


class Steps:
    """Runs the steps of one case against its PROGRAM and CONTROL (of the fake)."""

    def __init__(self, program, control):
        self._program = program
        self._control = control
        self._connections = {}
        self._noted = {}

    async def run(self, line, seconds=PATIENCE):
        if line.startswith("within "):
            _, text, line = line.split(None, 2)
            seconds = float(text)
        words = tokens(line)
        step = getattr(self, "step_" + words[0].replace("-", "_"), None)
        if step is None:
            raise Mismatch(f"no step {words[0]!r}")
        self._patience = seconds
        try:
            await asyncio.wait_for(step(*words[1:]), seconds + 5)
        except asyncio.TimeoutError:
            raise Mismatch(f"not done within {seconds + 5:g} s") from None

    def close(self):
        for stream in self._connections.values():
            stream.abort()

    # The program.

    async def step_ready(self, count="1"):
        """COUNT ports are forwarded on IPv4 loopback."""
        await self._program.until(lambda: len([p for p in self._program.ports if ":" not in p[0]]) >= int(count),
                                  f"{count} 'Forwarding from' lines", self._patience)

    async def step_wait_stdout(self, pattern):
        await self._wait_output(self._program.stdout, "stdout", pattern)

    async def step_wait_stderr(self, pattern):
        await self._wait_output(self._program.stderr, "stderr", pattern)

    async def _wait_output(self, lines, name, pattern):
        await self._program.until(lambda: any(re.search(pattern, line) for line in lines),
                                  f"{name} that fits {pattern!r}", self._patience)

    async def step_wait_stderr_lines(self, count, pattern):
        """COUNT lines that fit."""
        await self._program.until(lambda: sum(bool(re.search(pattern, line)) for line in self._program.stderr) >= int(count),
                                  f"{count} lines of stderr that fit {pattern!r}", self._patience)

    async def step_wait_exit(self):
        await self._program.until_exit(self._patience)

    async def step_poke(self):
        """Where the start or the first request may fail: makes one request if there is a port, and waits for its end."""
        try:
            await self.step_ready()
            await self.step_connect("poke")
            self._connections["poke"].write(b"GET /name HTTP/1.0\r\n\r\n")
            await self.step_expect_closed("poke")
        except (ProgramError, OSError):
            if self._program.is_running():
                raise

    async def step_file_lines(self, path, count):
        """The file has exactly COUNT lines."""
        with open(path, encoding="utf-8") as file:
            found = len(file.readlines())
        if found != int(count):
            raise Mismatch(f"{path} has {found} lines, expected {count}")

    async def step_file_has(self, path, pattern):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if not re.search(pattern, text):
            raise Mismatch(f"{path} has no {pattern!r}: {text[:300]!r}")

    async def step_write(self, path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    async def step_rename(self, path, target):
        os.rename(path, target)

    async def step_signal(self, name):
        self._program.signal(name)

    async def step_still_running(self):
        if not self._program.is_running():
            raise Mismatch(f"the program ended with status {self._program.exit}")

    # Plain connections.

    async def step_connect(self, name, *where):
        """connect NAME [port N] [on ADDRESS]"""
        options = dict(zip(where[::2], where[1::2]))
        address = options.get("on", "127.0.0.1").strip("[]")
        port = self._program.port(int(options.get("port", 1)), address)
        self._connections[name] = await bytestream.open_client(address, port)

    async def step_connect_refused(self, *where):
        """Nobody listens (any more) on the first port."""
        try:
            stream = await bytestream.open_stream("127.0.0.1", self._program.port())
        except OSError:
            return
        stream.close()
        raise Mismatch("the connection was accepted")

    async def step_send(self, name, data):
        self._connections[name].write(data)

    async def step_send_zeros(self, name, count):
        """In the background: the other side may not be reading."""
        async def pour():
            try:
                for written in range(0, int(count), PIECE):
                    self._noted[f"poured-{name}"] = written
                    await self._connections[name].write_all(bytes(PIECE))
            except OSError as error:
                return f"the connection ended: {error}"
            return "all of it was taken"
        self._noted[f"pour-{name}"] = asyncio.ensure_future(pour())

    async def step_wait_blocked(self, name):
        """send-zeros got stuck: all buffers on the way are full."""
        await self._until_still(lambda: self._noted.get(f"poured-{name}"))
        if self._noted[f"pour-{name}"].done():
            raise Mismatch(self._noted[f"pour-{name}"].result())

    async def _until_still(self, value):
        """VALUE() stayed the same for half a second in all in which the program slept and this loop ran: on a busy
        machine either of them may stand still for that long only because nobody let it run, which does not count."""
        loop = asyncio.get_running_loop()
        before, n_same = None, 0
        while n_same < STILL_SAMPLES:
            started = loop.time()
            await asyncio.sleep(STILL_PAUSE)
            ran = loop.time() - started < 3 * STILL_PAUSE and self._program.is_asleep()
            now = value()
            if now != before:
                n_same = 0
            elif ran:
                n_same += 1
            before = now

    async def step_half_close(self, name):
        self._connections[name].write_eof()

    async def step_close(self, name):
        self._connections[name].close()

    async def step_reset(self, name):
        self._connections[name].reset()

    async def step_expect(self, name, data):
        """Exactly these bytes come next."""
        got = b""
        try:
            async with asyncio.timeout(self._patience):
                while len(got) < len(data):
                    piece = await self._connections[name].read_some()
                    if not piece:
                        break
                    got += piece
        except TimeoutError:
            raise Mismatch(f"within {self._patience:g} s only {got!r} came, expected {data!r}") from None
        if got[:len(data)] != data:
            raise Mismatch(f"expected {data!r}, got {got[:200]!r}")
        self._connections[name].unread(got[len(data):])

    async def step_expect_bytes(self, name, least):
        """At least that many bytes of any kind."""
        got = 0
        while got < int(least):
            piece = await self._read(name)
            if not piece:
                raise Mismatch(f"end after {got} bytes")
            got += len(piece)

    async def _read(self, name):
        try:
            return await asyncio.wait_for(self._connections[name].read_some(), self._patience)
        except asyncio.TimeoutError:
            raise Mismatch(f"nothing came for {self._patience:g} s") from None

    async def step_expect_eof(self, name):
        """An orderly end and no byte before it."""
        data = await self._read(name)
        if data:
            raise Mismatch(f"expected the end, got {data[:100]!r}")
        stream = self._connections[name]
        if stream.closed.done() and stream.closed.result() is not None:
            raise Mismatch(f"expected an orderly end, got {stream.closed.result()}")

    async def step_expect_closed(self, name):
        """The end, orderly or not, after whatever comes before it."""
        while await self._read(name):
            pass

    async def step_expect_reset(self, name):
        await self.step_expect_closed(name)
        stream = self._connections[name]
        await asyncio.wait({stream.closed}, timeout=self._patience)
        if not stream.closed.done() or stream.closed.result() is None:
            raise Mismatch("expected a reset, got an orderly end")

    async def step_expect_silence(self, name, milliseconds):
        """Neither byte nor end for that long."""
        try:
            data = await asyncio.wait_for(self._connections[name].read_some(), int(milliseconds) / 1000)
        except asyncio.TimeoutError:
            return
        raise Mismatch(f"expected silence, got {data[:100]!r}" if data else "expected silence, got the end")

    # HTTP.

    async def step_http(self, path, *expected):
        """http PATH [CODE] ["BODY"] [~REGEX], each on a new connection."""
        code, body = await self._fetch(path)
        self._check_answer(code, body, expected)

    def _check_answer(self, code, body, expected):
        for wanted in expected:
            if isinstance(wanted, bytes):
                good = body == wanted
            elif wanted.startswith("~"):
                good = re.search(wanted[1:].encode(), body) is not None
            else:
                good = code == int(wanted)
            if not good:
                raise Mismatch(f"expected {wanted!r}, got {code} {body[:200]!r}")

    async def _fetch(self, path, body=None):
        stream = await bytestream.open_stream("127.0.0.1", self._program.port())
        try:
            method = "GET" if body is None else "POST"
            head = f"{method} {path} HTTP/1.0\r\nHost: x\r\n"
            if body is not None:
                head += f"Content-Length: {len(body)}\r\n"
            await stream.write_all(head.encode() + b"\r\n" + (body or b""))
            return await asyncio.wait_for(self._read_answer(stream), self._patience)
        except asyncio.TimeoutError:
            raise Mismatch(f"no answer to {path} within {self._patience:g} s") from None
        finally:
            stream.close()

    async def _read_answer(self, stream):
        """(code, body); does not wait for the end of the connection when the length is known."""
        head = await stream.read_until(b"\r\n\r\n", 65536)
        match = re.match(rb"HTTP/1\.[01] (\d+)", head)
        if not match:
            raise Mismatch("the connection ended without an HTTP answer")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if length is None:
            raise Mismatch(f"an answer without a length: {head[:100]!r}")
        try:
            return int(match[1]), await stream.read_exactly(int(length[1]))
        except EOFError as error:
            raise Mismatch(str(error)) from None

    async def step_no_answer(self, path):
        """The connection ends without an HTTP answer."""
        try:
            code, body = await self._fetch(path)
        except (Mismatch, OSError):
            return
        raise Mismatch(f"got an answer: {code} {body[:100]!r}")

    async def step_parallel(self, count, path, *expected):
        results = await asyncio.gather(*(self._fetch(path) for _ in range(int(count))), return_exceptions=True)
        bad = [result for result in results if isinstance(result, BaseException)]
        if bad:
            raise Mismatch(f"{len(bad)} of {count} failed, the first: {type(bad[0]).__name__} {bad[0]}")
        for code, body in results:
            self._check_answer(code, body, expected)

    async def step_sequence(self, count, path, *expected):
        for _ in range(int(count)):
            await self.step_http(path, *expected)

    async def step_until_http(self, path, *expected):
        """As http, tried again until it is so: for what the program hears of by a watch."""
        end = asyncio.get_running_loop().time() + self._patience
        while True:
            try:
                return await self.step_http(path, *expected)
            except Mismatch:
                if asyncio.get_running_loop().time() > end:
                    raise
            await asyncio.sleep(STILL_PAUSE)

    async def step_until_distinct(self, count, path, wanted):
        """COUNT requests in a row have WANTED different answers, or all fit ~REGEX; tried again until it is so."""
        async with asyncio.timeout(self._patience):
            while True:
                answers = [await self._fetch(path) for _ in range(int(count))]
                self._check_answer(*answers[0], ["200"])
                bodies = {body.decode() for _, body in answers}
                if all(re.search(wanted[1:], b) for b in bodies) if wanted[0] == "~" else len(bodies) == int(wanted):
                    return

    async def step_download(self, count, seed="1"):
        """GET /random and compare by checksum."""
        code, body = await self._fetch(f"/random?n={count}&seed={seed}")
        source, wanted, left = random.Random(int(seed)), hashlib.sha256(), int(count)
        while left:
            piece = source.randbytes(min(32768, left))
            wanted.update(piece)
            left -= len(piece)
        if code != 200 or hashlib.sha256(body).digest() != wanted.digest():
            raise Mismatch(f"{len(body)} bytes came, the checksum differs")

    async def step_upload(self, count):
        body = os.urandom(int(count))
        code, answer = await self._fetch("/sink", body)
        self._check_answer(code, answer, [f"{len(body)} {hashlib.sha256(body).hexdigest()}\n".encode()])

    # The cluster.

    async def step_put(self, document):
        self._control.put(document)

    async def step_patch(self, path, change):
        self._control.patch(*self._find(path), change)

    async def step_delete(self, path, grace_ms="0"):
        self._control.delete(*self._find(path), int(grace_ms))

    def _find(self, path):
        """KIND/NS/NAME; a NAME that ends with * is the first one that begins so."""
        kind, namespace, name = path.split("/")
        if not name.endswith("*"):
            return kind, namespace, name
        names = [item["metadata"]["name"] for item in self._control.objects({"kind": kind, "namespace": namespace})]
        return kind, namespace, next(found for found in names if found.startswith(name[:-1]))

    async def step_replace(self, path):
        self._control.replace(*path.split("/"))

    async def step_restart_container(self, path):
        self._control.restart_container(*path.split("/"))

    async def step_drop(self, options=None):
        self._control.drop(options or {})

    async def step_goaway(self):
        self._control.goaway()

    async def step_fault(self, spec):
        self._control.add_fault(spec)

    async def step_clear_faults(self):
        self._control.set_faults([])

    async def step_compact(self):
        self._control.compact()

    async def step_set(self, settings):
        self._control.settings(settings)

    async def step_rotate_token(self, user, token=None):
        self._control.server.users.rotate_token(user, token)

    # Counters of the fake; resources of the program.

    async def step_wait_counter(self, *words):
        row = " ".join(words)
        journal = self._control.server.journal
        if not await journal.wait_for(lambda j: compare.counter_fits(row, self._control.counters()), self._patience):
            compare.compare_counter(row, self._control.counters())

    async def step_wait_request(self, pattern):
        """A request that fits was answered; as in [requests]."""
        end = asyncio.get_running_loop().time() + self._patience
        while not any(re.search(pattern, line) for line in self._control.server.journal.lines()):
            if asyncio.get_running_loop().time() > end:
                raise Mismatch(f"no request fits {pattern!r}")
            await asyncio.sleep(STILL_PAUSE)

    async def step_wait_quiet(self, name):
        """The counter stands still, because everything on the way is full."""
        await self._until_still(lambda: self._control.counters().get(name))

    async def step_note_resources(self):
        """Remembers memory and open files for no-growth."""
        self._noted["resources"] = (self._program.memory_kib(), self._program.open_files())

    async def step_no_growth(self, kib, files="0"):
        """Not more than KIB of memory and FILES descriptors above the noted ones; descriptors get time to close."""
        memory, descriptors = self._noted["resources"]
        end = asyncio.get_running_loop().time() + self._patience
        while self._program.open_files() > descriptors + int(files) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.05)
        if self._program.open_files() > descriptors + int(files):
            raise Mismatch(f"open files: {descriptors} before, {self._program.open_files()} now")
        # A sanitizer keeps freed memory on purpose; what it finds is told at the end of the program.
        if "KFT_SANITIZED" in os.environ:
            return
        if self._program.memory_kib() > memory + int(kib):
            raise Mismatch(f"memory: {memory} KiB before, {self._program.memory_kib()} KiB now")
