#!/usr/bin/python3
"""Runs the tests of kftray-server against the program that $KFTRAY_SERVER names.

    run.py [MODULE…] [-k PATTERN] [-v]

MODULE is one of the files test_MODULE.py here; without one all run. Ends with 77 if every
test was skipped."""

import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def main():
    options = [a for a in sys.argv[1:] if a.startswith("-")]
    names = [a for a in sys.argv[1:] if not a.startswith("-")]
    pattern = None
    if "-k" in options:
        pattern = names.pop()
    modules = names or sorted(p.stem.removeprefix("test_") for p in HERE.glob("test_*.py"))
    loader = unittest.TestLoader()
    if pattern:
        loader.testNamePatterns = [f"*{pattern}*"]
    suite = unittest.TestSuite(loader.loadTestsFromName(f"test_{name}") for name in modules)
    result = unittest.TextTestRunner(verbosity=2, failfast=bool(os.environ.get("FAILFAST"))).run(suite)
    if not result.wasSuccessful():
        return 1
    if result.testsRun == 0:
        print("no test was run", file=sys.stderr)
        return 1
    return 77 if len(result.skipped) == result.testsRun else 0


sys.exit(main())
