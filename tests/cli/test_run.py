"""run: many forwards in one process, seen from another one; and what happens to it from outside."""

import json
import signal
import socket
import time
import unittest

import harness


class Run(harness.ClusterCase):
    def add(self, *words):
        """The local port of a new config."""
        return self.json("add", *words, "--json")[0]["config"]["local_port"]

    def state(self, name):
        return self.json("show", name, "--json")

    def await_state(self, name, **values):
        def fits():
            found = self.state(name)
            return found if all(found[key] == value for key, value in values.items()) else None
        return harness.wait_until(fits, f"{name} with {values}")

    def test_two_terminals(self):
        port = self.add("svc/web", ":8080")
        run = self.start("run", "web")
        run.await_line(rf"^web: ready at 127\.0\.0\.1:{port} -> web:8080 \(pod web-0\)$")
        self.assertIn("web-0", self.fetch(port))
        self.assertEqual([row[1] for row in self.rows("status")], ["web"])
        found = self.json("list", "--json")[0]
        self.assertEqual((found["running"], found["state"], found["pid"], found["pod"], found["address"]),
                         (True, "ready", run.pid, "web-0", f"127.0.0.1:{port}"))
        self.assertEqual(run.end(), 0)
        self.assertEqual(run.lines[-1], "web: stopped")
        found = self.state("web")
        self.assertEqual((found["running"], found["state"], found["pid"]), (False, "idle", None))
        self.assertEqual(found["traffic"]["connections"], 1)
        self.assertGreater(found["traffic"]["bytes_down"], 100)

    def test_the_bytes_of_the_last_moment_count(self):
        """Those of a connection that is cut off, before any statistics were due."""
        port = self.add("svc/web", ":8080")
        run = self.start("run", "web")
        run.await_line("ready at")
        with socket.create_connection(("127.0.0.1", port), harness.PATIENCE) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
            received = len(sock.recv(65536))
            self.assertEqual(run.end(), 0)
        found = self.state("web")["traffic"]
        self.assertEqual((found["bytes_up"], found["connections"]), (29, 1))
        self.assertGreaterEqual(found["bytes_down"], received)

    def test_ends_well_on_each_signal(self):
        self.add("svc/web", ":8080")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            run = self.start("run", "--all")
            run.await_line("ready at")
            self.assertEqual(run.end(number), 0)

    def test_killed_it_is_idle(self):
        self.add("svc/web", ":8080")
        run = self.start("run", "web")
        run.await_line("ready at")
        run.end(signal.SIGKILL)
        found = self.state("web")
        self.assertEqual((found["running"], found["state"], found["pid"]), (False, "idle", None))
        again = self.start("run", "web")
        again.await_line("ready at")
        self.assertEqual(again.end(), 0)

    def test_ends_at_its_time(self):
        """Announced and done; then it is nobody's, and a run in which nothing is left ends well."""
        harness.wait_until(lambda: 30 < 60 - time.time() % 60 < 50, "the right part of a minute")
        self.add("svc/web", ":8080", time.strftime("stop_at=%H:%M", time.localtime(time.time() + 60)))
        run = self.start("run", "web")
        run.await_line(r"^web: almost time, it ends in \d+ s$")
        run.await_line(r"^web: closed, as it is \d\d:\d\d$")
        self.assertEqual(run.wait(), 0)
        self.assertEqual(run.lines[-1], "All configs have ended")
        found = self.state("web")
        self.assertEqual((found["running"], found["state"], found["pid"]), (False, "idle", None))

    def test_says_when_nobody_uses_it(self):
        self.good("settings", "disconnect_timeout_minutes", "1")
        self.add("svc/web", ":8080")
        self.add("svc/web", ":8080", "alias=kept", "disconnect_timeout_minutes=0", "--force")
        run = self.start("run", "--all")
        run.await_line(r"^web: no traffic, it ends in \d+ s$")
        self.assertFalse([line for line in run.lines if line.startswith("kept: no traffic")])
        ends = harness.wait_until(lambda: self.json("show", "web", "--json")["health"]["closes_ms"], "the end that was told")
        clock = time.strftime("%H:%M:%S", time.localtime(ends // 1000))
        self.assertIn(f"By itself: ends at {clock}", " ".join(self.good("show", "web").split()))
        self.assertTrue(any(f"ends at {clock}" in line for line in self.good("status").splitlines()))
        self.assertEqual(self.json("show", "kept", "--json")["health"]["closes_ms"], 0)
        self.assertEqual(run.end(), 0)

    def test_one_runs_in_one_process_only(self):
        self.add("svc/web", ":8080")
        other = self.add("svc/web", ":8080", "alias=other", "--force")
        first = self.start("run", "web")
        first.await_line("ready at")
        second = self.start("run", "--all")
        second.await_line(rf"^error: web: failed: .* run by kftrayctl \(pid {first.pid}\)$")
        second.await_line("^other: ready at")
        self.assertIn("web-0", self.fetch(other))
        alone = self.start("run", "web")
        self.assertEqual(alone.wait(), 1)
        self.assertEqual(alone.lines[-1], "error: none of the configs can run")
        self.assertEqual(second.end(), 0)
        self.assertEqual(self.state("web")["pid"], first.pid)
        self.assertEqual(first.end(), 0)

    def test_one_that_fails_does_not_end_the_others(self):
        port = self.add("svc/web", ":8080")
        self.add("svc/web", ":8080", "--context", "nowhere", "alias=lost")
        self.add("workload_type=expose", "local_port=3000", "alias=shown")
        self.add("svc/missing", ":1")
        run = self.start("run", "--all")
        run.await_line(r'^error: shown: failed: workload_type "expose" ')
        run.await_line("ready at")
        self.assertIn("web-0", self.fetch(port))
        self.assertIn("not found", self.await_state("missing", state="backoff")["error"])
        self.assertIn("nowhere", self.await_state("lost", state="failed")["error"])
        self.assertEqual(run.end(), 0)
        self.assertTrue(all(found["error"] is None for found in self.json("list", "--json")))

    def test_follows_edits(self):
        port = self.add("svc/web", ":8080")
        run = self.start("run", "web")
        run.await_line("ready at")
        self.good("edit", "web", "note=only words")
        self.good("edit", "web", "local_port=0")
        run.await_line("^web: edited, starts again$")
        run.await_line("ready at")
        new_port = self.state("web")["config"]["local_port"]
        self.assertNotEqual(new_port, port)
        self.assertIn("web-0", self.fetch(new_port))
        with self.assertRaises(OSError):
            self.fetch(port)
        self.assertEqual(run.end(), 0)
        self.assertEqual(sum("starts again" in line for line in run.lines), 1)

    def test_an_edit_mends_what_failed(self):
        self.add("svc/web", ":8080", "--context", "nowhere")
        self.add("svc/web", ":8080", "alias=good", "--force")
        run = self.start("run", "--all")
        run.await_line("^error: web: failed")
        self.good("edit", "1", "context=", "--force")
        run.await_line("^web: ready at")
        self.assertEqual(run.end(), 0)

    def test_follows_removals_and_additions(self):
        self.add("svc/web", ":8080")
        run = self.start("run", "--all")
        run.await_line("^web: ready at")
        self.add("deploy/web", ":8080", "alias=new")
        run.await_line("^new: ready at")
        self.good("remove", "web", "--yes")
        run.await_line("^web: removed, stops$")
        run.await_line("^web: stopped$")
        self.good("remove", "new", "--yes")
        self.assertEqual(run.wait(), 0)
        self.assertEqual(run.lines[-1], "All configs were removed")

    def test_names_do_not_take_new_ones(self):
        self.add("svc/web", ":8080")
        run = self.start("run", "web")
        run.await_line("ready at")
        self.add("deploy/web", ":8080", "alias=new")
        self.good("remove", "web", "--yes")
        self.assertEqual(run.wait(), 0)
        self.assertFalse(any(line.startswith("new:") for line in run.lines))

    def test_configs_that_are_not_stored(self):
        config = {"service": "web", "namespace": "default", "remote_port": 8080, "workload_type": "service",
                  "protocol": "tcp", "local_port": harness.freeport.find()}
        self.write("team.json", [config])
        for words in (("--file", "team.json"), ("--json", json.dumps(config)), ("--config-json", json.dumps([config]))):
            run = self.start("run", *words)
            run.await_line("^web: ready at")
            self.assertIn("web-0", self.fetch(config["local_port"]))
            self.assertEqual(self.json("list", "--json"), [])
            self.assertEqual(run.end(), 0)

    def test_standard_input(self):
        done = self.run_program("run", "--stdin", stdin='{"service": "web", "namespace": "default", "remote_port": 8080, '
                                '"workload_type": "service", "protocol": "tcp", "context": "nowhere"}')
        self.assertEqual(done.returncode, 1)
        self.assertIn('error: web: failed: the context "nowhere" does not exist', done.stderr)

    def test_json_lines(self):
        port = self.add("svc/web", ":8080")
        run = self.start("run", "web", "-o", "json")
        run.await_line('"state": "ready"')
        self.assertEqual(run.end(), 0)
        events = [json.loads(line) for line in run.lines]
        self.assertEqual([event["state"] for event in events if "state" in event],
                         ["resolving", "connecting", "ready", "idle"])
        ready = next(event for event in events if event.get("state") == "ready")
        self.assertEqual((ready["id"], ready["address"], ready["pod"]), (1, f"127.0.0.1:{port}", "web-0"))

    def test_a_taken_port(self):
        port = self.add("svc/web", ":8080")
        holder = self.start("forward", "svc/web", f"{port}:8080")
        holder.await_line("Forwarding from")
        run = self.start("run", "web")
        self.assertEqual(run.wait(), 1, run.lines)
        self.assertRegex("\n".join(run.lines), rf"(?m)^error: web: failed: .*{port}")

    def test_bad_input(self):
        for words, sentence in (
                ((), "say what to run: kftrayctl run NAME…, --all, --file FILE, --json TEXT or --stdin"),
                (("a", "--all"), "names and --all together make no sense: say one of them"),
                (("nope",), 'no config named "nope": there is none yet; see "kftrayctl add --help"'),
                (("--all",), "there is nothing to run: no configs are stored"),
                (("--file", "nofile"), "nofile: No such file or directory"),
                (("--json", "[]"), "there is nothing to run: no configs were given"),
                (("--json", "{"), "--json: "),
                (("--all", "-o", "xml"), '--output: "xml" is not one of lines, table, json')):
            with self.subTest(words=words):
                self.assertIn(sentence, self.bad("run", *words))


if __name__ == "__main__":
    unittest.main()
