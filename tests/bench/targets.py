"""What the project wants to reach, against what a run measured. Nothing here is typed by hand but
the limits."""

import math

from contenders import FORWARDERS, many

TRANSPORTS = (("tunnel", "tunnel"), ("SPDY", "spdy"))
MISSING = "–"


def pair(transport):
    """The names of ours and kubectl's rows."""
    return [next(row.name for row in FORWARDERS if (row.program, row.detail) == (program, transport))
            for program in ("ours", "kubectl")]


def number(value, digits):
    return f"{value:,.{digits}f}"


def verdict(is_met, told):
    return f"{'met' if is_met else '**not met**'}: {told}"


def round_trips(results, transport):
    ours, theirs = (results.median(name, "first40") for name in pair(transport))
    if ours is None:
        return None
    compared = f", kubectl {theirs / 40:.2f}" if theirs is not None else ""
    return ours / 40 <= 1.2, f"{ours / 40:.2f}{compared}"


def ratio(key, digits, is_within):
    """Ours against kubectl's; @is_within of the two."""
    def judge(results, transport):
        ours, theirs = (results.median(name, key) for name in pair(transport))
        if ours is None or theirs is None:
            return None
        return (is_within(ours, theirs),
                f"{ours / theirs:.3f} × ({number(ours, digits)} against {number(theirs, digits)})")
    return judge


def echo_beside_download(results, transport):
    name = pair(transport)[0]
    busy, alone = results.median(name, "echo_busy99"), results.median(name, "echo_alone99")
    if busy is None or alone is None:
        return None
    if math.isinf(busy):
        return False, "nothing came back"
    return busy <= 3 * alone, f"{busy / alone:.1f} × ({busy:.2f} against {alone:.2f} ms)"


def memory_of_100(results, transport):
    ours, theirs = (results.median(many(program, 100), "memory") for program in ("ours", "kubectl"))
    if transport != "spdy" or ours is None or theirs is None:
        return None
    return ours <= theirs / 20, f"1/{theirs / ours:.0f} ({ours:.1f} against {number(theirs, 0)} MiB)"


def one_more(results, transport):
    one, hundred = (results.median(many("ours", count), "memory") for count in (1, 100))
    if transport != "spdy" or one is None or hundred is None:
        return None
    more = (hundred - one) * 1024 / 99
    return more < 100, f"{more:.0f} KiB"


def idle(results, transport):
    percent = results.median(many("ours", 100), "idle_cpu")
    if transport != "spdy" or percent is None:
        return None
    return percent < 0.1, f"{percent:.3f} %"


def at_least(factor):
    return lambda ours, theirs: ours >= factor * theirs


def at_most(factor):
    return lambda ours, theirs: ours <= factor * theirs


# target, limit, judge(results, transport) -> (is met, what was reached) or None
TARGETS = [
    ("first byte at 40 ms RTT, in round trips", "at most 1.2", round_trips),
    ("new connections per second, one by one", "at least 2 × kubectl",
     ratio("sequential", 0, at_least(2))),
    ("new connections per second, 64 at once", "at least 2 × kubectl",
     ratio("parallel", 0, at_least(2))),
    ("down, MB/s", "at least kubectl's", ratio("down", 0, at_least(1))),
    ("up, MB/s", "at least kubectl's", ratio("up", 0, at_least(1))),
    ("down, 8 streams, MB/s", "at least kubectl's", ratio("down8", 0, at_least(1))),
    ("up, 8 streams, MB/s", "at least kubectl's", ratio("up8", 0, at_least(1))),
    ("CPU s/GiB down", "at most 1/3 of kubectl's", ratio("cpu_down", 2, at_most(1 / 3))),
    ("CPU s/GiB up", "at most 1/3 of kubectl's", ratio("cpu_up", 2, at_most(1 / 3))),
    ("echo beside a download, 99 %", "at most 3 × the 99 % alone", echo_beside_download),
    ("start to the first line, ms", "at most 1/2 of kubectl's", ratio("start", 0, at_most(1 / 2))),
    ("memory of 100 forwards", "at most 1/20 of 100 kubectl", memory_of_100),
    ("memory of one more forward", "under 100 KiB", one_more),
    ("idle CPU of 100 forwards", "under 0.1 % of a core", idle),
]


def table(results):
    lines = ["| target | limit | " + " | ".join(title for title, _ in TRANSPORTS) + " |",
             "|---|---|" + "---|" * len(TRANSPORTS)]
    verdicts = []
    for target, limit, judge in TARGETS:
        found = [judge(results, transport) for _, transport in TRANSPORTS]
        verdicts += [is_met for is_met, _ in filter(None, found)]
        cells = [verdict(*one) if one else MISSING for one in found]
        lines.append(f"| {target} | {limit} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", f"{sum(verdicts)} of {len(verdicts)} are met. Medians against "
                                  "medians; “–”: not measured."])
