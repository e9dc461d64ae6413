"""Builds with fault points (KFT_FAULTS): each fallible call fails in turn, and few bytes move at a time.
The server may refuse, but does not crash, leak, hang or end in another way than asked."""

import contextlib
import os
import subprocess
import tempfile
import unittest

import kftserver as k


def has_faults():
    """The file with the count appears only where the points are built in."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": os.environ["PATH"], "KFT_FAULT_COUNT": f"{folder}/count", "UNUSED_TIMEOUT": "1ms",
               "LOCAL_PORT": "0", "STATUS_PORT": "off"}
        subprocess.run([k.PROGRAM], env=env, stderr=subprocess.DEVNULL, timeout=k.WAIT_S, check=False)
        return os.path.exists(f"{folder}/count")


# What a fault has swallowed is not waited for as long as elsewhere.
SOON = 2


def use_tcp(server, timeout=SOON):
    with server.connect(timeout) as client:
        client.sendall(b"x" * 1000)
        k.receive(client, 1000)
        client.shutdown(1)
        k.receive_all(client)


def use_udp(server, timeout=SOON):
    with server.connect(timeout) as client:
        for _ in range(3):
            client.sendall(k.frame(b"x" * 100) * 3)
            for _ in range(3):
                k.receive_frame(client)


def use_gateway(server, port, timeout=SOON):
    for command, data in ((k.CONNECT, b"x" * 100), (k.UDP_FRAMES, k.frame(b"x" * 100))):
        client, reply = k.socks(server, "127.0.0.1", port, command)
        client.settimeout(timeout)
        with client:
            if reply == 0:
                client.sendall(data)
                k.receive(client, len(data))


@unittest.skipUnless(has_faults(), "built without fault points")
class Torture(unittest.TestCase):
    def run_all(self, mode, use, **variables):
        """Until a run in which no point failed; returns the number of points."""
        for number in range(1, 200):
            try:
                with k.Server(PROXY_TYPE=mode, KFT_FAULT_NTH=number, **variables) as server:
                    with contextlib.suppress(OSError, k.Failure):
                        use(server)
                    with contextlib.suppress(OSError):
                        server.get("/healthz")
            except k.Failure as failure:
                # Not started: the one other way to end that is allowed.
                self.assertIn("event=cannot-start", str(failure))
                self.assertNotIn("Sanitizer", str(failure))
                continue
            if "fault injected" not in server.log():
                self.assertGreater(number, 8)
                return
        self.fail("no end of fault points")

    def test_tcp(self):
        with k.TcpTarget(k.echo) as target:
            self.run_all("tcp", use_tcp, REMOTE_ADDRESS="localhost", REMOTE_PORT=target.port)

    def test_udp(self):
        with k.UdpTarget(k.echo_datagram) as target:
            self.run_all("udp", use_udp, REMOTE_ADDRESS="127.0.0.1", REMOTE_PORT=target.port)

    def test_gateway(self):
        with k.echo_targets() as port:
            self.run_all("gateway", lambda server: use_gateway(server, port), GATEWAY_ALLOW="*",
                         GATEWAY_ALLOW_RESERVED="127.0.0.0/8 ::1")

    def test_kernel_takes_no_datagram(self):
        """A send that has to wait, anywhere among a hundred: nothing is lost or reordered."""
        wanted = [b"%d" % n for n in range(100)]
        n_waited = 0
        with k.UdpTarget(k.echo_datagram) as target:
            for number in range(6, 30):
                with k.Server(PROXY_TYPE="udp", REMOTE_PORT=target.port, KFT_FAULT_NTH=number, KFT_DBG_WMAX="7",
                              KFT_DBG_RMAX="700") as server:
                    got = []
                    with contextlib.suppress(OSError, k.Failure), server.connect(10) as client:
                        client.sendall(b"".join(k.frame(data) for data in wanted))
                        got += (k.receive_frame(client) for _ in wanted)
                if "fault injected: uv_udp_try_send" in server.log():
                    n_waited += 1
                    self.assertEqual(got, wanted)
        self.assertGreater(n_waited, 3)

    def test_few_bytes_at_a_time(self):
        for limit in ("1", "3", "100"):
            sizes = {"KFT_DBG_RMAX": limit, "KFT_DBG_WMAX": limit}
            with k.TcpTarget(k.echo) as target, k.Server(REMOTE_PORT=target.port, **sizes) as server:
                use_tcp(server, k.WAIT_S)
            with k.UdpTarget(k.echo_datagram) as target:
                with k.Server(REMOTE_PORT=target.port, PROXY_TYPE="udp", **sizes) as server:
                    use_udp(server, k.WAIT_S)
            with k.echo_targets() as port:
                with k.Server(PROXY_TYPE="gateway", GATEWAY_ALLOW="*", GATEWAY_ALLOW_RESERVED="127.0.0.1", **sizes) as server:
                    use_gateway(server, port, k.WAIT_S)
