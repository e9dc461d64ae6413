"""The objects that the fake cluster holds, their versions, and the history that watches read."""

import asyncio
import collections
import copy
import datetime
import uuid

from . import resource as resources

HISTORY_LIMIT = 2000

Change = collections.namedtuple("Change", "version old new")


def now_text():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class World:
    def __init__(self, items=()):
        self.version = 1000
        self._objects = {r.kind: {} for r in resources.RESOURCES}
        self._history = {r.kind: collections.deque(maxlen=HISTORY_LIMIT) for r in resources.RESOURCES}
        self._oldest = {r.kind: self.version for r in resources.RESOURCES}
        self._changed = asyncio.Event()
        self._listeners = []
        for item in items:
            self.put(item)
        self.forget_history()

    def get(self, kind, namespace, name):
        return self._objects[kind].get((namespace, name))

    def items(self, kind, namespace=""):
        """In name order, as the real server's storage gives them."""
        found = self._objects[kind]
        return [found[key] for key in sorted(found) if not namespace or key[0] == namespace]

    def put(self, item):
        """Adds or replaces; gives uid, version and time where they are missing. Returns the stored object."""
        item = copy.deepcopy(item)
        kind = item["kind"]
        meta = item["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        old = self._objects[kind].get(key)
        meta.setdefault("uid", old["metadata"]["uid"] if old else str(uuid.uuid4()))
        meta.setdefault("creationTimestamp", now_text())
        self._stamp(item)
        self._objects[kind][key] = item
        self._record(kind, old, item)
        return item

    def patch(self, kind, namespace, name, change):
        """A JSON merge patch (RFC 7396)."""
        old = self._objects[kind][(namespace, name)]
        return self.put(merge(old, change))

    def delete(self, kind, namespace, name):
        old = self._objects[kind].pop((namespace, name))
        gone = copy.deepcopy(old)
        self._stamp(gone)
        self._record(kind, gone, None)
        return gone

    def begin_delete(self, kind, namespace, name, grace_seconds):
        """What a graceful delete does first: deletionTimestamp."""
        return self.patch(kind, namespace, name, {"metadata": {
            "deletionTimestamp": now_text(), "deletionGracePeriodSeconds": grace_seconds}})

    def replace(self, kind, namespace, name):
        """The same object under a new uid, as a StatefulSet's pod comes back."""
        item = copy.deepcopy(self.delete(kind, namespace, name))
        for field in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
            item["metadata"].pop(field, None)
        return self.put(item)

    def oldest_version(self, kind):
        return self._oldest[kind]

    def forget_history(self):
        """Compaction: watches that start from an earlier version get 410."""
        for kind, history in self._history.items():
            history.clear()
            self._oldest[kind] = self.version

    def changes_since(self, kind, version):
        return [change for change in self._history[kind] if change.version > version]

    def add_listener(self, function):
        """FUNCTION(change) runs inside each change."""
        self._listeners.append(function)

    async def wait_change(self, version, timeout):
        """Waits until the world is newer than VERSION; False on timeout."""
        if self.version > version:
            return True
        try:
            await asyncio.wait_for(self._changed.wait(), timeout)
        except asyncio.TimeoutError:
            return False
        return True

    def _stamp(self, item):
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)

    def _record(self, kind, old, new):
        history = self._history[kind]
        if len(history) == HISTORY_LIMIT:
            self._oldest[kind] = history[0].version
        change = Change(self.version, old, new)
        history.append(change)
        for listener in self._listeners:
            listener(change)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def merge(target, change):
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result
