"""A day in full as people read it: from events to lines of text."""

from __future__ import annotations

import io
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from ledger_data import NOON
from test_levers_rules import HOUR, MINUTE, World
from test_reports_today import busy_morning, report

from tmuxmeter.breakeven.explain import explain
from tmuxmeter.breakeven.levers import levers
from tmuxmeter.breakeven.light import Scale
from tmuxmeter.breakeven.model import Model
from tmuxmeter.ledger.queries import RateLimitRow
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.reports.budgets import BudgetUse
from tmuxmeter.reports.days import local_day_bounds
from tmuxmeter.reports.today import recap_report
from tmuxmeter.views.bars import bar
from tmuxmeter.views.days import Circumstances
from tmuxmeter.views.fitting import width
from tmuxmeter.views.heat import heat_map, shade
from tmuxmeter.views.show import show
from tmuxmeter.views.spark import LEVELS, scale, sparkline
from tmuxmeter.views.today import light_line, today_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

ZONE = ZoneInfo("UTC")
NOW = NOON + 23 * MINUTE
ABOUT = Circumstances("/home/u")


@pytest.fixture
def world() -> Iterator[World]:
    with Writer.memory(None, 0) as writer:
        yield World(writer)


def lines(
    full: dict[str, Any], *, limit: int | None = None, recap: Any = None, **options: Any
) -> list[str]:
    """Return the day as it is written to a file."""
    about = options.pop("about", ABOUT)
    now, zone = options.pop("now", NOW), options.pop("zone", ZONE)
    parts = today_parts({"recap": recap, **full}, about, now, zone, limit=limit, **options)
    stream = io.StringIO()
    show(parts, stream, colours=False, limit=limit)
    return stream.getvalue().splitlines()


def row(found: list[str], start: str) -> str:
    (line,) = (line for line in found if line.startswith(start))
    return line


def row_starts(found: list[str], start: str) -> bool:
    return any(line.startswith(start) for line in found)


def block(found: list[str], start: str) -> list[str]:
    """Return the lines from one that starts so up to the next blank one."""
    first = next(number for number, line in enumerate(found) if line.startswith(start))
    return found[first : [*found, ""].index("", first)]


# figures drawn


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_bar_is_full_only_where_all_is_used_and_never_empty_where_anything_is(
    ascii_only: bool,
) -> None:
    drawn = [bar(share, 8, ascii_only=ascii_only) for share in (0, 1e-9, 0.5, 1 - 1e-9, 1, 7)]
    assert {len(each) for each in drawn} == {8}
    empty, little, half, nearly, full, over = drawn
    assert little not in {empty, half}
    assert nearly not in {full, half}
    assert over == full
    assert half == full[:4] + empty[:4]
    assert all(each.isascii() for each in drawn) == ascii_only


@pytest.mark.parametrize("ascii_only", [True, False])
def test_columns_grow_with_their_values_and_nothing_is_blank(ascii_only: bool) -> None:
    drawn = sparkline([0, 1, 100, 200, 400, 0], wide=2, ascii_only=ascii_only)
    assert len(drawn) == 12
    assert drawn[:2] == drawn[-2:] == "  "
    levels = [sparkline([value, 400], ascii_only=ascii_only)[0] for value in range(1, 401)]
    assert len(set(levels)) == 8
    assert sorted(levels, key=levels.index) == levels
    assert sparkline([0, 0]) == "  "
    assert sparkline([]) == ""


def test_marks_stand_below_their_columns() -> None:
    assert scale(["00", "01", "02", "03", "04", "05", "06"], 3, 2) == "00    03    06"


@pytest.mark.parametrize("ascii_only", [True, False])
def test_shades_grow_with_their_values(ascii_only: bool) -> None:
    shades = [shade(value, 50, ascii_only=ascii_only) for value in range(51)]
    assert shades[0] == " "
    assert " " not in shades[1:]
    assert len(set(shades)) == 6
    assert sorted(shades, key=shades.index) == shades
    assert shade(0, 0) == " "


