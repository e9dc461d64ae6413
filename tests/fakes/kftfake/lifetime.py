"""How a fake lives: ready file, signals, end with its parent."""

import asyncio
import ctypes
import json
import os
import signal

PR_SET_PDEATHSIG = 1


def die_with_parent():
    """SIGTERM for this process when the one that started it ends."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def write_ready(path, facts):
    """One line of JSON; the file appears complete."""
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")
    os.replace(temporary, path)


async def until_signal():
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, done.set)
    await done.wait()


async def serve_until_signal(server, ready, port, facts):
    """For the small fakes: starts SERVER (a listener.Listener), tells READY and stdout, waits, stops."""
    await server.start(port)
    facts = dict({"port": server.port, "pid": os.getpid()}, **facts())
    if ready:
        write_ready(ready, facts)
    print("ready " + " ".join(f"{key}={value}" for key, value in facts.items()), flush=True)
    await until_signal()
    await server.stop()
    for line in server.log:
        print(line, flush=True)
