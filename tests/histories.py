"""Generated histories for the levers' tests, and the levers once more: slow, minute by minute.

Every time is a whole minute after :data:`START`, so that a minute is wholly at work or not at all.
The slow figures are taken from the very events that are booked, never from the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from ledger_data import NOON, chunk, log, price

from tmuxmeter.events import FileTouch, Prompt, SessionStart, ToolResult, TurnEnd, Usage, event_key
from tmuxmeter.ledger.activity import LOOK_AHEAD_MS
from tmuxmeter.ledger.bindings import PaneRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmuxmeter.ledger.writer import Writer

START = NOON
MINUTE = 60_000
SPAN = 300
"""Minutes in the span that is looked at; histories begin before and end after it."""
LOOK_AHEAD = LOOK_AHEAD_MS // 60_000
SESSIONS = ("s0", "s1", "s2", "s3")
CHILD = "child"
ROOT = {**{name: name for name in SESSIONS}, CHILD: "s0"}
SEAT = {"s0": "%0", "s1": "%1", "s2": "%1", "s3": "s3", CHILD: "%0"}
"""s1 and s2 share a pane, s3 is in none, the child works for s0."""
PATHS = ("/w/a/one.py", "/w/a/two.py", "/w/b/three.py")

_REQUEST = st.fixed_dictionaries(
    {
        "fresh": st.integers(0, 50),
        "cache_read": st.sampled_from((0, 900, 1000)),
        "cache_write_5m": st.sampled_from((0, 0, 100, 1000)),
        "cache_write_1h": st.sampled_from((0, 0, 0, 500)),
        "output": st.integers(1, 200),
        "model": st.sampled_from(("claude-sonnet-4-6", "claude-sonnet-4-6", "unpriced")),
    }
)
_WHAT = st.one_of(
    st.tuples(st.just("request"), _REQUEST),
    st.tuples(
        st.just("result"), st.fixed_dictionaries({"ok": st.sampled_from((False, False, True))})
    ),
    st.tuples(
        st.just("touch"),
        st.fixed_dictionaries({"path": st.sampled_from(PATHS), "edit": st.booleans()}),
    ),
    st.tuples(
        st.just("end"),
        st.fixed_dictionaries(
            {"reason": st.sampled_from(("done", "done", "interrupted")), "asked": st.booleans()}
        ),
    ),
    st.tuples(
        st.just("prompt"),
        st.fixed_dictionaries({"human": st.booleans(), "corrects": st.booleans()}),
    ),
)


@dataclass(frozen=True)
class Happening:
    """One event. ``minute`` counts from the span's start; negative: before it."""

    session: str
    minute: int
    kind: str
    facts: dict[str, Any] = field(hash=False)


@st.composite
def histories(draw: st.DrawFn) -> list[Happening]:
    """Return what a few sessions did: mostly a few minutes apart, sometimes long silent."""
    found: list[Happening] = []
    for session in (*SESSIONS, CHILD):
        minute = draw(st.integers(-150, 100))
        steps = draw(
            st.lists(st.tuples(st.sampled_from((1, 1, 2, 3, 9, 10, 11, 75)), _WHAT), max_size=14)
        )
        if steps:
            # whatever a session does, a request asked for it
            found.append(Happening(session, minute, "request", draw(_REQUEST)))
            minute += 1
        for step, (kind, facts) in steps:
            # a prompt is a human's or not; what isn't human corrects nothing
            if kind == "prompt":
                facts = {**facts, "corrects": facts["corrects"] and facts["human"]}
            found.append(Happening(session, minute, kind, facts))
            minute += step
    return found


def book(writer: Writer, history: list[Happening]) -> None:
    """Book a history, and where its sessions ran."""
    makers: dict[str, Callable[..., Any]] = {
        "request": Usage,
        "result": lambda **facts: ToolResult(tool="Bash", **facts),
        "touch": FileTouch,
        "end": TurnEnd,
        "prompt": Prompt,
    }
    events: list[Any] = [
        SessionStart(
            key=event_key("claude", "start", CHILD),
            session=CHILD,
            time_ms=START - 500 * MINUTE,
            parent="s0",
            spawned=True,
        )
    ]
    for number, each in enumerate(history):
        facts = {
            "key": event_key("claude", each.kind, str(number)),
            "session": each.session,
            "time_ms": START + each.minute * MINUTE,
        }
        events.append(makers[each.kind](**facts, **each.facts))
    writer.book([chunk(log(), events)], price)
    begin = START - 1000 * MINUTE
    for session in ("s0", "s1", "s2"):
        run = PaneRun("/tmp/sock", 1, 1, SEAT[session], 7, "1")
        pane = writer.pane(run, begin)
        writer.bind("claude", session, "pane", pane, 7, "1", begin, "test", 1.0, begin)


def of(history: list[Happening], session: str, *kinds: str) -> list[Happening]:
    """Return a session's happenings in order of time, those of one minute as they are taken."""
    rank = {"request": 0, "touch": 0, "result": 0, "end": 1, "prompt": 2}
    return sorted(
        (each for each in history if each.session == session and (not kinds or each.kind in kinds)),
        key=lambda each: (each.minute, rank[each.kind], each.facts.get("human", False)),
    )


