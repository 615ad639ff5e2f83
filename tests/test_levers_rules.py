"""What each lever counts and what it doesn't, one rule at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ledger_data import NOON, chunk, log, price, usage

from tmuxmeter.breakeven.drift import drift, median_slope
from tmuxmeter.breakeven.hourly import hourly
from tmuxmeter.breakeven.levers import Levers, levers
from tmuxmeter.breakeven.light import Scale, light
from tmuxmeter.breakeven.model import Model
from tmuxmeter.breakeven.touches import Claim, Seat, covers
from tmuxmeter.events import FileTouch, Prompt, SessionStart, ToolResult, TurnEnd, event_key
from tmuxmeter.ledger.activity import WINDOW_MS
from tmuxmeter.ledger.bindings import PaneRun
from tmuxmeter.ledger.turns import Turn
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.records import replace
from tmuxmeter.reports.days import local_day_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.events import Event
    from tmuxmeter.ledger.span import SpanFacts

MINUTE = 60_000
HOUR = 60 * MINUTE
EARLIER = NOON - 30 * 24 * HOUR


class World:
    """A ledger in memory and short names for what happens in it; times in minutes after noon."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self._number = 0

    def book(self, *events: Event) -> None:
        self.writer.book([chunk(log(), events)], price)

    def _new(self, minute: float, session: str) -> dict[str, Any]:
        self._number += 1
        return {
            "key": event_key("claude", "test", str(self._number)),
            "session": session,
            "time_ms": NOON + round(minute * MINUTE),
        }

    def start(self, session: str, **facts: Any) -> None:
        self.book(SessionStart(**self._new(-900, session), **facts))

    def request(self, minute: float, session: str = "s1", **tokens: Any) -> None:
        self._number += 1
        time = NOON + round(minute * MINUTE)
        self.book(usage(str(self._number), session, time, **{"fresh": 10, "output": 5} | tokens))

    def asked(
        self, minute: float, session: str = "s1", *, human: bool = True, corrects: bool = False
    ) -> None:
        self.book(Prompt(**self._new(minute, session), human=human, corrects=corrects))

    def ended(
        self, minute: float, session: str = "s1", reason: str = "done", *, asked: bool = False
    ) -> None:
        self.book(TurnEnd(**self._new(minute, session), reason=reason, asked=asked))

    def tool(self, minute: float, session: str = "s1", *, ok: bool = True) -> None:
        self.book(ToolResult(**self._new(minute, session), tool="Bash", ok=ok))

    def edited(self, minute: float, path: str, session: str = "s1", *, read: bool = False) -> None:
        self.book(FileTouch(**self._new(minute, session), edit=not read, path=path))

    def pane(self, session: str, pane: str) -> int:
        pane_id = self.writer.pane(PaneRun("/tmp/s", 1, 1, pane, 9, "1"), EARLIER)
        self.writer.bind("claude", session, "pane", pane_id, 9, "1", EARLIER, "test", 1, EARLIER)
        return pane_id

    def looked_at(self, pane_id: int, start: int, end: int) -> None:
        for second in range(start * 60, end * 60 + 1, 20):
            self.writer.attention([pane_id], NOON + second * 1000)

    def facts(self, start: float = 0, end: float = 600, window: int = WINDOW_MS) -> SpanFacts:
        begin, until = NOON + round(start * MINUTE), NOON + round(end * MINUTE)
        return self.writer.reader().span_facts(begin, until, window)

    def levers(self, start: float = 0, end: float = 600) -> Levers:
        return levers(self.facts(start, end))


@pytest.fixture
def world() -> Iterator[World]:
    with Writer.memory(None, 0) as writer:
        yield World(writer)


def test_two_agents_side_by_side_make_two_possible(world: World) -> None:
    for session in ("s1", "s2"):
        for minute in (0, 5, 10):
            world.request(minute, session)
    found = world.levers()
    assert found.day.k_busy == 2
    assert (found.day.agents, found.day.parallel_share) == (2, 1)


def test_a_sub_agent_works_for_its_parent(world: World) -> None:
    world.start("sub", parent="s1", spawned=True)
    for session in ("s1", "sub"):
        for minute in (0, 5, 10):
            world.request(minute, session)
    assert world.levers().day.k_busy == 1


def test_a_fork_works_for_itself(world: World) -> None:
    world.start("fork", parent="s1", spawned=False)
    for session in ("s1", "fork"):
        for minute in (0, 5):
            world.request(minute, session)
    assert world.levers().day.k_busy == 2


