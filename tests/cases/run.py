#!/usr/bin/python3
"""Runs the cases of tests/data/cases against kftrayctl (or, for cases flagged also-kubectl, against kubectl). TAP output.

    run.py --kftrayctl build/src/cli/kftrayctl [-j N] [CASE...]      run.py --kubectl kubectl [-j N] [CASE...]

CASE is a case's id, or a shell pattern of ids. Ends with 1 if one failed, 2 if the arguments or a case file are wrong.
"""

import argparse
import asyncio
import fnmatch
import glob
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "fakes"), os.path.join(HERE, "..", "support")]

from kftcase import casefile, compare, program, trial  # noqa: E402

CASES = os.path.join(HERE, "..", "data", "cases")
CERTS = os.path.join(HERE, "..", "support", "certs.sh")
MARGIN = 900  # for the steps, which have limits of their own


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    tool = parser.add_mutually_exclusive_group(required=True)
    tool.add_argument("--kftrayctl", metavar="PATH")
    tool.add_argument("--kubectl", metavar="PATH")
    tool.add_argument("--list", action="store_true", help="print the ids and names of all cases")
    parser.add_argument("-j", "--jobs", type=int, default=4)
    parser.add_argument("--cases", default=CASES, help="directory of case files")
    parser.add_argument("--certs", help="directory of certificates, made if empty")
    parser.add_argument("--secrets", action="store_true",
                        help="log everything, and look only for passwords, tokens and keys in what comes out")
    parser.add_argument("--fast", action="store_true", help="leave out cases flagged slow")
    parser.add_argument("pattern", nargs="*")
    return parser.parse_args(argv)


def kubectl_minor(path):
    """32 for kubectl 1.32."""
    answer = subprocess.run([path, "version", "--client"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"v1\.(\d+)", answer)
    return int(match[1]) if match else 0


def load_cases(options):
    found = []
    for path in sorted(glob.glob(os.path.join(options.cases, "*.case"))):
        try:
            found += casefile.load(path)
        except casefile.CaseError as error:
            sys.exit(f"{path}: {error}")
    patterns = options.pattern or ["*"]
    return [case for case in found
            if any(fnmatch.fnmatch(case.id, p) or fnmatch.fnmatch(case.id, p + "-*") for p in patterns)]


def skip_reason(case, tool, options):
    if tool == "kubectl" and case.kubectl_minor() is None:
        return "not for kubectl"
    if tool == "kubectl" and case.kubectl_minor() > options.minor:
        return f"needs kubectl 1.{case.kubectl_minor()}"
    if options.fast and "slow" in case.flags:
        return "slow"
    if "root-only" in case.flags and os.geteuid() != 0:
        return "needs root"
    return None


class Suite:
    def __init__(self, options, tool, work, certs):
        self._options = options
        self._tool = tool
        self._work = work
        self._certs = certs
        self._number = 0
        self.failed = 0

    async def run(self, cases):
        print(f"1..{len(cases)}", flush=True)
        slots = asyncio.Semaphore(self._options.jobs)

        async def one(index, case):
            async with slots:
                await self._run_case(case, os.path.join(self._work, f"{index}"))
        await asyncio.gather(*(one(index, case) for index, case in enumerate(cases)))
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"# {len(cases) - self.failed - self.skipped} passed, {self.failed} failed{skipped}")

    skipped = 0

    async def _run_case(self, case, directory):
        reason = skip_reason(case, self._tool[0], self._options)
        if reason:
            self._report(True, case, f"# SKIP {reason}")
            return
        kind = trial.SecretsTrial if self._options.secrets else trial.Trial
        attempt = kind(case, directory, self._certs, self._tool)
        begun = time.monotonic()
        try:
            await asyncio.wait_for(attempt.run(), 2 * case.limit + MARGIN)
            self._report(True, case, f"# {time.monotonic() - begun:.1f} s")
        except trial.Skip as skip:
            self._report(True, case, f"# SKIP {skip}")
        except asyncio.TimeoutError:
            self._report(False, case, "", [f"the case did not end within {2 * case.limit + MARGIN:g} s"] + attempt.evidence())
        except Exception as error:  # whatever goes wrong in one case must not end the others
            self._report(False, case, "", f"{type(error).__name__}: {error}".splitlines() + attempt.evidence())

    def _report(self, good, case, remark, rows=()):
        self._number += 1
        self.failed += not good
        self.skipped += remark.startswith("# SKIP")
        print(f"{'ok' if good else 'not ok'} {self._number} - {case.title} {remark}".rstrip())
        for row in rows:
            print(f"#   {row}")
        sys.stdout.flush()


def main():
    options = parse_arguments(sys.argv[1:])
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each write to a client that left
    cases = load_cases(options)
    if options.list:
        print("\n".join(case.title for case in cases))
        return 0
    name = "kubectl" if options.kubectl else "kftrayctl"
    path = shutil.which(options.kubectl or options.kftrayctl)
    if path is None or not cases:
        print(f"run.py: {'no case fits' if path else 'no program ' + (options.kubectl or options.kftrayctl)}", file=sys.stderr)
        return 2
    options.minor = kubectl_minor(path) if options.kubectl else 0
    work = tempfile.mkdtemp(prefix="kftray-cases-")
    try:
        certs = options.certs or os.path.join(work, "certs")
        subprocess.run(["sh", CERTS, certs], check=True)
        suite = Suite(options, (name, os.path.abspath(path)), work, os.path.abspath(certs))
        asyncio.run(suite.run(cases))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if options.secrets and trial.SecretsTrial.n_logged == 0:
        print("run.py: no case wrote a log", file=sys.stderr)
        return 1
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
