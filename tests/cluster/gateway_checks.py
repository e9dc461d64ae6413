"""Judges kft-gateway itself: by kubectl, and by what upstream's tunnelling handler does with
frames that kubectl never sends (wire notes 3.1)."""

import base64
import json
import os
import re
import socket
import ssl
import struct

from harness import Forward, Skip, check, check_equal, kubeconfig, kubectl, name_of, test

PING, CLOSE, TEXT, BINARY = 9, 8, 1, 2


class Client:
    """A WebSocket client without opinions."""

    def __init__(self, offered="SPDY/3.1+portforward.k8s.io, v4.channel.k8s.io", token=None):
        with open(kubeconfig("admin-token", "tunnel"), encoding="utf-8") as config:
            text = config.read()
        address = re.search(r'server: "https://([^"]+)"', text).group(1)
        token = token or re.search(r"token: (\w+)", text).group(1)
        context = ssl.create_default_context(cafile=os.path.join(os.path.dirname(
            kubeconfig()), "pki", "ca.crt"))
        host, port = address.split(":")
        self.sock = context.wrap_socket(socket.create_connection((host, int(port)), 10),
                                        server_hostname=host)
        self.sock.sendall((
            "GET /api/v1/namespaces/default/pods/mixed-a/portforward?ports=80 HTTP/1.1\r\n"
            f"Host: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            f"{base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"Sec-WebSocket-Protocol: {offered}\r\nAuthorization: Bearer {token}\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            block = self.sock.recv(65536)
            check(block, f"no answer: {self.buffer!r}")
            self.buffer += block
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.head = head.decode()

    def send(self, opcode, payload, fin=True, masked=True):
        head = bytes([(0x80 if fin else 0) | opcode])
        flag = 0x80 if masked else 0
        if len(payload) < 126:
            head += bytes([flag | len(payload)])
        else:
            head += bytes([flag | 126]) + struct.pack(">H", len(payload))
        key = os.urandom(4) if masked else b""
        if masked:
            payload = bytes(b ^ key[i % 4] for i, b in enumerate(payload))
        self.sock.sendall(head + key + payload)

    def take(self, count):
        while len(self.buffer) < count:
            block = self.sock.recv(65536)
            check(block, "the connection ended inside a frame")
            self.buffer += block
        got, self.buffer = self.buffer[:count], self.buffer[count:]
        return got

    def frame(self):
        first, second = self.take(2)
        check(second < 128, "the server masked a frame")
        size = second
        if second == 126:
            size = struct.unpack(">H", self.take(2))[0]
        elif second == 127:
            size = struct.unpack(">Q", self.take(8))[0]
        return first & 0x0f, bool(first & 0x80), self.take(size)

    def close_status(self):
        while True:
            opcode, _, payload = self.frame()
            if opcode == CLOSE:
                return struct.unpack(">H", payload[:2])[0]


SPDY_PING = bytes.fromhex("800300060000000400000001")


@test("gateway: kubectl forwards through the tunnel")
def gateway_kubectl():
    version = json.loads(kubectl("version", "--client", "--output=json"))["clientVersion"]
    if int(version["minor"].rstrip("+")) < 30:
        raise Skip(f"kubectl {version['gitVersion']} does not speak the tunnel")
    with Forward("svc/web", ":8080", transport="tunnel", other="kubectl port-forward -v=6") as f:
        check(name_of(f.port()).startswith("web-"), "answer")
        f.stop()
        check("negotiated protocol: portforward.k8s.io" in f.stderr(), f.stderr())


@test("gateway: chooses the tunnel")
def gateway_protocol():
    head = Client("v4.channel.k8s.io, SPDY/3.1+portforward.k8s.io").head
    check(" 101 " in head.splitlines()[0], head)
    check("Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io" in head, head)


@test("gateway: v4 passes through to the runtime")
def gateway_v4():
    client = Client("v4.channel.k8s.io")
    check("v4.channel.k8s.io" in client.head, client.head)
    check_equal(client.frame()[2], b"\x00\x50\x00", "preamble of the data channel")


@test("gateway: refusals come through as they are")
def gateway_refusal():
    client = Client(token="0" * 32)
    check(" 401 " in client.head.splitlines()[0], client.head)


@test("gateway: a WebSocket ping is answered, a SPDY ping comes back")
def gateway_pings():
    client = Client()
    client.send(PING, b"abc")
    check_equal(client.frame(), (10, True, b"abc"), "pong")
    client.send(BINARY, SPDY_PING)
    got = b""
    while len(got) < 12:
        got += client.frame()[2]
    check_equal(got, SPDY_PING, "SPDY ping")


@test("gateway: fragmented and split messages")
def gateway_fragments():
    client = Client()
    client.send(BINARY, SPDY_PING[:5], fin=False)
    client.send(PING, b"")
    client.send(0, b"", fin=False)
    client.send(0, SPDY_PING[5:7], fin=True)
    client.send(BINARY, SPDY_PING[7:] + SPDY_PING)
    got, pongs = b"", 0
    while len(got) < 24:
        opcode, _, payload = client.frame()
        got, pongs = (got, pongs + 1) if opcode == 10 else (got + payload, pongs)
    check_equal((got, pongs), (SPDY_PING * 2, 1), "answers")


@test("gateway: a text message ends the tunnel with 1000")
def gateway_text():
    client = Client()
    client.send(TEXT, b"hello")
    check_equal(client.close_status(), 1000, "status")


@test("gateway: an unmasked frame ends it with 1002")
def gateway_unmasked():
    client = Client()
    client.send(BINARY, SPDY_PING, masked=False)
    check_equal(client.close_status(), 1002, "status")


@test("gateway: a Close is answered")
def gateway_close():
    client = Client()
    client.send(CLOSE, struct.pack(">H", 1000))
    check_equal(client.close_status(), 1000, "status")
    check_equal(client.sock.recv(1), b"", "end of the connection")
