#!/usr/bin/python3
"""A soak of one forward: random faults of the server and the cluster under a load of connections, from a seed.

    soak.py --kftrayctl PATH [--seconds 120] [--seed N] [--transport NAME]

Each connection either carries every byte (downloads and uploads are compared by checksum) or ends with an error; none may
hang or be wrong. In quiet moments everything must work again, and at the end memory and descriptors be where they were.
"""

import argparse
import asyncio
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "fakes")]

from kftcase import compare, program, steps  # noqa: E402
from kftfake import control, kubeconfig, server  # noqa: E402

CERTS = os.path.join(HERE, "..", "support", "certs.sh")
WORKERS = 8
NOISY_S, QUIET_S = 6, 90
HANG_S = 60
GROWTH_KIB = 16 * 1024
POD = {"labels": {"app": "web"}, "ports": {"http": 80}, "apps": {"80": "http"}}

# What the server may do to new connections and requests for a while.
FAULTS = [
    {"on": "connect", "do": "reset"}, {"on": "connect", "do": "close"}, {"on": "connect", "do": "delay", "ms": 300},
    {"on": "request", "do": "status", "code": 503}, {"on": "request", "do": "status", "code": 401, "upgrade": "none"},
    {"on": "request", "do": "status", "code": 429, "retry_after": 1}, {"on": "request", "do": "reset"},
    {"on": "upgrade", "do": "delay", "ms": 500}, {"on": "session", "do": "cut", "down": 20000, "how": "reset"},
    {"on": "session", "do": "cut", "down": 50000, "how": "eof"}, {"on": "session", "do": "cut", "up": 30000, "how": "cut"},
    {"on": "session", "do": "goaway", "after_pairs": 3}, {"on": "session", "do": "fragment", "size": 7},
    {"on": "session", "do": "end", "after_ms": 800}, {"on": "watch", "do": "gone-event", "times": 2},
    {"on": "watch", "do": "end", "events": 1}, {"on": "watch", "do": "rubbish", "text": "<html>\n"},
    {"on": "list", "do": "gone"},
]


class Soak:
    def __init__(self, options, directory):
        self.random = random.Random(options.seed)
        self.options = options
        self.directory = directory
        self.good = self.broken = self.deeds = 0
        self.is_noisy = False
        self.is_over = False
        self.next_pod = 10

    async def run(self):
        certs = os.path.join(self.directory, "certs")
        subprocess.run(["sh", CERTS, certs], check=True)
        fake = server.Server({}, certs)
        await fake.start()
        self.control = control.Control(fake)
        path = os.path.join(self.directory, "kubeconfig")
        kubeconfig.write(path, kubeconfig.document(fake))
        self.program = program.Program()
        # What AddressSanitizer keeps of freed memory, 256 MiB of it otherwise, would hide that memory grows.
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        environment = dict(os.environ, HOME=self.directory, KUBECONFIG=path, ASAN_OPTIONS=sanitizer)
        await self.program.start([os.path.abspath(self.options.kftrayctl), "forward", "-q", "--transport", self.options.transport,
                                  "--balance", self.options.balance, "deploy/web", ":80"], environment, self.directory)
        try:
            await self.load()
        finally:
            await self.program.destroy()
            await fake.stop()

    async def load(self):
        await self.program.until(lambda: self.program.ports, "a port", 60)
        self.steps = steps.Steps(self.program, self.control)
        await self.calm()  # all paths have run once before memory is noted
        await self.steps.run("note-resources")
        workers = [asyncio.ensure_future(self.work(number)) for number in range(WORKERS)]
        end = time.monotonic() + self.options.seconds
        while time.monotonic() < end:
            await self.noise()
            await self.calm()
        self.is_over = True
        await asyncio.wait_for(asyncio.gather(*workers), HANG_S)
        await self.calm()
        await self.steps.run(f"within 60 no-growth {GROWTH_KIB} 24")
        self.program.signal("INT")
        await self.program.until_exit(60)
        if self.program.exit != 0:
            raise compare.Mismatch(f"exit status {self.program.exit}")
        if self.control.server.journal.violations:
            raise compare.Mismatch("the program broke the protocol: " + self.control.server.journal.violations[0])

    async def work(self, number):
        """Connections one after another; each has its own random numbers, so that all is repeatable."""
        source = random.Random(self.options.seed * 1000 + number)
        client = steps.Steps(self.program, self.control)
        while not self.is_over:
            size = source.choice([1, 1000, 70000, 400000])
            line = source.choice([f"download {size} {source.randrange(9)}", f"upload {size}", "http /name 200 ~^web"])
            try:
                await client.run(line, HANG_S)
                self.good += 1
            except (compare.Mismatch, program.ProgramError, OSError, EOFError, ValueError) as error:
                if "checksum differs" in str(error) and "0 bytes" not in str(error) and "200" in str(error):
                    raise
                if "not done within" in str(error):
                    raise compare.Mismatch(f"a connection hung: {line}") from error
                self.broken += 1
                await asyncio.sleep(0.02)

    async def noise(self):
        end = time.monotonic() + NOISY_S
        while time.monotonic() < end:
            self.deed()
            self.deeds += 1
            await asyncio.sleep(self.random.uniform(0.05, 0.8))
        self.control.set_faults([])

    def deed(self):
        kind = self.random.randrange(6)
        if kind < 3:
            fault = dict(self.random.choice(FAULTS), name="soak")
            self.control.set_faults([dict({"times": self.random.randint(1, 4)}, **fault)])
        elif kind == 3:
            self.control.drop({"how": self.random.choice(["eof", "reset"])})
        elif kind == 4:
            self.roll()
        else:
            self.control.compact()

    def roll(self):
        """A pod comes, another goes, as in a rollout."""
        pods = [item["metadata"]["name"] for item in self.control.objects({"kind": "Pod", "namespace": "default"})
                if item["metadata"]["name"].startswith("web-") and "deletionTimestamp" not in item["metadata"]]
        self.next_pod += 1
        self.control.put({"pods": [dict(POD, name=f"web-{self.next_pod}")]})
        self.control.delete("Pod", "default", self.random.choice(pods), self.random.choice([0, 500, 3000]))

    async def calm(self):
        """Without faults everything works again, soon."""
        self.control.set_faults([])
        end = time.monotonic() + QUIET_S
        while True:
            try:
                for _ in range(3):
                    await self.steps.run("download 100000 1", HANG_S)
                return
            except (compare.Mismatch, OSError, EOFError) as error:
                if time.monotonic() > end:
                    raise compare.Mismatch(f"does not work {QUIET_S} s after the last fault: {error}") from error
                await asyncio.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kftrayctl", required=True)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--transport", default="auto")
    parser.add_argument("--balance", default="sticky")
    options = parser.parse_args()
    os.environ.pop("KFT_SANITIZED", None)  # memory is compared under a sanitizer, too
    directory = tempfile.mkdtemp(prefix="kftray-soak-")
    soak = Soak(options, directory)
    try:
        asyncio.run(soak.run())
    except Exception as error:  # whatever it is, it is the finding
        print(f"not ok - soak, seed {options.seed}: {type(error).__name__}: {error}")
        print("".join(f"#   {line}\n" for line in soak.program.stderr[-30:]), end="")
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(f"ok - soak, seed {options.seed}: {soak.good} good, {soak.broken} broken off, {soak.deeds} faults")
    return 0


if __name__ == "__main__":
    sys.exit(main())
