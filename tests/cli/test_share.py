"""import and export: plans, conflicts, files; and that thousands of configs are no matter."""

import json
import os
import sqlite3
import stat
import unittest

import harness


def service(name, local_port=0, **others):
    config = {"service": name, "namespace": "shop", "remote_port": 80, "workload_type": "service", "protocol": "tcp"}
    return config | ({"local_port": local_port} if local_port else {}) | others


class Import(harness.Case):
    def test_a_plan_is_shown_and_then_done(self):
        self.write("team.json", [service("web", 8080), service("db", 5432, alias="data")])
        shown = self.good("import", "team.json", "--dry-run")
        self.assertEqual(shown, (
            "ACTION  ALIAS  TARGET       DETAILS\n"
            "new     web    shop/web:80  127.0.0.1:8080\n"
            "new     data   shop/db:80   127.0.0.1:5432\n"
            "2 new, 0 changed, 0 the same, 0 conflicts; nothing was stored\n"))
        self.assertEqual(self.json("list", "--json"), [])
        self.assertEqual(self.good("import", "team.json"), "Imported: 2 new, 0 changed, 0 the same, 0 conflicts\n")
        self.assertEqual(self.good("import", "team.json"), "Imported: 0 new, 0 changed, 2 the same, 0 conflicts\n")
        self.assertEqual([row[1] for row in self.rows("list")], ["web", "data"])

    def test_standard_input_and_a_single_object(self):
        self.good("import", "-", stdin=json.dumps(service("web", 8080)))
        self.assertEqual(self.json("show", "web", "--json")["config"]["local_port"], 8080)

    def test_changes_need_an_agreement(self):
        self.good("import", "-", stdin=json.dumps(service("web", 8080, alias="web")))
        self.write("new.json", [service("web", 8080, alias="web", note="other")])
        done = self.run_program("import", "new.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("changed  web    shop/web:80  note", done.stdout)
        self.assertIn("there is no terminal to ask on; say --yes", done.stderr)
        self.assertNotIn("note", self.json("show", "web", "--json")["config"])
        self.good("import", "new.json", "--yes")
        self.assertEqual(self.json("show", "web", "--json")["config"]["note"], "other")

    def test_conflicts_name_the_other_and_a_free_port(self):
        self.good("add", "svc/old", "8080:80")
        self.write("team.json", [service("web", 8080)])
        plan = self.json("import", "team.json", "--dry-run", "--json")
        self.assertEqual((plan["stored"], plan["conflicts"]), (False, 1))
        item = plan["items"][0]
        self.assertEqual((item["action"], item["opponent_id"], item["opponent_alias"]), ("conflict", 1, "old"))
        self.assertIn(f'127.0.0.1:8080 is that of "old" (ID 1); free: {item["free_port"]}',
                      self.good("import", "team.json", "--dry-run"))
        self.good("import", "team.json", "--use-free-ports", "--yes")
        self.assertEqual(self.json("show", "web", "--json")["config"]["local_port"], item["free_port"])

    def test_all_or_nothing(self):
        self.write("team.json", [service("web", 8080), service("db", protocol="sctp")])
        self.assertRegex(self.bad("import", "team.json"), r'^team\.json: element 2.*protocol is "sctp"')
        self.assertEqual(self.json("list", "--json"), [])

    def test_bad_input(self):
        self.write("broken.json", "[\n  {")
        self.write("number.json", "7")
        for words, sentence in (((), 'say which file: kftrayctl import FILE, or "-" for standard input'),
                                (("nofile",), "nofile: No such file or directory"),
                                (("broken.json",), "broken.json: line 2"),
                                (("number.json",), "number.json: "),
                                (("a", "b"), 'unexpected argument "b"; see "kftrayctl import --help"'),
                                ((".",), ".: Is a directory"),
                                (("--upstream",), "configs.db"),
                                (("--upstream", "nofile"), "nofile")):
            with self.subTest(words=words):
                self.assertIn(sentence, self.bad("import", *words))

    def test_a_closed_pipe_is_no_file(self):
        self.assertIn("standard input: ", self.bad("import", "-", stdin=""))


class Upstream(harness.Case):
    def make_database(self, path):
        path.parent.mkdir(exist_ok=True)
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE configs (id INTEGER PRIMARY KEY, data TEXT NOT NULL)")
            rows = [service("web", 8080, alias="web", context="current-context", target="default-target"), "rubbish"]
            database.executemany("INSERT INTO configs (data) VALUES (?)", [(json.dumps(row),) for row in rows])
        database.close()

    def test_what_can_be_read_is_taken(self):
        self.make_database(self.home / ".kftray" / "configs.db")
        self.make_database(self.home / "other.db")
        done = self.run_program("import", "--upstream")
        self.assertEqual((done.returncode, done.stdout), (0, "Imported: 1 new, 0 changed, 0 the same, 0 conflicts\n"))
        self.assertRegex(done.stderr, "^Skipped: .*2")
        config = self.json("show", "web", "--json")["config"]
        self.assertEqual((config["service"], config.get("context"), config.get("target")), ("web", None, None))
        self.assertIn("1 the same", self.run_program("import", "--upstream", "other.db").stdout)


class Export(harness.Case):
    def setUp(self):
        super().setUp()
        self.good("add", "svc/web", "8080:80", "-n", "shop")
        self.good("add", "svc/db", "5432", "-n", "shop")

    def test_comes_back_the_same(self):
        text = self.good("export")
        self.assertEqual([config["service"] for config in json.loads(text)], ["web", "db"])
        self.good("remove", "--all", "--yes")
        self.good("import", "-", stdin=text)
        self.assertEqual(self.good("export"), text)
        self.assertIn("2 the same", self.good("import", "-", stdin=text))

    def test_names(self):
        self.assertEqual([config["service"] for config in json.loads(self.good("export", "-", "db"))], ["db"])

    def test_a_file_is_replaced_at_once_and_private(self):
        path = self.home / "team.json"
        path.write_text("old")
        path.chmod(0o644)
        kept = os.open(path, os.O_RDONLY)
        done = self.run_program("export", "team.json")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", "team.json: 2 configs\n"))
        self.assertEqual(os.read(kept, 10), b"old")
        os.close(kept)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(path.read_text(encoding="utf-8"), self.good("export"))
        self.assertEqual([entry.name for entry in self.home.glob("team*")], ["team.json"])

    def test_bad_input(self):
        self.assertEqual(self.bad("export", "web"), (
            'the first word is the file, and "web" is a config: say "kftrayctl export - web" for standard output, '
            'or "./web" for a file'))
        self.assertIn('no config named "x"', self.bad("export", "-", "x"))
        self.assertIn("No such file or directory", self.bad("export", "no/such/place.json"))


class Many(harness.Case):
    def test_thousands(self):
        """Speed is not asserted, only that nothing gets lost; tests/bench measures."""
        configs = [service(f"s{i}", 10000 + i, alias=f"s{i}") for i in range(5000)]
        self.write("many.json", configs)
        self.assertIn("5000 new", self.good("import", "many.json"))
        self.assertEqual(len(self.json("list", "--json")), 5000)
        self.assertIn("5000 the same", self.good("import", "many.json"))


if __name__ == "__main__":
    unittest.main()
