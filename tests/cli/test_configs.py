"""list, status, show, add, edit, remove, settings: what they do, and each kind of bad input with its sentence."""

import unittest

import harness


class Add(harness.Case):
    def test_target_and_ports(self):
        line = self.good("add", "svc/web", "8080:80", "-n", "shop", "--context", "staging", "--alias", "site")
        self.assertEqual(line, 'Added "site" (ID 1): 127.0.0.1:8080 -> shop/web:80\n')
        config = self.json("show", "site", "--json")["config"]
        wanted = {"alias": "site", "service": "web", "namespace": "shop", "context": "staging", "local_port": 8080,
                  "remote_port": 80, "workload_type": "service", "protocol": "tcp"}
        self.assertEqual(config | wanted, config)

    def test_the_keys_say_the_same(self):
        self.good("add", "service=web", "namespace=shop", "local_port=8080", "remote_port=80", "context=staging",
                  "alias=site")
        by_keys = self.json("show", "1", "--json")["config"]
        self.good("remove", "1", "--yes")
        self.good("add", "svc/web", "8080:80", "-n", "shop", "--context", "staging", "--alias", "site")
        by_words = self.json("show", "2", "--json")["config"]
        self.assertEqual(by_keys | {"id": 0}, by_words | {"id": 0})

    def test_kinds_of_targets(self):
        for target, key, value in (("deploy/api", "object", "deploy/api"), ("web-0", "object", "pod/web-0"),
                                   ("service/db", "service", "db")):
            added = self.json("add", target, ":80", "--json")[0]
            self.assertEqual(added["config"][key], value)
        added = self.json("add", "-l", "app=web,tier=front", ":80", "--json")[0]
        self.assertEqual((added["config"]["workload_type"], added["config"]["target"]), ("pod", "app=web,tier=front"))

    def test_several_ports_are_several_configs(self):
        self.good("add", "svc/db", "5432", ":9187", "--alias", "db")
        self.assertEqual([row[1] for row in self.rows("list")], ["db-5432", "db-9187"])
        self.good("add", "svc/one", "7000:1", "--alias", "one")
        self.assertEqual(self.json("show", "one", "--json")["alias"], "one")

    def test_a_free_port_is_kept(self):
        for words in (("svc/a", ":80"), ("service=b", "remote_port=80"), ("service=c", "remote_port=80", "local_port=0")):
            local = self.json("add", *words, "--json")[0]["config"]["local_port"]
            self.assertGreater(local, 1023)
            self.assertEqual(self.json("list", words[0][-1], "--json")[0]["config"]["local_port"], local)

    def test_defaults_come_from_the_settings(self):
        self.good("settings", "default_local_address", "127.0.0.9")
        self.good("settings", "default_transport", "spdy")
        config = self.json("add", "svc/web", ":80", "--json")[0]["config"]
        self.assertEqual((config["local_address"], config["transport"]), ("127.0.0.9", "spdy"))
        config = self.json("add", "svc/db", ":80", "--address", "127.0.0.1", "--json")[0]["config"]
        self.assertEqual(config.get("local_address", "127.0.0.1"), "127.0.0.1")

    def test_which_pod_is_chosen(self):
        self.good("add", "svc/web", "8080:80", "balance=round-robin")
        self.assertEqual(self.json("show", "web", "--json")["config"]["balance"], "round-robin")
        self.good("edit", "web", "balance=least-connections")
        self.assertIn('"balance": "least-connections"', self.good("export"))
        self.good("edit", "web", "balance=")
        self.assertNotIn("balance", self.good("export"))
        self.assertRegex(self.bad("edit", "web", "balance=random"), '^balance is "random", allowed are sticky, ')

    def test_a_taken_address_is_refused_and_a_free_port_named(self):
        self.good("add", "svc/web", "8080:80")
        sentence = self.bad("add", "svc/db", "8080:5432")
        self.assertRegex(sentence, r'^127\.0\.0\.1:8080 is taken by "web" \(ID 1\); local_port=\d+ is free, or --force ')
        port = sentence.partition("local_port=")[2].split()[0]
        self.good("add", "svc/db", f"{port}:5432")
        self.good("add", "svc/db", "8080:5432", "--force")
        self.assertEqual(len(self.json("list", "--json")), 3)

    def test_two_of_one_command_may_not_collide(self):
        self.assertIn("is taken by", self.bad("add", "svc/web", "8080:80", "8080:81"))
        self.assertEqual(self.json("list", "--json"), [])

    def test_the_same_forward_twice(self):
        self.good("add", "svc/web", "8080:80")
        self.assertEqual(self.bad("add", "svc/web", "8080:80"),
                         '"web" (ID 1) is this forward already; --force stores it all the same')

    def test_bad_input(self):
        for words, sentence in (
                ((), "say what to add: "),
                (("svc/web",), '"svc/web" is not KEY=VALUE; if it is the target, say which port, too: [LOCAL:]REMOTE'),
                (("svc/web", "80:http"), 'remote_port is "http", allowed are whole numbers from 1 to 65535'),
                (("svc/web", "99999"), 'remote_port is "99999", allowed are '),
                (("svc/web", "x:80"), 'local_port is "x", allowed are '),
                (("svc/Web", ":80"), 'service is "Web", allowed are lower case letters'),
                (("service=web",), "remote_port is missing"),
                (("remote_port=80",), "service is missing"),
                (("local_prt=80",), 'there is no field "local_prt"; did you mean "local_port"?'),
                (("service=web", "remote_port=80", "protocol=sctp"), 'protocol is "sctp", allowed are tcp and udp'),
                (("svc/web", ":80", "--transport", "x"), 'transport is "x", allowed are auto, tunnel, spdy and websocket'),
                (("svc/web", ":80", "--nonsense"), "Unknown option --nonsense; see "),
                (("-l", "app=(", ":80"), "target is "),
                (("svc/web", ":80", b"note=\xff"), "argument: ")):
            with self.subTest(words=words):
                self.assertIn(sentence, self.bad("add", *words))
        self.assertEqual(self.json("list", "--json"), [])