def test_time_between_turns_is_not_work(world: World) -> None:
    world.request(0)
    world.ended(2)
    world.asked(8)
    world.request(9)
    assert world.levers().busy.agent_ms == 3 * MINUTE


def test_a_turn_that_nobody_ended_is_over_when_the_human_asks(world: World) -> None:
    world.request(0)
    world.asked(8)
    assert world.levers().busy.agent_ms == 0


@pytest.mark.parametrize(("gap", "minutes"), [(10, 10), (10.1, 0)])
def test_a_long_silence_is_not_work(world: World, gap: float, minutes: int) -> None:
    world.request(0)
    world.tool(gap)
    assert world.levers().busy.agent_ms == minutes * MINUTE


def test_midnight_cuts_a_turn_and_loses_nothing(world: World) -> None:
    world.asked(-8)
    world.tool(-4)
    world.tool(4)
    before, after = world.levers(-600, 0), world.levers(0, 600)
    assert (before.busy.agent_ms, after.busy.agent_ms) == (8 * MINUTE, 4 * MINUTE)


def test_waiting_for_a_permission_is_not_work(world: World) -> None:
    world.asked(0)
    world.request(1)
    for second in range(0, 121, 20):
        world.writer.standstill([("claude", "s1", "waiting")], NOON + 2 * MINUTE + second * 1000)
    world.tool(5)
    assert world.levers().busy.agent_ms == 3 * MINUTE


def test_looks_far_apart_are_two_waits(world: World) -> None:
    world.request(0)
    for minute in (1, 1.5, 2, 2.6, 3):
        time = NOON + round(minute * MINUTE)
        world.writer.standstill([("claude", "s1", "paused")], time)
    world.tool(8)
    assert world.levers().busy.agent_ms == 6.6 * MINUTE


def paused(world: World, start: float, end: float, session: str = "s1") -> None:
    begin, until = (NOON + round(minute * MINUTE) for minute in (start, end))
    world.writer.paused("claude", session, begin, until)


def test_a_pause_is_not_work_and_no_silence(world: World) -> None:
    world.asked(0)
    world.request(1)
    paused(world, 4, 50)
    world.tool(51)
    world.ended(52)
    found = world.levers()
    assert found.busy.agent_ms == (4 + 2) * MINUTE
    # beside another agent only the rest makes two
    for minute in range(0, 60, 5):
        world.request(minute, "s2")
    assert world.levers().busy.levels_ms[2] == (4 + 2) * MINUTE


def test_with_its_agent_a_sub_agent_is_paused(world: World) -> None:
    world.start("sub", parent="s1", spawned=True)
    world.asked(0)
    world.request(0, "sub")
    paused(world, 2, 5)
    world.request(6, "sub")
    world.request(6)
    assert world.levers().busy.agent_ms == 3 * MINUTE


def test_to_look_at_a_paused_pane_is_no_review(world: World) -> None:
    pane = world.pane("s1", "%1")
    world.asked(0)
    world.edited(1, "/w/a.py")
    world.ended(2)
    world.looked_at(pane, 3, 13)
    paused(world, 5, 9)
    world.asked(30)
    assert world.levers().day.review_minutes == 6
    # all of it in a pause is a review of no length, not one that nobody saw
    paused(world, 2, 20)
    assert world.levers().day.review_minutes == 0


def test_an_agent_in_a_loop_is_not_productive(world: World) -> None:
    world.asked(0)
    for minute in (1, 2, 3):
        world.tool(minute, ok=False)
    world.tool(5)
    world.tool(9)
    found = world.levers()
    assert (found.busy.agent_ms, found.busy.loop_ms) == (9 * MINUTE, 4 * MINUTE)
    assert found.day.k_busy == 5 / 9


def test_two_failures_are_no_loop(world: World) -> None:
    world.tool(1, ok=False)
    world.tool(2, ok=False)
    world.tool(3)
    assert world.levers().loops == []


def test_whoever_is_told_no_is_not_in_a_loop(world: World) -> None:
    for minute in (1, 3, 5):
        world.tool(minute, ok=False)
        world.asked(minute + 1)
    assert world.levers().loops == []


