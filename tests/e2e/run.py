"""Runs the end-to-end suite or the files named; one with a failed test once more, told loudly.

The agents are other people's programs: on a loaded machine one may drop a key or be late with its
start, in one run of many. Whatever fails again, from a new beginning, fails the suite.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OPTIONS = ("-m", "e2e", "-q", "-p", "no:xdist")


class Failures:
    """Which tests failed, as pytest tells its plugins."""

    def __init__(self) -> None:
        self.tests: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.nodeid not in self.tests:
            self.tests.append(report.nodeid)

    @property
    def files(self) -> list[str]:
        return sorted({test.partition("::")[0] for test in self.tests})


def main() -> int:
    """Return the exit code: 0 where every test passed, in its first or its second round."""
    failures = Failures()
    chosen = sys.argv[1:] or [str(HERE)]
    code = pytest.main([*OPTIONS, *chosen], plugins=[failures])
    if code != pytest.ExitCode.TESTS_FAILED:
        return int(code)
    told = "\n".join(f"!!!   {test}" for test in failures.tests)
    print(f"\n!!! FAILED ONCE, their files are played once more:\n{told}\n", flush=True)
    # node ids name files from the project's root, whatever the current folder is
    again = [str(HERE.parents[1] / file) for file in failures.files]
    return subprocess.call([sys.executable, "-m", "pytest", *OPTIONS, *again])


if __name__ == "__main__":
    sys.exit(main())
