"""Reads case files: sections, matrix, variables. The format is described in tests/data/cases/README.md."""

import itertools
import json
import os
import re

SECTION = re.compile(r"^\[([a-z]+)(?: ([\w./-]+))?\]$")
VARIABLE = re.compile(r"\$\{([\w.-]+)\}")
SECTIONS = {"name", "flags", "matrix", "world", "faults", "fakes", "file", "env", "command", "steps", "stdout", "stderr",
            "exit", "requests", "counters", "limit", "failed"}
FLAG = re.compile(r"^(also-kubectl(-1\.\d+)?|violations|slow|root-only)$")


class CaseError(Exception):
    """The case file itself is wrong."""


class Case:
    """One case, or one row of its matrix. Sections are (name, qualifier) -> text."""

    def __init__(self, path, sections, values):
        self.path = path
        self.values = values
        self._sections = sections
        self.id = os.path.basename(path).removesuffix(".case")
        if values:
            self.id += "-" + "-".join(values.values())

    @property
    def title(self):
        return f"{self.id}: {self.text('name').strip()}"

    @property
    def flags(self):
        return set(self.text("flags").split())

    def kubectl_minor(self):
        """The oldest kubectl 1.N that the case is for; None if it is for none."""
        found = [flag for flag in self.flags if flag.startswith("also-kubectl")]
        return int((found[0].split(".") + ["0"])[1]) if found else None

    @property
    def limit(self):
        return float(self.text("limit") or 60)

    def has(self, name, qualifier=None):
        return (name, qualifier) in self._sections

    def text(self, name, qualifier=None):
        return self._sections.get((name, qualifier), "")

    def for_program(self, name, program):
        """The section for this program if there is one, else the general one; None if there is neither."""
        for qualifier in (program, None):
            if self.has(name, qualifier):
                return self.text(name, qualifier)
        return None

    def lines(self, name, qualifier=None):
        """Without empty lines and comments."""
        rows = (line.strip() for line in self.text(name, qualifier).splitlines())
        return [row for row in rows if row and not row.startswith("#")]

    def files(self):
        return {qualifier: text for (name, qualifier), text in self._sections.items() if name == "file"}

    def json(self, name, variables, default):
        text = substitute(self.text(name), variables).strip()
        try:
            return json.loads(text) if text else default
        except ValueError as error:
            raise CaseError(f"[{name}]: {error}") from None

    def faults(self, variables):
        try:
            return [json.loads(substitute(line, variables)) for line in self.lines("faults")]
        except ValueError as error:
            raise CaseError(f"[faults]: {error}") from None


def substitute(text, variables):
    """Replaces ${name}; an unknown name is an error of the case."""
    def value(match):
        if match[1] not in variables:
            raise CaseError(f"no variable ${{{match[1]}}}")
        return str(variables[match[1]])
    return VARIABLE.sub(value, text)


def load(path):
    """All cases of a file: one, or one for each row of its matrix."""
    with open(path, encoding="utf-8") as file:
        sections = _split(file.read())
    for wanted in ("name", "command"):
        if (wanted, None) not in sections:
            raise CaseError(f"no [{wanted}]")
    unknown = [flag for flag in sections.get(("flags", None), "").split() if not FLAG.match(flag)]
    if unknown:
        raise CaseError(f"unknown flags {unknown}")
    return [Case(path, sections, values) for values in _matrix(sections.get(("matrix", None), ""))]


def _split(text):
    sections, current = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        match = SECTION.match(line)
        if match and match[1] not in SECTIONS:
            raise CaseError(f"line {number}: no section {match[1]!r}")
        if match:
            current = (match[1], match[2])
            if current in sections:
                raise CaseError(f"line {number}: section comes twice")
            sections[current] = ""
        elif current is not None:
            sections[current] += line + "\n"
        elif line.strip() and not line.startswith("#"):
            raise CaseError(f"line {number}: text before the first section")
    return {key: value.strip("\n") + "\n" for key, value in sections.items()}


def _matrix(text):
    """NAME = value value ..., one line per dimension."""
    names, values = [], []
    for line in text.splitlines():
        if line.strip():
            name, _, rest = line.partition("=")
            names.append(name.strip())
            values.append(rest.split())
    return [dict(zip(names, row)) for row in itertools.product(*values)] if names else [{}]
