"""The levers over generated histories, against what each of them means, minute by minute."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from histories import (
    CHILD,
    MINUTE,
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
from tmuxmeter.events import Usage
from tmuxmeter.ledger.slices import Measures
from tmuxmeter.ledger.writer import Writer

if TYPE_CHECKING:
    from tmuxmeter.breakeven.touches import Seat

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
    assert found.day.review_minutes == (12.0 * len(taken) or None)


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
