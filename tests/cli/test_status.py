"""status and show: how well that runs which another process runs, once and on each change."""

import json
import signal
import unittest

import harness


class Status(harness.ClusterCase):
    def run_web(self):
        port = self.json("add", "svc/web", ":8080", "alias=web", "--json")[0]["config"]["local_port"]
        run = self.start("run", "web")
        run.await_line("ready at")
        return run, port

    def await_health(self, **values):
        def fits():
            found = self.json("show", "web", "--json")["health"]
            return found if all(found[key] == value for key, value in values.items()) else None
        return harness.wait_until(fits, f"health with {values}")

    def test_health(self):
        run, port = self.run_web()
        self.assertIn("web-0", self.fetch(port))
        found = self.await_health(open=0, reconnects=0)
        found = harness.wait_until(lambda: (now := self.json("show", "web", "--json")["health"])["connected_ms"] and now,
                                   "a handshake")
        self.assertGreater(found["ready_since_ms"], 1700000000000)
        row = self.rows("status")[0]
        self.assertEqual((row[1], row[4], row[6]), ("web", "ready", "0"))
        self.assertIn("web-0", row[-1])
        self.assertRegex(self.good("show", "web"), r"Last handshake: +\d{4}-.* took \d+ ms")
        self.assertEqual(run.end(), 0)
        self.assertEqual(self.json("show", "web", "--json")["health"]["connected_ms"], 0)

    def test_history(self):
        run, _ = self.run_web()
        self.assertEqual(run.end(), 0)
        changes = self.json("show", "web", "--json")["history"]
        states = [change["state"] for change in changes]
        self.assertEqual((states[0], states[-3:]), ("resolving", ["ready", "stopping", "idle"]))
        self.assertEqual(changes[-3]["pod"], "web-0")
        self.assertRegex(self.good("show", "web"), r"History: +\d{4}-[^\n]*\n(.*\n)* +\d{4}-\S+ \S+  ready: web-0\n")

    def test_a_pipe_gets_a_line_per_change(self):
        watch = self.start("status", "--watch")
        run, port = self.run_web()
        watch.await_line(rf"^web: ready at 127\.0\.0\.1:{port} \(pod web-0\)$")
        run.end(signal.SIGKILL)
        watch.await_line("^web: idle$")
        again = self.start("run", "web")
        watch.await_line("^web: ready at")
        self.assertEqual(again.end(), 0)
        watch.await_line("^web: idle$")
        self.assertEqual(watch.end(), -signal.SIGINT)

    def test_json_lines(self):
        run, port = self.run_web()
        watch = self.start("status", "-w", "--json")
        found = json.loads(watch.await_line('"state"'))
        self.assertEqual((found["alias"], found["pid"]), ("web", run.pid))
        self.fetch(port)
        watch.await_line(r'"bytes_up": ?[1-9]')
        self.assertEqual(run.end(), 0)
        self.assertEqual(json.loads(watch.await_line('"state": ?"idle"'))["running"], False)

    def test_a_terminal_gets_a_table_in_place(self):
        terminal = self.open_terminal(harness.PROGRAM, "status", "--watch", columns=140)
        terminal.expect("None of 0 configs runs")
        run, _ = self.run_web()
        terminal.expect(r"POD OR ERROR[^\n]*\n(.*\n)?.*ready.*web-0")
        self.assertIn("\033[1A\r", terminal.output)
        self.assertEqual(run.end(), 0)
        terminal.output = ""
        terminal.expect("None of 1 configs runs")
        terminal.send("\x03")
        self.assertEqual(terminal.wait(), -signal.SIGINT)

    def test_its_reader_has_gone(self):
        run, _ = self.run_web()
        watch = self.start("status", "-w")
        watch.await_line("ready")
        watch.close_output()
        self.assertEqual(watch.wait_silent(), 0)
        self.assertEqual(run.end(), 0)

    def test_bad_input(self):
        self.assertIn('--output: "xml" is not one of wide, json', self.bad("status", "-o", "xml"))


if __name__ == "__main__":
    unittest.main()