def slow_loops(history: list[Happening], session: str) -> list[tuple[int, int | None]]:
    """Return first failure and end (None: lasts) of a session's loops, in minutes.

    A span is judged by what is known ten minutes after its end.
    """
    order = {"result": 0, "end": 1, "prompt": 1}
    steps = sorted(
        (
            each
            for each in of(history, session, "result", "end", "prompt")
            if each.minute < SPAN + LOOK_AHEAD and (each.kind != "prompt" or each.facts["human"])
        ),
        key=lambda each: (each.minute, order[each.kind], each.facts.get("ok", True)),
    )
    loops: list[tuple[int, int | None]] = []
    run: list[int] = []
    for each in steps:
        if each.kind == "result" and not each.facts["ok"]:
            run.append(each.minute)
            continue
        if len(run) >= 3:
            loops.append((run[0], each.minute))
        run = []
    if len(run) >= 3:
        loops.append((run[0], None))
    return loops


def slow_redone(history: list[Happening]) -> list[tuple[Happening, set[str]]]:
    """Return edits in the span of files that other seats had edited up to two hours before."""
    edits = [each for each in history if each.kind == "touch" and each.facts["edit"]]
    found = []
    for each in edits:
        others = {
            SEAT[other.session]
            for other in edits
            if other.facts["path"] == each.facts["path"]
            and SEAT[other.session] != SEAT[each.session]
            and 0 <= each.minute - other.minute <= 120
            # of one minute, the one told first is the earlier one
            and (other.minute < each.minute or _before(other, each))
        }
        if others and 0 <= each.minute < SPAN:
            found.append((each, others))
    return found


def _before(other: Happening, each: Happening) -> bool:
    """Tell which edit of one file in one minute is the earlier: one in no pane, then by pane."""
    first, second = SEAT[other.session], SEAT[each.session]
    return (first.startswith("%"), first) < (second.startswith("%"), second)


def slow_minutes(history: list[Happening]) -> dict[str, int]:
    """Return a span's minutes, each looked at by itself."""
    redone = slow_redone(history)
    total = dict.fromkeys(("agent", "looping", "redone", "productive", "any", "parallel"), 0)
    for minute in range(SPAN):
        at_work: set[str] = set()
        out_of_loop: set[str] = set()
        of_use: set[str] = set()
        for session in (*SESSIONS, CHILD):
            signs = of(history, session)
            earlier = [each for each in signs if each.minute <= minute]
            later = [each for each in signs if each.minute > minute]
            if not earlier or not later:
                continue
            last, following = earlier[-1], later[0]
            if last.kind == "end" or following.minute - last.minute > 10:
                continue
            if following.kind == "prompt" and following.facts["human"]:
                continue
            at_work.add(ROOT[session])
            loops = slow_loops(history, session)
            if any(first <= minute and (end is None or minute < end) for first, end in loops):
                continue
            out_of_loop.add(ROOT[session])
            if not _near(history, session, minute, [edit for edit, _ in redone]):
                of_use.add(ROOT[session])
        total["agent"] += len(at_work)
        total["looping"] += len(at_work - out_of_loop)
        total["redone"] += len(out_of_loop - of_use)
        total["productive"] += len(of_use)
        total["any"] += bool(at_work)
        total["parallel"] += len(at_work) > 1
    return total


def _near(history: list[Happening], session: str, minute: int, redone: list[Happening]) -> bool:
    """Tell whether a minute lies between the signs of life around an edit that was made again."""
    times = {each.minute for each in history if each.session == session}
    for edit in redone:
        if edit.session == session:
            begin = max((time for time in times if time < edit.minute), default=edit.minute)
            end = min((time for time in times if time > edit.minute), default=edit.minute)
            if begin <= minute < end:
                return True
    return False


def slow_handoffs(history: list[Happening]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return hand-offs taken up in the span and those that wait: session, since, taken."""
    taken, waiting = [], []
    for session in SESSIONS:
        known = [each for each in of(history, session) if each.minute < SPAN]
        prompts = [each.minute for each in known if each.kind == "prompt" and each.facts["human"]]
        edits = [
            each.minute
            for each in history
            if ROOT[each.session] == session
            and each.kind == "touch"
            and each.facts["edit"]
            and each.minute < SPAN
        ]
        for begin, end in zip([None, *prompts], [*prompts, None], strict=True):

            def held(minute: int, begin: int | None = begin, end: int | None = end) -> bool:
                return (begin is None or minute > begin) and (end is None or minute <= end)

            since = None
            for turn in known:
                if turn.kind == "end" and held(turn.minute) and turn.facts["reason"] == "done":
                    edited = any(held(edit) and edit <= turn.minute for edit in edits)
                    if edited or turn.facts["asked"]:
                        since = turn.minute
                        break
            if since is None:
                continue
            if end is None:
                waiting.append((session, since, None))
            elif end >= 0:
                taken.append((session, since, end))
    return sorted(taken), sorted(waiting)
