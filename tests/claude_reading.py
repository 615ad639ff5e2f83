"""Reads built transcripts and applies the ledger's rules, for the tests of the Claude reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from build_claude import Json, Transcript, encode

from tmuxmeter.agents.claude import Claude
from tmuxmeter.events import Event, Skipped, TurnEnd, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

E = TypeVar("E")

NAME = "projects/-work-app/11111111-1111-4111-8111-111111111111.jsonl"


def read_bytes(data: bytes, name: str = NAME) -> list[Event]:
    """Return the events of a whole file, read at once."""
    return Claude().reader(name).read(data, 0, len(data), 0)


def read_records(*records: object) -> list[Event]:
    """Return the events of some records."""
    return read_bytes(b"".join(encode(record) for record in records))


def read(*transcripts: Transcript) -> list[Event]:
    """Return the events of whole transcripts, one after the other."""
    return [event for one in transcripts for event in read_bytes(one.data(), one.name)]


def only(kind: type[E], events: Iterable[Event]) -> list[E]:
    """Return the events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def booked(events: Iterable[Event]) -> dict[tuple[str, int], Event]:
    """Return what a ledger keeps: each key once, the best line of a reply or a turn's end."""
    kept: dict[tuple[str, int], Event] = {}
    for event in events:
        if isinstance(event, Skipped):
            continue
        key = (type(event).__name__, event.key)
        known = kept.get(key)
        if known is None or _beats(event, known):
            kept[key] = event
    return kept


def _beats(event: Event, known: Event) -> bool:
    if isinstance(event, Usage) and isinstance(known, Usage):
        return event.output >= known.output
    if isinstance(event, TurnEnd) and isinstance(known, TurnEnd):
        return (event.duration_ms, event.time_ms, event.asked) >= (
            known.duration_ms,
            known.time_ms,
            known.asked,
        )
    return False


def spend(events: Iterable[Event]) -> Json:
    """Return the token totals a ledger would show."""
    usages = only(Usage, booked(events).values())
    fields = ("fresh", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    totals: Json = {name: sum(getattr(one, name) for one in usages) for name in fields}
    return {"requests": len(usages), **totals}


def reasons(events: Iterable[Event]) -> dict[str, int]:
    """Return how many records were skipped, by reason."""
    return {event.reason: event.count for event in only(Skipped, events)}
