"""Completion: what is offered, and that bash, zsh and fish really complete with it."""

import os
import shutil
import subprocess
import unittest

import harness

SCRIPTS = harness.TOP / "packaging" / "completion"


class Offers(harness.ClusterCase):
    def setUp(self):
        super().setUp()
        self.good("add", "svc/web", "8080:80", "-n", "shop")

    def offered(self, *words):
        return [line.split("\t")[0] for line in self.good("__complete", *words).splitlines()]

    def test_words(self):
        for words, wanted in (
                (("li",), ["list"]), (("help", "stat"), ["status"]), (("list", "--ru"), ["--running"]),
                (("show", ""), ["web"]), (("edit", "web", "local_p"), ["local_port="]),
                (("edit", "web", "protocol="), ["protocol=tcp", "protocol=udp"]),
                (("edit", "web", "balance=r"), ["balance=round-robin"]),
                (("settings", "hold"), ["hold_seconds"]), (("settings", "notify", "t"), ["true"]),
                (("settings", "hold_seconds", ""), ["10"]), (("list", "-o", ""), ["wide", "json"]),
                (("run", "--output=l"), ["--output=lines"]), (("forward", "--transport", "s"), ["spdy"]),
                (("import", ""), ["__files"]), (("run", "--file", ""), ["__files"]), (("export", "x", "w"), ["web"]),
                (("nosuch", ""), []), (("forward", "--context", "fake-p"), ["fake-pods-only"]),
                (("add", "context=fake-p"), ["context=fake-pods-only"]), (("forward", "-n", "kube-s"), ["kube-system"]),
                (("forward", "svc/we"), ["svc/web"]), (("forward", "-n", "quiet", "svc/we"), []),
                (("forward", "svc/web", ""), [])):
            with self.subTest(words=words):
                self.assertEqual(self.offered(*words), wanted)

    def test_a_cluster_that_is_away_is_silence(self):
        self.write("kubeconfig", "rubbish: [")
        self.environment["KUBECONFIG"] = str(self.home / "kubeconfig")
        self.assertEqual(self.offered("forward", "-n", ""), [])


class Shells(harness.Case):
    """Each shell gets a command line and TAB, and must show the completed one."""

    LINES = (("kftrayctl stat", "us "), ("kftrayctl show si", "te "), ("kftrayctl list --co", "lor "),
             ("kftrayctl edit site workload_type=ex", "pose "), ("kftrayctl edit site remote_p", "ort="),
             ("kftrayctl list --output=wi", "de "), ("kftrayctl import tea", "m.json "))

    def setUp(self):
        super().setUp()
        self.good("add", "svc/web", "8080:80", "--alias", "site")
        self.write("team.json", "[]")
        self.environment |= {"PATH": f"{os.path.dirname(harness.PROGRAM)}:{os.environ['PATH']}", "PS1": "$ ", "TERM": "dumb",
                             "INPUTRC": "/dev/null"}

    def need(self, shell):
        path = shutil.which(shell)
        if path is None:
            self.skipTest(f"no {shell} here")
        return path

    def complete_all(self, terminal, setup):
        terminal.send(f"{setup}; echo rea''dy\n")
        terminal.expect("ready\r\n")
        for line, rest in self.LINES:
            terminal.send(f"\025{line}\t")
            terminal.expect(rest.replace(".", r"\."))

    def test_bash(self):
        terminal = self.open_terminal(self.need("bash"), "--norc", "--noprofile", "-i")
        self.complete_all(terminal, f"source {SCRIPTS}/kftrayctl.bash")

    def test_zsh(self):
        terminal = self.open_terminal(self.need("zsh"), "-f", "-i")
        self.complete_all(terminal, f"fpath=({SCRIPTS} $fpath); autoload -U compinit; compinit -u -D")

    def test_fish(self):
        fish = self.need("fish")
        for line, rest in self.LINES:
            done = subprocess.run([fish, "-N", "-c", f"source {SCRIPTS}/kftrayctl.fish; complete -C '{line}'"],
                                  capture_output=True, text=True, check=True, env=self.environment, cwd=self.home)
            self.assertEqual(done.stdout.split("\t")[0].strip(), line.split()[-1] + rest.strip())


if __name__ == "__main__":
    unittest.main()
