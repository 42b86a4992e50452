#!/usr/bin/env python3
"""Sums the closing lines of test runners: cargo, minitest, pytest and node's. Prints `PASSED FAILED`."""

import re
import sys

CARGO = re.compile(r"^test result: \S+ (\d+) passed; (\d+) failed;")
MINITEST = re.compile(r"^(\d+) runs, \d+ assertions, (\d+) failures, (\d+) errors, (\d+) skips")
PYTEST = re.compile(r"^(?:=+ )?((?:\d+ \w+, )*\d+ \w+) in [\d.]+s")
NODE = re.compile(r"^(?:#|ℹ) (pass|fail|cancelled) (\d+)")


def count(lines):
    passed = failed = 0
    for line in lines:
        if found := CARGO.match(line):
            passed += int(found[1])
            failed += int(found[2])
        elif found := MINITEST.match(line):
            runs, failures, errors, skips = map(int, found.groups())
            passed += runs - failures - errors - skips
            failed += failures + errors
        elif found := PYTEST.match(line):
            for number, what in re.findall(r"(\d+) (\w+)", found[1]):
                passed += int(number) * (what == "passed")
                failed += int(number) * (what in ("failed", "error", "errors"))
        elif found := NODE.match(line):
            passed += int(found[2]) * (found[1] == "pass")
            failed += int(found[2]) * (found[1] != "pass")
    return passed, failed


if __name__ == "__main__":
    print(*count(re.sub(r"\x1b\[[0-9;]*m", "", line) for line in sys.stdin))
