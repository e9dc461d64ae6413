"""What is different on a terminal: colours, widths, questions, and the live table of run."""

import re
import unittest

import harness

BOLD = "\033[1m"


class Colours(harness.Case):
    def setUp(self):
        super().setUp()
        self.good("add", "svc/web", "8080:80")

    def shown(self, *options):
        terminal = self.open_terminal(harness.PROGRAM, "list", *options)
        self.assertEqual(terminal.wait(), 0)
        return terminal.output

    def test_when(self):
        self.assertIn(BOLD, self.shown())
        self.assertNotIn(BOLD, self.shown("--color", "never"))
        self.assertNotIn(BOLD, self.good("list"))
        self.assertIn(BOLD, self.good("list", "--color", "always"))
        self.environment["TERM"] = "dumb"
        self.assertNotIn(BOLD, self.shown())
        self.environment["TERM"] = "xterm"
        self.environment["NO_COLOR"] = "1"
        self.assertNotIn(BOLD, self.shown())
        self.assertIn(BOLD, self.shown("--color=always"))

    def test_names_cannot_talk_to_the_terminal(self):
        """The error of a run comes from a server; here it is the note that tries."""
        self.good("edit", "web", "note=red \033[31m and \007 bell")
        self.assertNotIn("\033", self.good("show", "web") + self.good("list", "-o", "wide"))


class Width(harness.Case):
    def test_a_table_fits_the_terminal(self):
        self.good("add", "svc/" + "w" * 60, "8080:80", "--alias", "名" * 40)
        terminal = self.open_terminal(harness.PROGRAM, "list", "--color=never", columns=80)
        terminal.wait()
        lines = terminal.output.replace("\r", "").splitlines()
        self.assertIn("…", lines[1])
        self.assertLessEqual(sum(2 if ord(c) > 0x2e80 else 1 for c in lines[1]), 80)
        self.assertTrue(lines[1].endswith("idle"))


class Questions(harness.Case):
    def test_yes_and_no(self):
        self.good("add", "svc/web", "8080:80")
        for answer, is_gone in (("n\n", False), ("\n", False), ("y\n", True)):
            terminal = self.open_terminal(harness.PROGRAM, "remove", "web")
            terminal.expect(r'Remove "web" \(ID 1\)\? \[y/N\] ')
            terminal.send(answer)
            self.assertEqual(terminal.wait(), 0 if is_gone else 1)
            self.assertIn("Removed" if is_gone else "Nothing was changed", terminal.output)
            self.assertEqual(self.json("list", "--json") == [], is_gone)


class LiveTable(harness.ClusterCase):
    def setUp(self):
        super().setUp()
        self.port = self.json("add", "svc/web", ":8080", "--json")[0]["config"]["local_port"]
        self.good("add", "svc/web", ":8080", "--context", "nowhere", "alias=lost")

    def start_table(self, **size):
        # A shell stays behind: the terminal outlives the program, as a user's does.
        terminal = self.open_terminal("/bin/sh", "-c", 'trap : INT; "$0" run --all; echo "ended $?"; read line', harness.PROGRAM,
                                      **size)
        terminal.expect(r"web +127\.0\.0\.1:\d+ .*ready")
        return terminal

    def test_it_is_drawn_in_place_and_leaves_the_terminal_as_it_was(self):
        terminal = self.start_table()
        self.assertFalse(terminal.has_echo())
        terminal.output = ""
        self.fetch(self.port)
        # The rate, which may be seen while the connection is open or after that, goes back to nothing by itself.
        terminal.expect(r"\033\[3A\r(?s:.*)ready\S* +[01] +1 +[\d.]+ \S+/s(?s:.*)ready\S* +0 +1 +- ")
        terminal.expect(r"\033\[\?7h$")
        # Each frame switches wrapping off and on again.
        frames = terminal.output[terminal.output.index("\033[?7l"):]
        self.assertEqual(frames.count("\033[?7l"), frames.count("\033[?7h"))
        terminal.send("\003")
        terminal.expect(r"error:\S* lost: failed: the context .*\r\nended 0\r\n")
        self.assertTrue(terminal.has_echo())

    def test_a_new_size_draws_it_anew(self):
        terminal = self.start_table(columns=120)
        terminal.output = ""
        terminal.resize(24, 70)
        terminal.expect(r"\033\[H\033\[2J(?s:.*)ready(?s:.*)\033\[\?7h")
        frame = terminal.output.rpartition("\033[2J")[2]
        rows = [re.sub(r"\033\[[?\d;]*[A-Za-z]", "", line) for line in frame.split("\r\n")]
        self.assertLessEqual(max(map(len, rows)), 90)

    def test_notes_stand_above_it(self):
        terminal = self.start_table()
        self.good("edit", "web", "local_port=0")
        terminal.expect(r"web: edited, starts again\033\[K\r\n(?s:.*)ALIAS")

    def test_too_many_rows_are_counted(self):
        for number in range(9):
            self.good("add", "svc/web", ":8080", "--context", "nowhere", f"alias=x{number}", "--force")
        terminal = self.start_table(rows=8)
        terminal.expect("… and 6 more")


if __name__ == "__main__":
    unittest.main()
