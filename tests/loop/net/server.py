#!/usr/bin/python3
"""Servers of the tests of src/net: server.py http|echo|source|silent [CERTS-DIR NAME [client-ca]]

With CERTS-DIR it speaks TLS with the certificate NAME; with client-ca a client certificate is required.
  http    the paths that answer() knows      echo    sends back what comes, then closes after EOF
  source  sends 10 MB and closes             silent  accepts, reads nothing, says nothing
"""

import os
import re
import signal
import socket
import ssl
import sys
import threading

SOURCE_BYTES = 10 * 1024 * 1024


def read_request(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            return None, None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    while length and len(body) < int(length.group(1)):
        body += sock.recv(65536)
    return head.decode(), body


def reply(sock, body, status="200 OK", headers=""):
    text = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nContent-Type: text/plain\r\n{headers}\r\n"
    sock.sendall(text.encode() + body)


def client_name(sock):
    certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
    names = [value for part in (certificate or {}).get("subject", ()) for key, value in part if key == "commonName"]
    return names[0] if names else "-"


def client_serial(sock):
    certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
    return (certificate or {}).get("serialNumber", "-")


def answer(sock, head, body):
    """Returns whether the connection stays open."""
    path = head.split(" ")[1]
    if path.startswith("/echo"):
        facts = f"client: {client_name(sock)}\nserial: {client_serial(sock)}\nport: {sock.getpeername()[1]}\n"
        reply(sock, f"{facts}{head}\n\n".encode() + body)
    elif path.startswith("/big/"):
        reply(sock, b"x" * int(path.split("/")[2]))
    elif path == "/busy":
        reply(sock, b"later", "503 Service Unavailable", "Retry-After: 7\r\n")
    elif path == "/chunks":
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(5):
            sock.sendall(f"6\r\npart {i}\r\n".encode())
        sock.sendall(b"0\r\n\r\n")
    elif path == "/stall":
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        sock.recv(1)
    elif path == "/mute":
        sock.recv(1)
    elif path == "/cut":
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        return False
    elif path == "/rubbish":
        sock.sendall(b"what do you mean?\n" * 10)
        return False
    elif path == "/close":
        return False
    else:
        reply(sock, b"no such page", "404 Not Found")
    return True


def serve_http(sock):
    while True:
        head, body = read_request(sock)
        if head is None or not answer(sock, head, body):
            return


def serve_echo(sock):
    while part := sock.recv(65536):
        sock.sendall(part)


def serve_source(sock):
    block = bytes(range(256)) * 256
    for _ in range(SOURCE_BYTES // len(block)):
        sock.sendall(block)


def serve_silent(sock):
    del sock
    threading.Event().wait()


def shake_hands(sock, context):
    """An alert must arrive: closing with unread bytes would reset the connection behind it."""
    stream = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    try:
        stream.do_handshake()
    except ssl.SSLError:
        socket.socket.shutdown(stream, socket.SHUT_WR)
        while os.read(stream.fileno(), 65536):
            pass
        stream.close()
        return None
    return stream


def serve(sock, kind, context):
    servers = {"http": serve_http, "echo": serve_echo, "source": serve_source, "silent": serve_silent}
    try:
        stream = shake_hands(sock, context) if context else sock
        if stream is None:
            return
        servers[kind](stream)
        (stream.unwrap() if context else stream).close()
    except (OSError, ValueError):
        sock.close()


def tls_context(folder, name, client_ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key"))
    if client_ca:
        context.load_verify_locations(os.path.join(folder, "ca.crt"))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def main():
    # No handler: Python runs one in the main thread only, which does not wake up in accept() when another thread
    # took the signal.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    kind, rest = sys.argv[1], sys.argv[2:]
    context = tls_context(rest[0], rest[1], rest[2:] == ["client-ca"]) if rest else None
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"ready port={listener.getsockname()[1]}", flush=True)
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(sock, kind, context), daemon=True).start()


main()
