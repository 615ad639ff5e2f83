"""The levers over generated histories, against what each of them means, minute by minute."""

from __future__ import annotations

import statistics
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from histories import (
    CHILD,
    MINUTE,
    PATHS,
    ROOT,
    SEAT,
    SESSIONS,
    SPAN,
    START,
    Happening,
    book,
    histories,
    of,
    slow_handoffs,
    slow_loops,
    slow_minutes,
    slow_redone,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_data import price

from tmuxmeter.breakeven.levers import Levers, levers
from tmuxmeter.breakeven.touches import Claim, Seat, check_claims, edits
from tmuxmeter.events import Usage
from tmuxmeter.ledger.slices import Measures
from tmuxmeter.ledger.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterable

MANY = settings(max_examples=40, deadline=None)


def measured(history: list[Happening]) -> tuple[Levers, dict[int, str]]:
    with Writer.memory(None, 0) as writer:
        book(writer, history)
        facts = writer.reader().span_facts(START, START + SPAN * MINUTE)
    return levers(facts), {line.thread.id: line.thread.session for line in facts.activity.timelines}


def seat_name(seat: Seat, names: dict[int, str]) -> str:
    return seat.pane or names[seat.root]


@given(histories())
@MANY
def test_minutes_agree_with_looking_at_each_of_them(history: list[Happening]) -> None:
    found, _ = measured(history)
    slow = slow_minutes(history)
    assert {
        "agent": found.busy.agent_ms / MINUTE,
        "looping": found.busy.loop_ms / MINUTE,
        "redone": found.busy.redone_ms / MINUTE,
        "productive": found.busy.productive_ms / MINUTE,
        "any": found.busy.any_ms / MINUTE,
        "parallel": sum(ms for level, ms in found.busy.levels_ms.items() if level > 1) / MINUTE,
    } == slow
    if slow["any"]:
        assert found.day.k_busy == slow["productive"] / slow["any"]
    else:
        assert found.day.k_busy is None


@given(histories())
@MANY
def test_handoffs_agree_with_looking_between_prompts(history: list[Happening]) -> None:
    found, names = measured(history)

    def plain(since: int, taken: int | None) -> tuple[int, int | None]:
        return (since - START) // MINUTE, None if taken is None else (taken - START) // MINUTE

    taken = sorted((names[h.session_id], *plain(h.since_ms, h.taken_ms)) for h in found.taken)
    waiting = sorted((names[h.session_id], *plain(h.since_ms, h.taken_ms)) for h in found.pending)
    assert (taken, waiting) == slow_handoffs(history)
    assert found.day.handoffs == len(taken)
    gaps = [until - since for _, since, until in taken if until is not None]
    busy = {m for _, since, until in taken if until is not None for m in range(since, until)}
    slow = min(sum(min(12, gap) for gap in gaps), len(busy))
    assert found.day.review_minutes == (slow if taken else None)


@given(histories())
@MANY
def test_overlaps_agree_with_comparing_all_edits(history: list[Happening]) -> None:
    found, names = measured(history)
    redone = slow_redone(history)
    slow: dict[str, set[str]] = {}
    for edit, others in redone:
        slow.setdefault(edit.facts["path"], set()).update(others, [SEAT[edit.session]])
    apart = found.independence
    assert {
        overlap.path: {seat_name(seat, names) for seat in overlap.seats}
        for overlap in apart.overlaps
    } == slow
    assert sum(overlap.edits for overlap in apart.overlaps) == len(redone)
    editors = {
        SEAT[each.session]
        for each in history
        if each.kind == "touch" and each.facts["edit"] and 0 <= each.minute < SPAN
    }
    assert apart.pool_depth == len(editors - {seat for seats in slow.values() for seat in seats})


@given(histories())
@MANY
def test_loops_and_what_they_burned_agree_with_walking_each_session(
    history: list[Happening],
) -> None:
    found, names = measured(history)
    slow = []
    for session in (*SESSIONS, CHILD):
        for first, end in slow_loops([e for e in history if e.minute < SPAN + 10], session):
            if first >= SPAN or (end is not None and end < 0):
                continue
            burned = [
                each
                for each in of(history, session, "request")
                if each.minute > first
                and (end is None or each.minute <= end)
                and 0 <= each.minute < SPAN
            ]
            slow.append((session, first, end, sum(map(tokens, burned)), sum(map(cost, burned))))
    assert sorted(
        (
            *(names[loop.session_id], (loop.start_ms - START) // MINUTE),
            None if loop.end_ms is None else (loop.end_ms - START) // MINUTE,
            *(loop.tokens, loop.cost_microdollars),
        )
        for loop in found.loops
    ) == sorted(slow)


@given(histories())
@MANY
def test_lost_tokens_agree_with_asking_of_each_request(history: list[Happening]) -> None:
    found, _ = measured(history)
    cold = again = looping = lost = total = 0
    for session in (*SESSIONS, CHILD):
        requests = of(history, session, "request")
        prompts = [e for e in of(history, ROOT[session], "prompt") if e.facts["human"]]
        loops = slow_loops(history, session)
        for number, request in enumerate(requests):
            if not 0 <= request.minute < SPAN:
                continue
            before = [e for e in prompts if e.minute <= request.minute]
            is_cold = number == 0
            is_again = bool(before) and before[-1].facts["corrects"]
            in_loop = any(
                first < request.minute and (end is None or request.minute <= end)
                for first, end in loops
            )
            total += tokens(request)
            cold += tokens(request) * is_cold
            again += tokens(request) * is_again
            looping += tokens(request) * in_loop
            lost += tokens(request) * (is_cold or is_again or in_loop)
    waste = found.waste
    assert (
        *(waste.cold_starts.tokens, waste.drift.tokens, waste.loops.tokens),
        *(waste.lost.tokens, waste.total.tokens),
    ) == (cold, again, looping, lost, total)
    assert waste.effective_share == (1 - lost / total if total else None)


@given(histories())
@MANY
def test_expiries_agree_with_comparing_each_request_with_the_one_before(
    history: list[Happening],
) -> None:
    found, names = measured(history)
    slow = []
    for session in (*SESSIONS, CHILD):
        requests = of(history, session, "request")
        for number, (before, request) in enumerate(pairwise(requests)):
            lived = 5
            for each in requests[: number + 1]:
                if each.facts["cache_write_1h"] or each.facts["cache_write_5m"]:
                    lived = 60 if each.facts["cache_write_1h"] else 5
            whole, then = context(request), context(before)
            anew = min(whole, then) - request.facts["cache_read"]
            if (
                0 <= request.minute < SPAN
                and request.minute - before.minute > lived
                and request.facts["model"] == before.facts["model"]
                and whole * 2 >= then
                and anew > 0
            ):
                slow.append((session, request.minute, anew))
    assert sorted(
        (names[e.session_id], (e.time_ms - START) // MINUTE, e.tokens) for e in found.expiries
    ) == sorted(slow)


def context(request: Happening) -> int:
    kinds = ("fresh", "cache_read", "cache_write_5m", "cache_write_1h")
    return sum(request.facts[kind] for kind in kinds)


def tokens(request: Happening) -> int:
    return context(request) + int(request.facts["output"])


def cost(request: Happening) -> int:
    time = START + request.minute * MINUTE
    return price("", Usage(key=0, session="", time_ms=time, **request.facts)) or 0


@given(histories(), st.lists(st.integers(-200, 900), min_size=2, max_size=5, unique=True))
@MANY
def test_spans_read_together_are_what_each_is_by_itself(
    history: list[Happening], cuts: list[int]
) -> None:
    times = [START + cut * MINUTE for cut in sorted(cuts)]
    with Writer.memory(None, 0) as writer:
        book(writer, history)
        reader = writer.reader()
        together = reader.spans_facts(list(pairwise(times)))
        alone = [reader.span_facts(*span) for span in pairwise(times)]
        sums = [reader.total(*span) for span in pairwise(times)]
        pieces = [reader.slices(*span) for span in pairwise(times)]
    assert together == alone
    for total, some in zip(sums, pieces, strict=True):
        added = Measures()
        for piece in some:
            added = added.plus(piece.measures)
        assert total == added


@st.composite
def long_sessions(draw: st.DrawFn) -> list[Happening]:
    """Return one session that was asked many times, within the span and before it."""
    minute = -400
    found = []
    for _ in range(draw(st.integers(1, 22))):
        minute += draw(st.sampled_from((1, 5, 20, 45)))
        facts = {"human": draw(st.sampled_from((True, True, True, False)))}
        facts["corrects"] = facts["human"] and draw(st.booleans())
        found.append(Happening("s0", minute, "prompt", facts))
        for output in draw(st.lists(st.integers(1, 900), max_size=3)):
            minute += 1
            what = {"fresh": draw(st.integers(0, 50)), "output": output, "model": "unpriced"}
            found.append(Happening("s0", minute, "request", what))
    # only of a session that worked in the span the course is told; here, nearly always
    found.append(Happening("s0", max(minute + 1, 0), "request", {"output": 1, "model": "unpriced"}))
    return found


@given(long_sessions())
@MANY
def test_drift_agrees_with_summing_turn_by_turn(history: list[Happening]) -> None:
    found, _ = measured(history)
    prompts = [e for e in history if e.kind == "prompt" and e.facts["human"]]
    turns: list[tuple[int, bool, int, int]] = []
    for number, prompt in enumerate(prompts):
        until = prompts[number + 1].minute if number + 1 < len(prompts) else SPAN
        made = [
            each
            for each in history
            if each.kind == "request" and prompt.minute <= each.minute < min(until, SPAN)
        ]
        if made and prompt.minute < SPAN:
            output = sum(each.facts["output"] for each in made)
            taken = sum(each.facts.get("fresh", 0) for each in made)
            turns.append((prompt.minute, prompt.facts["corrects"], output, taken))
    asked = sum(prompt.minute < SPAN for prompt in prompts)
    worked = any(e.kind == "request" and 0 <= e.minute < SPAN for e in history)
    if asked < 8 or not turns or not worked:
        assert found.drifts == {}
        return
    (drift,) = found.drifts.values()
    half = (len(turns) + 1) // 2
    slopes = [
        (turns[at + half][2] - turns[at][2]) / (turns[at + half][0] - turns[at][0]) * 60
        for at in range(len(turns) - half)
    ]
    slope = statistics.median(slopes) if slopes else 0
    hours = (turns[-1][0] - turns[0][0]) / 60
    growth = slope * hours / statistics.median(turn[2] for turn in turns)
    late = turns[len(turns) // 2 :]
    again = sum(corrects for _, corrects, _, _ in late) / len(late)
    assert (drift.turns, drift.age_hours) == (len(turns), pytest.approx(hours))
    assert drift.slope == pytest.approx(slope)
    assert drift.growth == pytest.approx(growth)
    assert drift.corrected == sum(corrects for _, corrects, _, _ in turns) / len(turns)
    assert drift.corrected_late == again
    assert drift.again_tokens == sum(taken for _, corrects, _, taken in turns if corrects)
    if abs(growth - 0.5) > 1e-9:
        old = hours >= 2 and len(turns) >= 8
        assert drift.drifting == (old and (growth >= 0.5 or again >= 0.25))


@given(histories())
@MANY
def test_repeated_reads_agree_with_asking_of_each_file(history: list[Happening]) -> None:
    found, _ = measured(history)
    readers = [
        {
            ROOT[each.session]
            for each in history
            if each.kind == "touch" and not each.facts["edit"] and each.facts["path"] == path
            if 0 <= each.minute < SPAN
        }
        for path in PATHS
    ]
    shared = [agents for agents in readers if len(agents) > 1]
    assert found.waste.shared_files == len(shared)
    assert found.waste.repeated_reads == sum(len(agents) - 1 for agents in shared)


COVERED = {
    "a": {"/w/a/one.py", "/w/a/two.py"},
    "a/**": {"/w/a/one.py", "/w/a/two.py"},
    "*/one.py": {"/w/a/one.py"},
    "**": set(PATHS),
    "b/three.py": {"/w/b/three.py"},
    "b/t*": {"/w/b/three.py"},
    "*.py": set(),
}


@given(
    histories(),
    st.sampled_from(("%0", "%1")),
    st.lists(st.sampled_from(sorted(COVERED)), min_size=1, max_size=2),
    st.data(),
)
@MANY
def test_claims_agree_with_looking_at_every_edit(
    history: list[Happening], pane: str, patterns: list[str], data: st.DataObject
) -> None:
    # a claim begins and ends where it matters: with an edit
    minutes = {e.minute for e in history if e.kind == "touch" and -100 <= e.minute < SPAN}
    times = sorted(minutes | {0, 150})
    made = data.draw(st.sampled_from(times))
    until = data.draw(st.sampled_from([None, *(time for time in times if time >= made)]))
    ended = None if until is None else START + until * MINUTE
    with Writer.memory(None, 0) as writer:
        book(writer, history)
        facts = writer.reader().span_facts(START, START + SPAN * MINUTE)
    seat = Seat("/tmp/sock", 1, 1, pane, 0)
    claim = Claim(1, seat, "/w", tuple(patterns), "why", START + made * MINUTE, ended)
    (check,) = check_claims([claim], edits(facts.activity))
    mine = set().union(*(COVERED[pattern] for pattern in patterns))
    during = [
        each
        for each in history
        if each.kind == "touch" and each.facts["edit"] and made <= each.minute < SPAN
        if until is None or each.minute < until
    ]

    def first(times: Iterable[int]) -> int | None:
        return min((START + minute * MINUTE for minute in times), default=None)

    outside = first(
        e.minute for e in during if SEAT[e.session] == pane and e.facts["path"] not in mine
    )
    intruder = first(
        e.minute for e in during if SEAT[e.session] != pane and e.facts["path"] in mine
    )
    assert (check.outside and check.outside.time_ms) == outside
    assert (check.intruder and check.intruder.time_ms) == intruder
    assert check.kept == (outside is None and intruder is None)
