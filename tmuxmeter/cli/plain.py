"""``today`` as it is called a hundred times a day, without Click.

Click takes as long to load as a day takes to compute. So the calls that are written down here are
read here; whatever is anything else (another option, ``--date=DAY``, ``--help``, a mistake) is
left to Click, which alone explains and refuses.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class TodayCall(NamedTuple):
    """What ``today`` was called with, as its command has it from Click."""

    home: str | None = None
    day: str | None = None
    as_json: bool = False

    def run(self) -> None:
        """Print the report."""
        # thousands of small objects that all stay to the end: looking for garbage finds none
        gc.disable()
        from tmuxmeter.cli.context import Context
        from tmuxmeter.cli.days import parse_day
        from tmuxmeter.cli.today import print_today

        context = Context.of(self.home)
        print_today(context, parse_day(self.day, "--date"), as_json=self.as_json)


def today_call(words: Iterable[str]) -> TodayCall | None:
    """Return what the words after ``today`` ask for, None where Click has to read them.

    >>> today_call(["--json", "--home", "/home/me"])
    TodayCall(home='/home/me', day=None, as_json=True)
    >>> today_call(["--by", "model"]) is None
    True
    """
    call = TodayCall()
    left = iter(words)
    for word in left:
        if word == "--json":
            call = call._replace(as_json=True)
            continue
        value = next(left, "")
        if not value or value.startswith("-"):
            return None
        if word == "--home":
            call = call._replace(home=value)
        elif word == "--date":
            call = call._replace(day=value)
        else:
            return None
    return call
