"""The numbers of a run, in a JSON file that is written anew after each measurement, so that whatever
happens next does not lose them:

    {"machine": TEXT, "settings": {"rounds": 3, …},
     "workloads": {WORKLOAD: {ROW: {"date": TEXT, "load": NUMBER, "seconds": NUMBER,
                                    "rounds": {"1": {KEY: NUMBER, …}, …},
                                    "failures": {"2": TEXT, …}}}}}

No two workloads have a KEY in common. A number is null where nothing came back in time."""

import datetime
import json
import math
import os
import statistics

from contenders import ONCE, WORKLOADS


class Results:
    def __init__(self, path, machine, settings):
        self.path = path
        self.data = {"machine": machine, "settings": settings, "workloads": {}}

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        self = cls(path, data["machine"], data["settings"])
        self.data = data
        return self

    @classmethod
    def merge(cls, path, machine, settings):
        """What is there already, to be added to; numbers of other settings are not comparable."""
        if not os.path.exists(path):
            return cls(path, machine, settings)
        self = cls.load(path)
        if self.settings != settings:
            raise SystemExit(f"{path} has numbers of other settings ({self.settings}): repeat it "
                             "with those, or name another file with --json")
        self.data["machine"] = machine
        return self

    @property
    def settings(self):
        return self.data["settings"]

    def save(self):
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), exist_ok=True)
        with open(f"{self.path}.new", "w", encoding="utf-8") as file:
            json.dump(self.data, file, indent=1)
        os.replace(f"{self.path}.new", self.path)

    # ---- writing ----

    def begin(self, workload, name):
        """Forgets what was measured earlier."""
        self.data["workloads"].setdefault(workload, {})[name] = {
            "date": datetime.date.today().isoformat(), "load": os.getloadavg()[0], "seconds": 0,
            "rounds": {}, "failures": {}}

    def put(self, workload, name, number, seconds, values=None, failure=None):
        """@values or @failure of one round."""
        entry = self.data["workloads"][workload][name]
        entry["seconds"] += seconds
        if failure is None:
            entry["rounds"][str(number)] = values
        else:
            entry["failures"][str(number)] = failure
        self.save()

    # ---- reading ----

    def entries(self):
        """(workload, row, entry) of all that was begun."""
        for workload, names in self.data["workloads"].items():
            for name, entry in names.items():
                yield workload, name, entry

    def values(self, name, key):
        """One number for each round that has it; infinite where nothing came back."""
        return list(self.by_round(name, key).values())

    def by_round(self, name, key):
        found = {}
        for _, other, entry in self.entries():
            if other == name:
                found.update({number: math.inf if values[key] is None else values[key]
                              for number, values in entry["rounds"].items() if key in values})
        return found

    def median(self, name, key):
        """None if there is no number."""
        values = self.values(name, key)
        return statistics.median(values) if values else None

    def failures(self):
        """(workload, row, round, message)"""
        return [(workload, name, int(number), message) for workload, name, entry in self.entries()
                for number, message in entry["failures"].items()]

    def is_complete(self):
        """Whether everything was tried in every round."""
        done = {(workload, name): len(entry["rounds"]) + len(entry["failures"])
                for workload, name, entry in self.entries()}
        return all(done.get((workload, row.name), 0) >= (1 if workload in ONCE
                                                         else self.settings["rounds"])
                   for workload, rows in WORKLOADS.items() for row in rows)
