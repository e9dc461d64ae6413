"""Compares what came out with what a case expects, and says the difference in a way people can act on."""

import re


class Mismatch(Exception):
    pass


def compare_lines(what, expected, actual):
    """EXPECTED lines: exact, `~ REGEX` (searched), `...` (any number of lines); `! REGEX` fits none, wherever it stands. Raises
    Mismatch."""
    unwanted = [row[2:] for row in expected if row.startswith("! ")]
    rows = [row for row in expected if not row.startswith("! ")]
    if not _match(rows, actual, 0, 0) or any(re.search(regex, line) for regex in unwanted for line in actual):
        raise Mismatch(f"{what} differs\nexpected:\n{_block(expected)}\ngot:\n{_block(actual)}")


def _match(expected, actual, i, j):
    while i < len(expected):
        if expected[i] == "...":
            return any(_match(expected, actual, i + 1, k) for k in range(j, len(actual) + 1))
        if j >= len(actual) or not line_fits(expected[i], actual[j]):
            return False
        i, j = i + 1, j + 1
    return j == len(actual)


def line_fits(wanted, line):
    if wanted.startswith("~ "):
        return re.search(wanted[2:], line) is not None
    return wanted == line


def _block(lines):
    return "\n".join("  | " + line for line in lines) or "  (nothing)"


def compare_failed_step(wanted, lines):
    """WANTED: the one step of a diagnosis that failed, then regexes that fit what is said about it."""
    failed = [number for number, line in enumerate(lines) if line.startswith("FAILED")]
    steps = [lines[number].split()[1] for number in failed]
    if steps != wanted[:1]:
        raise Mismatch(f"the failed steps are {steps}, expected {wanted[:1]}")
    said = "\n".join([lines[failed[0]]] + [line for line in lines[failed[0] + 1:failed[0] + 2] if line.startswith(" ")])
    for row in wanted[1:]:
        if not re.search(row, said):
            raise Mismatch(f"nothing fits {row!r} in:\n{said}")


COUNTED = re.compile(r"^(?:!|([<=])(\d+)) (.*)$")


def compare_requests(wanted, log):
    """WANTED: regexes that occur in this order, or that are counted, in any order: `! REGEX` occurs nowhere,
    `<N REGEX` in fewer than N, `=N REGEX` in N. LOG: text lines."""
    at = 0
    for row in wanted:
        match = COUNTED.match(row)
        if match:
            _count_requests(row, match, log)
            continue
        found = next((n for n in range(at, len(log)) if re.search(row, log[n])), None)
        if found is None:
            raise Mismatch(f"no request fits {row!r} (after the ones before it)\nthe requests were:\n{_block(log)}")
        at = found + 1


def _count_requests(row, match, log):
    sign, number, regex = match[1] or "<", int(match[2] or 1), match[3]
    fitting = [line for line in log if re.search(regex, line)]
    if len(fitting) < number if sign == "<" else len(fitting) == number:
        return
    raise Mismatch(f"{len(fitting)} requests fit {row!r}:\n{_block(fitting)}\nthe requests were:\n{_block(log)}")


COUNTER = re.compile(r"^(\w+)\s*(=|>=|<=)\s*(\d+)$")


def counter_fits(row, counters):
    name, operator, number = _counter_row(row)
    value = counters.get(name, 0)
    return {"=": value == number, ">=": value >= number, "<=": value <= number}[operator]


def compare_counter(row, counters):
    if not counter_fits(row, counters):
        name = _counter_row(row)[0]
        raise Mismatch(f"counter {row!r} does not hold, {name} is {counters.get(name, 0)}")


def _counter_row(row):
    match = COUNTER.match(row)
    if not match:
        raise Mismatch(f"not a counter row: {row!r}")
    return match[1], match[2], int(match[3])
