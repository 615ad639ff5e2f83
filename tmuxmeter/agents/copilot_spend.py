"""A Copilot session's tokens as its events tell them.

Where the database is (it has every request), no tokens are taken from here: a session's tokens
come from one of both, never both. Without it: newer versions tell each request
(``session.usage_record``, and what a compaction used); older ones only each model's sum of the
session so far, over all its resumed parts (``session.shutdown``), which is booked as what it grew
by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents import copilot_records as records
from tmuxmeter.agents.lines import BAD_COUNTS, SkipRecord, decode
from tmuxmeter.events import Usage, event_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

    from tmuxmeter.agents.copilot_records import Metric
    from tmuxmeter.agents.copilot_state import State
    from tmuxmeter.agents.lines import Batch

_STORED_SINCE = (0, 0, 412)
"""The version that brought the database: no earlier one's requests can be in it."""


def counts(version: str, *, stored: bool) -> bool:
    """Tell whether a session's tokens are taken from its events.

    Parameters
    ----------
    version : str
        The program's, as the session tells it.
    stored : bool
        Whether there is a database of requests beside it.
    """
    return not stored or _before_the_database(version)


def take_sums(
    batch: Batch, state: State, metrics: Mapping[str, Metric], time_ms: int, *, booked: bool
) -> None:
    """Take each model's sum as a shutdown tells it; ``booked``: it is spend."""
    for model, metric in metrics.items():
        kinds = records.kinds_of(metric.usage)
        if kinds is None:
            batch.skip(BAD_COUNTS)
            continue
        reasoning = min(metric.usage.reasoning_tokens or 0, kinds[3])
        # a database that goes away again must not bring what it told a second time
        growth = state.totals.grown(f"{state.session}/{model}", (*kinds, reasoning))
        if growth is not None and booked:
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


def take_request(
    batch: Batch, state: State, told: msgspec.Raw, identity: str, time_ms: int, *, inner: bool
) -> None:
    """Take a request, if one is told; ``inner``: a sub-agent made it.

    Raises
    ------
    SkipRecord
        Its counts can't be believed.
    """
    if not bytes(told).startswith(b"{"):
        return
    request = decode(records.REQUEST, told)
    kinds = records.kinds_of(request)
    if kinds is None:
        raise SkipRecord(BAD_COUNTS)
    if not any(kinds):
        return
    fresh, read, written, output = kinds
    batch.events.append(
        Usage(
            key=event_key("copilot", "request", f"{state.session}/{identity}"),
            session=state.session,
            time_ms=time_ms,
            model=request.model if isinstance(request.model, str) else "",
            fresh=fresh,
            cache_read=read,
            cache_write_5m=written,
            output=output,
            reasoning=min(request.reasoning_tokens or 0, output),
            cwd=state.cwd,
            branch=state.branch,
            sidechain=inner,
        )
    )


def _before_the_database(version: str) -> bool:
    numbers = version.partition("-")[0].split(".")
    try:
        return bool(version) and tuple(map(int, numbers)) < _STORED_SINCE
    except ValueError:
        return False
