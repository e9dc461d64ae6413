#!/usr/bin/python3
"""kftray's relay for UDP as it was before kftray-server in C, from its description in docs/relay.md: one
datagram, one answer, and so on. What our client must be able to work with.

    lockstep-relay.py [--timeout SECONDS] [--ready FILE]

Variables as for kftray-server: LOCAL_PORT (0: any free port), REMOTE_ADDRESS, REMOTE_PORT. IPv4 only. Prints
"listening on PORT", and writes the port into FILE. Each connection:

  - reads a frame, sends its datagram, waits at most 5 s (--timeout) for one datagram, writes it in a
    frame, or a frame of length 0 if none came; then the next. What comes unasked waits for the next
    question and is taken for its answer;
  - a length above 65507: a frame of length 0, and the end;
  - an error of the UDP socket ("port unreachable"): the end, without a frame;
  - the end of the connection, wherever it comes: the end."""

import argparse
import os
import socket
import struct
import sys
import threading

MAX_DATAGRAM = 65507
NOTHING = struct.pack(">I", 0)


def read_exactly(connection, size):
    """None at the end."""
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            return None
        data += piece
    return bytes(data)


def converse(connection, udp):
    while head := read_exactly(connection, 4):
        (size,) = struct.unpack(">I", head)
        if size > MAX_DATAGRAM:
            connection.sendall(NOTHING)
            return
        data = read_exactly(connection, size)
        if data is None:
            return
        udp.send(data)
        try:
            answer = udp.recv(65535)
        except TimeoutError:
            connection.sendall(NOTHING)
            continue
        connection.sendall(struct.pack(">I", len(answer)) + answer)


def serve(connection, remote, timeout):
    with connection, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            udp.bind(("0.0.0.0", 0))
            udp.connect(remote)
            udp.settimeout(timeout)
            converse(connection, udp)
        except OSError as error:
            print(f"connection ended: {error}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--timeout", type=float, default=5, help="seconds to wait for an answer")
    parser.add_argument("--ready", metavar="FILE", help="gets the port when the relay listens")
    arguments = parser.parse_args()
    remote = (os.environ.get("REMOTE_ADDRESS", "127.0.0.1"), int(os.environ.get("REMOTE_PORT", "8080")))
    with socket.create_server(("0.0.0.0", int(os.environ.get("LOCAL_PORT", "8080"))), backlog=1024) as listener:
        port = listener.getsockname()[1]
        print(f"listening on {port}", flush=True)
        if arguments.ready:
            with open(arguments.ready + ".new", "w", encoding="ascii") as file:
                file.write(f"{port}\n")
            os.rename(arguments.ready + ".new", arguments.ready)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, remote, arguments.timeout), daemon=True).start()


try:
    main()
except KeyboardInterrupt:
    pass
