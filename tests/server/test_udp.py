"""PROXY_TYPE=udp: datagrams in frames over TCP, a UDP socket for each connection."""

import socket
import struct
import unittest

import kftserver as k
import lockstep


def server_for(target, **variables):
    return k.Server(REMOTE_ADDRESS=variables.pop("REMOTE_ADDRESS", "127.0.0.1"), REMOTE_PORT=target.port,
                    PROXY_TYPE=variables.pop("PROXY_TYPE", "udp"), **variables)


class Udp(unittest.TestCase):
    def test_carries(self):
        with k.UdpTarget(k.echo_datagram) as target, server_for(target, PROXY_TYPE="UDP") as server:
            with server.connect() as client:
                for data in (b"a", b"b" * 1472, b"c" * k.MAX_DATAGRAM, b"", b"d"):
                    client.sendall(k.frame(data))
                    self.assertEqual(k.receive_frame(client), data)
            line = server.await_line("event=connection .*").group()
            self.assertIn("carries=udp result=done", line)
            self.assertIn("dropped=0", line)
            metrics = server.metrics()
            self.assertEqual(metrics['datagrams_total{to="target"}'], 5)
            self.assertEqual(metrics['datagrams_total{to="client"}'], 5)
            self.assertEqual(metrics["queued_bytes"], 0)

    def test_ipv6(self):
        with k.UdpTarget(k.echo_datagram, "::1") as target, server_for(target, REMOTE_ADDRESS="::1") as server:
            with server.connect() as client:
                client.sendall(k.frame(b"x" * k.MAX_DATAGRAM))
                self.assertEqual(k.receive_frame(client), b"x" * k.MAX_DATAGRAM)

    def test_frames_in_pieces(self):
        """Every cut of two frames, and both in one piece."""
        data = k.frame(b"first") + k.frame(b"second one")
        with k.UdpTarget(k.echo_datagram) as target, server_for(target) as server, server.connect() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for cut in range(len(data) + 1):
                client.sendall(data[:cut])
                if cut >= 9:
                    self.assertEqual(k.receive_frame(client), b"first")
                client.sendall(data[cut:])
                if cut < 9:
                    self.assertEqual(k.receive_frame(client), b"first")
                self.assertEqual(k.receive_frame(client), b"second one")

    def test_64_peers_at_once(self):
        """Each stream has a socket of its own: no answer reaches another."""
        with k.UdpTarget(k.echo_datagram) as target, server_for(target) as server:
            clients = [server.connect() for _ in range(64)]
            for turn in range(20):
                for number, client in enumerate(clients):
                    client.sendall(k.frame(b"%d of %d" % (turn, number)))
                for number, client in enumerate(clients):
                    self.assertEqual(k.receive_frame(client), b"%d of %d" % (turn, number))
            self.assertEqual(server.metrics()["connections"], 64)
            for client in clients:
                client.close()
            server.await_metric("connections", 0)

    def test_unsolicited(self):
        """What the target sends by itself arrives without a question, and does not wait for one."""
        with k.UdpTarget() as target, server_for(target) as server, server.connect() as client:
            client.sendall(k.frame(b"subscribe"))
            data, peer = target.socket.recvfrom(100)
            self.assertEqual(data, b"subscribe")
            for number in range(100):
                target.socket.sendto(b"news %d" % number, peer)
                self.assertEqual(k.receive_frame(client), b"news %d" % number)

    def test_only_from_the_target(self):
        with k.UdpTarget() as target, k.UdpTarget() as stranger, server_for(target) as server:
            with server.connect() as client:
                client.sendall(k.frame(b"x"))
                _, peer = target.socket.recvfrom(100)
                stranger.socket.sendto(b"forged", peer)
                target.socket.sendto(b"true", peer)
                self.assertEqual(k.receive_frame(client), b"true")

    def test_no_answer_blocks_nothing(self):
        """A question without an answer does not hold up the next, and nothing is invented."""
        def answer_even(sock, data, peer):
            if int(data) % 2 == 0:
                sock.sendto(data, peer)

        with k.UdpTarget(answer_even) as target, server_for(target) as server, server.connect() as client:
            for number in range(100):
                client.sendall(k.frame(b"%d" % number))
            for number in range(0, 100, 2):
                self.assertEqual(k.receive_frame(client), b"%d" % number)

    def test_too_long_ends(self):
        with k.UdpTarget() as target, server_for(target) as server:
            with server.connect() as client:
                client.sendall(struct.pack(">I", k.MAX_DATAGRAM + 1))
                self.assertFalse(k.is_ended(client))
            server.await_line("result=bad-client")

    def test_end_inside_a_frame(self):
        with k.UdpTarget() as target, server_for(target) as server:
            with server.connect() as client:
                client.sendall(k.frame(b"whole")[:-1])
            server.await_line("result=client-gone to_target=0")

    def test_lockstep_client(self):
        """One datagram at a time, as clients of the old relay send them."""
        with k.UdpTarget(k.echo_datagram) as target, server_for(target) as server:
            client = lockstep.Client(server.port)
            for number in range(500):
                self.assertEqual(client.ask(b"%d" % number), b"%d" % number)
            client.close()

    def test_backlog_drops_the_oldest(self):
        """A client that does not read gets the newest datagrams, whole ones, and the rest is counted."""
        n_sent, size = 5000, 8000
        with k.UdpTarget() as target, server_for(target, UDP_QUEUE_BYTES=100000) as server:
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.settimeout(k.WAIT_S)
                client.connect(("127.0.0.1", server.port))
                client.sendall(k.frame(b"x"))
                _, peer = target.socket.recvfrom(100)
                n_arrived = 0
                for number in range(n_sent):
                    target.socket.sendto(struct.pack(">I", number) * (size // 4), peer)
                    if number % 20 == 19:
                        # The server's own socket must lose nothing: what is lost is its doing alone.
                        n_arrived = number + 1
                        server.await_metric('datagrams_total{to="client"}', n_arrived)
                metrics = server.metrics()
                n_dropped = metrics['datagrams_dropped_total{reason="backlog"}']
                self.assertGreater(n_dropped, 0)
                self.assertLessEqual(metrics["queued_bytes"], 200000)
                seen = []
                for _ in range(n_sent - n_dropped):
                    data = k.receive_frame(client)
                    self.assertEqual(data, data[:4] * (size // 4))
                    seen.append(struct.unpack(">I", data[:4])[0])
            self.assertEqual(seen, sorted(set(seen)))
            self.assertEqual((seen[0], seen[-1]), (0, n_sent - 1))
            gaps = [b - a for a, b in zip(seen, seen[1:]) if b - a > 1]
            self.assertEqual(sum(g - 1 for g in gaps), n_dropped)
            server.await_line(f"dropped={n_dropped}")

    def test_target_comes_later(self):
        """"Port unreachable" is no reason to end: the target may come back."""
        port = k.freeport.find()
        with k.Server(REMOTE_PORT=port, PROXY_TYPE="udp") as server, server.connect() as client:
            for _ in range(3):
                client.sendall(k.frame(b"lost"))
            server.await_metric('datagrams_total{to="target"}', 3)
            with k.UdpTarget(k.echo_datagram, port=port):
                client.sendall(k.frame(b"found"))
                self.assertEqual(k.receive_frame(client), b"found")

    def test_many_to_the_target(self):
        """10,000 datagrams up as fast as TCP brings them; the target's buffer is the only limit."""
        with k.UdpTarget() as target, server_for(target) as server, server.connect() as client:
            for start in range(0, 10000, 100):
                client.sendall(b"".join(k.frame(struct.pack(">I", n)) for n in range(start, start + 100)))
                for number in range(start, start + 100):
                    self.assertEqual(target.socket.recv(100), struct.pack(">I", number))

    def test_idle(self):
        with k.UdpTarget(k.echo_datagram) as target, server_for(target, IDLE_TIMEOUT="5s") as server:
            with server.connect() as client:
                client.sendall(k.frame(b"x"))
                k.receive_frame(client)
                self.assertTrue(k.is_ended(client))
            server.await_line("result=idle")
