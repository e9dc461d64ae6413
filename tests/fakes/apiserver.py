#!/usr/bin/python3
"""A scripted fake Kubernetes API server on loopback. Reads a world file, writes a kubeconfig and a ready file.

    apiserver.py [--world FILE] [--kubeconfig-out FILE] [--ready FILE] [--certs DIR] [--control]
    apiserver.py --demo [--dir DIR] [--ready FILE]

The ready file holds one line of JSON: port, url, kubeconfig, control (port of the control API), pid.
"""

import argparse
import asyncio
import logging
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from kftfake import control, kubeconfig, lifetime, server  # noqa: E402

CERTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support", "certs.sh")


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--world", help="world file (JSON); without it the built-in world")
    parser.add_argument("--kubeconfig-out", help="write a kubeconfig here")
    parser.add_argument("--ready", help="write this file when everything listens")
    parser.add_argument("--certs", help="directory of certificates, made if empty; without it a temporary one")
    parser.add_argument("--control", action="store_true", help="open the control API on a port of its own")
    parser.add_argument("--port", type=int, help="port of the API (0: any)")
    parser.add_argument("--server-version", help="1.20, 1.31, ... decides which transports are spoken")
    parser.add_argument("--transports", help="comma list of tunnel, v4, spdy instead of what the version has")
    parser.add_argument("--plain-http", action="store_true", help="no TLS")
    parser.add_argument("--demo", action="store_true", help="the sample cluster for people who have none")
    parser.add_argument("--dir", help="with --demo: where its files go (default: below $XDG_RUNTIME_DIR)")
    parser.add_argument("--stay", action="store_true", help="do not end with the process that started this one")
    return parser.parse_args(argv)


def world_document(options):
    document = server.load_document(options.world) if options.world else {}
    spec = document.setdefault("server", {})
    if options.port is not None:
        spec["port"] = options.port
    if options.server_version:
        spec["version"] = options.server_version
    if options.transports is not None:
        spec["transports"] = [name for name in options.transports.split(",") if name]
    if options.plain_http:
        spec["tls"] = False
    return document


async def serve(options, directory):
    certs = options.certs or os.path.join(directory, "certs")
    subprocess.run(["sh", CERTS, certs], check=True)
    fake = server.Server(world_document(options), certs)
    await fake.start()
    facts = {"port": fake.port, "url": fake.url, "pid": os.getpid()}
    if options.control:
        port = control.ControlPort(fake)
        await port.start()
        facts["control"] = port.port
    target = options.kubeconfig_out or (os.path.join(directory, "kubeconfig") if options.demo else None)
    if target:
        kubeconfig.write(target, kubeconfig.document(fake))
        facts["kubeconfig"] = os.path.abspath(target)
    if options.ready:
        lifetime.write_ready(options.ready, facts)
    print("ready " + " ".join(f"{key}={value}" for key, value in facts.items()), flush=True)
    await lifetime.until_signal()
    await fake.stop()


def make_directory(options):
    """(directory, remove it at the end)"""
    if options.demo and options.dir:
        os.makedirs(options.dir, mode=0o700, exist_ok=True)
        return options.dir, False
    base = os.environ.get("XDG_RUNTIME_DIR") if options.demo else None
    return tempfile.mkdtemp(prefix="kftray-fake-", dir=base if base and os.path.isdir(base) else None), True


def main():
    options = parse_arguments(sys.argv[1:])
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each write to a client that left
    if not options.stay:
        lifetime.die_with_parent()
    directory, temporary = make_directory(options)
    try:
        asyncio.run(serve(options, directory))
    except KeyboardInterrupt:
        pass
    finally:
        if temporary:
            shutil.rmtree(directory, ignore_errors=True)
        for path in (options.ready,):
            if path and os.path.exists(path):
                os.unlink(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