@pytest.mark.parametrize("limit", [None, 40, 60, 80, 120, 300])
def test_a_heat_map_fits(limit: int | None) -> None:
    rows = [("Mon", {4: 1.0, 5: 9.0}), ("Tuesday", {5: 3.0})]
    drawn = heat_map(rows, [4, 5, *range(6, 24), 0, 1, 2, 3], limit)
    assert max(map(len, drawn)) <= (limit or 80)
    edges = [line.index("│") for line in drawn[:2]]
    assert edges[0] == edges[1]
    assert drawn[2].split() == ["04", "07", "10", "13", "16", "19", "22", "01"]
    each = (drawn[0].rindex("│") - edges[0] - 1) // 24
    assert drawn[0][edges[0] + 1 + each] == "█"
    assert drawn[1][edges[0] + 1] == " "


# the day


def test_the_head_says_spend_light_budget_and_course(world: World) -> None:
    busy_morning(world)
    full = report(world, now=NOW)
    found = lines(full)
    assert found[0] == "2026-07-08: $0.004, 800 tokens in, 100 out, 75% cached, 2 requests"
    assert "API-equivalent" in found[1]
    light = full["light"]
    assert found[2].startswith(f"▼? red: {light['reason']}")
    tokens = row(found, "tokens ")
    assert tokens.endswith("1%, 800 of 300k in")
    hours = row(found, "hours ")
    # noon is the thirteenth hour
    assert hours[8:32] == " " * 12 + "█" + " " * 11
    assert hours.endswith("  most 800 at 12:00")
    assert found[found.index(hours) + 1] == " " * 8 + "00    06    12    18"


def test_dollars_stand_beside_tokens_where_they_have_a_budget(world: World) -> None:
    busy_morning(world)
    assert not [line for line in lines(report(world)) if line.startswith("dollars")]
    found = lines(report(world, budget_microdollars=1_000))
    cost = report(world)["cost_microdollars"]
    assert row(found, "dollars ").endswith(f"{cost / 10:.0f}%, $0.004 of $0.001")
    assert "████████████████████████" in row(found, "dollars ")


def test_agents_with_a_budget_of_their_own_have_a_bar(world: World) -> None:
    world.request(0, fresh=6_000)
    uses = [
        BudgetUse("claude", "tokens", 6_000, 12_000),
        BudgetUse("opencode", "dollars", 5_000_000, 4_000_000),
    ]
    full = report(world, agent_budgets=uses)
    assert [row["share"] for row in full["budget"]["agents"]] == [0.5, 1.25]
    found = lines(full)
    assert row(found, "claude  █").endswith("50%, 6.0k of 12k in")
    assert row(found, "opencode █").endswith("125%, $5.00 of $4.00")


def test_a_budget_far_behind_is_told_in_times(world: World) -> None:
    world.request(0, fresh=6_000_000)
    assert row(lines(report(world)), "tokens ").endswith("20×, 6.0M of 300k in")


@pytest.mark.parametrize(
    ("verdict", "calibrated", "start", "plain"),
    [
        ("green", True, "▲ green: ", "+ green: "),
        ("amber", False, "◆? amber: ", "=? amber: "),
        ("red", False, "▼? red: ", "!? red: "),
        ("neutral", False, "– neutral: ", "- neutral: "),
    ],
)
def test_the_light_can_be_read_without_colour(
    verdict: str, calibrated: bool, start: str, plain: str
) -> None:
    light = {
        "verdict": verdict,
        "calibrated": calibrated,
        "reason": "needs 1.2×",
        "line_input_tokens": 331_000,
        "believed": True,
    }
    assert light_line(light).text == f"{start}needs 1.2×; the line is at 331k tokens."
    assert light_line(light, ascii_only=True).text.startswith(plain)
    # a line that isn't believed is not told
    assert "line" not in light_line({**light, "believed": False}).text


def test_agents_and_panes_say_what_they_did(world: World) -> None:
    busy_morning(world)
    found = lines(report(world, now=NOW))
    agents, panes = block(found, "agent "), block(found, "pane ")
    assert agents[0].split() == ["agent", "cost", "input", "cached", "turns", "hand-offs", "flags"]
    assert agents[1].split() == ["claude", "$0.004", "800", "75%", "2", "1"]
    assert panes[0].split()[:2] == ["pane", "agents"]
    cells = {line.split()[1]: line.split()[2:] for line in panes[1:]}
    assert cells["%1"] == [
        *("claude", "$0.002", "400", "75%", "2", "1"),
        *("waiting", "overlap,", "waiting"),
    ]
    assert cells["%2"][-3:] == ["working", "loop,", "overlap"]


