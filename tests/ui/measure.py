#!/usr/bin/python3
"""Figures of the window with 1,000 forwards in 20 contexts: until it is there, what scrolling and searching cost,
and what it costs when nothing happens. Numbers for people, no test.

measure.py --kftray P --kftrayctl P [--seconds 60]"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from desktop import Desktop, wait_until  # noqa: E402
from program import store  # noqa: E402


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wakeups(pid):
    """Voluntary context switches of all threads."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", (task / "status").read_text(), re.M)[1])
    return total


def is_mapped(desktop):
    answer = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "^kftray$"], env=desktop.env,
                            capture_output=True)
    return answer.stdout.strip() != b""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kftray", required=True)
    parser.add_argument("--kftrayctl", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with Desktop(str(pathlib.Path(options.kftray).resolve()), size="1280x900") as desktop:
        desktop.start_window_manager()
        desktop.start_panel()
        store(desktop, options.kftrayctl,
              [{"alias": f"service-{i:04}", "context": f"cluster-{i % 20:02}", "namespace": f"team-{i % 7}",
                "workload_type": "service", "protocol": "tcp", "service": f"service-{i:04}", "remote_port": 8080,
                "local_port": 20000 + i} for i in range(1000)])
        begin = time.monotonic()
        process = desktop.start_app()
        wait_until("the window", lambda: is_mapped(desktop))
        print(f"the window is there after {(time.monotonic() - begin) * 1000:.0f} ms, "
              f"{cpu_seconds(process.pid):.2f} s of CPU")
        time.sleep(3)
        print(f"at rest after {cpu_seconds(process.pid):.2f} s of CPU")
        subprocess.run(["xdotool", "mousemove", "300", "300"], env=desktop.env, check=True)
        for name, command, times in (("scrolling by a notch", ["click", "5"], 100),
                                     ("a letter of a search", ["key", "9"], 8)):
            if command[0] == "key":
                subprocess.run(["xdotool", "key", "ctrl+f"], env=desktop.env, check=True)
                time.sleep(0.5)
            before = cpu_seconds(process.pid)
            for _ in range(times):
                subprocess.run(["xdotool", *command], env=desktop.env, check=True)
                time.sleep(0.05 if command[0] == "click" else 0.4)
            time.sleep(1)
            print(f"{name}: {(cpu_seconds(process.pid) - before) / times * 1000:.1f} ms of CPU")
        time.sleep(5)
        cpu, switches = cpu_seconds(process.pid), wakeups(process.pid)
        time.sleep(options.seconds)
        print(f"idle for {options.seconds} s: {cpu_seconds(process.pid) - cpu:.2f} s of CPU, "
              f"{wakeups(process.pid) - switches} wake-ups")
        memory = re.search(r"VmRSS:\s*(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1]
        print(f"memory: {int(memory) / 1024:.0f} MiB")


main()
