"""Where a Codex thread comes from and what it runs with: its meta, turn contexts and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents import codex_records as records
from tmuxmeter.agents.codex_state import (
    UNMETERED,
    SkipRecord,
    State,
    time_of,
    word,
)
from tmuxmeter.agents.times import epoch_ms
from tmuxmeter.events import Event, SessionStart

if TYPE_CHECKING:
    from tmuxmeter.agents.codex_records import SessionMeta

_STANDARD_TIERS = frozenset({"", "default", "auto", "standard"})


def on_session_meta(state: State, raw: bytes, events: list[Event]) -> None:
    """Take the thread's identity from the first ``session_meta``; later ones are a parent's."""
    line = records.decode(records.META, raw)
    meta = line.payload
    if state.started:
        _meet_parent(state, meta.id, time_of(line.timestamp), events)
        return
    time_ms = time_of(line.timestamp)
    lineage = state.lineage
    lineage.thread = lineage.thread or meta.id
    lineage.alias = meta.id
    # a meta dated after its own line would make the thread's own records look copied
    lineage.born_ms = min(epoch_ms(word(meta.timestamp)) or time_ms, time_ms)
    state.started = True
    state.cwd = word(meta.cwd)
    state.branch = word(meta.git.get("branch")) if isinstance(meta.git, dict) else ""
    state.version = word(meta.cli_version)
    _descend(state, meta)
    state.tell_start(lineage.born_ms, events)


def _descend(state: State, meta: SessionMeta) -> None:
    """Note the thread's parent, and whether the file begins with the parent's records."""
    spawner = _spawner(meta.source)
    state.spawned = spawner is not None or meta.thread_source == "subagent"
    parent = word(meta.parent_thread_id) or spawner or word(meta.forked_from_id)
    if state.spawned and not parent and meta.session_id != meta.id:
        parent = word(meta.session_id)  # the root thread of a family of threads
    state.parent = parent
    if not parent and not state.spawned:
        return
    first_own = _ordinal(meta.subagent_history_start_ordinal)
    state.lineage.descend(
        parent,
        first_own=first_own,
        copies=first_own < 0 and not isinstance(meta.history_base, dict),
    )


def _spawner(source: Any) -> str | None:
    """Return the thread that spawned this one ("" where it isn't named), None if none did."""
    if not isinstance(source, dict) or "subagent" not in source:
        return None
    kind = source["subagent"]
    spawn = kind.get("thread_spawn") if isinstance(kind, dict) else None
    return word(spawn.get("parent_thread_id")) if isinstance(spawn, dict) else ""


def _ordinal(value: object) -> int:
    """Return an ordinal, which some builds write as text; -1 if there is none."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 18:
        return int(value)
    return value if isinstance(value, int) and value >= 0 else -1


def _meet_parent(state: State, thread: str, time_ms: int, events: list[Event]) -> None:
    """Learn from a second ``session_meta`` that the file began with another thread's records."""
    lineage = state.lineage
    if not thread or thread in (lineage.thread, lineage.alias) or (lineage.begun and state.turn):
        return
    if not lineage.inherits:
        lineage.descend(thread)
    if not state.parent:
        state.parent = thread
        state.tell_start(min(lineage.born_ms, time_ms), events)


def on_turn_context(state: State, raw: bytes, events: list[Event]) -> None:
    """Follow the model and folder of the turn."""
    context = records.decode(records.TURN_CONTEXT, raw).payload
    state.begin_turn(word(context.turn_id))
    state.cwd = word(context.cwd) or state.cwd
    state.use_model(word(context.model), events)


def on_settings(state: State, raw: bytes, events: list[Event]) -> None:
    """Follow model, folder and service tier as they change within a thread."""
    payload = records.decode(records.SETTINGS, raw).payload
    if isinstance(payload.thread_id, str):
        state.lineage.see_thread(payload.thread_id)
    settings = payload.thread_settings
    # the snapshot is whole: a tier that isn't there is the standard one
    tier = word(settings.service_tier)
    state.tier = "standard" if tier in _STANDARD_TIERS else tier
    state.cwd = word(settings.cwd) or state.cwd
    state.use_model(word(settings.model), events)


def on_task_started(state: State, raw: bytes, _events: list[Event]) -> None:
    """Begin a turn; its context window is known before its first request."""
    turn = records.decode(records.TURN, raw).payload
    state.begin_turn(word(turn.turn_id))
    state.see_window(turn.model_context_window)


def on_legacy(state: State, envelope: records.Envelope, events: list[Event]) -> None:
    """Take what the first line of a rollout up to August 2025 tells.

    Those have no envelope, no times on their records and no token counts.

    Raises
    ------
    SkipRecord
        Always, after the session's start is told, so that the file shows as unmetered.
    """
    state.started = state.legacy = True
    state.lineage.thread = state.lineage.thread or word(envelope.id)
    git = envelope.git if isinstance(envelope.git, dict) else {}
    state.branch = word(git.get("branch"))
    time_ms = time_of(word(envelope.timestamp))
    events.append(
        SessionStart(
            key=state.key("start", state.session),
            session=state.session,
            time_ms=time_ms,
            branch=state.branch,
        )
    )
    raise SkipRecord(UNMETERED)


def unknown_line(raw: bytes) -> records.Envelope:
    """Return what an unusual line says of itself.

    Raises
    ------
    ValueError
        The line is no JSON object.
    """
    return records.decode(records.ENVELOPE, raw)


def payload_type(envelope: records.Envelope) -> str:
    """Return what an unusual line's payload says it is, "" if nothing."""
    if not envelope.payload:
        return ""
    try:
        return word(records.PAYLOAD_TYPE.decode(envelope.payload).type)
    except msgspec.ValidationError:
        return ""
