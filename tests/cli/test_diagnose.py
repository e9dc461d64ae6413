"""kftrayctl diagnose beside what its cases (tests/data/diagnose) show: stored configs, terminals, JSON."""

import re
import socket
import unittest

import harness


class Diagnose(harness.ClusterCase):
    def test_config(self):
        port = harness.freeport.find()
        self.good("add", "svc/web", f"{port}:8080", "--alias", "shop")
        document = self.json("diagnose", "--json", "shop")
        steps = {row["step"]: row for row in document["steps"]}
        self.assertTrue(document["ok"])
        self.assertIn("service", document["subject"])
        self.assertIn(str(port), steps["local"]["text"])
        self.assertIn("HTTP", steps["bytes"]["text"])

    def test_name_of_a_pod(self):
        """A word that is no config's alias is a pod."""
        done = self.run_program("diagnose", "shop")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertRegex(done.stdout, r'FAILED +target .*pod "shop" not found')

    def test_terminal(self):
        """What runs is shown and taken away again; lines are as wide as the terminal."""
        terminal = self.open_terminal(harness.PROGRAM, "diagnose", "--color", "never", "pod/nope", ":80", columns=80)
        self.assertEqual(terminal.wait(), 1)
        output = terminal.output
        self.assertIn("\r\x1b[K", output)
        lines = [line.rpartition("\x1b[K")[2].rstrip("\r") for line in output.split("\n")]
        self.assertTrue(all(len(line) <= 80 for line in lines), lines)
        self.assertRegex("\n".join(lines), re.compile(r"^FAILED +target", re.M))

    def test_interrupt(self):
        """A signal ends it with status 1, and not with an answer."""
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            server = f"https://127.0.0.1:{silent.getsockname()[1]}"
            self.write("silent", {"apiVersion": "v1", "kind": "Config", "current-context": "k", "users": [],
                                  "clusters": [{"name": "c", "cluster": {"server": server}}],
                                  "contexts": [{"name": "k", "context": {"cluster": "c"}}]})
            process = self.start("diagnose", "--kubeconfig", "silent", "svc/web", ":8080")
            process.await_line("^skipped +connect")
            self.assertEqual(process.end(), 1)
        self.assertFalse([line for line in process.lines if line.startswith("FAILED")], process.lines)


if __name__ == "__main__":
    unittest.main(verbosity=2)
