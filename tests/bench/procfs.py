"""What the kernel says of a process and its descendants: processor time, memory, threads, wake-ups.

The descendants count because some clients are started by a wrapper, and socat forks."""

import contextlib
import os
import re
import time


def family(pid):
    """The process and its descendants."""
    pids, todo = [], [pid]
    while todo:
        one = todo.pop()
        pids.append(one)
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                todo += [int(child) for child in read(one, f"task/{task}/children").split()]
    return pids


def read(pid, name):
    """A file of /proc/PID, empty if the process is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/{name}", encoding="ascii") as file:
        return file.read()
    return ""


def cpu_seconds(pid):
    """User and system time of all threads, by the processes' clocks (clock_getcpuclockid(3)); of
    children that have ended by the kernel's ticks, which is all that is left of them."""
    seconds, ticks = 0, 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            seconds += time.clock_gettime((~one << 3) | 2)
        ticks += sum(int(field) for field in read(one, "stat").rpartition(")")[2].split()[13:15])
    return seconds + ticks / os.sysconf("SC_CLK_TCK")


def sum_field(pid, name, field):
    """The sum of a field of a /proc file over the family."""
    found = (re.search(rf"^{field}:\s+(\d+)", read(one, name), re.M) for one in family(pid))
    return sum(int(match.group(1)) for match in found if match)


def memory_mib(pid, field="VmRSS"):
    return sum_field(pid, "status", field) / 1024


def pss_mib(pid):
    """Memory with shared pages divided among those who share them."""
    return sum_field(pid, "smaps_rollup", "Pss") / 1024


def threads(pid):
    return sum_field(pid, "status", "Threads")


def wakeups(pid):
    """How often each thread ("name/id") went to sleep of its own accord."""
    counts = {}
    for one in family(pid):
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)",
                                  read(one, f"task/{task}/status"), re.M)
                if found:
                    counts[f"{read(one, f'task/{task}/comm').strip()}/{task}"] = int(found[1])
    return counts


def woken(before, after):
    """Wake-ups by thread between two counts, the threads without any left out."""
    counts = {name: count - before.get(name, 0) for name, count in after.items()}
    return {name: count for name, count in counts.items() if count}