class Select(harness.Case):
    def setUp(self):
        super().setUp()
        for number, alias in enumerate(("web", "web-admin", "Database", "web-admin"), 1):
            self.good("add", f"svc/s{number}", ":80", "--alias", alias)

    def id_of(self, name):
        return self.json("show", name, "--json")["id"]

    def test_names(self):
        self.assertEqual(self.id_of("3"), 3)
        self.assertEqual(self.id_of("web"), 1)
        self.assertEqual(self.id_of("Data"), 3)
        self.assertEqual(self.id_of("data"), 3)

    def test_an_ambiguous_one_lists_the_candidates(self):
        for name in ("we", "web-", "web-admin"):
            lines = self.bad("show", name).splitlines()
            self.assertRegex(lines[0], rf'^"{name}" is ambiguous, \d configs fit; say which by its ID:$')
            self.assertIn([" 2", "web-admin", "s2:80"], [line.split("  ") for line in lines[2:]])

    def test_unknown_ones(self):
        self.assertEqual(self.bad("show", "databse"), 'no config named "databse"; did you mean "Database"?')
        self.assertEqual(self.bad("show", "zzzzzz"), 'no config named "zzzzzz"; see "kftrayctl list"')
        self.assertEqual(self.bad("show", ""), 'no config named ""; see "kftrayctl list"')
        self.good("remove", "--all", "--yes")
        self.assertEqual(self.bad("show", "web"),
                         'no config named "web": there is none yet; see "kftrayctl add --help"')


