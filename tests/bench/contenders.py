"""Who is measured, and at what: the rows of the tables and the names of the workloads."""

import collections

# program: "ours", "kubectl", "socat", "pod" or "kftray"; detail: transport, or number of forwards
Row = collections.namedtuple("Row", "name program detail")

FORWARDERS = [
    Row("kftrayctl, tunnel", "ours", "tunnel"),
    Row("kubectl, tunnel", "kubectl", "tunnel"),
    Row("kftrayctl, SPDY", "ours", "spdy"),
    Row("kubectl, SPDY", "kubectl", "spdy"),
    Row("kftrayctl, v4 WebSocket", "ours", "websocket"),
]
RELAY = Row("socat, bare TLS", "socat", None)
DIRECT = Row("no forwarder (pod over the bridge)", "pod", None)
MANY_NAMES = {"ours": "kftrayctl, one process", "kubectl": "kubectl, a process each"}
MANY = [Row(f"{count:,}, {MANY_NAMES[program]}", program, count)
        for program, count in (("ours", 1), ("kubectl", 1), ("ours", 100), ("kubectl", 100),
                               ("ours", 1000))]
KFTRAY = Row("kftray", "kftray", None)

# workload -> who does it
WORKLOADS = {
    "start": FORWARDERS,
    "first": [*FORWARDERS, DIRECT],
    "far": FORWARDERS,
    "connections": [*FORWARDERS, DIRECT],
    "bulk": [*FORWARDERS, RELAY, DIRECT],
    "echo": [*FORWARDERS, RELAY, DIRECT],
    "open": FORWARDERS,
    "many": MANY,
    "tray": [KFTRAY],
    "list": [KFTRAY],
    "window": [KFTRAY],
}
# Of those one round is enough: it is a minute in which nothing happens.
ONCE = {"window"}

ROUND_TRIPS_MS = (10, 40, 150)


def many(program, count):
    """The name of a row of many forwards."""
    return next(row.name for row in MANY if (row.program, row.detail) == (program, count))