def test_states_are_those_of_the_newest_signs(world: World) -> None:
    for session, pane in (("s1", "%1"), ("s2", "%2"), ("s3", "%3"), ("s4", "%4"), ("s5", "%5")):
        world.pane(session, pane)
        world.asked(0, session)
        world.request(1, session)
    for session in ("s2", "s3"):
        world.ended(2, session)
    (bound,) = [each for each in world.writer.open_bindings() if each.session == "s3"]
    world.writer.end_binding(bound.id, NOON + 3 * MINUTE)
    world.start("child", parent="s4", spawned=True)
    world.request(20, "child")
    world.writer.standstill([("claude", "s5", "waiting")], NOW - 30_000)

    def states(now: int) -> dict[str, str]:
        return {row["pane"]: row["state"] for row in report(world, now=now)["by_pane"]}

    assert states(NOW) == {
        "%1": "working",  # within the hour
        "%2": "idle",
        "%3": "gone",
        "%4": "working",  # its sub-agent is
        "%5": "waiting",
    }
    # silent for too long to be called working
    later = report(world, now=NOON + 70 * MINUTE)
    assert {row["pane"]: row["state"] for row in later["by_pane"]}["%1"] is None
    assert " ? " in row(lines(later), ":0 %1") + " "
    # of a day that is over nobody is anything
    assert set(states(NOW + 24 * HOUR).values()) == {None}


def test_what_no_log_holds_is_a_line_of_its_own(world: World) -> None:
    busy_morning(world)
    full = report(world)
    assert not [line for line in lines(full) if "logged" in line or "own accounts" in line]
    unlogged = {"unlogged_microdollars": 13_000, "lower_microdollars": 0, "unknown_sessions": 0}
    found = lines(full | {"unlogged": unlogged})
    assert row(found, "Unlogged") == (
        "Unlogged: $0.01 more, billed by the agents' own accounts and in no log"
        " (titles, summaries)."
    )
    unlogged = {"unlogged_microdollars": 0, "lower_microdollars": 250_000, "unknown_sessions": 2}
    found = lines(full | {"unlogged": unlogged})
    assert "bill $0.25 less than their logs" in row(found, "The agents' own")
    assert "2 sessions can't be told" in row(found, "What isn't logged")


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("model", ["claude-sonnet-4-6"]),
        ("project", ["/w"]),
        ("branch", ["/w (none)"]),
        ("agent", ["claude"]),
        ("pane", [":0 %1", ":0 %2"]),
    ],
)
def test_by_shows_that_alone(world: World, by: str, names: list[str]) -> None:
    busy_morning(world)
    found = lines(report(world), by=by)
    heads = [line.split()[0] for line in found if " cost " in line]
    assert heads == [by]
    table = block(found, f"{by} ")
    assert len(table) == len(names) + 1
    for line, name in zip(table[1:], names, strict=True):
        assert line.startswith(f"{name} ")


def test_what_waits_is_listed_the_longest_first(world: World) -> None:
    busy_morning(world)
    world.start("s3", cwd="/home/u/shop")
    world.pane("s3", "%3")
    world.asked(-16 * 60, "s3")
    for minute in (-16 * 60 + 1, -16 * 60 + 2):
        world.edited(minute, "/home/u/shop/a.py", "s3")
    world.ended(-16 * 60 + 3, "s3")
    found = block(lines(report(world, now=NOW)), "2 hand-offs wait for you")
    assert found[1].split() == ["pane", "agent", "project", "since", "what"]
    # since the day before
    assert found[2].split() == ["%3", "claude", "~/shop", "Tuesday", "20:03", "2", "edits"]
    assert found[3].split() == [
        *("%1", "claude", "/w", "12:22", "(1", "min)"),
        *("1", "edit", "and", "a", "question"),
    ]
    # a clock that is ahead makes nothing wait for less than no time
    ahead = block(lines(report(world, now=NOW), now=NOON), "2 hand-offs wait for you")
    assert ahead[3].split()[3:5] == ["12:22", "1"]
    # nobody can take up what is gone by a glance at a pane
    for bound in world.writer.open_bindings():
        if bound.session == "s3":
            world.writer.end_binding(bound.id, NOON)
    found = lines(report(world, now=NOW))
    assert block(found, "1 hand-off waits for you")[2].startswith("%1 ")
    assert "And 1 in sessions that have ended." in found
    # on a day that is over they are those of its end
    over = lines(report(world, now=NOW + 24 * HOUR), now=NOW + 24 * HOUR, is_today=False)
    assert block(over, "2 hand-offs waited when the day ended")[3].split()[3] == "12:22"


