"""What the guard decides, limit by limit, and what it remembers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tmuxmeter.config.settings import GuardSettings
from tmuxmeter.ledger.slices import Measures
from tmuxmeter.reports import guard
from tmuxmeter.reports.flags import PaneKey
from tmuxmeter.reports.guard import (
    DAY,
    LOOP,
    Failing,
    Held,
    Memory,
    Notice,
    Release,
    Seat,
    Stop,
    Verdict,
    day_verdicts,
    due_ms,
    loop_verdicts,
    pane_verdicts,
    unpriced_notice,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY_NAME = "2026-07-08"
KEY = PaneKey("/tmp/s", 7, 1, "%3")
HOLDING = GuardSettings(action="hold", day_dollars=20.0)
NOW = 1_783_512_000_000
GRACE = 30_000


def spent(dollars: float = 0.0, tokens: int = 0, cached: int = 0, unpriced: int = 0) -> Measures:
    return Measures(
        fresh=tokens,
        cache_read=cached,
        cost_microdollars=round(dollars * 1e6),
        unpriced_tokens=unpriced,
    )


def day(dollars: float, settings: GuardSettings = HOLDING, **more: int) -> list[Verdict]:
    return day_verdicts(DAY_NAME, spent(dollars, **more), settings, "all")


def seat(verdicts: Sequence[Verdict], **facts: Any) -> Seat:
    return Seat(**{"name": "a", "pane": "%3", "state": "working", "verdicts": verdicts} | facts)


def decide(
    seats: Sequence[Seat],
    of_day: Sequence[Verdict],
    memory: Memory,
    settings: GuardSettings,
    now_ms: int,
) -> list[Notice | Stop | Release]:
    records = {each.held for each in seats if each.held}
    return guard.decide(seats, of_day, records, memory, settings, now_ms)


def kinds(steps: Sequence[object]) -> list[str]:
    return [type(step).__name__ for step in steps]


@pytest.mark.parametrize(
    ("dollars", "expected"),
    [(17.99, []), (18.0, [False]), (19.999999, [False]), (20.0, [True]), (25.0, [True])],
)
def test_a_day_s_dollars(dollars: float, expected: list[bool]) -> None:
    assert [verdict.over for verdict in day(dollars)] == expected


def test_tokens_are_those_that_count() -> None:
    settings = GuardSettings(day_tokens=1_000)
    total = spent(tokens=400, cached=600)
    assert [v.over for v in day_verdicts(DAY_NAME, total, settings, "all")] == [True]
    assert day_verdicts(DAY_NAME, total, settings, "uncached") == []


def test_each_pane_has_its_own_limit() -> None:
    settings = GuardSettings(pane_dollars=5.0, pane_tokens=1_000)
    found = pane_verdicts(DAY_NAME, KEY, spent(5.5, 950), settings, "all")
    assert [(v.over, v.text) for v in found] == [
        (True, "%3's limit of $5.00 passed ($5.50)"),
        (False, "%3's limit of 1,000 input tokens nearly used up (950 input tokens)"),
    ]
    other = pane_verdicts(DAY_NAME, KEY._replace(server_pid=8), spent(5.5), settings, "all")
    assert other[0].level != found[0].level


@pytest.mark.parametrize(("limit", "failures", "over"), [(0, 50, 0), (5, 4, 0), (5, 5, 1)])
def test_a_loop_of_so_many(limit: int, failures: int, over: int) -> None:
    run = Failing(NOW, failures)
    assert len(loop_verdicts("s", "%3", run, GuardSettings(loop=limit))) == over


def test_without_a_limit_nothing_is_ever_reached() -> None:
    total = spent(1e6, 10**12)
    assert day_verdicts(DAY_NAME, total, GuardSettings(), "all") == []
    assert pane_verdicts(DAY_NAME, KEY, total, GuardSettings(), "all") == []


def test_first_a_notice_then_the_grace_then_the_pause() -> None:
    memory, over = Memory(), day(20.31)
    seats = [seat(over)]
    [notice] = decide(seats, over, memory, HOLDING, NOW)
    assert notice == Notice(
        "guard: day limit of $20.00 passed ($20.31); agents are paused in 30 s,"
        " set @tmuxmeter_exempt on a pane to spare it"
    )
    assert due_ms(seats, memory, HOLDING, NOW + 1) == NOW + GRACE
    assert decide(seats, over, memory, HOLDING, NOW + GRACE - 1) == []
    [stop] = decide(seats, over, memory, HOLDING, NOW + GRACE)
    assert isinstance(stop, Stop)
    assert stop.ways == ("hold", "freeze")
    assert stop.who == "guard: day limit of $20.00 passed ($20.31)"


def test_who_was_told_in_time_is_stopped_at_the_limit() -> None:
    memory = Memory()
    near = day(18.5)
    assert kinds(decide([seat(near)], near, memory, HOLDING, NOW)) == ["Notice"]
    assert decide([seat(near)], near, memory, HOLDING, NOW + 10 * GRACE) == []
    over = day(20.0)
    steps = decide([seat(over)], over, memory, HOLDING, NOW + 10 * GRACE)
    assert kinds(steps) == ["Notice", "Stop"]
    assert isinstance(steps[0], Notice)
    assert "paused now" in steps[0].text


def test_without_a_grace_it_stops_at_once() -> None:
    settings, over = replace(HOLDING, grace_seconds=0), day(20.0)
    assert kinds(decide([seat(over)], over, Memory(), settings, NOW)) == ["Notice", "Stop"]


def test_notifying_is_all_it_does_unless_told_otherwise() -> None:
    settings = GuardSettings(day_dollars=20.0, grace_seconds=0)
    memory, over = Memory(), day(20.0, settings)
    assert kinds(decide([seat(over)], over, memory, settings, NOW)) == ["Notice"]
    assert decide([seat(over)], over, memory, settings, NOW + 9 * GRACE) == []
    assert due_ms([seat(over)], memory, settings, NOW) is None


def test_the_notice_comes_though_no_agent_runs() -> None:
    assert kinds(decide([], day(20.0), Memory(), HOLDING, NOW)) == ["Notice"]


@pytest.mark.parametrize(
    ("facts", "ways"),
    [
        ({}, ("hold", "freeze")),
        ({"state": "waiting"}, ("hold",)),
        ({"state": "idle"}, ("hold",)),
        ({"state": "gone"}, None),
        ({"exempt": True}, None),
        ({"state": "paused", "paused": True}, None),
    ],
)
def test_whom_it_stops_and_how(facts: dict[str, Any], ways: tuple[str, ...] | None) -> None:
    settings, over = replace(HOLDING, grace_seconds=0), day(20.0)
    steps = decide([seat(over, **facts)], over, Memory(), settings, NOW)
    assert [step.ways for step in steps if isinstance(step, Stop)] == ([ways] if ways else [])


@pytest.mark.parametrize(("state", "stops"), [("working", 1), ("waiting", 0), ("idle", 0)])
def test_only_who_works_is_interrupted(state: str, stops: int) -> None:
    settings = replace(HOLDING, action="interrupt", grace_seconds=0)
    over = day(20.0, settings)
    steps = decide([seat(over, state=state)], over, Memory(), settings, NOW)
    assert [step.ways for step in steps if isinstance(step, Stop)] == [("interrupt",)] * stops


def test_a_pane_s_limit_stops_that_pane_alone() -> None:
    settings = GuardSettings(action="hold", pane_dollars=5.0, grace_seconds=0)
    over = pane_verdicts(DAY_NAME, KEY, spent(6), settings, "all")
    seats = [seat(over), seat([], name="b", pane="%4")]
    steps = decide(seats, [], Memory(), settings, NOW)
    assert [step.seat.name for step in steps if isinstance(step, Stop)] == ["a"]


HELD = Held("a", DAY, f"day {DAY_NAME} $20.00", 0)


def test_raising_the_limit_lets_go_what_it_stopped_and_nothing_else() -> None:
    raised = replace(HOLDING, day_dollars=30.0)
    verdicts = day(20.5, raised)
    memory = Memory(held={"p": HELD})
    seats = [
        seat(verdicts, state="paused", held="p", paused=True),
        seat(verdicts, name="b", state="paused", paused=True),
    ]
    assert decide(seats, verdicts, memory, raised, NOW) == [
        Release("p", "the limit isn't reached any more")
    ]
    assert memory == Memory()


def test_while_the_limit_is_reached_it_stays_paused() -> None:
    over = day(20.5)
    memory = Memory(told={f"{over[0].level} over": NOW}, held={"p": HELD})
    seats = [seat(over, state="paused", held="p", paused=True)]
    assert decide(seats, over, memory, HOLDING, NOW + GRACE) == []
    assert memory.held == {"p": HELD}


@pytest.mark.parametrize(
    ("settings", "facts"),
    [(HOLDING, {"exempt": True}), (replace(HOLDING, action="notify"), {})],
)
def test_who_is_spared_now_goes_on(settings: GuardSettings, facts: dict[str, Any]) -> None:
    over = day(20.5)
    memory = Memory(told={f"{over[0].level} over": NOW}, held={"p": HELD})
    seats = [seat(over, state="paused", held="p", paused=True, **facts)]
    assert kinds(decide(seats, over, memory, settings, NOW + GRACE)) == ["Release"]


def test_whom_a_human_lets_go_is_not_stopped_again_at_that_limit() -> None:
    over = day(20.5)
    memory = Memory(told={f"{over[0].level} over": NOW - 9 * GRACE}, held={"p": HELD})
    assert decide([seat(over)], over, memory, HOLDING, NOW) == []
    assert decide([seat(over)], over, memory, HOLDING, NOW + 9 * GRACE) == []
    # at another limit it is
    raised = replace(HOLDING, day_dollars=25.0, grace_seconds=0)
    over = day(25.0, raised)
    assert kinds(decide([seat(over)], over, memory, raised, NOW)) == ["Notice", "Stop"]


def test_who_ended_by_himself_was_let_go_by_nobody() -> None:
    over = day(20.5)
    memory = Memory(told={f"{over[0].level} over": NOW - 9 * GRACE}, held={"p": HELD})
    assert kinds(decide([seat(over, name="b")], over, memory, HOLDING, NOW)) == ["Stop"]
    assert (memory.held, memory.waived) == ({}, {})


def test_a_pause_whose_pane_was_not_seen_yet_is_not_forgotten() -> None:
    memory = Memory(held={"p": HELD}, waived={"a": "loop s 1"})
    assert guard.decide([seat([])], [], {"p"}, memory, HOLDING, NOW) == []
    assert memory.held == {"p": HELD}
    # nor is what a human let go of a loop that this watcher hasn't counted yet
    assert memory.waived == {"a": "loop s 1"}


@pytest.mark.parametrize(("loop", "releases"), [(5, 0), (4, 0), (6, 1), (0, 1)])
def test_a_loop_stays_paused_until_its_limit_is_raised(loop: int, releases: int) -> None:
    settings = GuardSettings(action="hold", loop=loop)
    memory = Memory(held={"p": Held("a", LOOP, "loop s 1", 5)})
    seats = [seat([], state="paused", held="p", paused=True)]
    assert len(decide(seats, [], memory, settings, NOW)) == releases


def test_what_has_no_price_is_said() -> None:
    total = spent(1.0, 9_000, unpriced=5_200)
    alone = unpriced_notice(total, HOLDING)
    assert alone.startswith("guard: 5,200 tokens of models without a price are in no dollar limit;")
    with_tokens = unpriced_notice(total, replace(HOLDING, day_tokens=10_000))
    assert with_tokens.endswith("in no dollar limit")
    assert unpriced_notice(total, GuardSettings(day_tokens=9)) == ""
    assert unpriced_notice(spent(1.0), HOLDING) == ""