def test_a_loop_lasts_until_something_is_good_again(world: World) -> None:
    for minute in (1, 2, 3):
        world.tool(minute, ok=False)
    world.request(4, fresh=100, output=11)
    loop = world.levers().loops[0]
    assert (loop.end_ms, loop.failures, loop.tokens) == (None, 3, 111)
    world.tool(5)
    world.request(6, fresh=1000)
    loop = world.levers().loops[0]
    assert (loop.end_ms, loop.tokens) == (NOON + 5 * MINUTE, 111)


def test_a_loop_across_midnight_costs_each_day_its_part(world: World) -> None:
    world.asked(-20)
    for minute in (-3, -2, 2):
        world.tool(minute, ok=False)
    world.request(-1, fresh=100, output=0)
    world.request(1, fresh=7, output=0)
    assert [loop.tokens for loop in world.levers(0).loops] == [7]
    assert [loop.tokens for loop in world.levers(-600, 60).loops] == [107]


def test_work_handed_over_and_taken_up_is_a_handoff(world: World) -> None:
    world.asked(0)
    world.edited(1, "/w/a.py")
    world.ended(2)
    assert [pending.since_ms for pending in world.levers().pending] == [NOON + 2 * MINUTE]
    world.asked(30)
    found = world.levers()
    assert (found.pending, found.day.handoffs, found.day.review_minutes) == ([], 1, 12)


def test_nobody_looks_longer_than_until_he_answers(world: World) -> None:
    for minute in range(0, 60, 6):
        world.asked(minute)
        world.edited(minute + 1, "/w/a.py")
        world.ended(minute + 3)
    found = world.levers(end=55).reviews
    # ten turns with three minutes behind each but the last, which waits: not two hours
    assert (found.handoffs, found.minutes) == (9, 27)


def test_a_heavy_days_many_short_turns_dont_make_it_red(world: World) -> None:
    for number in range(3):
        session = f"s{number}"
        for turn in range(60):
            minute = turn * 8 + number * 2
            world.asked(minute, session)
            for step in range(1, 6):
                world.request(minute + step, session, cache_read=106_000, cache_write_5m=4_000)
            world.edited(minute + 5, f"/w/{number}.py", session)
            world.ended(minute + 6, session)
    found = world.levers()
    assert found.day.input_tokens > 90_000_000
    assert found.day.handoffs == 177
    seen = light(replace(found.day, spend_microdollars=40_000_000), Scale.of(Model()))
    assert (seen.verdict, seen.believed) == ("amber", False)
    assert seen.reason == "needs 1.9×, up to 2.2× possible; your scale is not calibrated"


def test_one_human_looks_at_one_thing_at_a_time(world: World) -> None:
    for number in range(5):
        session = f"s{number}"
        world.asked(0, session)
        world.edited(1, f"/w/{number}.py", session)
        world.ended(2, session)
        world.asked(20, session)
    assert world.levers().reviews == (5, 0, 0, 18)


def test_paused_time_is_no_time_to_look(world: World) -> None:
    world.asked(0)
    world.edited(1, "/w/a.py")
    world.ended(2)
    for second in range(2 * 60, 10 * 60 + 1, 20):
        world.writer.standstill([("claude", "s1", "paused")], NOON + second * 1000)
    world.asked(14)
    assert world.levers().reviews.minutes == 4


def test_a_turn_with_nothing_to_look_at_is_no_handoff(world: World) -> None:
    world.asked(0)
    world.edited(1, "/w/a.py", read=True)
    world.ended(2)
    world.asked(30)
    assert world.levers().day.handoffs == 0


def test_a_question_is_something_to_look_at(world: World) -> None:
    world.asked(0)
    world.ended(2, asked=True)
    world.asked(30)
    assert world.levers().day.handoffs == 1


def test_a_turn_the_human_stopped_is_no_handoff(world: World) -> None:
    world.asked(0)
    world.edited(1, "/w/a.py")
    world.ended(2, reason="interrupted")
    world.asked(3)
    assert world.levers().day.handoffs == 0


def test_a_sub_agents_edits_are_its_parents_to_hand_over(world: World) -> None:
    world.start("sub", parent="s1", spawned=True)
    world.asked(0)
    world.edited(1, "/w/a.py", "sub")
    world.ended(1, "sub")
    world.ended(2)
    world.asked(30)
    assert world.levers().day.handoffs == 1


def test_what_was_left_days_ago_waits_while_its_pane_is_there(world: World) -> None:
    minute = -4 * 24 * 60
    world.asked(minute)
    world.ended(minute + 5, asked=True)
    assert world.levers().pending == []
    world.pane("s1", "%1")
    assert len(world.levers().pending) == 1


