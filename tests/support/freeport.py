"""Local ports for programs that must be told one, from below those that the kernel gives to outgoing connections and to
whoever takes any: nobody else gets one of them between the choice and its use."""

import pathlib
import random
import socket

FIRST = 10000
RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


def find():
    """A port that nobody has now, for TCP and UDP alike."""
    end = int(RANGE.read_text(encoding="ascii").split()[0])
    while True:
        port = random.randrange(FIRST, end if end > FIRST + 1000 else 1 << 16)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def find_many(count):
    """So many of them, no two alike."""
    ports = set()
    while len(ports) < count:
        ports.add(find())
    return list(ports)
