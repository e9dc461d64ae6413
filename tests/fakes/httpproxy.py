#!/usr/bin/python3
"""HTTP CONNECT proxy on loopback: httpproxy.py [--ready F] [--login USER:PASSWORD] [--tls CERTS-DIR] [--refuse CODE]

Every host name means 127.0.0.1. On SIGTERM it prints what it was asked for.
"""

import argparse
import asyncio
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from kftfake import httpproxy, lifetime  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
parser.add_argument("--ready")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--login")
parser.add_argument("--tls")
parser.add_argument("--refuse", type=int)
options = parser.parse_args()


async def main():
    proxy = httpproxy.HttpProxy(options.login, options.tls, options.refuse)
    await lifetime.serve_until_signal(proxy, options.ready, options.port, dict)


lifetime.die_with_parent()
asyncio.run(main())