class List(harness.Case):
    def test_nothing_yet(self):
        done = self.run_program("list")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("There are no configs yet", done.stderr)
        self.assertEqual(self.json("list", "--json"), [])

    def test_table(self):
        self.good("add", "svc/web", "8080:80", "-n", "shop", "--context", "c1")
        self.good("add", "pod/db-0", "5432", "--address", "::1", "group=data", "note=main one")
        self.assertEqual(self.good("list"), (
            "ID  ALIAS  TARGET         LOCAL           CONTEXT  STATUS\n"
            " 1  web    shop/web:80    127.0.0.1:8080  c1       idle\n"
            " 2  db-0   pod/db-0:5432  [::1]:5432      -        idle\n"))
        wide = self.good("list", "-o", "wide").splitlines()
        self.assertEqual(wide[0].split()[6:], ["GROUP", "TYPE", "PID", "POD", "SENT", "RECEIVED", "CONNECTIONS", "NOTE"])
        self.assertTrue(wide[2].endswith("main one"))
        self.assertEqual(self.good("list", "-o", "json"), self.good("list", "--json"))

    def test_columns_are_as_wide_as_what_a_terminal_shows(self):
        self.good("add", "svc/web", "8080:80", "--alias", "網路")
        self.good("add", "svc/web", "8081:81", "--alias", "e\u0301te")
        lines = self.good("list").splitlines()
        self.assertEqual(lines[1], " 1  網路   web:80  127.0.0.1:8080  -        idle")
        self.assertEqual(lines[2], " 2  e\u0301te    web:81  127.0.0.1:8081  -        idle")

    def test_nothing_is_cut_in_a_pipe(self):
        name = "a" * 200
        self.good("add", "svc/web", "8080:80", "--alias", name)
        self.assertIn(name, self.good("list"))

    def test_words_narrow(self):
        self.good("add", "svc/web", "8080:80", "-n", "shop", "--context", "staging")
        self.good("add", "svc/db", "5432", "-n", "shop", "--alias", "data", "--group", "Storage")
        for words, ids in ((("shop",), "12"), (("shop", "WEB"), "1"), (("8080",), "1"), (("80",), "1"), (("storage",), "2"),
                           (("db",), "2"), (("staging",), "1")):
            self.assertEqual([row[0] for row in self.rows("list", *words)], list(ids), words)
        done = self.run_program("list", "nothing")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", "None of 2 configs fits\n"))
        self.assertEqual(self.run_program("status").stderr, "None of 2 configs runs\n")

    def test_bad_input(self):
        self.assertEqual(self.bad("list", "-o", "yaml"), '--output: "yaml" is not one of wide, json')
        self.assertEqual(self.bad("list", "--color", "x"), '--color: "x" is not one of auto, always, never')

    def test_a_damaged_database_is_named_and_left_alone(self):
        self.good("add", "svc/web", "8080:80")
        path = self.home / "config" / "kftray.db"
        for rest in path.parent.glob("kftray.db-*"):
            rest.unlink()
        path.write_bytes(b"rubbish" * 1000)
        self.assertIn("kftray.db", self.bad("list"))
        self.assertEqual(path.read_bytes(), b"rubbish" * 1000)


class Show(harness.Case):
    def test_text(self):
        self.good("add", "svc/web", "8080:80", "-n", "shop", "--context", "a b", "--address", "127.0.0.2", "note=two\nlines")
        rows = [line.split(":", 1) for line in self.good("show", "web").splitlines() if line]
        rows = {key: value.strip() for key, value in rows}
        self.assertEqual(rows["Config"], "web (ID 1)")
        self.assertEqual(rows["Status"], "idle")
        self.assertEqual(rows["kubectl"],
                         "kubectl port-forward --context 'a b' -n shop --address 127.0.0.2 svc/web 8080:80")
        self.assertEqual(rows["note"], "two lines")

    def test_kubectl_has_no_selectors(self):
        self.good("add", "-l", "app in (a,b)", "8080:80")
        self.assertIn("\"$(kubectl get pod -l 'app in (a,b)' -o name | head -n 1)\" 8080:80", self.good("show", "1"))

    def test_bad_input(self):
        self.assertEqual(self.bad("show"), "say which config: kftrayctl show NAME")
        self.assertEqual(self.bad("show", "a", "b"), 'unexpected argument "b"; see "kftrayctl show --help"')


class Edit(harness.Case):
    def setUp(self):
        super().setUp()
        self.good("add", "svc/web", "8080:80", "-n", "shop")
        self.good("add", "svc/db", "5432")

    def test_fields(self):
        self.assertEqual(self.good("edit", "web", "alias=site", "namespace="), 'Changed "site" (ID 1): alias, namespace\n')
        self.assertNotIn("namespace", self.json("show", "site", "--json")["config"])
        self.assertEqual(self.good("edit", "site", "alias=site"), '"site" (ID 1) is like that already\n')

    def test_json(self):
        self.assertEqual(self.json("edit", "web", "local_port=8081", "--json")["config"]["local_port"], 8081)
        self.assertEqual(self.json("edit", "web", "local_port=8081", "--json")["config"]["local_port"], 8081)

    def test_local_port_0_takes_a_free_one(self):
        self.good("edit", "web", "local_port=0")
        self.assertNotIn(self.json("show", "web", "--json")["config"]["local_port"], (0, 8080))

    def test_collisions(self):
        self.assertIn('127.0.0.1:5432 is taken by "db" (ID 2)', self.bad("edit", "web", "local_port=5432"))
        self.good("edit", "web", "local_port=5432", "--force")
        # What is not touched is not complained about.
        self.good("edit", "web", "alias=site")

    def test_bad_input(self):
        for words, sentence in (((), "say which config and what to change: kftrayctl edit NAME KEY=VALUE…"),
                                (("web",), "say which config and what to change: kftrayctl edit NAME KEY=VALUE…"),
                                (("web", "local_port"), '"local_port" is not KEY=VALUE; the keys are: alias, '),
                                (("web", "service="), 'service is missing, workload_type "service" needs it'),
                                (("web", "local_port=x"), 'local_port is "x", allowed are '),
                                (("nope", "alias=x"), 'no config named "nope"')):
            self.assertIn(sentence, self.bad("edit", *words))


