"""Start, end, the second port and the log."""

import re
import signal
import socket
import subprocess
import unittest

import kftserver as k


class Start(unittest.TestCase):
    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for variables in ({"LOCAL_PORT": port, "STATUS_PORT": 0}, {"LOCAL_PORT": 0, "STATUS_PORT": port}):
                status, log = k.run_to_end(LISTEN_ADDRESS="127.0.0.1", STATUS_ADDRESS="127.0.0.1", **variables)
                self.assertEqual(status, 1)
                self.assertIn(f"cannot listen on 127.0.0.1:{port}: another program listens there", log)

    def test_bad_settings(self):
        for name, value in (("PROXY_TYPE", "sctp"), ("REMOTE_PORT", "0"), ("REMOTE_PORT", "http"),
                            ("LOCAL_PORT", "65536"), ("STATUS_PORT", "x"), ("REMOTE_ADDRESS", "a b"),
                            ("REMOTE_ADDRESS", "http:///x"), ("REMOTE_ADDRESS", "[::1"), ("LISTEN_ADDRESS", "example"),
                            ("STATUS_ADDRESS", "1.2.3"), ("MAX_CONNECTIONS", "0"), ("IDLE_TIMEOUT", "5"),
                            ("CONNECT_TIMEOUT", "0"), ("DRAIN_TIMEOUT", "-1s"), ("UDP_QUEUE_BYTES", "100")):
            with self.subTest(f"{name}={value}"):
                status, log = k.run_to_end(**{name: value})
                self.assertEqual(status, 1)
                self.assertRegex(log, rf'event=cannot-start problem="{name} is .*: it must be ')
                self.assertEqual(log.count("\n"), 1)

    def test_same_port_twice(self):
        status, log = k.run_to_end(LOCAL_PORT=8123, STATUS_PORT=8123)
        self.assertEqual(status, 1)
        self.assertIn("another port than LOCAL_PORT", log)

    def test_no_status_port(self):
        with k.TcpTarget(k.echo) as target, k.Server(REMOTE_PORT=target.port, STATUS_PORT="off") as server:
            self.assertIsNone(server.status_port)
            with server.connect() as client:
                client.sendall(b"x")
                self.assertEqual(k.receive(client, 1), b"x")

    def test_arguments(self):
        for argument, status, output in (("--version", 0, "kftray-server "), ("--help", 0, "GATEWAY_ALLOW")):
            done = subprocess.run([k.PROGRAM, argument], capture_output=True, text=True, timeout=k.WAIT_S, check=False)
            self.assertEqual(done.returncode, status)
            self.assertIn(output, done.stdout)
        done = subprocess.run([k.PROGRAM, "serve"], capture_output=True, text=True, timeout=k.WAIT_S, check=False)
        self.assertEqual(done.returncode, 2)


