"""Runs pytest; files in which a test failed are run once more, and told loudly.

    python tests/twice.py [what pytest takes]

The suites start hundreds of real tmux servers, shells and agents on whatever machine there is: once
in many runs one of them is slower than a test's patience, or drops a key. What fails again, from a
new beginning, fails the suite.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


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


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 where every test passed, in its first or its second round."""
    failures = Failures()
    code = pytest.main(arguments, plugins=[failures])
    if code != pytest.ExitCode.TESTS_FAILED:
        return int(code)
    told = "\n".join(f"!!!   {test}" for test in failures.tests)
    print(f"\n!!! FAILED ONCE, their files are run once more:\n{told}\n", flush=True)
    options = [each for each in arguments if not Path(each.partition("::")[0]).exists()]
    # node ids name files from the project's root, whatever the current folder is
    again = [str(Path(__file__).parents[1] / file) for file in failures.files]
    return subprocess.call([sys.executable, "-m", "pytest", *options, *again])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
