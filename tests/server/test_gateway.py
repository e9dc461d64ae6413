"""PROXY_TYPE=gateway: SOCKS 5 with an allow list, and UDP frames by command 0xF3."""

import contextlib
import os
import shutil
import socket
import subprocess
import unittest

import kftserver as k

SUCCEEDED, FAILED, NOT_ALLOWED, HOST_UNREACHABLE, REFUSED = 0, 1, 2, 4, 5
COMMAND_UNKNOWN, ADDRESS_UNKNOWN = 7, 8


def gateway(allow="127.0.0.0/8 [::1]:1-65535 localhost", reserved="127.0.0.0/8 ::1", **variables):
    return k.Server(PROXY_TYPE="gateway", GATEWAY_ALLOW=allow, GATEWAY_ALLOW_RESERVED=reserved, **variables)


class Connect(unittest.TestCase):
    def test_carries(self):
        with k.TcpTarget(k.echo) as target, gateway() as server:
            for host in ("127.0.0.1", "localhost"):
                with self.subTest(host):
                    client, reply = k.socks(server, host, target.port)
                    with client:
                        self.assertEqual(reply, SUCCEEDED)
                        client.sendall(b"hello")
                        self.assertEqual(k.receive(client, 5), b"hello")
            server.await_line(f"asked=127.0.0.1:{target.port} target=127.0.0.1:{target.port} carries=tcp")

    def test_ipv6(self):
        with k.TcpTarget(k.echo, "::1") as target, gateway() as server:
            client, reply = k.socks(server, "::1", target.port)
            with client:
                self.assertEqual(reply, SUCCEEDED)
                client.sendall(b"hello")
                self.assertEqual(k.receive(client, 5), b"hello")

    def test_all_in_one_write(self):
        """Greeting, request and data without waiting for answers."""
        with k.TcpTarget(k.echo) as target, gateway() as server, server.connect() as client:
            client.sendall(b"\5\1\0" + k.socks_request("127.0.0.1", target.port) + b"early data")
            self.assertEqual(k.receive(client, 2), b"\5\0")
            self.assertEqual(k.receive_reply(client), SUCCEEDED)
            self.assertEqual(k.receive(client, 10), b"early data")

    def test_byte_by_byte(self):
        with k.TcpTarget(k.echo) as target, gateway() as server, server.connect() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"\5\2\2\0" + k.socks_request("localhost", target.port):
                client.sendall(bytes([byte]))
            self.assertEqual(k.receive(client, 2), b"\5\0")
            self.assertEqual(k.receive_reply(client), SUCCEEDED)

    def test_curl(self):
        curl = shutil.which("curl")
        if curl is None:
            self.skipTest("no curl")

        def http(connection):
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nyes")

        env = {"PATH": os.environ["PATH"]}
        with k.TcpTarget(http) as target, gateway(f"localhost:{target.port}") as server:
            command = [curl, "-sS", "--max-time", "20", "--socks5-hostname", f"127.0.0.1:{server.port}"]
            done = subprocess.run([*command, f"http://localhost:{target.port}/"], env=env, capture_output=True,
                                  timeout=k.WAIT_S, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, b"yes"), done.stderr)
            done = subprocess.run([*command, "http://localhost:1/"], env=env, capture_output=True,
                                  timeout=k.WAIT_S, check=False)
            self.assertEqual(done.returncode, 97)  # CURLE_PROXY
            self.assertIn(b"(2)", done.stderr)

    def test_refused(self):
        with gateway() as server:
            client, reply = k.socks(server, "127.0.0.1", k.freeport.find())
            with client:
                self.assertEqual(reply, REFUSED)
                self.assertTrue(k.is_ended(client))

    def test_refusal_survives_early_data(self):
        """What came behind a refused request does not turn the answer into a reset."""
        with gateway("127.0.0.1:1") as server, server.connect() as client:
            client.sendall(b"\5\1\0" + k.socks_request("127.0.0.1", 2) + b"x" * 200000)
            self.assertEqual(k.receive(client, 2), b"\5\0")
            self.assertEqual(k.receive_reply(client), NOT_ALLOWED)
            self.assertTrue(k.is_ended(client))