def test_review_is_measured_where_the_pane_was_in_front(world: World) -> None:
    mine, other = world.pane("s1", "%1"), world.pane("s2", "%2")
    world.asked(0)
    world.edited(1, "/w/a.py")
    world.ended(10)
    world.looked_at(mine, 5, 13)  # the minutes before the turn ended don't count
    world.looked_at(other, 14, 40)
    world.asked(40)
    found = world.levers()
    assert found.reviews == (1, 0, 1, 3.0)


def test_a_pane_left_in_front_is_not_looked_at_for_ever(world: World) -> None:
    mine = world.pane("s1", "%1")
    world.asked(0)
    world.edited(1, "/w/a.py")
    world.ended(10)
    world.looked_at(mine, 10, 200)
    world.asked(200)
    assert world.levers().reviews.minutes == 60


def test_files_edited_from_two_panes_overlap(world: World) -> None:
    world.pane("s1", "%1")
    world.pane("s2", "%2")
    world.pane("s3", "%3")
    world.edited(0, "/w/a.py", "s1")
    world.edited(119, "/w/a.py", "s2")
    world.edited(5, "/w/b.py", "s3")
    apart = world.levers().independence
    assert [(each.path, [seat.pane for seat in each.seats]) for each in apart.overlaps] == [
        ("/w/a.py", ["%1", "%2"])
    ]
    assert (apart.pool_depth, apart.pool) == (1, 2)


@pytest.mark.parametrize(("together", "pool"), [(1, 2), (2, 2), (3, 1), (20, 1)])
def test_a_few_edits_of_a_common_file_make_no_single_task(
    world: World, together: int, pool: int
) -> None:
    """Of forty edits and of twenty, two or three come after the other's."""
    world.pane("s1", "%1")
    world.pane("s2", "%2")
    world.edited(0, "/w/log.md", "s1")
    for number in range(1, 40):
        world.edited(number, f"/w/a{number}.py", "s1")
    for number in range(20):
        path = "/w/log.md" if number < together else f"/w/b{number}.py"
        world.edited(50 + number, path, "s2")
    apart = world.levers().independence
    # that they overlap is told all the same
    assert (len(apart.overlaps), apart.pool_depth) == (1, 0)
    assert apart.overlaps[0].edits == together
    assert apart.pool == pool


def test_the_window_ends(world: World) -> None:
    world.pane("s1", "%1")
    world.pane("s2", "%2")
    world.edited(0, "/w/a.py", "s1")
    world.edited(120.1, "/w/a.py", "s2")
    assert world.levers().independence.overlaps == []


def test_sessions_of_one_pane_do_not_overlap(world: World) -> None:
    world.pane("s1", "%1")
    world.pane("s2", "%1")
    world.edited(0, "/w/a.py", "s1")
    world.edited(9, "/w/a.py", "s2")
    assert world.levers().independence.overlaps == []


def test_an_edit_before_midnight_overlaps_with_one_after(world: World) -> None:
    world.request(-30, "s1")
    world.request(30, "s2")
    world.edited(-30, "/w/a.py", "s1")
    world.edited(30, "/w/a.py", "s2")
    assert len(world.levers(0).independence.overlaps) == 1


@pytest.mark.parametrize(("hours", "overlaps"), [(0.5, 0), (4, 0), (4.1, 1), (24, 1)])
def test_the_window_is_what_is_asked_for_also_before_midnight(
    world: World, hours: float, overlaps: int
) -> None:
    for minute in (-181, -180, 60, 61):
        world.asked(minute, "s1")
    world.asked(-1, "s1")
    world.edited(-180, "/w/a.py", "s1")
    world.request(61, "s2")
    world.edited(61, "/w/a.py", "s2")
    window = round(hours * 60 * MINUTE)
    assert len(levers(world.facts(0, window=window)).independence.overlaps) == overlaps
    (apart, _) = world.writer.reader().spans_facts(
        [(NOON, NOON + 90 * MINUTE), (NOON + 90 * MINUTE, NOON + 600 * MINUTE)], window
    )
    assert len(levers(apart).independence.overlaps) == overlaps


def test_a_folder_edited_from_two_panes_is_the_weaker_sign(world: World) -> None:
    world.request(0, "s1")
    world.request(1, "s2")
    world.request(2, "s3")
    world.edited(0, "/w/a.py", "s1")
    world.edited(1, "/w/b.py", "s2")
    world.edited(2, "/w/sub/c.py", "s3")
    apart = world.levers().independence
    assert apart.overlaps == []
    assert list(apart.shared_folders) == ["/w"]


