"""Local ports for programs that must be told one, from below those that the kernel gives to outgoing connections and to
whoever takes any: nobody else gets one of them between the choice and its use."""

import collections
import pathlib
import random
import socket

FIRST = 10000
RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")

_given = set()  # in this process
_reserved = collections.deque()  # sockets whose names tell other processes, the newest ones
MAX_RESERVED = 64


def _reserve(port):
    """False if another test has it in mind. Names in the abstract namespace go with their process."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0kft-freeport-{port}")
    except OSError:
        name.close()
        return False
    _reserved.append(name)
    if len(_reserved) > MAX_RESERVED:
        _reserved.popleft().close()
    return True


def _is_free(port):
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        try:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def find():
    """A port that nobody has now, for TCP and UDP alike; each time another one."""
    end = int(RANGE.read_text(encoding="ascii").split()[0])
    while True:
        port = random.randrange(FIRST, end if end > FIRST + 1000 else 1 << 16)
        if port not in _given and _is_free(port) and _reserve(port):
            _given.add(port)
            return port


def find_many(count):
    return [find() for _ in range(count)]
