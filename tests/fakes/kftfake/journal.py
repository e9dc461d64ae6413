"""What the fake has seen: request log, counters, protocol violations by the client, and waiting for them to grow."""

import asyncio
import collections
import time

LOG_LIMIT = 5000


class Journal:
    def __init__(self):
        self.requests = collections.deque(maxlen=LOG_LIMIT)
        self.violations = collections.deque(maxlen=LOG_LIMIT)
        self.counters = collections.Counter()
        self._started = time.monotonic()
        self._numbers = 0
        self._waiters = set()

    def add_request(self, connection_id, request):
        self._numbers += 1
        entry = {
            "n": self._numbers,
            "ms": int((time.monotonic() - self._started) * 1000),
            "connection": connection_id,
            "method": request.method,
            "path": request.path,
            "target": request.target,
            "query": request.query,
            "headers": request.headers,
            "upgrade": request.upgrade(),
            "user": None,
            "code": None,
            "note": "",
        }
        self.requests.append(entry)
        self.count("requests")
        return entry

    def lines(self):
        """METHOD TARGET USER CODE NOTE of each request."""
        return [f"{entry['method']} {entry['target']} {entry['user'] or '-'} {entry['code'] or '-'} {entry['note']}".strip()
                for entry in self.requests]

    def violation(self, text):
        """The client did what the protocol documents tell it not to do."""
        self.violations.append(text)
        self.count("violations")

    def count(self, name, amount=1):
        self.counters[name] += amount
        for waiter in list(self._waiters):
            waiter.set()

    async def wait_for(self, condition, timeout):
        """True as soon as CONDITION(self) holds, False after TIMEOUT seconds."""
        changed = asyncio.Event()
        self._waiters.add(changed)
        end = time.monotonic() + timeout
        try:
            while not condition(self):
                left = end - time.monotonic()
                if left <= 0:
                    return False
                changed.clear()
                try:
                    await asyncio.wait_for(changed.wait(), left)
                except asyncio.TimeoutError:
                    pass
            return True
        finally:
            self._waiters.discard(changed)

    async def wait_counter(self, name, least, timeout):
        return await self.wait_for(lambda journal: journal.counters[name] >= least, timeout)
