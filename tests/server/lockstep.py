"""A client that speaks as kftray's old relay needs it: one datagram, then one frame of answer, and so
on; a frame of length 0 means that no answer came (docs/relay.md)."""

import socket

import kftserver as k


class Client:
    def __init__(self, port, timeout=k.WAIT_S):
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=timeout)

    def ask(self, data):
        """The answer, or None if there was none."""
        self.connection.sendall(k.frame(data))
        return k.receive_frame(self.connection) or None

    def close(self):
        self.connection.close()
