"""A Copilot session's tokens as its events tell them: sums, when it is shut down.

Requests' tokens are not logged there: ``session.shutdown`` tells each model's sum of the session so
far, over all its resumed parts, so it is booked as what it grew by. Where the database is (it has
every request), no tokens are taken from here: a session's tokens come from one of both, never both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents.copilot_records import disjoint
from tmuxmeter.agents.lines import BAD_COUNTS
from tmuxmeter.events import Usage, event_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.agents.copilot_records import Metric
    from tmuxmeter.agents.copilot_state import State
    from tmuxmeter.agents.lines import Batch

_STORED_SINCE = (0, 0, 412)
"""The version that brought the database: no earlier one's requests can be in it."""


def take_sums(
    batch: Batch, state: State, metrics: Mapping[str, Metric], time_ms: int, *, stored: bool
) -> None:
    """Take each model's sum as a shutdown tells it; ``stored``: there is a database of requests."""
    is_booked = not stored or _before_the_database(state.version)
    for model, metric in metrics.items():
        tally = metric.usage
        kinds = disjoint(
            tally.input_tokens or 0,
            tally.cache_read_tokens or 0,
            tally.cache_write_tokens or 0,
            tally.output_tokens or 0,
        )
        if kinds is None:
            batch.skip(BAD_COUNTS)
            continue
        reasoning = min(tally.reasoning_tokens or 0, kinds[3])
        # a database that goes away again must not bring what it told a second time
        growth = state.totals.grown(f"{state.session}/{model}", (*kinds, reasoning))
        if growth is not None and is_booked:
            fresh, read, written, output, thought = growth.counts
            batch.events.append(
                Usage(
                    key=event_key("copilot", "total", growth.identity),
                    session=state.session,
                    time_ms=time_ms,
                    model=model,
                    fresh=fresh,
                    cache_read=read,
                    cache_write_5m=written,
                    output=output,
                    reasoning=thought,
                    cwd=state.cwd,
                    branch=state.branch,
                )
            )


def _before_the_database(version: str) -> bool:
    numbers = version.partition("-")[0].split(".")
    try:
        return bool(version) and tuple(map(int, numbers)) < _STORED_SINCE
    except ValueError:
        return False
