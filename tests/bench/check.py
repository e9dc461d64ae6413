#!/usr/bin/python3
"""The benchmark's own bookkeeping, with made-up numbers: what fails, what is kept, what is published."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

import bench
import report
from contenders import WORKLOADS
from report import BEGIN, END

NUMBERS = {
    "start": {"start": 50, "resident": 17, "threads": 2}, "first": {"first": 2},
    "far": {"first10": 12, "first40": 44, "first150": 154},
    "connections": {"sequential": 500, "parallel": 900, "connection_cpu": 0.2},
    "bulk": {"down": 200, "up": 180, "down8": 210, "up8": 170, "cpu_down": 1, "cpu_up": 1.2, "peak": 25},
    "echo": {"echo_alone": 0.3, "echo_alone99": 1, "echo_alone_n": 2000, "echo_busy": 0.4,
             "echo_busy99": 2.5, "echo_busy_n": 2000, "echo_session": 0.4,
             "echo_session99": 2.6, "echo_session_n": 2000, "echo_stalled": None, "echo_stalled99": None,
             "echo_stalled_n": 0},
    "open": {"per_connection": 3}, "many": {"memory": 25, "many_threads": 2},
    "tray": {"tray": 66}, "list": {"first_frame_1000": 230}, "window": {"shown_cpu": 30},
}


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.document = self.folder / "document.md"
        self.document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
        self.calls, self.failing, self.interrupted = [], {}, None

    def measure(self, workload):
        def one(row, _args):
            self.calls.append((workload, row.name))
            if workload == self.interrupted:
                raise KeyboardInterrupt
            left = self.failing.get((workload, row.name), 0)
            self.failing[workload, row.name] = left - 1
            if left > 0:
                raise SystemExit("it ended")
            return NUMBERS[workload]
        return one

    def run_bench(self, *options):
        """(status, what was printed)"""
        out, line = io.StringIO(), ["run.sh", "--json", str(self.folder / "b.json"), "--plots",
                                    str(self.folder), "--document", str(self.document), *options]
        with (mock.patch.object(sys, "argv", line),
              mock.patch.dict(bench.MEASURES, {name: self.measure(name) for name in WORKLOADS}),
              mock.patch.object(report, "machine", lambda: "a machine"),
              mock.patch.object(report, "plot", lambda *_: ["![plot](plot.svg)"]),
              contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()),
              self.assertRaises(SystemExit) as end):
            bench.main()
        return end.exception.code, out.getvalue()

    def data(self, name="b.json"):
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def test_a_good_run_is_published(self):
        status, told = self.run_bench()
        text = self.document.read_text(encoding="utf-8")
        self.assertEqual(status, 0)
        self.assertIn(told.strip(), text)
        self.assertIn("![plot]", text)
        self.assertTrue(text.startswith("before\n") and text.endswith("after\n"))
        self.assertNotIn("old", text)
        self.assertEqual(self.calls.count(("bulk", "socat, bare TLS")), 3)
        self.assertEqual(self.calls.count(("window", "kftray")), 1)

    def test_targets_are_computed(self):
        _, told = self.run_bench("--rounds", "1")
        self.assertIn("| at most 1.2 | met: 1.10, kubectl 1.10 |", told)
        self.assertIn("| at least 2 × kubectl | **not met**: 1.000 × (500 against 500) |", told)
        self.assertIn("| at most 3 × the 99 % alone | met: 2.5 × (2.50 against 1.00 ms) |", told)
        self.assertIn("| nothing in 10 s |", told)
        self.assertIn("kubectl, SPDY beside a stalled reader 0", told)

    def test_what_fails_once_is_tried_again(self):
        self.failing["echo", "kubectl, SPDY"] = 1
        status, told = self.run_bench("--rounds", "1")
        self.assertEqual((status, self.calls.count(("echo", "kubectl, SPDY"))), (0, 2))
        self.assertNotIn("Failed", told)

    def test_what_fails_twice_is_named_and_the_others_go_on(self):
        self.failing["many", "1, kubectl, a process each"] = 2
        status, told = self.run_bench("--rounds", "1")
        self.assertEqual(status, 1)
        self.assertIn("Failed twice in round 1, so without a number there: `many` of 1, kubectl, a process "
                      "each.", told)
        self.assertIn("| 1, kubectl, a process each | – | – | – | – | – |", told)
        self.assertEqual(self.calls[-1], ("window", "kftray"))
        self.assertIn("Failed twice", self.document.read_text(encoding="utf-8"))

    def test_a_part_is_merged(self):
        self.failing["open", "kubectl, SPDY"] = 2
        self.run_bench("--rounds", "1")
        status, told = self.run_bench("--rounds", "1", "--only", "open", "--contenders", "kubectl")
        self.assertEqual(status, 0)
        self.assertNotIn("Failed", told)
        self.assertEqual(len(self.data()["workloads"]), len(WORKLOADS))
        self.assertIn(told.strip(), self.document.read_text(encoding="utf-8"))
        told = io.StringIO()
        with (mock.patch.object(sys, "argv", ["report.py", str(self.folder / "b.json")]),
              contextlib.redirect_stdout(told)):
            report.main()
        self.assertIn(told.getvalue().strip(), self.document.read_text(encoding="utf-8"))

    def test_a_part_of_other_settings_is_refused(self):
        self.run_bench("--rounds", "1")
        status, _ = self.run_bench("--rounds", "2", "--only", "open")
        self.assertIn("other settings", status)
        status, _ = self.run_bench("--rounds", "2", "--only", "open", "--check")
        self.assertIn("other settings", status)

    def test_a_run_that_breaks_off_keeps_what_it_has(self):
        self.interrupted = "connections"
        with self.assertRaises(KeyboardInterrupt):
            self.run_bench("--rounds", "1")
        self.assertEqual(list(self.data()["workloads"]), ["start", "first", "far"])
        self.assertEqual(self.data()["workloads"]["far"]["kubectl, SPDY"]["rounds"], {"1": NUMBERS["far"]})

    def test_part_and_quick_publish_nothing(self):
        for options in (["--only", "open"], ["--quick"], ["--print"]):
            self.assertEqual(self.run_bench(*options)[0], 0)
            self.assertIn("\nold\n", self.document.read_text(encoding="utf-8"))
        self.assertEqual(self.data("b-quick.json")["settings"]["rounds"], 1)


if __name__ == "__main__":
    unittest.main()
