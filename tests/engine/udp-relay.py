#!/usr/bin/python3
"""A relay for UDP and the application behind it, for the engine's tests.

    udp-relay.py --server KFTRAY_SERVER [--gateway] [--small | --impatient] | --lockstep

Prints "ready port=N", where the relay listens, and a line per datagram of the kind "note …". With a gateway, which
leads to 127.0.0.2 alone, the application has the same port there, over TCP, too. A small relay takes one connection, which
ends after a second of silence. An impatient one ends each after three, and "ended" is printed. The application, by the
datagram's first word: "silent": no answer; "many N": N answers "answer 0" …; "push N": N datagrams, 20 ms apart, which nobody
asks for; "empty": an empty one; "source": the address that it came from; else the same back. Ends with its parent."""

import argparse
import ctypes
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "support"))
import freeport  # noqa: E402

PR_SET_PDEATHSIG = 1
LOCKSTEP = TESTS / "fakes" / "lockstep-relay.py"


def push(app, peer, n):
    for i in range(n):
        time.sleep(0.02)
        app.sendto(b"pushed %d" % i, peer)


def serve(app):
    while True:
        data, peer = app.recvfrom(65535)
        word, _, rest = data.partition(b" ")
        if word == b"many":
            for i in range(int(rest)):
                app.sendto(b"answer %d" % i, peer)
        elif word == b"push":
            threading.Thread(target=push, args=(app, peer, int(rest)), daemon=True).start()
        elif word == b"note":
            print(data.decode(), flush=True)
        elif word == b"source":
            app.sendto(b"%d" % peer[1], peer)
        elif word != b"silent":
            app.sendto(b"" if word == b"empty" else data, peer)


def serve_tcp(listener):
    """One connection after the other, what comes goes back."""
    while True:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)


def follow(log):
    for line in log:
        if "result=idle" in line:
            print("ended", flush=True)


def end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def await_parents_end():
    """Whoever started this holds the other end of its output."""
    poll = select.poll()
    poll.register(sys.stdout, 0)
    while not any(event & select.POLLERR for _, event in poll.poll()):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--server")
    parser.add_argument("--gateway", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--impatient", action="store_true")
    parser.add_argument("--lockstep", action="store_true")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    app.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    # For TCP and UDP, and for the gateway on 127.0.0.1.
    listener = socket.create_server(("127.0.0.2", freeport.find()))
    app.bind(listener.getsockname())
    threading.Thread(target=serve_tcp, args=(listener,), daemon=True).start()
    threading.Thread(target=serve, args=(app,), daemon=True).start()
    # An answer that comes later is that to the next question.
    command = [sys.executable, LOCKSTEP, "--timeout", "10"] if arguments.lockstep else [arguments.server]
    env = {"PATH": os.environ["PATH"], "REMOTE_ADDRESS": "127.0.0.2", "REMOTE_PORT": str(app.getsockname()[1]),
           "LOCAL_PORT": "0", "LISTEN_ADDRESS": "127.0.0.1", "PROXY_TYPE": "udp", "STATUS_PORT": "off"}
    if arguments.gateway:
        env.update(PROXY_TYPE="gateway", GATEWAY_ALLOW="127.0.0.2", GATEWAY_ALLOW_RESERVED="127.0.0.0/8",
                   LOCAL_PORT=str(app.getsockname()[1]))
    if arguments.small:
        env.update(MAX_CONNECTIONS="1", IDLE_TIMEOUT="1s")
    if arguments.impatient:
        env.update(IDLE_TIMEOUT="3s")
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          preexec_fn=end_with_parent) as relay:
        try:
            line = relay.stdout.readline()
            port = re.search(r"address=\S+:(\d+) |listening on (\d+)", line)
            if port is None:
                sys.exit(f"the relay does not listen: {line}")
            print("ready port=" + port.expand(r"\1\2"), flush=True)
            threading.Thread(target=follow, args=(relay.stdout,), daemon=True).start()
            await_parents_end()
        finally:
            relay.terminate()


main()