class End(unittest.TestCase):
    def test_at_once_without_connections(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with k.Server() as server:
                server.process.send_signal(number)
                self.assertEqual(server.process.wait(k.WAIT_S), 0)

    def test_drain(self):
        """After SIGTERM connections finish in peace, and nobody new is taken."""
        with k.TcpTarget(k.echo) as target, k.Server(REMOTE_PORT=target.port, DRAIN_TIMEOUT="1h") as server:
            with server.connect() as client:
                client.sendall(b"before")
                self.assertEqual(k.receive(client, 6), b"before")
                self.assertEqual(server.get("/healthz"), (200, "ok\n"))
                server.process.send_signal(signal.SIGTERM)
                server.await_line("event=draining")
                self.assertEqual(server.get("/healthz"), (503, "draining\n"))
                self.assertEqual(server.metrics()["draining"], 1)
                with self.assertRaises(ConnectionRefusedError):
                    server.connect()
                client.sendall(b"after")
                self.assertEqual(k.receive(client, 5), b"after")
                client.shutdown(socket.SHUT_WR)
                self.assertTrue(k.is_ended(client))
            self.assertEqual(server.process.wait(k.WAIT_S), 0)
            server.await_line('because="no connection is left"')

    def test_drain_deadline(self):
        with k.TcpTarget(k.echo) as target, k.Server(REMOTE_PORT=target.port, DRAIN_TIMEOUT="200ms") as server:
            with server.connect() as client:
                client.sendall(b"x")
                k.receive(client, 1)
                server.process.send_signal(signal.SIGTERM)
                self.assertFalse(k.is_ended(client))
            self.assertEqual(server.process.wait(k.WAIT_S), 0)
            server.await_line("result=drained")

    def test_second_signal(self):
        with k.UdpTarget(k.echo_datagram) as target:
            with k.Server(REMOTE_PORT=target.port, PROXY_TYPE="udp", DRAIN_TIMEOUT="1h") as server:
                with server.connect() as client:
                    client.sendall(k.frame(b"x"))
                    k.receive_frame(client)
                    server.process.send_signal(signal.SIGTERM)
                    server.await_line("event=draining")
                    server.process.send_signal(signal.SIGTERM)
                    self.assertFalse(k.is_ended(client))
                self.assertEqual(server.process.wait(k.WAIT_S), 0)
                server.await_line("a second signal came")

    def test_unused(self):
        with k.Server(UNUSED_TIMEOUT="100ms") as server:
            self.assertEqual(server.process.wait(k.WAIT_S), 0)
            server.await_line("UNUSED_TIMEOUT")

    def test_used(self):
        """Neither a connection nor /keepalive lets it end; when both stop, it does."""
        with k.TcpTarget(k.echo) as target, k.Server(REMOTE_PORT=target.port, UNUSED_TIMEOUT="5s") as server:
            for _ in range(200):
                self.assertEqual(server.get("/keepalive"), (200, "ok\n"))
            with server.connect() as client:
                client.sendall(b"x")
                k.receive(client, 1)
                client.settimeout(6)
                with self.assertRaises(TimeoutError):
                    client.recv(1)
            self.assertEqual(server.process.wait(k.WAIT_S), 0)


class Status(unittest.TestCase):
    def test_answers(self):
        with k.Server() as server:
            self.assertEqual(server.get("/healthz"), (200, "ok\n"))
            self.assertEqual(server.get("/healthz?verbose"), (200, "ok\n"))
            self.assertEqual(server.get("/")[0], 404)
            self.assertEqual(server.get("/healthz", "POST")[0], 405)
            for request, code in ((b"hello\r\n\r\n", b"400"), (b"GET /" + b"x" * 9000, b"431"),
                                  (b"GET /healthz HTTP/1.0\n\n", b"200"), (b"GET  /healthz HTTP/1.1\r\n\r\n", b"4")):
                with socket.create_connection(("127.0.0.1", server.status_port), timeout=k.WAIT_S) as client:
                    client.sendall(request)
                    self.assertTrue(client.recv(100).startswith(b"HTTP/1.1 " + code), request)

    def test_in_pieces(self):
        with k.Server() as server:
            with socket.create_connection(("127.0.0.1", server.status_port), timeout=k.WAIT_S) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n":
                    client.sendall(bytes([byte]))
                self.assertTrue(client.recv(100).startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_metrics_format(self):
        """Each sample has its help and type before it, and a name and a number."""
        with k.Server() as server:
            _, text = server.get("/metrics")
        known = set()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                known.add(line.split()[2])
            elif not line.startswith("#"):
                match = re.fullmatch(r'(kftray_server_\w+)(\{(\w+="[^"\\]*",?)+\})? \d+', line)
                self.assertIsNotNone(match, line)
                self.assertIn(match[1], known)
        self.assertIn('kftray_server_info{version="', text)
        self.assertTrue(text.endswith("\n"))

    def test_log_format(self):
        with k.Server(LOG_LEVEL="debug") as server:
            pass
        for line in server.log().splitlines():
            self.assertRegex(line, r'^time=\S+Z level=\w+ event=[\w-]+( [\w_]+=("[^"]*"|[^"= ]+))*$')