class Remove(harness.Case):
    def setUp(self):
        super().setUp()
        for name in "abc":
            self.good("add", f"svc/{name}", ":80")

    def test_names(self):
        self.assertEqual(self.good("remove", "a", "3", "a", "--yes"), 'Removed "a" (ID 1)\nRemoved "c" (ID 3)\n')
        self.assertEqual([row[1] for row in self.rows("list")], ["b"])
        self.assertEqual([found["alias"] for found in self.json("remove", "--all", "-y", "--json")], ["b"])
        self.assertEqual(self.json("remove", "--all", "-y", "--json"), [])
        self.assertEqual(self.json("list", "--json"), [])

    def test_bad_input(self):
        self.assertEqual(self.bad("remove"), "say which configs: kftrayctl remove NAME…, or --all")
        self.assertEqual(self.bad("remove", "a"), 'Remove "a" (ID 1): there is no terminal to ask on; say --yes')
        self.assertEqual(self.bad("remove", "a", "--all"), "names and --all together make no sense: say one of them")
        self.assertIn('no config named "x"', self.bad("remove", "a", "x", "--yes"))
        self.assertEqual(len(self.json("list", "--json")), 3)


class Settings(harness.Case):
    def test_values(self):
        self.assertEqual(self.good("settings", "hold_seconds"), "10\n")
        self.assertEqual(self.good("settings", "hold_seconds", "30"), "")
        self.assertEqual(self.json("settings", "--json")["hold_seconds"], 30)
        self.assertEqual(self.json("settings", "notify", "--json"), {"notify": True})
        self.good("settings", "--unset", "hold_seconds")
        self.assertEqual(self.good("settings", "hold_seconds"), "10\n")
        self.assertIn(["hold_seconds", "10", "10"], [row[:3] for row in self.rows("settings")])

    def test_bad_input(self):
        self.assertEqual(self.bad("settings", "hold_second"),
                         'there is no setting "hold_second"; did you mean "hold_seconds"?')
        self.assertEqual(self.bad("settings", "hold_seconds", "x"),
                         'hold_seconds is "x", allowed are whole numbers from 0 to 600')
        self.assertEqual(self.bad("settings", "a", "b", "c"), 'unexpected argument "c"; see "kftrayctl settings --help"')
        self.assertEqual(self.bad("settings", "--unset"), "--unset wants one KEY: kftrayctl settings --unset KEY")


class Frame(harness.Case):
    def test_help_of_every_command(self):
        names = [line.split()[0] for line in self.good("--help").partition("Commands:\n")[2].splitlines()
                 if line.startswith("  ")]
        self.assertIn("list", names)
        for name in names:
            text = self.good("help", name)
            self.assertEqual(text, self.good(name, "--help"))
            self.assertIn(f"Usage:\n  kftrayctl {name} [OPTION…]", text)
            self.assertIn("\nExamples:\n", text)
            self.assertLessEqual(max(map(len, text.splitlines())), 110)

    def test_unknown_command(self):
        self.assertEqual(self.bad("lst"), 'unknown command "lst"; did you mean "list"?')
        self.assertEqual(self.bad("xyzzy"), 'unknown command "xyzzy"; see "kftrayctl --help"')
        self.assertEqual(self.bad("help", "lst"), 'unknown command "lst"; did you mean "list"?')

    def test_version(self):
        self.assertRegex(self.good("version"), r"^kftrayctl \d+\.\d+\.\d+\n$")
        self.assertEqual("kftrayctl " + self.json("version", "--json")["version"] + "\n", self.good("--version"))

    def test_texts_are_utf8_whatever_the_locale_says(self):
        self.environment["LC_ALL"] = "C"
        self.good("add", "svc/web", ":80", "--alias", "größe")
        self.assertEqual(self.json("show", "größe", "--json")["alias"], "größe")


if __name__ == "__main__":
    unittest.main()
