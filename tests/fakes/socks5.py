#!/usr/bin/python3
"""SOCKS5 proxy on loopback: socks5.py [--ready F] [--login USER:PASSWORD]

Every host name means 127.0.0.1. On SIGTERM it prints what it was asked for, with "name" or "address".
"""

import argparse
import asyncio
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from kftfake import lifetime, socks5  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
parser.add_argument("--ready")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--login")
options = parser.parse_args()


async def main():
    await lifetime.serve_until_signal(socks5.Socks5(options.login), options.ready, options.port, dict)


lifetime.die_with_parent()
asyncio.run(main())
