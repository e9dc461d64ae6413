"""Names, in the static program inside an empty root directory and a network of its own: as in its image.
A name server that is part of the test answers, loses and mangles."""

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

import kftserver as k

STATIC = os.environ.get("KFTRAY_SERVER_STATIC", "")
INSIDE = "KFT_TEST_INSIDE_NAMESPACE"
A, AAAA = 1, 28


def encode_name(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.rstrip(".").split(".")) + b"\0"


class NameServer:
    """records: (name, type) → list of addresses. What is not there does not exist."""

    def __init__(self, records, n_lost=0, truncates=False):
        self.records = records
        self.n_lost = n_lost
        self.truncates = truncates
        self.asked = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 53))
        self.tcp = socket.create_server(("127.0.0.1", 53))
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.serve_udp, self.serve_tcp)]
        for thread in self.threads:
            thread.start()

    def close(self):
        for sock in (self.udp, self.tcp):
            # Wakes the thread; UDP says "not connected", and does it all the same.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        # A socket that a thread still waits at keeps its port.
        for thread in self.threads:
            thread.join(k.WAIT_S)
        self.udp.close()
        self.tcp.close()

    def answer(self, query, may_truncate):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        question = query[12:at + 5]
        name, kind = ".".join(labels).lower(), struct.unpack(">H", query[at + 1:at + 3])[0]
        self.asked.append(name)
        if may_truncate and self.truncates:
            return query[:2] + b"\x83\x80" + struct.pack(">HHHH", 1, 0, 0, 0) + question
        exists = any(n == name for n, _ in self.records)
        answers = self.records.get((name, kind), [])
        head = query[:2] + (b"\x81\x80" if exists else b"\x81\x83") + struct.pack(">HHHH", 1, len(answers), 0, 0)
        body = b""
        for text in answers:
            data = socket.inet_pton(socket.AF_INET if kind == A else socket.AF_INET6, text)
            body += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 5, len(data)) + data
        return head + question + body

    def serve_udp(self):
        with contextlib.suppress(OSError):
            while True:
                query, peer = self.udp.recvfrom(4096)
                if not query:
                    return  # closed
                if self.n_lost > 0:
                    self.n_lost -= 1
                    continue
                self.udp.sendto(self.answer(query, True), peer)

    def serve_tcp(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.tcp.accept()
                with connection, contextlib.suppress(k.Failure):
                    while True:
                        query = k.receive(connection, struct.unpack(">H", k.receive(connection, 2))[0])
                        answer = self.answer(query, False)
                        connection.sendall(struct.pack(">H", len(answer)) + answer)


@contextlib.contextmanager
def image(resolv, hosts=None):
    """A root directory as the kubelet makes it of the image: the program, and /etc as mounted."""
    with tempfile.TemporaryDirectory() as root:
        os.mkdir(f"{root}/etc")
        with open(f"{root}/etc/resolv.conf", "w", encoding="ascii") as file:
            file.write(resolv)
        if hosts is not None:
            with open(f"{root}/etc/hosts", "w", encoding="ascii") as file:
                file.write(hosts)
        shutil.copy(STATIC, f"{root}/kftray-server")
        yield root


def server_in(root, **variables):
    return k.Server(program="/kftray-server", wrap=("/usr/sbin/chroot", root), **variables)


POD = "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 127.0.0.1\noptions ndots:5\n"


@unittest.skipUnless(os.path.exists(STATIC), "no static program")
class Resolver(unittest.TestCase):
    def check(self, records, host="db", target_host="127.0.0.1", resolv=POD, hosts=None, **faults):
        names = NameServer(records, **faults)
        try:
            with k.TcpTarget(k.echo, target_host) as target, image(resolv, hosts) as root:
                with server_in(root, REMOTE_ADDRESS=host, REMOTE_PORT=target.port) as server:
                    with server.connect() as client:
                        client.sendall(b"x")
                        self.assertEqual(k.receive(client, 1), b"x")
        finally:
            names.close()
        return names.asked

    def test_search_domains(self):
        """A service's short name, and one with its namespace."""
        asked = self.check({("db.shop.svc.cluster.local", A): ["127.0.0.1"]})
        self.assertIn("db.shop.svc.cluster.local", asked)
        self.check({("db.other.svc.cluster.local", A): ["127.0.0.1"]}, host="db.other")

    def test_full_names(self):
        self.check({("db.example.com", A): ["127.0.0.1"]}, host="db.example.com")
        asked = self.check({("db.example.com", A): ["127.0.0.1"]}, host="db.example.com.")
        self.assertEqual(set(asked), {"db.example.com"})

    def test_ipv6_only(self):
        self.check({("db.shop.svc.cluster.local", AAAA): ["::1"]}, target_host="::1")

    def test_falls_back_over_addresses(self):
        """Nobody at the first addresses, of both families: the one that answers is found."""
        self.check({("db.shop.svc.cluster.local", A): ["127.0.0.7", "127.0.0.8", "127.0.0.1"],
                    ("db.shop.svc.cluster.local", AAAA): ["::1"]})

    def test_hosts_file(self):
        self.check({}, host="printer", hosts="127.0.0.1 localhost\n127.0.0.1 printer\n")

    def test_lost_question(self):
        self.check({("db.shop.svc.cluster.local", A): ["127.0.0.1"]}, n_lost=1)

    def test_long_answer_by_tcp(self):
        self.check({("db.shop.svc.cluster.local", A): ["127.0.0.1"]}, truncates=True)

    def test_asks_for_each_connection(self):
        """A service that moved is found by the next connection."""
        names = NameServer({("db.shop.svc.cluster.local", A): ["127.0.0.2"]})
        try:
            with k.TcpTarget(k.echo, "127.0.0.2") as old, image(POD) as root:
                with server_in(root, REMOTE_ADDRESS="db", REMOTE_PORT=old.port) as server:
                    with server.connect() as client:
                        client.sendall(b"x")
                        self.assertEqual(k.receive(client, 1), b"x")
                    names.records[("db.shop.svc.cluster.local", A)] = ["127.0.0.3"]
                    self.assertTrue(server.resets())
                    server.await_line(f"target=127.0.0.2:{old.port}")
                    server.await_line("result=refused")
        finally:
            names.close()

    def test_unknown_name(self):
        names = NameServer({})
        try:
            with image(POD) as root, server_in(root, REMOTE_ADDRESS="nobody", REMOTE_PORT=1) as server:
                self.assertTrue(server.resets())
                line = server.await_line("event=connection .*").group()
                self.assertIn("result=not-found", line)
        finally:
            names.close()

    def test_no_name_server(self):
        with image("nameserver 127.0.0.1\n") as root:
            with server_in(root, REMOTE_ADDRESS="nobody", REMOTE_PORT=1, CONNECT_TIMEOUT="300ms") as server:
                self.assertTrue(server.resets())
                server.await_line("result=(not-found|timeout)")

    def test_rules_see_the_address(self):
        """A name that is allowed, but leads to a reserved address (DNS rebinding)."""
        names = NameServer({("evil.example.com", A): ["127.0.0.1", "169.254.169.254"]})
        try:
            with k.TcpTarget(k.echo) as target, image(POD) as root:
                with server_in(root, PROXY_TYPE="gateway", GATEWAY_ALLOW="*.example.com") as server:
                    client, reply = k.socks(server, "evil.example.com", target.port)
                    client.close()
                    self.assertEqual(reply, 2)
                    client, reply = k.socks(server, "db.example.net", target.port)
                    client.close()
                    self.assertEqual(reply, 2)
        finally:
            names.close()
        self.assertNotIn("db.example.net", names.asked)


def load_tests(loader, tests, pattern):
    """Outside of the namespace the whole module is one test, which runs it inside."""
    return loader.loadTestsFromTestCase(Resolver if os.environ.get(INSIDE) else Outside)


class Outside(unittest.TestCase):
    def test_in_namespace(self):
        if not os.path.exists(STATIC):
            self.skipTest("KFTRAY_SERVER_STATIC names no program")
        unshare = ["unshare", "--net", "--mount"] if os.getuid() == 0 else ["unshare", "--map-root-user", "--net"]
        if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no namespaces here")
        command = 'ip link set lo up && exec "$@"'
        done = subprocess.run([*unshare, "sh", "-c", command, "sh", sys.executable, sys.argv[0], "resolver"],
                              env=os.environ | {INSIDE: "1"}, timeout=5 * k.WAIT_S, check=False)
        self.assertEqual(done.returncode, 0)