def test_many_that_wait_are_counted(world: World) -> None:
    for number in range(9):
        session = f"s{number}"
        world.pane(session, f"%{number}")
        world.asked(number, session)
        world.request(number, session)
        world.edited(number + 1, f"/{number}", session)
        world.ended(number + 2, session)
    found = lines(report(world, now=NOW))
    assert len(block(found, "9 hand-offs wait for you")) == 2 + 6
    assert "And 3 more." in found


def test_what_ran_overnight_is_told(world: World) -> None:
    world.pane("s1", "%1")
    world.start("s1", cwd="/w")
    world.asked(-13 * 60)
    for minute in range(0, 40, 5):
        world.request(-13 * 60 + minute, fresh=1000)
    world.ended(-12 * 60 - 20, asked=True)
    world.asked(-3 * 60, "s2")
    world.request(-3 * 60 + 1, "s2")
    found = block(lines(report(world, now=NOW)), "Overnight, 23:00 to 09:00")
    cells = found[2].split()
    assert cells[:3] == ["%1", "claude", "/w"]
    assert cells[4:] == ["8.0k", "40", "done,", "asks"]


def test_only_levers_that_moved_the_line_are_shown_the_largest_first(world: World) -> None:
    busy_morning(world)
    full = report(world)
    full["light"]["levers"] = [
        {"lever": "cache_hit", "today": 0.2, "reference": 0.62, "line_tokens": -150_000},
        {"lever": "verification", "today": 4.0, "reference": 12.0, "line_tokens": 21_000},
        {"lever": "pool", "today": None, "reference": 2, "line_tokens": None},
        {"lever": "drift", "today": 0, "reference": 0, "line_tokens": 0},
    ]
    table = block(lines(full), "lever ")
    assert [line.split()[-1] for line in table[1:]] == ["−150k", "+21k"]
    assert table[1].split()[:5] == ["cache", "hit", "rate", "20%", "62%"]


def test_what_was_left_of_the_tokens_is_told(world: World) -> None:
    busy_morning(world)
    full = report(world)
    spent = {"requests": 2, "input_tokens": 300, "output_tokens": 4}
    full["levers"] |= {
        "cold_starts": full["levers"]["cold_starts"] | spent,
        "drift": full["levers"]["drift"] | spent | {"input_tokens": 40_000},
        "error_loops": full["levers"]["error_loops"] | {"requests": 0},
        "effective_budget": full["levers"]["effective_budget"] | {"share": 0.72},
    }
    found = lines(full)
    text = "Effective: 72% of the tokens (40% to 60% is expected); cold starts 304, correcting 40k."
    assert text in found
    assert not row_starts(found, "Caches expired")
    gone = {"times": 1, "tokens": 5_000, "cost_microdollars": 20_000, "unpriced_tokens": 0}
    full["levers"]["cache_expiry"] = gone
    text = "Caches expired 1 time: 5.0k tokens written again, $0.02 above reading them."
    assert text in lines(full)
    full["output_tokens"] += 10_000_000
    assert not row_starts(lines(full), "Caches expired")
    full["output_tokens"] -= 10_000_000
    full["levers"]["cache_expiry"] = gone | {"cost_microdollars": 0, "unpriced_tokens": 5_000}
    assert text.replace("$0.02", "?") in lines(full)


def test_plan_windows_say_when_they_are_full(world: World) -> None:
    week = 7 * 24 * 60
    limits = (
        RateLimitRow("codex", "/a", "", 300, NOW, 5.0, NOW + 4 * HOUR, "pro"),
        # two days of seven took 63 %
        RateLimitRow("codex", "/a", "codex", week, NOW, 63.0, NOW + 5 * 24 * HOUR, "pro"),
        RateLimitRow("codex", "/a", "spark", week, NOW, 1.0, NOW + 5 * 24 * HOUR, "pro"),
    )
    world.request(0)
    found = lines(report(world, now=NOW, limits=limits))
    weekly, short = (line for line in found if line.startswith("codex: "))
    assert weekly.startswith("codex: weekly window 63 % used, at this burn full on Thursday ")
    assert row_starts(found, "codex spark: weekly window 1 % used")
    assert short.startswith("codex: 5 h window 5 % used, lasts until it begins anew on Wednesday")


