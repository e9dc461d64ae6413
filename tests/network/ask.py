"""Asks 127.0.0.1:PORT for a page, each time on a new connection, ten times per second, whatever became of those before.

    ask.py PORT SECONDS     a line per request: when it began and ended (monotonic clock), and "ok" or what was wrong

As a user's program would, each is given up after twenty seconds.
"""

import contextlib
import http.client
import sys
import threading
import time

EVERY_S, LIMIT_S = 0.1, 20


def run(port):
    begun, outcome = time.monotonic(), "ok"
    try:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)) as client:
            client.request("GET", "/name")
            answer = client.getresponse()
            answer.read()
            outcome = outcome if answer.status == 200 else str(answer.status)
    except (OSError, http.client.HTTPException) as error:
        outcome = type(error).__name__
    sys.stdout.write(f"{begun:.3f} {time.monotonic():.3f} {outcome}\n")


def main():
    port, begun = int(sys.argv[1]), time.monotonic()
    threads = []
    for number in range(int(float(sys.argv[2]) / EVERY_S)):
        time.sleep(max(begun + number * EVERY_S - time.monotonic(), 0))
        threads.append(threading.Thread(target=run, args=(port,)))
        threads[-1].start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
