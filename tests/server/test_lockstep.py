"""The emulation of the old relay keeps to its description, so that what works with it means something."""

import contextlib
import os
import pathlib
import re
import struct
import subprocess
import sys
import unittest

import kftserver as k
import lockstep

RELAY = pathlib.Path(__file__).resolve().parent.parent / "fakes" / "lockstep-relay.py"


@contextlib.contextmanager
def relay(target_port, timeout=str(k.WAIT_S)):
    env = os.environ | {"LOCAL_PORT": "0", "REMOTE_ADDRESS": "127.0.0.1", "REMOTE_PORT": str(target_port)}
    with subprocess.Popen([sys.executable, RELAY, "--timeout", timeout], env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield int(re.search(r"\d+", process.stdout.readline())[0])
        finally:
            process.terminate()


class Lockstep(unittest.TestCase):
    def test_one_answer_per_question(self):
        with k.UdpTarget(k.echo_datagram) as target, relay(target.port) as port:
            client = lockstep.Client(port)
            for data in (b"a", b"b" * k.MAX_DATAGRAM, b"c"):
                self.assertEqual(client.ask(data), data)
            client.close()

    def test_no_answer_is_an_empty_frame(self):
        with k.UdpTarget() as target, relay(target.port, "0.05") as port:
            client = lockstep.Client(port)
            self.assertIsNone(client.ask(b"x"))
            client.close()

    def test_unasked_is_off_by_one(self):
        with k.UdpTarget() as target, relay(target.port) as port:
            client = lockstep.Client(port)
            client.connection.sendall(k.frame(b"1"))
            _, peer = target.socket.recvfrom(10)
            target.socket.sendto(b"answer 1", peer)
            target.socket.sendto(b"unasked", peer)
            self.assertEqual(k.receive_frame(client.connection), b"answer 1")
            client.connection.sendall(k.frame(b"2"))
            self.assertEqual(k.receive_frame(client.connection), b"unasked")
            client.close()

    def test_ends(self):
        with k.UdpTarget() as target:
            unused = target.port
            with relay(target.port) as port:
                client = lockstep.Client(port)
                client.connection.sendall(struct.pack(">I", k.MAX_DATAGRAM + 1))
                self.assertEqual(k.receive_all(client.connection), struct.pack(">I", 0))
                client.close()
        with relay(unused) as port:
            client = lockstep.Client(port)
            client.connection.sendall(k.frame(b"x"))
            k.is_ended(client.connection)
            client.close()
