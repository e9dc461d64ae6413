"""The program under test as a process: starts it, collects its output, knows the ports it forwards, ends it."""

import asyncio
import os
import re
import signal

FORWARDING = re.compile(r"^Forwarding from (\S+):(\d+) -> (\d+)$")
OUTPUT_LIMIT = 4 << 20
HOLD = "120s"
KUBECTL_WEBSOCKETS = {"tunnel": "true", "spdy": "false", "auto": "true"}


class ProgramError(Exception):
    pass


def kubectl_arguments(words):
    """Our command line as kubectl takes it: (arguments, environment); None if kubectl has no such transport."""
    words, environment = list(words), {}
    if "--transport" in words:
        at = words.index("--transport")
        if words[at + 1] not in KUBECTL_WEBSOCKETS:
            return None
        environment["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = KUBECTL_WEBSOCKETS[words[at + 1]]
        del words[at:at + 2]
    words[0] = {"forward": "port-forward"}.get(words[0], words[0])
    return words, environment


def own_arguments(words):
    """A forward holds connections for as long as a busy machine may take, where the case does not say how long."""
    if words[:1] == ["forward"] and "--hold-timeout" not in words:
        return ["forward", "--hold-timeout", HOLD, *words[1:]]
    return words


class Program:
    def __init__(self):
        self.stdout = []
        self.stderr = []
        self.ports = []
        self.exit = None
        self._size = 0
        self._process = None
        self._changed = asyncio.Event()
        self._readers = []

    async def start(self, arguments, environment, directory):
        self._process = await asyncio.create_subprocess_exec(
            *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env=environment, cwd=directory, start_new_session=True, limit=1 << 20)
        self._readers = [asyncio.ensure_future(self._collect(self._process.stdout, self.stdout)),
                         asyncio.ensure_future(self._collect(self._process.stderr, self.stderr)),
                         asyncio.ensure_future(self._wait())]

    async def _collect(self, pipe, lines):
        while True:
            line = await pipe.readline()
            if not line:
                return
            self._size += len(line)
            if self._size > OUTPUT_LIMIT:
                continue
            text = line.decode("utf-8", "replace").rstrip("\n")
            lines.append(text)
            match = FORWARDING.match(text)
            if match and lines is self.stdout:
                self.ports.append((match[1].strip("[]"), int(match[2]), int(match[3])))
            self._notify()

    async def _wait(self):
        code = await self._process.wait()
        await asyncio.wait(self._readers[:2], timeout=10)
        self.exit = code
        self._notify()

    def _notify(self):
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def until(self, condition, what, seconds):
        """Waits for CONDITION(); ProgramError when it ended without, or after SECONDS."""
        end = asyncio.get_running_loop().time() + seconds
        while not condition():
            if self.exit is not None:
                raise ProgramError(f"the program ended with status {self.exit} while waiting for {what}")
            left = end - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(self._changed.wait(), max(left, 0.001))
            except asyncio.TimeoutError:
                raise ProgramError(f"{what} did not come within {seconds:g} s") from None

    async def until_exit(self, seconds):
        try:
            await self.until(lambda: self.exit is not None, "the end of the program", seconds)
        except ProgramError:
            if self.exit is None:
                raise

    def is_running(self):
        return self._process is not None and self.exit is None

    def signal(self, name):
        self._process.send_signal(getattr(signal, "SIG" + name))

    def port(self, number=1, address="127.0.0.1"):
        """The NUMBER-th local port that is forwarded on ADDRESS."""
        found = [port for host, port, _ in self.ports if host == address]
        if len(found) < number:
            raise ProgramError(f"no port number {number} is forwarded on {address}: {self.ports}")
        return found[number - 1]

    async def destroy(self):
        """Kills it and what it started, by its own process group."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        for reader in self._readers:
            reader.cancel()
        await self._process.wait()

    def is_asleep(self):
        """It waits for something to happen, rather than for a processor."""
        with open(f"/proc/{self._process.pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "S"

    def memory_kib(self):
        with open(f"/proc/{self._process.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def open_files(self):
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))
