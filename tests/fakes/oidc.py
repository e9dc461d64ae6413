#!/usr/bin/python3
"""OpenID Connect issuer on loopback: oidc.py --certs DIR [--ready F] [--refresh-token T] [--next-refresh-token T] [--refuse CODE]

The ready file also has url and id_token: tell the fake API server to accept it (control: rotate-token).
"""

import argparse
import asyncio
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from kftfake import lifetime, oidc  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
parser.add_argument("--certs", required=True)
parser.add_argument("--ready")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--refresh-token", default="refresh-1")
parser.add_argument("--next-refresh-token")
parser.add_argument("--refuse", type=int)
options = parser.parse_args()


async def main():
    issuer = oidc.Oidc(options.certs, options.refresh_token, options.next_refresh_token, options.refuse)
    await lifetime.serve_until_signal(issuer, options.ready, options.port,
                                      lambda: {"url": issuer.url, "id_token": issuer.id_token})


lifetime.die_with_parent()
asyncio.run(main())
