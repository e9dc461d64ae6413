#!/usr/bin/python3
"""Records of the test cluster's DNS: a hosts file that follows its services; dnsmasq reads it at each change.

    dns.py FILE      kubectl's environment says which cluster

A service has its address, a headless one those of its ready pods, and the pods' own names below it."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time

DOMAIN = "svc.cluster.local"
PR_SET_PDEATHSIG = 1


def end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def follow(kind, changed):
    """Says that something may have changed: at the start, with each event, and when the watch had to begin anew."""
    while True:
        changed.set()
        with subprocess.Popen(["kubectl", "get", kind, "-A", "--watch", "-o", "name"], text=True,
                              stdout=subprocess.PIPE, preexec_fn=end_with_parent) as watch:
            for _ in watch.stdout:
                changed.set()
        time.sleep(0.5)


def listed():
    done = subprocess.run(["kubectl", "get", "services,endpoints", "-A", "-o", "json"], check=False,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)["items"] if done.returncode == 0 else None


def lines(items):
    def name(item):
        return f"{item['metadata']['name']}.{item['metadata']['namespace']}.{DOMAIN}"

    headless = set()
    for item in items:
        address = item["spec"].get("clusterIP") if item["kind"] == "Service" else None
        if address == "None":
            headless.add(name(item))
        elif address:
            yield f"{address} {name(item)}"
    for item in items:
        if item["kind"] != "Endpoints" or name(item) not in headless:
            continue
        for subset in item.get("subsets") or []:
            for address in subset.get("addresses") or []:
                yield f"{address['ip']} {name(item)}"
                if "hostname" in address:
                    yield f"{address['ip']} {address['hostname']}.{name(item)}"


def main():
    path, before = sys.argv[1], None
    changed = threading.Event()
    for kind in ("services", "endpoints"):
        threading.Thread(target=follow, args=(kind, changed), daemon=True).start()
    while True:
        changed.wait()
        changed.clear()
        items = listed()
        if items is None:
            time.sleep(0.5)
            changed.set()
            continue
        text = "\n".join(sorted(set(lines(items)))) + "\n"
        if text != before:
            # Beside the folder, not in it: dnsmasq would read that, too.
            new = os.path.dirname(path) + ".new"
            with open(new, "w", encoding="ascii") as file:
                file.write(text)
            os.rename(new, path)
            before = text


main()
