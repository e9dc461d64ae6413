"""What the settings say about the network, and logins of proxies: keyring, terminal, neither."""

import base64
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import harness

SERVER = "https://kft.test"
PASSWORD = "ge heim/%40:\u00e9"
SENTENCE = "needs authentication"


class Network(harness.ClusterCase):
    """The API server under a name that only the proxy knows: for it, every name means 127.0.0.1."""

    def setUp(self):
        super().setUp()
        document = json.loads(subprocess.run(["kubectl", "config", "view", "--raw", "-o", "json"], check=True, env={
            "HOME": str(self.home), "KUBECONFIG": self.kubeconfig, "PATH": os.environ["PATH"]}, capture_output=True).stdout)
        for row in document["clusters"]:
            port = row["cluster"]["server"].rpartition(":")[2]
            row["cluster"] |= {"server": f"{SERVER}:{port}", "tls-server-name": "localhost"}
        self.environment["KUBECONFIG"] = str(self.home / self.write("named", document))
        self.context = document["current-context"]

    def start_proxy(self, *arguments):
        ready = pathlib.Path(tempfile.mkdtemp(dir=self.home)) / "ready"
        proxy = subprocess.Popen(["/usr/bin/python3", str(harness.TOP / "tests/fakes/httpproxy.py"), "--ready", str(ready),
                                  *arguments], stdout=subprocess.DEVNULL)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.terminate)
        harness.wait_until(ready.exists, "the proxy")
        return f"127.0.0.1:{json.loads(ready.read_text(encoding='utf-8'))['port']}"

    def test_followed(self):
        """A forward that runs takes a proxy that is set meanwhile; one that no context has, none."""
        self.good("settings", "proxy", "http://127.0.0.1:1")
        process = self.start("forward", "--keep-trying", "svc/web", ":8080")
        process.await_line("cannot connect to the proxy 127.0.0.1:1")
        proxy = self.start_proxy()
        self.good("settings", "proxy", f"http://{proxy}")
        process.await_line(r"^Forwarding from 127\.0\.0\.1:\d+")
        self.assertEqual(process.end(), 0)

    def test_of_a_context(self):
        proxy = self.start_proxy()
        self.good("settings", "proxy", "http://127.0.0.1:1")
        self.good("settings", "context_proxies", f"other=none {self.context}=http://{proxy}")
        process = self.start("forward", "svc/web", ":8080")
        process.await_line(r"^Forwarding from")
        self.assertEqual(process.end(), 0)
        steps = {row["step"]: row for row in self.json("diagnose", "--json", "svc/web", "8080")["steps"]}
        self.assertEqual(steps["proxy"]["text"], f'{proxy}: the settings say so for context "{self.context}"')

    def test_bundle(self):
        """A bundle of the settings that is not there is named; --ca-bundle counts instead of it."""
        self.good("settings", "ca_bundle", "/nowhere/corp.pem")
        self.good("settings", "proxy", f"http://{self.start_proxy()}")
        done = self.run_program("forward", "svc/web", ":8080")
        self.assertIn('cannot read the file of additional trusted certificates "/nowhere/corp.pem"', done.stderr)
        document = json.loads(pathlib.Path(self.environment["KUBECONFIG"]).read_text(encoding="utf-8"))
        authority = base64.b64decode(document["clusters"][0]["cluster"]["certificate-authority-data"])
        process = self.start("forward", "--ca-bundle", self.write("ca.crt", authority.decode()), "svc/web", ":8080")
        process.await_line("^Forwarding from")
        self.assertEqual(process.end(), 0)

    def test_no_password_in_settings(self):
        for key, value in (("proxy", "http://ann:geheim@p:1"), ("context_proxies", "x=http://ann:geheim@p:1")):
            sentence = self.bad("settings", key, value)
            self.assertIn("passwords do not belong here", sentence)
            self.assertNotIn("geheim", sentence)

    def test_login_without_terminal(self):
        self.good("settings", "proxy", f"http://{self.start_proxy('--login', 'ann:' + PASSWORD)}")
        done = self.run_program("forward", "svc/web", ":8080")
        self.assertEqual(done.returncode, 1)
        self.assertIn(SENTENCE, done.stderr)

    def test_login_on_terminal(self):
        """A wrong password, then the right one, neither shown; the command goes on by itself."""
        self.good("settings", "proxy", f"http://{self.start_proxy('--login', 'ann:' + PASSWORD)}")
        terminal = self.open_terminal(harness.PROGRAM, "forward", "svc/web", ":8080")
        terminal.expect("User name: ")
        for password, question in (("falsch", r"refused the login[^$]*Enter to keep"), (PASSWORD, "Forwarding from")):
            terminal.send("ann\n")
            terminal.expect("Password of ann: ")
            self.assertFalse(terminal.has_echo())
            terminal.send(password + "\n")
            terminal.expect(question)
            self.assertNotIn(password, terminal.output)
        self.assertTrue(terminal.has_echo())
        terminal.send("\x03")
        self.assertEqual(terminal.wait(), 0)

    def test_login_of_keyring(self):
        """Nobody is asked; a password that was changed in the keyring is taken without a restart."""
        proxy = self.start_proxy("--login", "ann:" + PASSWORD)
        self.good("settings", "proxy", f"http://{proxy}")
        self.write("secret", PASSWORD)
        script = harness.TOP / "tests/unit/remote/with-keyring.sh"
        host, _, port = proxy.partition(":")
        program = (f"/usr/bin/python3 {harness.TOP}/tests/cli/store_login.py {host} {port} ann <{self.home}/secret && "
                   f"exec {harness.PROGRAM} diagnose --color never svc/web :8080")
        environment = self.environment | {"KFTRAY_CONFIG": str(self.home / "config")}
        done = subprocess.run([str(script), "sh", "-c", program], env=environment, cwd=self.home, text=True,
                              capture_output=True, check=False, timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn(PASSWORD, done.stdout + done.stderr)

    def answer_question(self, *command):
        """What the command says when ann's password was given; asked once, whatever it asks of the cluster."""
        self.good("settings", "proxy", f"http://ann@{self.start_proxy('--login', 'ann:' + PASSWORD)}")
        terminal = self.open_terminal(harness.PROGRAM, *command)
        terminal.expect(r"\(Enter to keep\): ")
        terminal.send("\n")
        terminal.expect(r"Password of ann: ")
        terminal.send(PASSWORD + "\n")
        self.assertEqual(terminal.wait(), 0, terminal.output)
        self.assertNotIn("Password of", terminal.output)
        self.assertNotIn(PASSWORD, terminal.output)
        return terminal.output

    def test_questions_to_clusters_ask(self):
        self.assertRegex(self.answer_question("relays"), "No relays")
        self.assertRegex(self.answer_question("contexts"), self.context + r" .*v1\.")

    def test_discover_asks(self):
        self.assertIn("no service that can be forwarded", self.answer_question("discover", "-n", "quiet"))

    def test_completion_never_asks(self):
        self.good("settings", "proxy", f"http://ann@{self.start_proxy('--login', 'ann:' + PASSWORD)}")
        terminal = self.open_terminal(harness.PROGRAM, "__complete", "forward", "svc/")
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(terminal.output.strip(), "")

    def test_interrupted_question(self):
        self.good("settings", "proxy", f"http://{self.start_proxy('--login', 'ann:' + PASSWORD)}")
        terminal = self.open_terminal(harness.PROGRAM, "forward", "svc/web", ":8080")
        terminal.expect(r"User name: ")
        terminal.send("\x03")
        self.assertIn(terminal.wait(), (0, 1))

    def test_run_asks(self):
        """Before the table of a terminal, which goes on with the login."""
        self.good("settings", "proxy", f"http://{self.start_proxy('--login', 'ann:' + PASSWORD)}")
        self.good("add", "svc/web", f"{harness.freeport.find()}:8080", "--alias", "shop")
        terminal = self.open_terminal(harness.PROGRAM, "run", "--all")
        terminal.expect("User name: ")
        terminal.send("ann\n")
        terminal.expect("Password of ann: ")
        terminal.send(PASSWORD + "\n")
        terminal.expect("ready")
        self.assertNotIn(PASSWORD, terminal.output)
        terminal.send("\x03")
        self.assertEqual(terminal.wait(), 0)

    def test_diagnosis_asks(self):
        self.good("settings", "proxy", f"http://ann@{self.start_proxy('--login', 'ann:' + PASSWORD)}")
        terminal = self.open_terminal(harness.PROGRAM, "diagnose", "--color", "never", "svc/web", ":8080")
        terminal.expect(r"\(Enter to keep\): ")
        terminal.send("\n")
        terminal.expect(r"Password of ann: ")
        terminal.send(PASSWORD + "\n")
        self.assertEqual(terminal.wait(), 0)
        self.assertRegex(terminal.output, "ok +upgrade")
        self.assertNotIn(PASSWORD, terminal.output)


class TokenKey(harness.ClusterCase):
    """A client key that never leaves its PKCS#11 token, here softhsm2's."""

    PIN = "4711"

    def setUp(self):
        super().setUp()
        shown = subprocess.run(["kubectl", "config", "view", "--raw", "-o", "json"], check=True, capture_output=True, env={
            "HOME": str(self.home), "KUBECONFIG": self.kubeconfig, "PATH": os.environ["PATH"]}).stdout
        self.document = json.loads(shown)
        context = next(row["context"] for row in self.document["contexts"] if row["name"] == "fake-cert-ec")
        self.document["current-context"] = "fake-cert-ec"
        self.user = next(row["user"] for row in self.document["users"] if row["name"] == context["user"])
        self.write("key.pem", base64.b64decode(self.user.pop("client-key-data")).decode())
        self.environment["SOFTHSM2_CONF"] = str(self.home / self.write("softhsm.conf", f"directories.tokendir = {self.home}\n"))
        self.environment["PKCS11_MODULE_PATH"] = "/usr/lib/softhsm/libsofthsm2.so"
        for command in (["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-out", "key.pk8"],
                        ["softhsm2-util", "--init-token", "--free", "--label", "kft", "--pin", self.PIN, "--so-pin", "12345678"],
                        ["softhsm2-util", "--import", "key.pk8", "--token", "kft", "--label", "me", "--id", "01", "--pin",
                         self.PIN]):
            subprocess.run(command, check=True, cwd=self.home, env=self.environment, capture_output=True)
        (self.home / "key.pem").unlink()
        (self.home / "key.pk8").unlink()

    def set_key(self, uri):
        self.user["client-key"] = uri
        self.environment["KUBECONFIG"] = str(self.home / self.write("kubeconfig", self.document))

    def test_used(self):
        """For requests and for streams; its PIN is in no log."""
        self.set_key(f"pkcs11:token=kft;object=me;type=private?pin-value={self.PIN}")
        self.environment["KFT_TRACE"] = "all:debug"
        done = self.run_program("diagnose", "svc/web", ":8080")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, 'ok +bytes .*HTTP')
        self.assertNotIn(self.PIN, done.stdout + done.stderr)

    def test_wrong(self):
        """No PIN, no such key: said without asking, and without the PIN."""
        for uri in ("pkcs11:token=kft;object=me;type=private", f"pkcs11:token=kft;object=you?pin-value={self.PIN}"):
            self.set_key(uri)
            sentence = self.run_program("forward", "svc/web", ":8080").stderr
            self.assertIn("cannot be used from its PKCS#11 token", sentence)
            self.assertNotIn(self.PIN, sentence)

    def test_without_engine(self):
        self.set_key("pkcs11:token=kft;object=me")
        self.environment["OPENSSL_ENGINES"] = str(self.home)
        self.assertIn("install libengine-pkcs11-openssl", self.run_program("forward", "svc/web", ":8080").stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
