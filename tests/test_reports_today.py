"""The day in full, from events to data."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from ledger_data import NOON
from test_levers_rules import HOUR, MINUTE, World

from tmuxmeter.breakeven.explain import explain
from tmuxmeter.breakeven.levers import levers
from tmuxmeter.breakeven.light import Scale
from tmuxmeter.breakeven.model import Model
from tmuxmeter.ledger.notes import Notes
from tmuxmeter.ledger.queries import RateLimitRow
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.panes.picture import PauseNow
from tmuxmeter.reports.advice import advice
from tmuxmeter.reports.days import day_report, local_day_bounds
from tmuxmeter.reports.levers import plan_windows
from tmuxmeter.reports.today import is_early, today_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tmuxmeter.panes.pausing import PaneName
    from tmuxmeter.reports.budgets import BudgetUse

DAY = date(2026, 7, 8)
ZONE = ZoneInfo("UTC")


@pytest.fixture
def world() -> Iterator[World]:
    with Writer.memory(None, 0) as writer:
        yield World(writer)


def report(
    world: World,
    *,
    day: date = DAY,
    zone: ZoneInfo = ZONE,
    now: int = NOON + 10 * HOUR,
    limits: tuple[RateLimitRow, ...] = (),
    budget_microdollars: int | None = None,
    pauses: dict[PaneName, list[PauseNow]] | None = None,
    watched: bool = False,
    agent_budgets: Sequence[BudgetUse] = (),
) -> dict[str, Any]:
    begin, end = local_day_bounds(day, zone)
    reader = world.writer.reader()
    facts = reader.span_facts(begin, end)
    found = levers(facts)
    return today_report(
        day,
        reader.slices(begin, end),
        reader.unmetered_sessions(begin, end, now),
        found,
        facts.activity,
        explain(found.day, Scale.of(Model())),
        limits=limits,
        budget_tokens=300_000,
        budget_microdollars=budget_microdollars,
        now_ms=now,
        zone=zone,
        billed=reader.billed(begin, end),
        pauses=pauses,
        watched=watched,
        agent_budgets=agent_budgets,
    )


def busy_morning(world: World) -> None:
    """Two agents in two panes; the second fails again and again, and both edit one file."""
    world.pane("s1", "%1")
    world.pane("s2", "%2")
    for session in ("s1", "s2"):
        world.start(session, cwd="/w")
        world.asked(0, session)
        world.request(1, session, fresh=100, cache_read=300, output=50)
        world.edited(2, "src/a.py", session)
    world.ended(4, "s1")
    world.asked(20, "s1")
    world.edited(21, "src/b.py", "s1")
    world.ended(22, "s1", asked=True)
    for minute in (3, 4, 5, 6):
        world.tool(minute, "s2", ok=False)


def test_the_days_own_sums_come_first_and_unchanged(world: World) -> None:
    busy_morning(world)
    begin, end = local_day_bounds(DAY, ZONE)
    plain = day_report(DAY, world.writer.reader().slices(begin, end))
    full = report(world)
    assert list(full)[: len(plain)] == list(plain)
    for key, value in plain.items():
        if key.startswith("by_"):
            assert [{**new, **old} for new, old in zip(full[key], value, strict=True)] == full[key]
        else:
            assert full[key] == value
    json.dumps(full)


def test_panes_and_agents_say_what_happened_in_them(world: World) -> None:
    busy_morning(world)
    full = report(world, now=NOON + HOUR)
    panes = {row["pane"]: row for row in full["by_pane"]}
    assert [panes["%1"][key] for key in ("turns", "handoffs", "pending", "flags")] == [
        *(2, 1, 1),
        ["overlap", "waiting"],
    ]
    assert [panes["%2"][key] for key in ("turns", "handoffs", "pending", "flags")] == [
        *(0, 0, 0),
        ["loop", "overlap"],
    ]
    assert [full["by_agent"][0][key] for key in ("turns", "handoffs", "pending")] == [2, 1, 1]


def test_a_handoff_logged_by_hand_is_its_panes(world: World) -> None:
    busy_morning(world)
    (pane_id,) = (each.pane_id for each in world.writer.open_bindings() if each.session == "s2")
    notes = Notes(world.writer._connection, "ledger")
    notes.hand_off(NOON + HOUR, pane_id, 5, "read it twice")
    notes.hand_off(NOON + HOUR, None, None, "")
    full = report(world)
    assert {row["pane"]: row["handoffs"] for row in full["by_pane"]} == {"%1": 1, "%2": 1}
    assert full["levers"]["handoffs"]["count"] == 3


def test_what_waits_says_where_and_since_when(world: World) -> None:
    busy_morning(world)
    (waiting,) = report(world)["levers"]["handoffs"]["pending"]
    assert {key: waiting[key] for key in ("pane", "agent_session", "since_ms", "asked")} == {
        "pane": "%1",
        "agent_session": "s1",
        "since_ms": NOON + 22 * MINUTE,
        "asked": True,
    }


def test_advice_is_tied_to_figures_and_short(world: World) -> None:
    busy_morning(world)
    lines = report(world)["advice"]
    assert [line["about"] for line in lines] == ["light", "error_loop", "overlap"]
    assert "%2 has failed 4 times in a row since 12:03 (0 tokens, $0.00): " in lines[1]["text"]
    assert "1 file edited by more than one agent, src/a.py by %1 and %2: " in lines[2]["text"]


def test_agents_in_no_pane_that_overlap_are_counted(world: World) -> None:
    for session in ("s1", "s2", "s3"):
        world.request(1, session)
        world.edited(2, "/w/a.py", session)
    world.pane("s3", "%3")
    (line,) = (row for row in report(world)["advice"] if row["about"] == "overlap")
    assert "w/a.py by %3 and 2 sessions in no pane: let one have it" in line["text"]


@pytest.mark.parametrize(
    ("cost", "unpriced", "said"),
    [
        (1_239_999, 0, "(84k tokens, $1.23)"),
        (1_239_999, 7, "(84k tokens, $1.23+?)"),
        (0, 84_200, "(84k tokens without a known price)"),
    ],
)
def test_a_loop_tells_what_it_burned(world: World, cost: int, unpriced: int, said: str) -> None:
    busy_morning(world)
    full = report(world)
    (loop,) = full["levers"]["error_loops"]["loops"]
    loop |= {"tokens": 84_200, "cost_microdollars": cost, "unpriced_tokens": unpriced}
    assert said in advice(full, ZONE)[1]["text"]


def test_a_third_agent_without_a_claim_is_advised_against(world: World) -> None:
    panes = {}
    for session, pane in (("s1", "%1"), ("s2", "%2"), ("s3", "%3")):
        panes[pane] = world.pane(session, pane)
        world.request(0, session)
        world.request(5, session)
    full = report(world)
    assert "agents" in [line["about"] for line in advice(full, ZONE)]
    with_claim = {"ended_ms": None, "outside": None, "intruder": None, "patterns": []}
    full["levers"]["independence"]["claims"] = [{**with_claim, "pane": "%3", "agent": None}]
    assert "agents" not in [line["about"] for line in advice(full, ZONE)]
    # one that was not kept is none
    full["levers"]["independence"]["claims"][0]["outside"] = {"path": "/w/elsewhere"}
    told = {line["about"]: line["text"] for line in advice(full, ZONE)}
    assert told["agents"].startswith("3 agents at once, 0 with a claim: ")
    # where one agent is the advice, nobody is told what to do with three
    full["levers"]["independence"]["claims"] = []
    full["light"] |= {"verdict": "red", "advice": "one agent"}
    told = {line["about"]: line["text"] for line in advice(full, ZONE)}
    assert "agents" not in told
    assert told["light"].startswith("work with one agent: ")


@pytest.mark.parametrize(
    ("agent", "who"), [("codex", "a codex"), ("opencode", "an opencode"), (None, "an agent")]
)
def test_who_is_in_no_pane_is_told_by_its_agent(world: World, agent: str | None, who: str) -> None:
    busy_morning(world)
    full = report(world)
    (loop,) = full["levers"]["error_loops"]["loops"]
    loop |= {"pane": None, "agent": agent}
    assert f"{who} session in no pane has failed 4 times" in advice(full, ZONE)[1]["text"]


def test_of_a_day_that_is_over_nobody_stops_loops_or_takes_work_up(world: World) -> None:
    busy_morning(world)
    world.ended(30, "s1", asked=True)
    full = report(world)
    full["light"]["verdict"] = "green"
    full["levers"]["independence"]["overlaps"] = []
    running = {line["about"] for line in advice(full, ZONE)}
    assert {"error_loop", "handoffs"} <= running
    over = {line["about"] for line in advice(full, ZONE, running=False)}
    assert over == running - {"error_loop", "handoffs"}
    later = report(world, now=NOON + 40 * HOUR)["advice"]
    assert "error_loop" not in [line["about"] for line in later]


def test_a_session_that_has_ended_is_no_trouble_any_more(world: World) -> None:
    busy_morning(world)
    for number in range(10):
        world.asked(30 + 20 * number, "s3")
        world.request(31 + 20 * number, "s3", output=100 + 20 * number)
        world.edited(31.5 + 20 * number, "b.py", "s3")
        world.ended(32 + 20 * number, "s3")
    world.pane("s3", "%3")
    soon = NOON + 4 * HOUR

    def told() -> tuple[dict[str, Any], dict[str, list[str]]]:
        full = report(world, now=soon)
        full["light"]["verdict"] = "green"
        full["levers"]["independence"]["overlaps"] = []
        lines = {line["about"]: line["text"] for line in advice(full, ZONE)}
        return lines, {row["pane"]: row["flags"] for row in full["by_pane"]}

    lines, flags = told()
    assert lines["error_loop"].startswith("%2 has failed")
    assert lines["drift"].startswith("%3 drifts")
    assert lines["handoffs"] == (
        "2 hand-offs wait for you, %1 the longest: review before starting more"
    )
    assert flags == {"%1": ["waiting"], "%2": ["loop"], "%3": ["drift"]}
    for bound in world.writer.open_bindings():
        if bound.session != "s3":
            world.writer.end_binding(bound.id, soon - MINUTE)
    lines, flags = told()
    assert "error_loop" not in lines
    assert lines["handoffs"].startswith("1 hand-off waits for you, %3 the longest")
    assert flags == {"%1": [], "%2": [], "%3": ["drift"]}
    (bound,) = world.writer.open_bindings()
    world.writer.end_binding(bound.id, soon - MINUTE)
    lines, flags = told()
    assert not {"drift", "handoffs", "error_loop"} & set(lines)
    assert not any(flags.values())
    # of a day that is over its flags are all that was
    over = {row["pane"]: row["flags"] for row in report(world, now=NOON + 48 * HOUR)["by_pane"]}
    assert over == {"%1": ["overlap"], "%2": ["loop", "overlap"], "%3": ["drift"]}


def test_an_overlap_is_a_flag_for_two_hours(world: World) -> None:
    busy_morning(world)

    def flagged(minute: int) -> set[str]:
        rows = report(world, now=NOON + minute * MINUTE)["by_pane"]
        return {row["pane"] for row in rows if "overlap" in row["flags"]}

    assert flagged(121) == {"%1", "%2"}
    assert flagged(122) == set()


def test_who_edits_inside_anothers_claim_has_the_flag_too(world: World) -> None:
    claiming = world.pane("s1", "%1")
    world.pane("s2", "%2")
    world.request(1, "s1")
    world.request(1, "s2")
    with world.writer._connection:
        world.writer._connection.execute(
            "INSERT INTO claim (pane_id, root, patterns, why, made_ms) VALUES (?, ?, ?, ?, ?)",
            (claiming, "/w", '["src/**"]', "", NOON),
        )
    world.edited(2, "/w/src/a.py", "s2")
    rows = report(world, now=NOON + HOUR)["by_pane"]
    assert {row["pane"]: row["flags"] for row in rows} == {"%1": ["claim"], "%2": ["claim"]}


def test_fewer_sessions_are_not_advised_beside_a_fresh_one(world: World) -> None:
    world.pane("s1", "%1")
    for number in range(10):
        world.asked(20 * number)
        world.request(20 * number + 1, output=100 + 20 * number)
        world.ended(20 * number + 2)
    full = report(world)
    full["levers"]["cold_starts"] |= {"requests": 1, "input_tokens": 10**6}
    told = [line["about"] for line in advice(full, ZONE)]
    assert "drift" in told
    assert "cold_starts" not in told
    full["levers"]["drift"]["sessions"] = []
    (line,) = (line for line in advice(full, ZONE) if line["about"] == "cold_starts")
    assert "went into 1 cold start: fewer sessions" in line["text"]


@pytest.mark.parametrize(
    ("wordy", "told_again", "said"),
    [
        (True, False, "(output per turn +95%)"),
        (False, True, "(60% of the late prompts correct it)"),
        (True, True, "(output per turn +95%, 60% of the late prompts correct it)"),
    ],
)
def test_advice_on_drift_names_the_signs_that_were_seen(
    world: World, wordy: bool, told_again: bool, said: str
) -> None:
    world.pane("s1", "%1")
    for number in range(10):
        world.asked(20 * number, corrects=told_again and number in {5, 7, 9})
        world.request(20 * number + 1, output=100 + 20 * number * wordy)
        world.ended(20 * number + 2)
    (text,) = (line["text"] for line in report(world)["advice"] if line["about"] == "drift")
    assert said in text
    assert text.startswith("%1 drifts after 3.0 h")


def test_hours_are_those_of_the_day(world: World) -> None:
    world.request(-12 * 60)
    world.request(-12 * 60 - 0.1)
    world.request(30, cache_read=30)
    rows = report(world)["hours"]
    assert len(rows) == 24
    assert [(n, row["input_tokens"]) for n, row in enumerate(rows) if row["requests"]] == [
        (0, 10),
        (12, 40),
    ]
    assert (rows[12]["cache_hit_rate"], rows[1]["cache_hit_rate"]) == (0.75, None)


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_days_on_which_clocks_change_have_their_hours(world: World, day: date, count: int) -> None:
    assert len(report(world, day=day, zone=ZoneInfo("Europe/Berlin"))["hours"]) == count


def test_an_empty_day_is_a_report_too(world: World) -> None:
    full = report(world)
    assert is_early(full)
    assert (full["light"]["verdict"], full["advice"], full["overnight"]) == ("neutral", [], None)
    assert full["levers"]["effective_budget"]["share"] is None


def test_budgets_count_tokens_and_dollars(world: World) -> None:
    world.request(0, fresh=30_000)
    full = report(world, budget_microdollars=1_000_000)
    assert full["budget"]["used_share"] == 0.1
    assert full["budget"]["used_cost_share"] == full["cost_microdollars"] / 1e6
    assert report(world)["budget"]["used_cost_share"] is None


def test_what_ran_overnight_is_told_in_the_morning(world: World) -> None:
    evening = -15 * 60  # nine in the evening before
    world.pane("s1", "%1")
    world.asked(evening, "s1")
    for minute in range(evening + 5, evening + 240, 8):
        world.request(minute, "s1", fresh=1000)
    world.ended(evening + 240, "s1", asked=True)
    world.asked(-4 * 60, "s2")
    night = report(world)["overnight"]
    assert (night["from_ms"], night["to_ms"]) == (
        NOON + evening * MINUTE,
        NOON - 4 * HOUR,
    )
    (row,) = night["agents"]
    assert (row["pane"], row["requests"], row["ended"], row["asked"]) == ("%1", 30, "done", True)
    assert row["minutes"] == 240


def test_a_night_of_sub_agents_is_no_longer_than_the_night(world: World) -> None:
    world.asked(-15 * 60, "s1")
    world.start("sub", parent="s1", spawned=True)
    for session in ("s1", "sub"):
        for minute in (-840, -835, -830):
            world.request(minute, session)
    world.request(-825, "sub")
    night = report(world)["overnight"]
    assert [row["minutes"] for row in night["agents"]] == [15]


def test_an_evening_that_goes_on_is_no_night(world: World) -> None:
    world.asked(-13 * 60, "s1")
    world.request(-12 * 60 + 5, "s1")
    world.asked(-10 * 60, "s1")
    assert report(world)["overnight"] is None


def limit(used: float, *, told: int = NOON, resets: int = NOON + 4 * 24 * HOUR) -> RateLimitRow:
    return RateLimitRow("codex", "/c", "", 7 * 24 * 60, told, used, resets, "plus")


def test_a_plan_window_tells_when_it_is_full() -> None:
    # three days gone and 60 % used: two days more
    (row,) = plan_windows([limit(60.0)], NOON)
    assert row["full_ms"] == NOON + 2 * 24 * HOUR


@pytest.mark.parametrize("used", [0.0, 30.0])
def test_a_plan_window_that_lasts_is_never_full(used: float) -> None:
    assert [row["full_ms"] for row in plan_windows([limit(used)], NOON)] == [None]


def test_a_plan_window_that_ended_is_not_told() -> None:
    assert plan_windows([limit(60.0, resets=NOON)], NOON) == []


def test_a_plan_window_without_an_end_has_no_forecast() -> None:
    assert [row["full_ms"] for row in plan_windows([limit(60.0, resets=0)], NOON)] == [None]


def test_a_full_plan_window_is_in_the_advice(world: World) -> None:
    world.request(0)
    lines = report(world, limits=(limit(60.0),), now=NOON)["advice"]
    assert lines[0]["about"] == "plan"
    assert (
        "codex's weekly window is 60 % used, at this burn full on Friday 12:00" in lines[0]["text"]
    )


def test_who_is_paused_is_neither_at_work_nor_waiting(world: World) -> None:
    for session, pane in (("s1", "%1"), ("s2", "%2"), ("s3", "%3")):
        world.pane(session, pane)
        world.asked(0, session)
        world.edited(1, f"/w/{session}", session)
        world.request(1, session)
        world.ended(2, session)
    (bound,) = [each for each in world.writer.open_bindings() if each.session == "s3"]
    world.writer.end_binding(bound.id, NOON + 3 * MINUTE)
    held = PauseNow("claude", "s1", 9, NOON + 2 * MINUTE, "you", "hold", "held", 70)
    pauses = {("/tmp/s", 1, pane): [held] for pane in ("%1", "%3")}

    def shown(**more: Any) -> dict[str, Any]:
        return {row["pane"]: row for row in report(world, pauses=pauses, **more)["by_pane"]}

    rows = shown(now=NOON + 5 * MINUTE)
    assert [rows[pane]["state"] for pane in ("%1", "%2", "%3")] == ["paused", "idle", "gone"]
    assert rows["%1"]["flags"] == ["spending"]
    assert rows["%1"]["paused"]["who"] == "you"
    assert rows["%2"]["paused"] is None
    # on a day that is over nobody is paused
    assert shown(now=NOON + 48 * HOUR)["%1"]["paused"] is None


def test_work_to_look_at_is_no_waiting_but_a_question_is(world: World) -> None:
    for session, pane, asked in (("s1", "%1", False), ("s2", "%2", True)):
        world.pane(session, pane)
        world.asked(0, session)
        world.edited(1, f"/w/{session}", session)
        world.request(1, session)
        world.ended(2, session, asked=asked)

    def told(**more: Any) -> list[tuple[str, list[str], int]]:
        rows = report(world, now=NOON + 5 * MINUTE, **more)["by_pane"]
        rows.sort(key=lambda row: str(row["pane"]))
        return [(row["state"], row["flags"], row["pending"]) for row in rows]

    assert told() == [("idle", [], 1), ("waiting", ["waiting"], 1)]
    # a watcher has the agents' own word: it noted nobody
    assert told(watched=True) == [("idle", [], 1), ("idle", [], 1)]
    world.writer.standstill([("claude", "s1", "waiting")], NOON + 5 * MINUTE)
    assert told(watched=True) == [("waiting", ["waiting"], 1), ("idle", [], 1)]
    # and on a day that is over nobody waits
    over = report(world, now=NOON + 48 * HOUR)["by_pane"]
    assert [(row["state"], row["flags"]) for row in over] == [(None, []), (None, [])]


def test_who_got_an_answer_waits_no_more(world: World) -> None:
    world.pane("s1", "%1")
    world.asked(0)
    world.writer.standstill([("claude", "s1", "waiting")], NOON + MINUTE)
    world.tool(1.5)
    world.request(1.6)

    def state(minute: float, **more: Any) -> Any:
        return report(world, now=NOON + round(minute * MINUTE), **more)["by_pane"][0]["state"]

    assert state(2, watched=True) == "working"
    # as `panes` has it: at work for an hour of silence, after that nobody knows
    assert (state(60), state(62)) == ("working", None)


def test_what_accounts_bill_and_no_log_holds_has_its_own_place(world: World) -> None:
    assert report(world)["unlogged"] is None
    world.writer.account_cost("claude", "s1", 0, NOON)
    world.request(1, "s1")
    spent = report(world)["cost_microdollars"]
    world.writer.account_cost("claude", "s1", spent + 500, NOON + 2 * MINUTE)
    full = report(world)
    assert full["unlogged"]["unlogged_microdollars"] == 500
    assert full["cost_microdollars"] == spent


def test_reports_load_nothing_heavy() -> None:
    program = (
        "import sys, tmuxmeter.reports.today, tmuxmeter.reports.week, tmuxmeter.ledger.reader;"
        "import tmuxmeter.breakeven.levers;"
        "print([name for name in ('msgspec', 'watchdog', 'genai_prices', 'psutil', 'rich',"
        " 'statistics') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert answer.stdout.strip() == b"[]"
