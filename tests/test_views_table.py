"""Tables and text that fit, and that show foreign words as they are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.views.figures import place
from tmuxmeter.views.fitting import cut, home_path, printable, width, wrapped
from tmuxmeter.views.show import plain, show
from tmuxmeter.views.table import Column, Paragraph, Table, aligned

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTILE = "[bold]x[/bold] \x1b[31m\x07$(id)'; DROP TABLE usage; -- \u202e\ud800 {0} %s"


def drawn(*parts: Table | Paragraph, limit: int | None = 80) -> str:
    stream = io.StringIO()
    show(parts, stream, colours=True, limit=limit)
    return stream.getvalue()


def table(*rows: list[str], **columns: Column) -> Table:
    heads = [Column("name", cut=True), Column("cost", figures=True)]
    return Table("", list(columns.values()) or heads, list(rows))


def test_plain_columns_line_up() -> None:
    assert plain(table(["a", "$1.20"], ["longer", "$12.00"])) == (
        "name      cost\na        $1.20\nlonger  $12.00\n"
    )


def test_wide_characters_take_two_cells_and_marks_none() -> None:
    assert [width(text) for text in ("ab", "漢字", "e\u0301", "☁\ufe0f")] == [2, 4, 1, 1]
    lines = plain(table(["漢字", "$1"], ["ab", "$22"])).splitlines()
    assert [width(line) for line in lines] == [10, 10, 10]


def test_nothing_in_a_cell_or_title_steers_the_terminal() -> None:
    sheet = Table(HOSTILE, [Column("name", cut=True)], [[HOSTILE]])
    shown = "[bold]x[/bold] \\x1b[31m\\x07$(id)'; DROP TABLE usage; -- \\u202e\\ud800 {0} %s"
    assert plain(sheet).splitlines() == [shown, "name", shown]
    for colours in (True, False):
        stream = io.StringIO()
        show([sheet, Paragraph(HOSTILE)], stream, colours=colours, limit=200)
        text = stream.getvalue()
        assert text.count(shown) == 3
        assert "\x1b" not in text
        assert "\x07" not in text


def test_the_middle_goes_first_then_columns_by_rank() -> None:
    columns = {
        "path": Column("path", cut=True),
        "cost": Column("cost", figures=True),
        "version": Column("version", rank=2),
        "branch": Column("branch", rank=1),
    }
    row = ["~/work/customers/acme/webshop/backend", "$1.20", "2.1.330", "main"]
    sheet = table(row, **columns)
    assert plain(sheet, 61).splitlines()[1].startswith("~/work/customers/acme/webshop/backend  ")
    assert plain(sheet, 50).splitlines()[1] == "~/work/cus…webshop/backend  $1.20  2.1.330  main"
    heads = {limit: plain(sheet, limit).splitlines()[0].split() for limit in (40, 39, 30, 22, 15)}
    assert heads == {
        40: ["path", "cost", "version", "branch"],
        39: ["path", "cost", "branch"],
        30: ["path", "cost"],
        22: ["path", "cost"],
        15: ["path", "cost"],
    }
    for limit in (60, 50, 40, 30, 22, 15, 12):
        assert max(map(width, plain(sheet, limit).splitlines())) <= limit
        assert max(map(width, drawn(sheet, limit=limit).splitlines())) <= limit


def test_drawn_and_plain_hold_the_same_cells() -> None:
    sheet = table(["a" * 50, "$1.20"], ["b", "$12.00"])
    for limit in (None, 80, 30):
        assert [line.split() for line in drawn(sheet, limit=limit).splitlines()] == [
            line.split() for line in plain(sheet, limit).splitlines()
        ]


def test_words_are_broken_at_blanks_and_figures_stay_whole() -> None:
    rows = [["input tokens", "10,708,480", "92% cached"], ["the line", "0", "pays " * 9]]
    columns = [Column("figure"), Column("today", figures=True), Column("", fold=True)]
    sheet = Table("", columns, rows)
    found = plain(sheet, 40).splitlines()
    assert max(map(width, found)) <= 40
    assert found[1] == "input tokens  10,708,480  92% cached"
    assert found[2].split() == ["the", "line", "0", "pays", "pays", "pays"]
    assert found[3] == " " * 26 + "pays pays pays"
    assert [line.rstrip() for line in drawn(sheet, limit=40).splitlines()] == found


def test_words_that_are_too_long_are_cut_where_they_may_be() -> None:
    sheet = Table("", [Column("what", cut=True, fold=True)], [["read /work/shop/src/index.ts"]])
    assert plain(sheet, 16) == "what\nread\n/work/…/index.ts\n"


def test_a_blank_column_goes_before_rows_are_stacked() -> None:
    columns = [Column("pane"), Column("state"), Column("cost", figures=True)]
    assert plain(Table("", columns, [["main:1 %3", "", "$1.20"]]), 16) == (
        "pane        cost\nmain:1 %3  $1.20\n"
    )


@pytest.mark.parametrize("write", [plain, lambda sheet, limit: drawn(sheet, limit=limit)])
def test_rows_are_stacked_where_no_table_fits(write: Callable[[Table, int], str]) -> None:
    columns = [Column("model"), Column("day"), Column("input", figures=True)]
    columns += [Column("", fold=True), Column("since", rank=1)]
    rows = [["gpt-5.5", "", "1,270,000", "a word on it", "2026"], ["", "Mon", "3", "", ""]]
    assert write(Table("Prices", columns, rows), 20).splitlines() == [
        "Prices",
        "gpt-5.5",
        "  input: 1,270,000",
        "  a word on it",
        "  since: 2026",
        "  Mon",
        "    input: 3",
    ]
    assert max(map(width, write(Table("A title", columns, rows), 9).splitlines())) <= 9


def test_aligned_tables_share_their_widths() -> None:
    one, two = aligned([table(["a", "$1"]), table(["longest", "$22222.00"])])
    assert {len(line) for line in plain(one).splitlines()} == {len("longest  $22222.00")}
    assert plain(two).splitlines()[1] == "longest  $22222.00"


@given(st.text(max_size=60), st.integers(1, 40))
def test_cut_fits_and_keeps_both_ends(text: str, limit: int) -> None:
    text = printable(text)
    short = cut(text, limit)
    assert width(short) <= max(limit, 1)
    if width(text) <= limit:
        assert short == text
    else:
        head, _, tail = short.partition("…")
        assert text.startswith(head)
        assert text.endswith(tail)


@given(st.text(max_size=200), st.integers(10, 40), st.integers(0, 9))
def test_wrapping_loses_nothing_but_blanks(text: str, limit: int, indent: int) -> None:
    text = printable(text)
    lines = wrapped(text, limit, indent).split("\n")
    assert all(width(line) <= max(limit, indent + 2) for line in lines)
    assert all(line.startswith(" " * indent) for line in lines[1:])
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/home/ann/shop", "~/shop"),
        ("/home/ann", "~"),
        ("/home/anna/shop", "/home/anna/shop"),
        ("", ""),
    ],
)
def test_home_is_a_tilde(path: str, shown: str) -> None:
    assert home_path(path, "/home/ann") == shown


def test_places_are_said_in_words() -> None:
    pane = {"where": "pane", "session": "main", "window": 2, "pane": "%3", "server": "/tmp/x/work"}
    assert place(pane) == "main:2 %3"
    assert place(pane, servers=2) == "main:2 %3 (work)"
    assert [place({"where": w}) for w in ("outside", "without-pane", "unattributed")] == [
        "outside tmux",
        "running without a pane",
        "unattributed",
    ]
