"""Figures at two paces: whatever was remembered, they are those of a fresh look."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_data import NOON, chunk, log, price, usage
from pictures import agent, bind, in_pane, picture

from tmuxmeter import events
from tmuxmeter.breakeven.estimates import Draw, Estimate, Fit
from tmuxmeter.breakeven.light import Scale
from tmuxmeter.config import Config, parse
from tmuxmeter.events import FileTouch, Prompt, ToolResult, TurnEnd, event_key
from tmuxmeter.fitfile import remove_fit, write_fit
from tmuxmeter.ledger.session_queries import ANSWERED_MS
from tmuxmeter.ledger.writer import Writer
from tmuxmeter.watcher.figures import Day
from tmuxmeter.watcher.scale import OwnScale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmuxmeter.events import Event
    from tmuxmeter.reports.live import Live
    from tmuxmeter.watcher.figures import Figures

HOUR = 3_600_000
CONFIG = parse(Path("config.toml"), '[day]\ntimezone = "UTC"\n')
PICTURE = picture(in_pane("%1", agent("a", pane="%1")), in_pane("%2", agent("b", pane="%2")))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer.open(tmp_path) as writer:
        yield writer


def look(
    day: Day, writer: Writer, scale: OwnScale, now_ms: int, config: Config = CONFIG
) -> Figures:
    return day.figures(
        *(writer.reader(), config, scale, PICTURE, {}, now_ms), problem="", demo=False
    )


def shown(found: Figures) -> Live:
    [(_, live)] = found.lives
    return live


def fresh_look(writer: Writer, scale: OwnScale, now_ms: int) -> Live:
    day = Day()
    day.weigh(writer.reader(), CONFIG, now_ms)
    return shown(look(day, writer, scale, now_ms))


KINDS: dict[str, tuple[type, dict[str, Any]]] = {
    "prompt": (Prompt, {"human": True}),
    "end": (TurnEnd, {"reason": "done"}),
    "failure": (ToolResult, {"tool": "Bash", "ok": False}),
    "edit": (FileTouch, {"edit": True, "path": "/w/x.py"}),
}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["request", *KINDS, "weigh", "look", "move"]),
        st.sampled_from(["a", "b"]),
        st.integers(-14 * 60, 14 * 60),  # minutes from noon, into the days before and after
        st.integers(0, 3),  # which request: later ones of a name correct it
    ),
    max_size=25,
)


def made(kind: str, session: str, time_ms: int, number: int) -> Event:
    if kind == "request":
        name = f"{session}{number}"
        return usage(name, session, time_ms, fresh=10**number, cache_read=999, output=time_ms % 97)
    cls, fields = KINDS[kind]
    key = event_key("claude", kind, f"{session}{time_ms}")
    event: Event = cls(key=key, session=session, time_ms=time_ms, **fields)
    return event


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_is_remembered_figures_are_those_of_a_fresh_look(steps: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, Writer.open(Path(folder)) as writer:
        scale = OwnScale(Path(folder), CONFIG)
        day, now_ms = Day(), NOON
        look(day, writer, scale, now_ms)
        for kind, session, minutes, number in steps:
            now_ms += 60_000
            if kind == "weigh":
                day.weigh(writer.reader(), CONFIG, now_ms)
            elif kind == "look":
                look(day, writer, scale, now_ms)
            elif kind == "move":
                bind(writer, {session: f"%{1 + number % 2}"}, NOON + minutes * 60_000)
                day.changed(moved=True)
            else:
                event = made(kind, session, NOON + minutes * 60_000, number)
                writer.book([chunk(log(f"{session}.jsonl"), [event])], price)
                day.changed()
        day.weigh(writer.reader(), CONFIG, now_ms)
        assert shown(look(day, writer, scale, now_ms)) == fresh_look(writer, scale, now_ms)


def test_a_new_request_counts_at_once_and_the_light_follows(writer: Writer) -> None:
    scale = OwnScale(Path("/nowhere"), CONFIG)
    day = Day()
    old = usage("old", "a", NOON - HOUR, fresh=1_000, cache_write_5m=500)
    writer.book([chunk(log(), [old])], price)
    assert shown(look(day, writer, scale, NOON)).light.verdict == ""
    assert day.weigh_due is not None
    day.weigh(writer.reader(), CONFIG, NOON)
    assert day.weigh_due is None
    before = shown(look(day, writer, scale, NOON))
    assert before.light.verdict == "neutral"
    assert before.light.input_tokens == before.input_tokens == 1_500
    writer.book([chunk(log(), [usage("new", "a", NOON, fresh=7, cache_read=300)])], price)
    day.changed()
    after = shown(look(day, writer, scale, NOON))
    assert after.light.input_tokens == after.input_tokens == 1_807
    assert after.light.budget_share == 1_807 / 300_000
    assert day.weigh_due is not None


def test_what_waits_in_a_session_that_has_ended_waits_for_nobody(writer: Writer) -> None:
    bind(writer, {"a": "%1", "b": "%2"}, NOON - 2 * HOUR)
    for session in ("a", "b"):
        rows = [made(kind, session, NOON - HOUR + n, 0) for n, kind in enumerate(("edit", "end"))]
        writer.book([chunk(log(f"{session}.jsonl"), rows)], price)
    day, scale = Day(), OwnScale(Path("/nowhere"), CONFIG)

    def pending() -> int:
        day.weigh(writer.reader(), CONFIG, NOON)
        return shown(look(day, writer, scale, NOON)).light.pending

    assert pending() == 2
    (bound,) = [each for each in writer.open_bindings() if each.session == "a"]
    writer.end_binding(bound.id, NOON - 1)
    assert pending() == 1


def test_a_session_that_tells_nothing_is_never_free(writer: Writer) -> None:
    day, scale = Day(), OwnScale(Path("/nowhere"), CONFIG)
    writer.book(
        [chunk(log("b.jsonl", "/r", "cursor"), [made("prompt", "b", NOON - HOUR, 0)])], price
    )
    silent = picture(in_pane("%2", replace(agent("b", pane="%2"), agent="cursor")))

    def look(now_ms: int = NOON) -> Live:
        day.weigh(writer.reader(), CONFIG, now_ms)
        found = day.figures(
            *(writer.reader(), CONFIG, scale, silent, {}, now_ms), problem="", demo=False
        )
        return shown(found)

    alone = look()
    assert (alone.unmetered, alone.cost_microdollars) == (1, None)
    assert [(p.unmetered, p.cost_microdollars) for p in alone.panes] == [(True, None)]
    writer.book([chunk(log(), [usage("m", "a", NOON, fresh=700)])], price)
    assert look().cost_microdollars is not None
    # one of an agent that tells tokens waits for its first answer
    writer.book([chunk(log("c.jsonl"), [made("prompt", "c", NOON, 0)])], price)
    assert look().unmetered == 1
    # and is weighed again when it should have come, though nothing happens
    assert day.weigh_due is not None
    assert 0 < day.weigh_due - time.monotonic() <= ANSWERED_MS / 1000
    assert look(NOON + ANSWERED_MS).unmetered == 2
    assert day.weigh_due is None
    told = usage("told", "b", NOON, fresh=5)
    writer.book([chunk(log("b.jsonl", "/r", "cursor"), [told])], price)
    assert look().unmetered == 0


@pytest.mark.parametrize("asked", [False, True])
def test_an_estimate_is_a_pane_s_only_if_it_is_asked_for(writer: Writer, asked: bool) -> None:
    config = parse(Path("c"), f"[day]\ntimezone = 'UTC'\n[agents]\nestimate = {str(asked).lower()}")
    guess = events.Estimate(key=9, session="b", time_ms=NOON - HOUR, input=700, output=30)
    log_of_b = log("b.jsonl", "/r", "cursor")
    writer.book([chunk(log_of_b, [made("prompt", "b", NOON - HOUR, 0), guess])], price)
    silent = picture(in_pane("%2", replace(agent("b", pane="%2"), agent="cursor")))
    day, scale = Day(), OwnScale(Path("/nowhere"), config)
    day.weigh(writer.reader(), config, NOON)
    found = day.figures(*(writer.reader(), config, scale, silent, {}, NOON), problem="", demo=False)
    live = shown(found)
    (pane,) = live.panes
    assert (pane.estimated_input, pane.estimated_output) == ((700, 30) if asked else (0, 0))
    assert (pane.input_tokens, live.input_tokens, live.unmetered) == (0, 0, 1)
    assert pane.cost_microdollars is None


def test_where_a_session_ran_all_day_is_taken_up_at_once(writer: Writer) -> None:
    scale = OwnScale(Path("/nowhere"), CONFIG)
    day = Day()
    writer.book([chunk(log(), [usage("m", "a", NOON - HOUR, fresh=1_000)])], price)
    assert [pane.input_tokens for pane in shown(look(day, writer, scale, NOON)).panes] == [0, 0]
    bind(writer, {"a": "%2"}, NOON - 2 * HOUR)
    day.changed(moved=True)
    assert [pane.input_tokens for pane in shown(look(day, writer, scale, NOON)).panes] == [0, 1_000]


def test_a_new_day_begins_with_nothing(writer: Writer) -> None:
    scale = OwnScale(Path("/nowhere"), CONFIG)
    day = Day()
    writer.book([chunk(log(), [usage("m", "a", NOON, fresh=1_000)])], price)
    day.weigh(writer.reader(), CONFIG, NOON)
    found = look(day, writer, scale, NOON)
    assert shown(found).light.verdict
    later = look(day, writer, scale, found.day_end_ms)
    assert later.day.isoformat() == "2026-07-09"
    assert (shown(later).input_tokens, shown(later).light.verdict) == (0, "")
    assert day.weigh_due == 0.0


def fit(knee: float = 30_000_000.0) -> Fit:
    from datetime import date

    draws = tuple(Draw(5.0, 2.4, 1.1, knee * factor) for factor in (0.9, 1.0, 1.1))
    estimates = [Estimate(value, value, value) for value in (5.0, 2.4, 1.1, knee)]
    rest = (30.0, draws, 1e9, 40.0, 80.0, 40.0, 160.0, 30)
    return Fit(*estimates, *rest, date(2026, 6, 1), date(2026, 7, 1), 90.0, 0.62)


def test_calibration_takes_effect_and_is_undone_at_once(writer: Writer, tmp_path: Path) -> None:
    scale = OwnScale(tmp_path, CONFIG)
    assert not scale.check(CONFIG)
    assert not scale.scale.calibrated
    # yesterday's mix of tokens makes the budget
    events = [
        usage("y", "a", NOON - 24 * HOUR, fresh=3_800_000, cache_read=6_200_000),
        usage("t", "a", NOON, fresh=1_000),
    ]
    writer.book(
        [chunk(log(), events)],
        lambda _agent, each: (10 * (each.fresh + each.output) + each.cache_read) // 10_000,
    )
    day = Day()
    day.weigh(writer.reader(), CONFIG, NOON)
    write_fit(tmp_path, fit())
    assert scale.check(CONFIG)
    assert scale.scale.calibrated
    assert scale.scale.model.knee == pytest.approx(30_000_000)
    live = shown(look(day, writer, scale, NOON))
    assert live.light.calibrated
    assert scale.token_budget > 20_000_000
    own = parse(
        Path("c"), '[day]\ntimezone = "UTC"\n[budget]\ntokens = 5\n[breakeven]\nknee = 9000'
    )
    scale.check(own, renewed=True)
    look(day, writer, scale, NOON, own)
    assert scale.token_budget == 5
    # what the settings name stays as it is
    assert scale.scale.model.knee == 9_000
    remove_fit(tmp_path)
    assert scale.check(CONFIG)
    assert not scale.scale.calibrated
    look(day, writer, scale, NOON)
    assert scale.token_budget == 300_000
    (tmp_path / "calibration.json").write_text("{")
    assert scale.check(CONFIG)
    assert "calibration.json" in scale.problem
    assert scale.scale == Scale.of(scale.scale.model)
