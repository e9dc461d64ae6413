"""Scripted faults: which request or connection they apply to, how often, and what they do.

A fault is a JSON object. `on` is the moment (connect, tls, request, upgrade, session, list, watch), `do` the deed;
`method`, `path` (regular expression), `upgrade`, `transport`, `user`, `query` (regular expression) narrow it;
`skip` lets the first N occasions pass, `times` ends it after N. Everything else is an argument of the deed.
README.md in tests/fakes lists all deeds.
"""

import re

MOMENTS = {
    "connect": {"silence", "close", "reset", "rubbish", "delay"},
    "tls": {"silence", "close", "reset", "rubbish", "delay"},
    "request": {"silence", "close", "reset", "rubbish", "delay", "status", "reply", "huge-header", "drip", "cut"},
    "upgrade": {"delay", "wrong-accept", "subprotocol", "rubbish-after", "no-subprotocol", "same-segment"},
    "session": {"cut", "drip", "stall-reader", "no-pong", "goaway", "pair-error", "unknown-stream", "truncate",
                "ignore-syn", "end", "fragment"},
    "list": {"gone", "tiny-chunks"},
    "watch": {"gone-status", "gone-event", "error-event", "end", "rubbish", "silence", "split", "no-bookmarks"},
}
NARROWING = ("method", "upgrade", "transport", "user")
PATTERNS = ("path", "query")


class FaultError(ValueError):
    pass


class Fault:
    def __init__(self, spec):
        self.spec = dict(spec)
        self.moment = spec.get("on")
        self.deed = spec.get("do")
        self.name = spec.get("name", f"{self.moment}/{self.deed}")
        self.used = 0
        self._skip = spec.get("skip", 0)
        self._times = spec.get("times")
        if self.moment not in MOMENTS or self.deed not in MOMENTS[self.moment]:
            raise FaultError(f"no such fault: on {self.moment!r} do {self.deed!r}")

    def get(self, name, default=None):
        return self.spec.get(name, default)

    def matches(self, facts):
        for key in NARROWING:
            if key in self.spec and self.spec[key] != facts.get(key):
                return False
        for key in PATTERNS:
            if key in self.spec and not re.search(self.spec[key], facts.get(key) or ""):
                return False
        return True

    def take(self):
        """True if this occasion is one for the fault; counts it."""
        if self._skip > 0:
            self._skip -= 1
            return False
        if self._times is not None and self.used >= self._times:
            return False
        self.used += 1
        return True


class FaultTable:
    def __init__(self, specs=()):
        self.faults = []
        self.replace(specs)

    def replace(self, specs):
        self.faults = [Fault(spec) for spec in specs]

    def add(self, spec):
        self.faults.append(Fault(spec))

    def remove(self, name):
        self.faults = [fault for fault in self.faults if fault.name != name]

    def take(self, moment, **facts):
        """The faults of MOMENT that apply to FACTS now, each counted as used."""
        return [fault for fault in self.faults
                if fault.moment == moment and fault.matches(facts) and fault.take()]

    def describe(self):
        return [dict(fault.spec, used=fault.used) for fault in self.faults]
