"""Flags of panes, from real ledgers and pictures of panes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ledger_data import NOON, chunk, log, price, usage
from pictures import SOCKET, agent, bind, in_pane, picture

from tmuxmeter.breakeven.levers import levers
from tmuxmeter.events import FileTouch, Prompt, SessionStart, ToolResult, TurnEnd, event_key
from tmuxmeter.ledger.activity import WINDOW_MS
from tmuxmeter.ledger.notes import Notes
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.reports.flags import (
    PaneKey,
    Trouble,
    further_agents,
    pane_flags,
    pane_key,
    trouble,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tmuxmeter.events import Event

MINUTE = 60_000
HOUR = 60 * MINUTE


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer.open(tmp_path / "state") as writer:
        yield writer


def key(pane: str) -> PaneKey:
    return PaneKey(SOCKET, 7, 1, pane)


def event(kind: type, session: str, time_ms: int, **fields: Any) -> Event:
    name = f"{kind.__name__}{session}{time_ms}"
    made: Event = kind(
        key=event_key("claude", "e", name), session=session, time_ms=time_ms, **fields
    )
    return made


def say(writer: Writer, session: str, *events: Event) -> None:
    begin = usage(session, session, NOON, fresh=1)
    writer.book([chunk(log(f"{session}.jsonl"), [begin, *events])], price)


def edit(session: str, time_ms: int, path: str) -> Event:
    return event(FileTouch, session, time_ms, edit=True, path=path)


def known(writer: Writer, window_ms: int = WINDOW_MS) -> Trouble:
    facts = writer.reader().span_facts(NOON - 12 * HOUR, NOON + 12 * HOUR, window_ms)
    threads = {line.thread.id: line.thread for line in facts.activity.timelines}
    return trouble(levers(facts), threads)


def flags(found: Trouble, pane: str, session: str, now_ms: int = NOON, **changes: Any) -> list[str]:
    state = changes.get("state", "working")
    return pane_flags(in_pane(pane, agent(session, state)), found, frozenset(), now_ms)


def test_both_panes_that_edited_a_file_overlap_for_two_hours(writer: Writer) -> None:
    say(writer, "a", edit("a", NOON, "/w/x.py"), edit("a", NOON + 1, "/w/a.py"))
    say(writer, "b", edit("b", NOON + 10 * MINUTE, "/w/x.py"))
    say(writer, "c", edit("c", NOON + 10 * MINUTE, "/w/c.py"))
    bind(writer, {"a": "%1", "b": "%2", "c": "%3"}, NOON)
    found = known(writer)
    last = NOON + 10 * MINUTE
    assert flags(found, "%1", "a", last) == flags(found, "%2", "b", last) == ["overlap"]
    assert flags(found, "%3", "c", last) == []
    assert flags(found, "%1", "a", last + WINDOW_MS - 1) == ["overlap"]
    assert flags(found, "%1", "a", last + WINDOW_MS) == []
    # unless another time is asked for
    assert flags(known(writer, 10 * MINUTE - 1), "%1", "a", last) == []
    longer = known(writer, 3 * HOUR)
    assert flags(longer, "%1", "a", last + 3 * HOUR - 1) == ["overlap"]
    assert flags(longer, "%1", "a", last + 3 * HOUR) == []
    # who has left the pane is not told what he did
    assert flags(found, "%1", "a", last, state="gone") == []


def test_a_loop_is_flagged_while_it_lasts_on_the_agent_that_has_it(writer: Writer) -> None:
    failures = [event(ToolResult, "a", NOON + n, tool="Bash", ok=False) for n in (1, 2, 3)]
    say(writer, "a", *failures[:2])
    bind(writer, {"a": "%1"}, NOON)
    assert flags(known(writer), "%1", "a") == []
    say(writer, "a", failures[2])
    assert flags(known(writer), "%1", "a") == ["loop"]
    # another agent in that pane now
    assert flags(known(writer), "%1", "other") == []
    say(writer, "a", event(ToolResult, "a", NOON + 9, tool="Bash", ok=True))
    assert flags(known(writer), "%1", "a") == []


def test_a_sub_agents_loop_is_that_of_the_agent_it_works_for(writer: Writer) -> None:
    started = event(SessionStart, "sub", NOON, parent="a", spawned=True)
    failures = [event(ToolResult, "sub", NOON + n, tool="Bash", ok=False) for n in (1, 2, 3)]
    say(writer, "a", event(Prompt, "a", NOON, human=True))
    say(writer, "sub", started, *failures)
    bind(writer, {"a": "%1"}, NOON)
    assert flags(known(writer), "%1", "a") == ["loop"]


def test_a_drifting_session_is_flagged(writer: Writer) -> None:
    events: list[Event] = []
    for turn in range(12):
        at = NOON - 3 * HOUR + turn * 16 * MINUTE
        events.append(event(Prompt, "a", at, human=True, corrects=turn > 6))
        events.append(usage(f"turn{turn}", "a", at + 1, output=100))
        events.append(event(TurnEnd, "a", at + 2, reason="done"))
    say(writer, "a", *events)
    bind(writer, {"a": "%1"}, NOON - 4 * HOUR)
    assert flags(known(writer), "%1", "a") == ["drift"]
    say(writer, "b", *(replace_session(each, "b") for each in events[:9]))
    assert flags(known(writer), "%2", "b") == []


def replace_session(each: Event, session: str) -> Event:
    import msgspec

    return msgspec.structs.replace(each, session=session, key=each.key + 1)


def test_a_claim_that_is_not_kept_flags_who_made_it_and_who_broke_it(
    writer: Writer, tmp_path: Path
) -> None:
    bind(writer, {"a": "%1", "b": "%2", "c": "%3"}, NOON)
    with Notes.open(tmp_path / "state") as notes:
        for pane, pattern in (("%1", "a/**"), ("%2", "b/**"), ("%3", "c/**")):
            notes.claim(notes.pane_id(SOCKET, pane), "/w", [pattern], "", NOON)
    say(writer, "a", edit("a", NOON + 1, "/w/a/x.py"))
    assert known(writer).claimed == {key("%1"), key("%2"), key("%3")}
    say(writer, "b", edit("b", NOON + 2, "/w/a/y.py"))
    found = known(writer)
    assert flags(found, "%1", "a") == flags(found, "%2", "b") == ["claim"]
    assert flags(found, "%3", "c") == []
    assert found.claimed == {key("%3")}
    with Notes.open(tmp_path / "state") as notes:
        notes.drop_claim(notes.pane_id(SOCKET, "%1"), NOON + 3)
    found = known(writer)
    # %2 still edited outside of its own
    assert flags(found, "%1", "a") == []
    assert flags(found, "%2", "b") == ["claim"]


def test_who_waits_is_flagged() -> None:
    assert flags(Trouble(), "%1", "a", state="waiting") == ["waiting"]
    assert flags(Trouble(), "%1", "a", state="idle") == []
    assert pane_flags(in_pane("%1"), Trouble(), frozenset(), NOON) == []


def test_agents_beyond_two_need_a_claim() -> None:
    panes = [in_pane(f"%{n}", agent(f"s{n}", started_ms=NOON + n)) for n in (3, 1, 2)]
    assert further_agents(picture(*panes), frozenset()) == [key("%3")]
    assert further_agents(picture(*panes[:2]), frozenset()) == []
    assert further_agents(picture(*panes), frozenset({key("%3")})) == []
    assert further_agents(picture(*panes), frozenset({key("%1")})) == []
    # one that waits in the middle of its turn is at work, one that is idle isn't
    idle = in_pane("%3", agent("s3", "idle", NOON + 3))
    assert further_agents(picture(*panes[1:], idle), frozenset()) == []
    waiting = in_pane("%3", agent("s3", "waiting", NOON + 3))
    assert further_agents(picture(*panes[1:], waiting), frozenset()) == [key("%3")]
    # several in one pane, some in none, and those that another agent started
    two = in_pane("%1", agent("s1"), agent("s2", started_ms=NOON + 2))
    assert further_agents(picture(two, panes[0]), frozenset()) == [key("%3")]
    outside = agent("s9", started_ms=NOON + 9)
    assert further_agents(picture(two, outside=outside), frozenset()) == [None]
    nested = replace(outside, nested=True)
    assert further_agents(picture(two, outside=nested), frozenset()) == []
    found = pane_flags(panes[0], Trouble(), frozenset({pane_key(panes[0])}), NOON)
    assert found == ["further"]
