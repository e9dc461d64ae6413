"""Runs one case: its directory, its fakes, the program, the steps, and the comparison at the end."""

import asyncio
import os
import shlex
import shutil
import socket
import sys

import freeport
from kftfake import control, httpproxy, kubeconfig, oidc, server, socks5

from . import casefile, compare, program, secrets, steps

FAKES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fakes")
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "LLVM_PROFILE_FILE")
CHATTER = "Handling connection for "


class Skip(Exception):
    pass


class Trial:
    """CERTS: directory of certificates; TOOL: ('kftrayctl' or 'kubectl', path)."""

    def __init__(self, case, directory, certs, tool):
        self._case = case
        self._directory = directory
        self._certs = certs
        self._tool, self._path = tool
        self._variables = dict(case.values)
        self._fakes = []
        self._program = program.Program()
        self._server = None
        self._steps = None

    async def run(self):
        """Raises Mismatch, ProgramError, CaseError or Skip."""
        os.makedirs(self._directory)
        try:
            await self._start_server()
            await self._start_fakes()
            self._write_files()
            await self._start_program()
            await self._run_steps()
            await self._finish()
            self._compare()
        finally:
            await self._clean_up()

    def evidence(self):
        """For a failed case: what the program said and what the fake saw."""
        rows = [f"command: {' '.join(self._variables.get('command', '').split())}"]
        rows += ["stdout: " + line for line in self._program.stdout[-20:]]
        rows += ["stderr: " + line for line in self._program.stderr[-20:]]
        if self._server:
            rows += ["request: " + line for line in self._server.journal.lines()[-20:]]
            rows += ["violation: " + line for line in list(self._server.journal.violations)[:5]]
        return rows

    # Before.

    async def _start_server(self):
        document = self._case.json("world", self._variables, {})
        document.setdefault("faults", []).extend(self._case.faults(self._variables))
        self._server = server.Server(document, self._certs)
        await self._server.start()
        admin = self._server.users.by_name("admin")
        config = kubeconfig.document(self._server)
        known = {
            "dir": self._directory, "certs": self._certs, "fakes": os.path.abspath(FAKES), "url": self._server.url,
            "server-port": self._server.port, "token": admin.token, "python": sys.executable,
            "ca-data": config["clusters"][0]["cluster"].get("certificate-authority-data", ""),
            "free1": freeport.find(), "free2": freeport.find()}
        clash = set(known) & set(self._variables)
        if clash:
            raise casefile.CaseError(f"the matrix uses names that are taken: {clash}")
        self._variables |= known
        kubeconfig.write(os.path.join(self._directory, "kubeconfig"), config)

    async def _start_fakes(self):
        """Lines: KIND NAME [key=value ...] gives ${NAME.port}."""
        for line in self._case.lines("fakes"):
            kind, name, *rest = shlex.split(casefile.substitute(line, self._variables))
            options = dict(item.partition("=")[::2] for item in rest)
            fake = await self._start_fake(kind, options)
            self._variables[f"{name}.port"] = fake.port
            if kind == "oidc":
                self._server.users.rotate_token("admin", fake.id_token)

    async def _start_fake(self, kind, options):
        certs = self._certs if "tls" in options or kind == "oidc" else None
        if kind == "httpproxy":
            refuse = int(options["refuse"]) if "refuse" in options else None
            fake = httpproxy.HttpProxy(options.get("login"), certs, refuse)
        elif kind == "socks5":
            fake = socks5.Socks5(options.get("login"))
        elif kind == "oidc":
            fake = oidc.Oidc(certs, options.get("refresh", "refresh-1"), options.get("next"),
                             int(options["refuse"]) if "refuse" in options else None)
        elif kind == "occupied":
            fake = Occupied()
        else:
            raise casefile.CaseError(f"no fake {kind!r}")
        await fake.start()
        self._fakes.append(fake)
        return fake

    def _write_files(self):
        for name, text in self._case.files().items():
            path = os.path.join(self._directory, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(casefile.substitute(text, self._variables))
            if text.startswith("#!"):
                os.chmod(path, 0o755)

    async def _start_program(self):
        text = casefile.substitute(" ".join(self._case.lines("command")), self._variables)
        words, extra = shlex.split(text), {}
        if self._tool == "kubectl":
            answer = program.kubectl_arguments(words)
            if answer is None:
                raise Skip("kubectl does not speak this transport")
            words, extra = answer
        else:
            words = program.own_arguments(words)
        self._variables["command"] = text
        await self._program.start([self._path, *words], self._environment() | extra, self._directory)

    def _environment(self):
        values = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        values |= {"HOME": self._directory, "KUBECONFIG": os.path.join(self._directory, "kubeconfig"), "LC_ALL": "C.UTF-8",
                   "XDG_CONFIG_HOME": os.path.join(self._directory, "config"),
                   "XDG_RUNTIME_DIR": self._directory}
        for line in self._case.lines("env"):
            name, _, value = casefile.substitute(line, self._variables).partition("=")
            values[name] = value
            if not value:
                del values[name]
        return values

    # During and after.

    async def _run_steps(self):
        self._steps = steps.Steps(self._program, control.Control(self._server))
        for number, line in enumerate(self._case.lines("steps"), 1):
            try:
                await self._steps.run(casefile.substitute(line, self._variables | self._port_variables()))
            except (compare.Mismatch, program.ProgramError, OSError, KeyError, TypeError, ValueError) as error:
                raise compare.Mismatch(f"step {number} ({line}): {error}") from error

    def _port_variables(self):
        found = [port for host, port, _ in self._program.ports if ":" not in host]
        return {f"local{number}": port for number, port in enumerate(found, 1)}

    async def _finish(self):
        """A program that still runs gets SIGINT; one that shall fail by itself is awaited."""
        if self._case.has("steps") and self._program.is_running() and not self._expected_exit():
            self._program.signal("INT")
        await self._program.until_exit(self._case.limit)

    def _expected_exit(self):
        missing = "1" if self._case.has("failed") else "0"
        return int((self._case.for_program("exit", self._tool) or missing).strip())

    def _compare(self):
        for name, lines in (("stdout", self._program.stdout), ("stderr", self._program.stderr)):
            text = self._case.for_program(name, self._tool)
            if text is not None:
                wanted = casefile.substitute(text, self._variables | self._port_variables()).splitlines()
                compare.compare_lines(name, [line for line in wanted if line],
                                      [line for line in lines if line and not line.startswith(CHATTER)])
        if self._program.exit != self._expected_exit():
            raise compare.Mismatch(f"exit status {self._program.exit}, expected {self._expected_exit()}")
        if self._case.has("failed"):
            compare.compare_failed_step(
                [casefile.substitute(line, self._variables) for line in self._case.lines("failed")], self._program.stdout)
        self._compare_server()

    def _compare_server(self):
        rows = [casefile.substitute(line, self._variables) for line in self._case.lines("requests")]
        if self._tool == "kftrayctl":
            compare.compare_requests(rows, self._server.journal.lines())
            for row in self._case.lines("counters"):
                compare.compare_counter(row, control.Control(self._server).counters())
        violations = self._server.journal.violations
        if violations and "violations" not in self._case.flags:
            raise compare.Mismatch("the program broke the protocol: " + violations[0])

    async def _clean_up(self):
        if self._steps:
            self._steps.close()
        await self._program.destroy()
        for fake in self._fakes:
            await fake.stop()
        if self._server:
            await self._server.stop()
        shutil.rmtree(self._directory, ignore_errors=True)


class SecretsTrial(Trial):
    """Runs a case with the whole debug log, and looks for its secrets instead of comparing."""

    n_logged = 0  # cases with a log: without any, nothing was looked at

    async def _start_program(self):
        found = secrets.of_users(self._server.users.users.values())
        texts = [casefile.substitute(text, self._variables) for text in self._case.files().values()]
        texts += [casefile.substitute(self._case.text(name), self._variables) for name in ("fakes", "env", "world")]
        for text in texts:
            found |= secrets.find(text)
        self._secrets = found
        await super()._start_program()

    def _environment(self):
        return super()._environment() | {"KFT_TRACE": "all:debug"}

    async def _run_steps(self):
        try:
            await super()._run_steps()
        except compare.Mismatch:
            pass  # what a case expects of stderr need not fit among the log

    def _compare(self):
        users = secrets.of_users(self._server.users.users.values())  # tokens may have been replaced
        leak = secrets.check(self._secrets | users, self._program.stdout + self._program.stderr)
        if leak is not None:
            raise compare.Mismatch(f"a secret came out: {leak}")
        SecretsTrial.n_logged += any(" debug " in line for line in self._program.stderr)


class Occupied:
    """Holds a local port."""

    async def start(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(1)
        self.port = self._socket.getsockname()[1]

    async def stop(self):
        self._socket.close()