def test_an_agent_that_edits_nothing_is_a_task_of_its_own(world: World) -> None:
    world.request(0, "s1")
    world.request(1, "s1")
    world.edited(0, "/w/a.py", "s1")
    world.request(0, "s2")
    world.request(1, "s2")
    apart = world.levers().independence
    assert (apart.pool_depth, apart.pool) == (1, 2)


def test_relative_paths_are_those_of_their_project(world: World) -> None:
    for session, folder in (("s1", "/w"), ("s2", "/elsewhere"), ("s3", "/w")):
        world.start(session, cwd=folder)
        world.request(0, session)
        world.edited(1, "./a.py", session)
    assert [each.path for each in world.levers().independence.overlaps] == ["/w/a.py"]


@pytest.mark.parametrize(
    ("pattern", "path", "inside"),
    [
        ("src/api/**", "/w/src/api/deep/x.py", True),
        ("src/api/**", "/w/src/apis/x.py", False),
        ("src/*.py", "/w/src/x.py", True),
        ("src/*.py", "/w/src/deep/x.py", False),
        ("**/x.py", "/w/x.py", True),
        ("src", "/w/src/deep/x.py", True),
        ("./src/a?.py", "/w/src/ab.py", True),
        (".", "/w/src/x.py", True),
        ("src/", "/w/src/x.py", True),
        ("../shared/**", "/shared/x.py", True),
        ("/other/**", "/other/x.py", True),
        ("a.py", "/w/aXpy", False),
    ],
)
def test_claims_cover_what_their_globs_say(pattern: str, path: str, inside: bool) -> None:
    claim = Claim(1, Seat("", 0, 0, "%1", 0), "/w/", (pattern,), "", 0, None)
    assert covers(claim, path) is inside


