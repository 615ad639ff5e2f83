"""Codex's requests and plan windows: ``token_usage_record``, ``token_count``, ``rate_limits``.

A request's key is what both a live read and any copy of the line give again:

- ``token_usage_record``: its thread, response id, counts and the thread's sum. The record names
  the thread it was spent in, so a copy in another file has the same key.
- ``token_count``: its time, counts and sum. It names no thread, but branch files made by older
  versions keep the original time, and no two requests share all eleven numbers.

File names, offsets and the moment of reading are in neither, so active, archived and compressed
copies, a second reading and a restart give the same keys.
"""

from __future__ import annotations

from tmuxmeter.agents import codex_records as records
from tmuxmeter.agents.codex_lineage import Standing
from tmuxmeter.agents.codex_state import (
    AGENT,
    BAD_FIELD,
    UNKNOWN_MODEL,
    SkipRecord,
    State,
    time_of,
    word,
)
from tmuxmeter.agents.codex_usage import Counts, counts_of
from tmuxmeter.agents.times import plausible_ms
from tmuxmeter.events import Event, RateLimit, Usage, event_key

_LIMITS_EVERY_MS = 60_000
"""Unchanged plan windows are told again after this long, so that their age shows."""

_UNNAMED_KEPT = 256


def on_usage_record(state: State, raw: bytes, events: list[Event]) -> None:
    """Count one request, written the moment its response is complete."""
    line = records.decode(records.USAGE_RECORD, raw)
    payload = line.payload
    time_ms = time_of(line.timestamp)
    thread = word(payload.thread_id) or state.session
    mine = state.lineage.see_thread(thread)
    if not mine:  # that thread's own rollout has it
        state.copied_records = True
        return
    if state.lineage.standing(line.ordinal, time_ms) is Standing.REPLAYED:
        return
    state.begin_turn(word(payload.turn_id))
    state.recorded = True
    last, total = counts_of(payload.usage), counts_of(payload.thread_token_usage)
    if last is not None and last.size:
        identity = f"{thread}|{word(payload.response_id)}|{_spell(last)}|{_spell(total)}"
        _spend(state, identity, last, time_ms, events)


def on_token_count(state: State, raw: bytes, events: list[Event]) -> None:
    """Count the request a snapshot adds, if it adds one that no record has counted."""
    line = records.decode(records.TOKEN_COUNT, raw)
    time_ms = time_of(line.timestamp)
    standing = state.lineage.standing(line.ordinal, time_ms)
    if line.payload.info is not None:  # else it brings only news of the plan's windows
        _snapshot(state, line.payload.info, standing, time_ms, events)
    if standing is Standing.OWN and line.payload.rate_limits:
        _limits(state, bytes(line.payload.rate_limits), time_ms, events)


def _snapshot(
    state: State, info: records.TokenInfo, standing: Standing, time_ms: int, events: list[Event]
) -> None:
    state.use_model(word(info.model), events)
    state.see_window(info.model_context_window)
    total = counts_of(info.total_token_usage)
    if standing is Standing.REPLAYED:
        state.sum.inherit(total)
    elif state.recorded or (_elsewhere(state) and standing is Standing.COPIED):
        state.sum.follow(total)
    else:
        last = counts_of(info.last_token_usage)
        spent = state.sum.spent(last, total, continued=state.lineage.inherits)
        if spent is not None:
            identity = f"{time_ms}|{_spell(last)}|{_spell(total)}"
            copied = standing is Standing.COPIED
            _spend(state, identity, spent, time_ms, events, copied=copied)


def _elsewhere(state: State) -> bool:
    """Tell whether copies of snapshots show requests that another rollout has under other keys.

    A copy for a sub-agent may lack the records: the parent's rollout has both, and counts those.
    """
    return state.copied_records or state.spawned


def _spell(counts: Counts | None) -> str:
    if counts is None:
        return "-"
    known = f"{counts.input},{counts.cached},{counts.written}"
    return f"{known},{counts.output},{counts.reasoning}"


def _spend(
    state: State,
    identity: str,
    counts: Counts,
    time_ms: int,
    events: list[Event],
    *,
    copied: bool = False,
) -> None:
    """Tell a request in disjoint kinds.

    Tokens written to the cache lie inside the uncached input. They are told as a 5-minute write,
    the only kind OpenAI has; of its models only the gpt-5.6 family charges more for them than for
    plain input, which prices know.
    """
    read = min(counts.cached, counts.input)
    written = min(counts.written, counts.input - read)
    usage = Usage(
        key=event_key(AGENT, "usage", identity),
        session=(state.lineage.origin or state.session) if copied else state.session,
        time_ms=time_ms,
        model=state.model or UNKNOWN_MODEL,
        fresh=counts.input - read - written,
        cache_read=read,
        cache_write_5m=written,
        output=counts.output,
        reasoning=min(counts.reasoning, counts.output),
        context_window=state.window,
        tier=state.tier,
        cwd=state.cwd,
        branch=state.branch,
        sidechain=state.spawned and not copied,
    )
    events.append(usage)
    if not state.model and len(state.unnamed) < _UNNAMED_KEPT:
        state.unnamed.append(usage)  # told again under its name once that is known


def _limits(state: State, raw: bytes, time_ms: int, events: list[Event]) -> None:
    """Tell the plan's windows where they changed, by their length: slots aren't fixed."""
    if raw == state.limits and 0 <= time_ms - state.limits_ms < _LIMITS_EVERY_MS:
        return
    state.limits, state.limits_ms = raw, time_ms
    try:
        limits = records.LIMITS.decode(raw)
    except ValueError as error:
        raise SkipRecord(BAD_FIELD) from error
    if limits is None:
        return
    for slot, window in (("primary", limits.primary), ("secondary", limits.secondary)):
        if window is None or window.window_minutes is None:
            continue
        events.append(
            RateLimit(
                key=event_key(AGENT, "limit", f"{state.session}|{time_ms}|{slot}"),
                session=state.session,
                time_ms=time_ms,
                window_minutes=window.window_minutes,
                used_percent=window.used_percent,
                resets_ms=_resets_ms(window, time_ms),
                # before limits had names there was only this one
                limit=limits.limit_id or "codex",
                plan=limits.plan_type or "",
            )
        )


def _resets_ms(window: records.LimitWindow, time_ms: int) -> int:
    """Return when a window resets: an epoch in seconds, or seconds from the record's time."""
    for value, base in ((window.resets_at, 0), (window.resets_in_seconds, time_ms)):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return plausible_ms(value * 1000 + base) or 0
    return 0
