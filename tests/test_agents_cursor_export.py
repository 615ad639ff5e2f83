from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from build_cursor import T0
from claude_reading import booked
from hypothesis import given, settings
from hypothesis import strategies as st

from tmuxmeter.agents.cursor_export import ACCOUNT, Turn, parse, place
from tmuxmeter.agents.cursor_usage import SAME_MS, Counts, turn_chunk, turn_events
from tmuxmeter.errors import LogError, TmuxmeterError, UsageError
from tmuxmeter.events import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.agents.cursor_export import Row

V3 = (
    "Date,Cloud Agent ID,Automation ID,Kind,Model,Max Mode,Input (w/ Cache Write),"
    "Input (w/o Cache Write),Cache Read,Output Tokens,Total Tokens,Cost"
)
TEAM = V3.replace("Date,", "Date,User,")
V2 = V3.replace("Cloud Agent ID,Automation ID,", "")
V1 = V2.replace("Kind,", "").replace("Max Mode,", "").replace("Total Tokens,", "")
AT = "2026-11-22T01:06:40.000Z"
"""T0 as the dashboard writes it."""


def csv(*lines: str, header: str = V3) -> str:
    return "".join(f"{line}\r\n" for line in (header, *lines))


def row(
    at: str = AT,
    model: str = "composer-2.5",
    tokens: Sequence[object] = (9_541, 117_382, 1_383_578, 13_232, 1_523_733),
    *,
    kind: str = "Included",
    cloud: str = "",
) -> str:
    counts = ",".join(f'"{count}"' for count in tokens)
    return f'"{at}","{cloud}","","{kind}","{model}","No",{counts},"Included"'


def rows(text: str, user: str = "") -> list[Row]:
    return parse(text, "f.csv", user).rows


def test_the_kinds_of_tokens_of_a_published_row() -> None:
    (one,) = rows(csv(row()))
    assert one.counts == Counts(T0, 117_382, 1_383_578, 9_541, 13_232)
    (event,) = place([one], [], []).events
    assert (event.fresh, event.cache_read, event.cache_write_5m, event.output) == one.counts[1:]
    assert (event.model, event.session, event.time_ms) == ("composer-2.5", ACCOUNT, T0)


def test_written_tokens_that_hold_the_fresh_ones() -> None:
    (one,) = rows(csv(row(tokens=(1_200, 1_000, 5_000, 300, 6_500))))
    assert one.counts == Counts(T0, 1_000, 5_000, 200, 300)


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (V2, f"{AT},Included,m,No,10,20,30,40,100,Included"),
        (V1, f"{AT},m,10,20,30,40,$0.01"),
        ("\ufeff" + V1 + ",Cost to you", f"{AT},m,10,20,30,40,$0.01,0"),
        (TEAM, f'{AT},me@x.org,,,Included,m,No,10,20,30,40,"100",Included'),
        (V1, f'{AT},m,10,20,30,"40","$1,000.01"'),
    ],
)
def test_older_and_newer_headers_tell_the_same_request(header: str, line: str) -> None:
    (one,) = rows(csv(line, header=header))
    (other,) = rows(csv(row(model="m", tokens=(10, 20, 30, 40, 100), kind="On-Demand")))
    assert one == other


def test_rows_that_are_equal_are_as_many_requests() -> None:
    twice = rows(csv(row(), row()))
    assert len({one.identity for one in twice}) == 2
    thrice = rows(csv(row(), row(at="2026-11-22T02:00:00.000Z"), row(), row()))
    assert {one.identity for one in twice} < {one.identity for one in thrice}


def test_what_was_not_charged_and_what_tells_nothing_is_left_out() -> None:
    nothing = row(kind="Errored, No Charge", tokens=("", "", "", "", ""))
    found = parse(csv(row(), nothing, row(kind="Aborted, Not Charged"), row(tokens=(0,) * 5)), "f")
    assert (len(found.rows), found.empty) == (1, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "f.csv:1: no column Date, Model, Input"),
        ("Date;Model\n", "f.csv:1: no column Date, Model, Input"),
        (csv(row(), "oops"), "f.csv:3: 1 fields in place of 12"),
        (csv(row(at="2026-11-22")), "f.csv:2: '2026-11-22' is no date with a time"),
        (csv(row(at="yesTerday")), "f.csv:2: 'yesTerday' is no date with a time"),
        (csv(row(tokens=("ten", 1, 1, 1, 3))), "f.csv:2: Input (w/ Cache Write) 'ten' is no"),
        (csv(row(tokens=(-1, 1, 1, 1, 2))), "'-1' is no number of tokens"),
        (csv(row(tokens=(1, 1, 1, 1, 9))), "f.csv:2: its tokens don't make Total Tokens 9"),
        (csv(row()) + '"half', "f.csv:3: unexpected end of data"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(LogError) as caught:
        parse(text, "f.csv")
    assert words in str(caught.value)
    assert "cursor.com/dashboard" in str(caught.value)
    assert "\n" not in str(caught.value)


CELLS = st.sampled_from(
    ["", "0", "5", "-1", "1e3", "9" * 5_000, "١", AT, "m", "Included", '"', "\x00", "\r", "é"]
)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([V1, V2, V3, TEAM, "Date", ""]),
    st.lists(st.lists(CELLS, max_size=13) | st.just([AT, *"m12345"]), max_size=4),
)
def test_a_file_of_anything_is_read_or_refused(header: str, cells: list[list[str]]) -> None:
    text = csv(*(",".join(line) for line in cells), header=header)
    with suppress(TmuxmeterError):
        for one in rows(text):
            assert all(0 <= count < 2**41 for count in one.counts[1:])


