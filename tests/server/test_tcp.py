"""PROXY_TYPE=tcp: one target, a connection to it for each of a client's."""

import select
import socket
import struct
import threading
import unittest

import kftserver as k

RESET = struct.pack("ii", 1, 0)


def server_for(target, **variables):
    return k.Server(REMOTE_ADDRESS=variables.pop("REMOTE_ADDRESS", "127.0.0.1"), REMOTE_PORT=target.port,
                    PROXY_TYPE="tcp", **variables)


class Tcp(unittest.TestCase):
    def test_carries(self):
        with k.TcpTarget(k.echo) as target, server_for(target) as server:
            with server.connect() as client:
                client.sendall(b"hello")
                self.assertEqual(k.receive(client, 5), b"hello")
                client.shutdown(socket.SHUT_WR)
                self.assertTrue(k.is_ended(client))
            line = server.await_line("event=connection .*").group()
            self.assertIn("result=done", line)
            self.assertIn("to_target=5 to_client=5", line)
            self.assertNotIn("hello", server.log())

    def test_names_and_forms(self):
        """Names, URLs and the default type, in any case."""
        for address in ("localhost", "http://localhost", "tcp://127.0.0.1:1/x?y", "LOCALHOST"):
            with self.subTest(address), k.TcpTarget(k.echo) as target:
                with server_for(target, REMOTE_ADDRESS=address) as server, server.connect() as client:
                    client.sendall(b"x")
                    self.assertEqual(k.receive(client, 1), b"x")
        with k.TcpTarget(k.echo) as target:
            with k.Server(REMOTE_PORT=target.port, PROXY_TYPE="TCP") as server, server.connect() as client:
                client.sendall(b"x")
                self.assertEqual(k.receive(client, 1), b"x")

    def test_ipv6(self):
        for address in ("::1", "[::1]", "http://[::1]:1/"):
            with self.subTest(address), k.TcpTarget(k.echo, "::1") as target:
                with server_for(target, REMOTE_ADDRESS=address) as server, server.connect() as client:
                    client.sendall(b"x")
                    self.assertEqual(k.receive(client, 1), b"x")

    def test_listens_on_both_families(self):
        with k.TcpTarget(k.echo) as target, server_for(target, LISTEN_ADDRESS=None) as server:
            for host in ("127.0.0.1", "::1"):
                with socket.create_connection((host, server.port), timeout=k.WAIT_S) as client:
                    client.sendall(b"x")
                    self.assertEqual(k.receive(client, 1), b"x")

    def test_half_close_by_client(self):
        def answer_after_end(connection):
            question = k.receive_all(connection)
            connection.sendall(b"got " + question)

        with k.TcpTarget(answer_after_end) as target, server_for(target) as server, server.connect() as client:
            client.sendall(b"question")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(k.receive_all(client), b"got question")

    def test_half_close_by_target(self):
        got = []

        def end_first(connection):
            connection.sendall(b"bye")
            connection.shutdown(socket.SHUT_WR)
            got.append(k.receive_all(connection))

        with k.TcpTarget(end_first) as target, server_for(target) as server:
            with server.connect() as client:
                self.assertEqual(k.receive_all(client), b"bye")
                client.sendall(b"more" * 100000)
            server.await_line("result=done")
            k.wait_until("the rest", lambda: got)
            self.assertEqual(got, [b"more" * 100000])

    def test_bulk_both_ways(self):
        """100 MB each way at once, by checksum."""
        size = 100 << 20
        sums = {}

        def serve(connection):
            sender = threading.Thread(target=lambda: (sums.update(down=k.send_blocks(connection, size, b"down")),
                                                      connection.shutdown(socket.SHUT_WR)))
            sender.start()
            sums["up at target"] = k.receive_blocks(connection)
            sender.join()

        with k.TcpTarget(serve) as target, server_for(target) as server:
            with server.connect() as client:
                sender = threading.Thread(target=lambda: (sums.update(up=k.send_blocks(client, size, b"up")),
                                                          client.shutdown(socket.SHUT_WR)))
                sender.start()
                sums["down at client"] = k.receive_blocks(client)
                sender.join()
            server.await_line(f"result=done to_target={size} to_client={size}")
            k.wait_until("the target's sum", lambda: "up at target" in sums)
            metrics = server.metrics()
        self.assertEqual(sums["down at client"], (size, sums["down"]))
        self.assertEqual(sums["up at target"], (size, sums["up"]))
        self.assertEqual(metrics['bytes_total{to="target"}'], size)
        self.assertEqual(metrics['bytes_total{to="client"}'], size)

    def test_slow_reader_is_waited_for(self):
        """A client that does not read stops the target, and loses nothing."""
        blocked = threading.Event()
        sent = []

        def serve(connection):
            block = bytes(range(256)) * 256
            connection.setblocking(False)
            total = 0
            while total < 256 << 20:
                try:
                    total += connection.send(block[total % len(block):] or block)
                except BlockingIOError:
                    if not select.select([], [connection], [], 2)[1]:
                        break
            sent.append(total)
            blocked.set()
            connection.settimeout(k.WAIT_S)

        with k.TcpTarget(serve) as target, server_for(target) as server, server.connect() as client:
            self.assertTrue(blocked.wait(k.WAIT_S))
            self.assertLess(sent[0], 256 << 20)
            data = k.receive_all(client)
            self.assertEqual(len(data), sent[0])
            self.assertGreater(len(data), 0)
            self.assertTrue(data == (bytes(range(256)) * (len(data) // 256 + 1))[:len(data)])

    def test_refused(self):
        with k.Server(REMOTE_PORT=k.freeport.find()) as server:
            self.assertTrue(server.resets())
            line = server.await_line("event=connection .*").group()
            self.assertIn("result=refused", line)
            self.assertEqual(server.metrics()['ended_total{result="refused"}'], 1)

    def test_resets_are_passed_on(self):
        seen = []

        def serve(connection):
            connection.sendall(b"x")
            try:
                connection.recv(1)
                seen.append("end")
            except ConnectionResetError:
                seen.append("reset")

        def reset(connection):
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

        with k.TcpTarget(serve) as target, server_for(target) as server:
            client = server.connect()
            k.receive(client, 1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            server.await_line("result=client-gone")
            k.wait_until("the target's end", lambda: seen)
            self.assertEqual(seen, ["reset"])
        with k.TcpTarget(reset) as target, server_for(target) as server, server.connect() as client:
            client.sendall(b"x")
            self.assertFalse(k.is_ended(client))
            server.await_line("result=target-gone")

    def test_too_many(self):
        with k.TcpTarget(k.echo) as target, server_for(target, MAX_CONNECTIONS=2) as server:
            with server.connect() as one, server.connect() as two:
                for client in (one, two):
                    client.sendall(b"x")
                    k.receive(client, 1)
                with server.connect() as three:
                    k.is_ended(three)
                self.assertEqual(server.metrics()['connections_total{result="turned-away"}'], 1)
            server.await_metric("connections", 0)
            with server.connect() as client:
                client.sendall(b"x")
                k.receive(client, 1)

    def test_idle(self):
        with k.TcpTarget(k.echo) as target, server_for(target, IDLE_TIMEOUT="5s") as server:
            with server.connect() as client:
                client.sendall(b"x")
                k.receive(client, 1)
                self.assertTrue(k.is_ended(client))
            server.await_line("result=idle")