class Rules(unittest.TestCase):
    def reply(self, server, host, port, command=k.CONNECT):
        client, reply = k.socks(server, host, port, command)
        client.close()
        return reply

    def test_allow_list(self):
        with k.TcpTarget(k.echo) as target, gateway(f"127.0.0.1:{target.port} !127.0.0.9") as server:
            self.assertEqual(self.reply(server, "127.0.0.1", target.port), SUCCEEDED)
            # An address sent as a name is still an address.
            self.assertEqual(self.reply(server, "127.0.0.1", target.port ^ 1), NOT_ALLOWED)
            self.assertEqual(self.reply(server, "127.0.0.9", target.port), NOT_ALLOWED)
            self.assertEqual(self.reply(server, "10.0.0.1", target.port), NOT_ALLOWED)
            # The rule is for an address; what the name leads to counts.
            self.assertEqual(self.reply(server, "localhost", target.port), SUCCEEDED)
            self.assertEqual(self.reply(server, "localhost", target.port, k.UDP_FRAMES), SUCCEEDED)
            self.assertEqual(self.reply(server, "10.0.0.1", target.port, k.UDP_FRAMES), NOT_ALLOWED)
            server.await_metric('ended_total{result="denied"}', 4)

    def test_names(self):
        with k.TcpTarget(k.echo) as target, gateway(f"*.local localhost:{target.port}") as server:
            self.assertEqual(self.reply(server, "LocalHost", target.port), SUCCEEDED)
            self.assertEqual(self.reply(server, "127.0.0.1", target.port), NOT_ALLOWED)
            self.assertEqual(self.reply(server, "localhost", target.port ^ 1), NOT_ALLOWED)
            # Not looked up at all.
            self.assertEqual(self.reply(server, "secrets.example.net", 53), NOT_ALLOWED)

    def test_reserved_by_default(self):
        """Loopback, link-local and metadata addresses are refused although everything is allowed."""
        with k.TcpTarget(k.echo) as target, gateway("*", reserved="") as server:
            for host in ("127.0.0.1", "localhost", "127.255.0.1", "0.0.0.0", "169.254.169.254", "::1", "::",
                         "fe80::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::127.0.0.1",
                         "2002:7f00:1::", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "224.0.0.1", "ff02::1",
                         "255.255.255.255"):
                with self.subTest(host):
                    self.assertEqual(self.reply(server, host, target.port), NOT_ALLOWED)
                    self.assertEqual(self.reply(server, host, target.port, k.UDP_FRAMES), NOT_ALLOWED)

    def test_nothing_allowed_is_a_mistake(self):
        for rules, wanted in (("", "allows nothing"), ("!10.0.0.1", "allows nothing"), ("10.0.0.0/33", "10.0.0.0/33"),
                              ("10.0.0.1/8", "no bits set"), ("example.com:0", "no port"), ("a b:9-8", "b:9-8")):
            with self.subTest(rules):
                status, log = k.run_to_end(PROXY_TYPE="gateway", GATEWAY_ALLOW=rules)
                self.assertEqual(status, 1)
                self.assertIn(wanted, log)
                self.assertIn("GATEWAY_ALLOW", log)


class Protocol(unittest.TestCase):
    def test_unknown_command(self):
        with gateway() as server:
            for command in (k.BIND, 3, 0xF4):
                client, reply = k.socks(server, "127.0.0.1", 1, command)
                with client:
                    self.assertEqual(reply, COMMAND_UNKNOWN)
                    self.assertTrue(k.is_ended(client))

    def test_unknown_address_type(self):
        with gateway() as server, server.connect() as client:
            client.sendall(b"\5\1\0" + b"\5\1\0\x09")
            self.assertEqual(k.receive(client, 2), b"\5\0")
            self.assertEqual(k.receive_reply(client), ADDRESS_UNKNOWN)

    def test_port_0_and_bad_names(self):
        with gateway() as server:
            client, reply = k.socks(server, "127.0.0.1", 0)
            client.close()
            self.assertEqual(reply, FAILED)
            for name in (b"", b"a b", b"a\nlevel=error", b"\0"):
                with server.connect() as client:
                    client.sendall(b"\5\1\0\5\1\0\3" + bytes([len(name)]) + name + b"\0\x50")
                    self.assertEqual(k.receive(client, 2), b"\5\0")
                    self.assertEqual(k.receive_reply(client), FAILED)
            self.assertNotIn("\nlevel=error", server.log())

    def test_authentication_wanted(self):
        with gateway() as server, server.connect() as client:
            client.sendall(b"\5\1\2")
            self.assertEqual(k.receive_all(client), b"\5\xff")

    def test_not_socks(self):
        with gateway() as server:
            for data in (b"GET / HTTP/1.1\r\n\r\n", b"\4\1\0\x50\x7f\0\0\1\0", b"\5\0"):
                with server.connect() as client, contextlib.suppress(ConnectionResetError):
                    client.sendall(data)
                    self.assertEqual(client.recv(10), b"")
            server.await_line("result=bad-client", 3)

    def test_client_that_says_nothing_and_leaves(self):
        with gateway() as server:
            server.connect().close()
            server.await_line("result=client-gone")


class Datagrams(unittest.TestCase):
    def test_carries(self):
        with k.UdpTarget(k.echo_datagram) as target, gateway() as server:
            clients = []
            for number in range(16):
                client, reply = k.socks(server, "localhost" if number % 2 else "127.0.0.1", target.port, k.UDP_FRAMES)
                self.assertEqual(reply, SUCCEEDED)
                clients.append(client)
            for number, client in enumerate(clients):
                client.sendall(k.frame(b"%d" % number))
                client.sendall(k.frame(b"%d" % number * 10000))
            for number, client in enumerate(clients):
                self.assertEqual(k.receive_frame(client), b"%d" % number)
                self.assertEqual(k.receive_frame(client), b"%d" % number * 10000)
                client.close()

    def test_all_in_one_write(self):
        with k.UdpTarget(k.echo_datagram) as target, gateway() as server, server.connect() as client:
            client.sendall(b"\5\1\0" + k.socks_request("127.0.0.1", target.port, k.UDP_FRAMES) +
                           k.frame(b"one") + k.frame(b"two")[:5])
            client.sendall(k.frame(b"two")[5:])
            self.assertEqual(k.receive(client, 2), b"\5\0")
            self.assertEqual(k.receive_reply(client), SUCCEEDED)
            self.assertEqual(k.receive_frame(client), b"one")
            self.assertEqual(k.receive_frame(client), b"two")

    def test_next_address_after_a_refusal(self):
        """Nobody at the first address of a name: the next one gets the datagrams."""
        with k.UdpTarget(k.echo_datagram, "127.0.0.1") as target, gateway() as server:
            client, reply = k.socks(server, "localhost", target.port, k.UDP_FRAMES)
            with client:
                self.assertEqual(reply, SUCCEEDED)
                client.settimeout(0.2)
                for _ in range(int(k.WAIT_S / 0.2)):
                    client.sendall(k.frame(b"x"))
                    with contextlib.suppress(TimeoutError):
                        self.assertEqual(client.recv(5), k.frame(b"x"))
                        return
                self.fail("no answer")