def test_a_team_says_whose_rows_count() -> None:
    text = csv(
        f"{AT},a@x.org,,,Included,m,No,1,2,3,4,10,Included",
        f"{AT},b@x.org,,,Included,m,No,5,6,7,8,26,Included",
        header=TEAM,
    )
    with pytest.raises(UsageError, match=r"rows of 2 users; say whose are yours: --user a@x\.org"):
        parse(text, "f.csv")
    assert [one.counts.output for one in rows(text, "b@x.org")] == [8]
    with pytest.raises(UsageError, match=r"no rows of c@x\.org"):
        parse(text, "f.csv", "c@x.org")
    with pytest.raises(TmuxmeterError, match="names no users"):
        parse(csv(row()), "f.csv", "a@x.org")


# --- to which session ------------------------------------------------------------------------


def turn(session: str, start: int, end: int, *, metered: bool = False) -> Turn:
    return Turn(session, T0 + start, T0 + end, metered)


@pytest.mark.parametrize(
    ("turns", "session"),
    [
        ([turn("a", -30_000, 30_000)], "a"),
        ([turn("a", 60_000, 90_000)], "a"),
        ([turn("a", 60_001, 90_000)], ACCOUNT),
        ([turn("a", -900_000, -120_000)], "a"),
        ([turn("a", -900_000, -120_001)], ACCOUNT),
        ([turn("a", -30_000, 30_000), turn("b", 0, 0)], ACCOUNT),
        ([turn("a", -30_000, -20_000), turn("a", -10_000, 0)], "a"),
        ([turn("a", -30_000, 30_000, metered=True), turn("b", 0, 0)], ACCOUNT),
        ([turn("b", -86_400_000, 5), turn("a", -30_000, -20_000)], ACCOUNT),
        ([], ACCOUNT),
    ],
)
def test_only_time_that_leaves_no_doubt_tells_the_session(turns: list[Turn], session: str) -> None:
    placed = place(rows(csv(row())), turns, [])
    assert [event.session for event in placed.events] == [session]
    assert placed.matched == (session != ACCOUNT)


def test_agents_in_the_cloud_have_no_session_here() -> None:
    placed = place(rows(csv(row(cloud="bc-1"))), [turn("a", 0, 0, metered=True)], [])
    assert [event.session for event in placed.events] == [ACCOUNT]


def test_a_turn_with_tokens_of_its_own_is_known() -> None:
    turns = [turn("a", -30_000, 30_000, metered=True)]
    placed = place(rows(csv(row())), turns, [])
    assert (placed.events, placed.known) == ([], 1)
    # read afterwards, all prompts of a transcript have one time, and tokens may come before it
    placed = place(rows(csv(row())), [*turns, turn("a", 40_000, 50_000)], [])
    assert (placed.events, placed.known) == ([], 1)


@pytest.mark.parametrize("apart", [0, SAME_MS, -SAME_MS])
def test_the_same_tokens_at_about_the_same_time_are_known_once(apart: int) -> None:
    (one, _) = found = rows(csv(row(), row()))
    told = [Counts(T0 + apart, *one.counts[1:])]
    placed = place(found, [], told)
    assert (len(placed.events), placed.known) == (1, 1)


def test_the_same_tokens_on_another_day_are_another_request() -> None:
    (one,) = found = rows(csv(row()))
    for told in (one.counts._replace(time_ms=T0 + SAME_MS + 1), one.counts._replace(output=1)):
        assert place(found, [], [told]).known == 0


# --- what the hook tells ---------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """A turn as the hooks room tells it."""

    session: str = "s"
    turn: str = "g1"
    model: str = "claude-opus-4-8"
    fresh: int = 14
    cache_read: int = 1_506_478
    cache_write: int = 440_604
    output: int = 9_000


def test_a_turn_that_the_stop_hook_tells() -> None:
    (event,) = turn_events(Told(), T0)
    assert isinstance(event, Usage)
    assert (event.session, event.model, event.time_ms) == ("s", "claude-opus-4-8", T0)
    assert (event.fresh, event.cache_read, event.cache_write_5m, event.output) == (
        *(14, 1_506_478, 440_604, 9_000),
    )


def test_a_turn_that_is_told_twice_counts_once() -> None:
    twice = [*turn_events(Told(output=1), T0), *turn_events(Told(), T0 + 5)]
    others = [*turn_events(Told(turn="g2"), T0), *turn_events(Told(session="t"), T0)]
    assert len(booked(twice)) == 1
    assert len(booked([*twice, *others])) == 3
    unnamed = [*turn_events(Told(turn=""), T0), *turn_events(Told(turn=""), T0 + 1)]
    assert len(booked(unnamed)) == 2


def test_a_turn_that_was_imported_before_the_hook_was_heard() -> None:
    told = Told()
    counts = Counts(T0 - 5_000, told.fresh, told.cache_read, told.cache_write, told.output)
    assert turn_chunk(told, T0, [counts]) is None
    assert turn_chunk(Told(fresh=0, cache_read=0, cache_write=0, output=0), T0, []) is None
    chunk = turn_chunk(told, T0, [counts._replace(output=1)])
    assert chunk is not None
    assert chunk.events == turn_events(told, T0)
    assert (chunk.file.agent, chunk.file.root) == ("cursor", "hook")


def test_a_turn_of_zeros_tells_nothing() -> None:
    assert not turn_events(Told(fresh=0, cache_read=0, cache_write=0, output=0), T0)