def test_an_empty_morning_recaps_the_last_working_day(world: World) -> None:
    busy_morning(world)
    begin, end = local_day_bounds(date(2026, 7, 8), ZONE)
    reader = world.writer.reader()
    facts = reader.span_facts(begin, end)
    found = levers(facts)
    light = explain(found.day, Scale.of(Model()))
    recap = recap_report(date(2026, 7, 8), reader.slices(begin, end), [], found, light)
    now = NOW + 20 * HOUR
    words = lines(report(world, day=date(2026, 7, 9), now=now), recap=recap, now=now)
    assert words[0] == "2026-07-09: nothing yet today."
    at = words.index(
        "The last working day, Wednesday 2026-07-08: $0.004, 800 tokens in, 100 out,"
        " 75% cached, 2 requests"
    )
    assert words[at + 1].startswith("▼? red: ")
    assert words[at + 2] == "1 hand-off in 0.4 h of work, 1 waiting when the day ended."
    # what waited over night still waits
    assert block(words, "1 hand-off waits for you")[2].split()[3:5] == ["Wednesday", "12:22"]


def test_hours_are_those_of_the_clock_on_days_it_is_changed() -> None:
    zone = ZoneInfo("Europe/Vienna")
    for day, length in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25)):
        _, end = local_day_bounds(day, zone)
        with Writer.memory(None, 0) as writer:
            world = World(writer)
            world.request((end - NOON) / MINUTE - 30)
            full = report(world, day=day, zone=zone, now=end - 1)
        assert len(full["hours"]) == length
        hours = row(lines(full, zone=zone, now=end - 1), "hours ")
        assert hours[8 : 8 + length + 2] == " " * (length - 1) + "█" + "  "
        assert hours.endswith("at 23:00")


@pytest.mark.parametrize("limit", [20, 40, 80, 100, 140])
def test_it_fits_whatever_the_names_are(world: World, limit: int) -> None:
    hostile = "/w/\x1b[31m[red]x[/red]" + "ä漢" * 60
    for number in range(4):
        session = f"s{number}"
        world.pane(session, f"%{number}")
        world.start(session, cwd=f"{hostile}{number}", branch=hostile)
        world.asked(0, session)
        world.request(1, session, model=hostile, cwd=hostile, branch=hostile)
        world.edited(2, f"{hostile}/a.py", session)
        world.ended(4, session, asked=True)
    full = report(world, now=NOW)
    for by in (None, "model", "project", "branch"):
        found = lines(full, limit=limit, by=by)
        assert max(map(width, found)) <= limit
        assert "\x1b" not in "".join(found)
    # wider bars where there is room
    bar_of = row(lines(full, limit=limit), "tokens ")[8:].partition("  ")[0]
    assert len(bar_of) == (48 if limit >= 110 else min(24, limit - 8))


def test_the_hours_keep_their_scale_right_below_on_a_narrow_terminal(world: World) -> None:
    busy_morning(world)
    full = report(world, now=NOW)
    for limit in (31, 32, 40, 80):
        found = lines(full, limit=limit)
        at = found.index(row(found, "hours "))
        drawn = any(sign in found[at] for sign in LEVELS)
        assert drawn == (limit >= 32)
        assert ("most " in found[at]) == (limit in (31, 80))
        assert not drawn or found[at + 1].split()[:2] == ["00", "06"]
        assert any("at 1" in line for line in found[at : at + 3])


def test_ascii_alone_will_do(world: World) -> None:
    busy_morning(world)
    found = lines(report(world, now=NOW), ascii_only=True)
    assert "".join(found).isascii()
    assert any(line.startswith("-> ") for line in found)


def test_what_is_played_or_grows_is_said_first(world: World) -> None:
    busy_morning(world)
    found = lines(report(world), about=Circumstances("/home/u", demo=True, reading=0.4))
    assert found[0].startswith("DEMO")
    assert found[1].startswith("History is still being read (40%)")