def test_a_cache_that_expired_is_paid_again(world: World) -> None:
    world.request(-30, fresh=0, cache_write_5m=1000, output=0)
    world.request(1, fresh=100, cache_read=0, cache_write_5m=1000, output=0)
    found = world.levers().expiries
    assert [(each.tokens, each.silence_ms) for each in found] == [(1000, 31 * MINUTE)]
    # fresh and cache read cost the same in this list, a cache write nothing
    month = (NOON // (30 * 86_400_000)) % 7
    assert found[0].cost_microdollars == round(1000 * (100 / 1100 - 1) * (1 + month))


def test_an_hours_cache_lives_for_an_hour(world: World) -> None:
    world.request(0, cache_write_1h=1000)
    world.request(59, cache_write_1h=1000)
    assert world.levers().expiries == []


def test_a_compacted_context_did_not_expire(world: World) -> None:
    world.request(0, cache_write_5m=100_000)
    world.request(30, cache_write_5m=20_000)
    assert world.levers().expiries == []


def test_each_sessions_first_request_is_a_cold_start(world: World) -> None:
    world.request(-700, "old")
    world.request(5, "old", fresh=1)
    world.request(5, "new", fresh=50, output=0)
    world.request(6, "new", fresh=1)
    cold = world.levers().waste.cold_starts
    assert (cold.requests, cold.input_tokens) == (1, 50)


def test_files_that_several_agents_read_are_counted_once_each(world: World) -> None:
    world.start("sub", parent="s1", spawned=True)
    for session in ("s1", "s1", "sub", "s2", "s3"):
        world.request(0, session)
        world.edited(1, "/w/README", session, read=True)
    world.edited(1, "/w/other", "s1", read=True)
    waste = world.levers().waste
    assert (waste.shared_files, waste.repeated_reads) == (1, 2)


def test_tokens_after_a_correction_are_drift_until_the_next_prompt(world: World) -> None:
    world.request(-900)
    world.asked(0)
    world.request(1, fresh=1)
    world.asked(2, corrects=True)
    world.request(3, fresh=20)
    world.asked(4, human=False)
    world.request(5, fresh=300)
    world.asked(6)
    world.request(7, fresh=4000)
    found = world.levers()
    assert (found.waste.drift.input_tokens, found.day.drift_tokens) == (320, 320)


def course(outputs: list[int], corrects: list[int] | None = None, hours: float = 5) -> list[Turn]:
    step = hours * HOUR / max(1, len(outputs) - 1)
    marks = corrects or [0] * len(outputs)
    return [
        Turn(round(number * step), mark, output, 100)
        for number, (output, mark) in enumerate(zip(outputs, marks, strict=True))
    ]


def test_output_that_grows_is_drift(world: World) -> None:
    found = drift(course([100, 150, 200, 250, 300, 350, 400, 450, 500]))
    assert found is not None
    assert found.drifting
    assert found.slope == pytest.approx(80)


def test_one_long_answer_is_no_drift() -> None:
    found = drift(course([200, 210, 190, 205, 200, 195, 200, 210, 9000]))
    assert found is not None
    assert not found.drifting


def test_a_session_that_has_to_be_told_again_drifts() -> None:
    found = drift(course([200] * 8, [0, 0, 0, 0, 0, 1, 0, 1]))
    assert found is not None
    assert found.drifting
    assert (found.corrected, found.corrected_late, found.again_tokens) == (0.25, 0.5, 200)


@pytest.mark.parametrize(("turns", "hours"), [(7, 5), (9, 1.9)])
def test_no_session_drifts_in_its_first_hours_or_turns(turns: int, hours: float) -> None:
    found = drift(course([100 * (n + 1) for n in range(turns)], hours=hours))
    assert found is not None
    assert not found.drifting


def test_no_slope_without_time() -> None:
    assert median_slope([(1.0, 5.0), (1.0, 9.0)]) == 0


def test_a_sessions_whole_life_tells_its_drift(world: World) -> None:
    for number in range(10):
        minute = -1500 + number * 160
        world.asked(minute)
        world.request(minute + 1, output=100 * (number + 1))
    found = world.levers(-200, 0)
    assert [(each.turns, each.drifting) for each in found.drifts.values()] == [(10, True)]


def test_the_human_is_there_between_prompts_that_follow_closely(world: World) -> None:
    for minute in (0, 20, 49):
        world.asked(minute, "s1")
    world.asked(200, "s2")
    world.request(201, "s2")
    world.request(205, "s2")
    world.ended(207, "s2")
    assert world.levers().day.hours_worked == pytest.approx((49 + 7) / 60)


def test_whoever_looks_at_panes_is_there(world: World) -> None:
    pane = world.pane("s1", "%1")
    world.asked(0)
    world.asked(10)
    world.looked_at(pane, 5, 45)
    world.looked_at(pane, -30, -20)
    assert world.levers().day.hours_worked == pytest.approx(45 / 60)


def test_tokens_count_by_their_own_price(world: World) -> None:
    world.request(0, fresh=100, cache_read=900, output=0)
    world.request(1, fresh=7, cache_read=10, output=0, model="unpriced")
    # in this list a cache read costs what fresh input does; unknown prices: the usual tenth
    assert world.levers().day.price_equivalent == pytest.approx(1000 + 7 + 1)


def test_the_last_working_day_is_found(world: World) -> None:
    reader = world.writer.reader()
    world.request(0)
    world.request(-3000)
    assert reader.last_request_before(NOON) == NOON - 3000 * MINUTE
    assert reader.last_request_before(NOON - 3000 * MINUTE) is None


def test_hours_add_up_to_their_day_also_with_models_of_other_prices(world: World) -> None:
    world.request(10, fresh=1000, cache_read=5000)
    world.request(70, fresh=3000, model="other")
    world.request(130, fresh=500, cache_read=9000)
    world.request(140, fresh=700, cache_read=100, model="other")
    with world.writer._connection as connection:
        connection.execute(
            "UPDATE unit_price SET fresh = 5 * fresh, cache_read = fresh / 3 WHERE model_id ="
            " (SELECT id FROM model WHERE name = 'other')"
        )
    rows = hourly(world.facts(), local_day_of(NOON, None))
    day = world.levers().day.price_equivalent
    assert day < 1000 + 3000 + 500 + 700 + 14_000
    assert sum(row.price_equivalent for row in rows) == pytest.approx(day)


def test_an_hour_counts_who_worked_in_it(world: World) -> None:
    for session, last in (("s1", 50), ("s2", 70), ("s3", 4)):
        world.asked(0, session)
        for minute in range(0, last + 1, 2):
            world.request(minute, session)
    rows = hourly(world.facts(), local_day_of(NOON, None), commits=[NOON + 61 * MINUTE])
    assert [(row.agents_working, row.tasks) for row in rows] == [(2, 0), (1, 1)]
    assert [row.input_tokens for row in rows] == [10 * (26 + 30 + 3), 10 * 6]
