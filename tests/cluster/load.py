"""A load of new connections, and what the program's trace says of each that failed.

A request may fail if its bytes had been given to a pod, or to a tunnel, that then ended: nobody can know what of them was
carried out. Any other failure is a fault of ours. The program says under KFT_TRACE=conn:debug when it accepted a connection,
to which pod it gave it, and how that ended; connections are told apart by their local address, which is another one for each
thread, and counted."""

import collections
import contextlib
import http.client
import re
import threading
import time

from harness import Failed, check_equal

TRACE = "forward:info,conn:debug"
CONN = re.compile(r"\S+ debug conn: (127\.0\.0\.\d+):(\d+): (.*)")
GIVEN = re.compile(r"to pod=(\S+), try \d+")
ENDED = re.compile(r"ended by pod=(\S+), ([a-z ]+), (\d+) bytes up, (\d+) down(.*)")
NO_MORE = re.compile(r"\S+ info forward: pod=(\S+) gets no new connections")
# Ends that came from the server after something had been sent there.
MAY_HAVE_WORKED = ("clean", "error", "lost")

Failure = collections.namedtuple("Failure", "address number port text at")


class Load:
    """New HTTP connections, one after another in each thread, until the end of the with statement."""

    def __init__(self, port, n_threads=4):
        self.port = port
        self.slowest, self.failures, self.good_at = 0.0, [], []
        self.is_over = False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(f"127.0.0.{10 + i}",)) for i in range(n_threads)]

    @property
    def good(self):
        return len(self.good_at)

    def _run(self, address):
        number = 0
        while not self.is_over:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(address, 0))
            begun, local, failure = time.monotonic(), None, None
            with contextlib.closing(client):
                try:
                    client.connect()
                    local = client.sock.getsockname()[1]
                    client.request("GET", "/", headers={"Connection": "close"})
                    answer = client.getresponse()
                    check_equal(answer.status, 200, "GET /")
                    answer.read()
                except (OSError, http.client.HTTPException, Failed) as error:
                    failure = f"{type(error).__name__} {error}"
            now = time.monotonic()
            with self.lock:
                if failure is None:
                    self.good_at.append(now)
                    self.slowest = max(self.slowest, now - begun)
                else:
                    self.failures.append(Failure(address, number, local, failure, now))
            number += local is not None
            if failure is not None:
                time.sleep(0.05)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join()

    def __str__(self):
        return f"{self.good} requests, {len(self.failures)} failed, the slowest took {self.slowest:.2f} s"

    def longest_gap(self):
        """Begin and end of the longest time without a good answer."""
        with self.lock:
            times = sorted(self.good_at)
        return max(zip(times, times[1:]), key=lambda pair: pair[1] - pair[0], default=(0, 0))


def read_trace(text):
    """Connections per local address, each a list of what became of it with the port first; and what broke the rule that a pod
    that is known to go gets nothing any more, as (pod, line)."""
    connections, closed_pods, late = collections.defaultdict(list), set(), []
    latest = {}
    for line in text.splitlines():
        found = CONN.match(line)
        if found is None:
            gone = NO_MORE.match(line)
            if gone:
                closed_pods.add(gone.group(1))
            continue
        address, port, news = found.groups()
        if news == "accepted":
            latest[address, port] = [int(port)]
            connections[address].append(latest[address, port])
        elif (address, port) in latest:
            latest[address, port].append(news)
        given = GIVEN.match(news)
        if given and given.group(1) in closed_pods:
            late.append((given.group(1), line))
    return connections, late


def judge(failure, connections, dying):
    """None if the failed request had bytes under way to a pod in @dying (None: any), else why that is not proven."""
    if failure.port is None:
        return "was not even accepted"
    known = connections[failure.address]
    if failure.number >= len(known) or known[failure.number][0] != failure.port:
        return "is not in the trace"
    story = known[failure.number]
    ended = ENDED.match(story[-1]) if len(story) > 1 else None
    if ended is None or ended.group(5).startswith(", waits"):
        return f"was given to no pod that ended it: {story}"
    pod, end, n_up, _, _ = ended.groups()
    if end not in MAY_HAVE_WORKED or int(n_up) == 0:
        return f"had nothing under way: {story}"
    if dying is not None and pod not in dying:
        return f"failed on a pod that nobody touched: {story}"
    return None


def find_unproven(load, trace, dying=None):
    """The failures that cannot be excused, as text; and how the excused ones ended, counted."""
    connections, late = read_trace(trace)
    unproven = [f"{failure.text}: {why}" for failure in load.failures
                if (why := judge(failure, connections, dying)) is not None]
    # One that was not deleted may have become ready again.
    unproven += [f"given to a pod that was known to go: {line}" for pod, line in late if dying and pod in dying]
    ends = collections.Counter(ENDED.match(connections[f.address][f.number][-1]).group(2)
                               for f in load.failures if judge(f, connections, dying) is None)
    return unproven, dict(ends)
