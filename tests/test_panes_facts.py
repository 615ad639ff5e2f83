"""What is known of sessions is found by name and by folder, also after it changed."""

from __future__ import annotations

from tmuxmeter.panes.evidence import SessionFacts
from tmuxmeter.panes.facts import Sessions


def test_sessions_are_found_where_they_began() -> None:
    one, two = SessionFacts("claude", "one", cwd="/w"), SessionFacts("claude", "two", cwd="/w")
    sessions = Sessions([one, two, SessionFacts("codex", "one", cwd="/w")])
    assert len(sessions) == 3
    assert sessions.in_folder("claude", "/w") == [one, two]
    assert sessions.in_folder("claude", "/elsewhere") == []


def test_a_session_that_turns_out_to_be_elsewhere_moves() -> None:
    sessions = Sessions([SessionFacts("claude", "one"), SessionFacts("claude", "two")])
    newer = SessionFacts("claude", "one", cwd="/w", last_ms=5)
    sessions.put(newer)
    assert sessions["claude", "one"] is newer
    assert sessions.in_folder("claude", "/w") == [newer]
    assert [facts.key for facts in sessions.in_folder("claude", "")] == ["two"]
    newest = SessionFacts("claude", "one", cwd="/w", last_ms=6)
    sessions.put(newest)
    assert sessions.in_folder("claude", "/w") == [newest]
