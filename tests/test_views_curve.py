"""The breakeven curve, drawn in cells and in pixels."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.views.curve import AXIS, HEIGHT, NARROWEST, Graph, Mark, drawn, ticks
from tmuxmeter.views.plot import BAND, CURVE, DAY, LINE, plot
from tmuxmeter.views.png import Png

FALLING = [(n * 10_000, 2.0 if n < 25 else 0.8) for n in range(51)]
GRAPH = Graph(FALLING, 245_000, (170_000, 320_000), [Mark(100_000, 2.0, "today")])

GRAPHS = st.builds(
    Graph,
    st.lists(st.tuples(st.integers(0, 10**12), st.floats(0, 60)), min_size=1, max_size=40).map(
        sorted
    ),
    st.none() | st.integers(0, 10**13),
    st.none() | st.tuples(st.integers(0, 10**13), st.integers(0, 10**13)).map(sorted).map(tuple),
    st.lists(
        st.builds(Mark, st.integers(0, 10**13), st.floats(0, 60), st.text(max_size=5)), max_size=8
    ),
)


@given(GRAPHS, st.none() | st.integers(1, 300))
def test_any_graph_fits_the_lines_it_has(graph: Graph, limit: int | None) -> None:
    lines = drawn(graph, limit)
    if limit is not None and limit < NARROWEST + AXIS + 1:
        assert lines == []
        return
    assert len(lines) == HEIGHT + 1
    assert all(len(line) <= (limit or 80) for line in lines)


def test_line_point_and_band_stand_where_they_belong() -> None:
    lines = drawn(GRAPH, AXIS + 1 + 101)
    # 101 cells for 500 000 tokens: 5 000 a cell
    assert all(line[AXIS + 49] in "│•" for line in lines[:HEIGHT])
    assert lines[1][AXIS : AXIS + 34].strip() == ""
    assert "░" in lines[-2]
    assert lines[-2].index("░") == AXIS + 34
    (row,) = (line for line in lines if "●" in line)
    assert row.index("●") == AXIS + 20
    assert row.startswith("   2×")
    (one,) = (line for line in lines if line.startswith("   1×"))
    assert one.count("─") > 80


def test_ticks_are_round_and_few() -> None:
    assert ticks(500_000, 9) == [0, 100_000, 200_000, 300_000, 400_000, 500_000]
    assert ticks(1, 9) == [0, 1]
    for end in (7, 99, 1_234, 5e6, 3e11):
        found = ticks(end, 8)
        assert 2 <= len(found) <= 8
        assert str(found[1]).strip("0.")[0] in "125"


def pixels(picture: bytes) -> tuple[int, int, bytes]:
    """Read a PNG back as the format's description says."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(picture):
        (size,) = struct.unpack(">I", picture[at : at + 4])
        kind, content = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + size]
        (check,) = struct.unpack(">I", picture[at + 8 + size : at + 12 + size])
        assert check == zlib.crc32(kind + content)
        chunks[kind] = content
        at += size + 12
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colours, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colours, rest) == (8, 2, [0, 0, 0])
    rows = zlib.decompress(chunks[b"IDAT"])
    stride = width * 3 + 1
    assert len(rows) == height * stride
    assert set(rows[::stride]) == {0}
    return width, height, b"".join(rows[y * stride + 1 : (y + 1) * stride] for y in range(height))


def test_png_holds_what_was_drawn() -> None:
    surface = Png(40, 30)
    surface.area(0, 0, 40, 30, (255, 255, 255))
    surface.area(35, 25, 60, 60, (0, 255, 0))
    surface.path([(5, 5), (30, 5)], (255, 0, 0), 3)
    surface.text((2, 28), "i", (0, 0, 255))
    width, height, content = pixels(surface.done())
    assert (width, height) == (40, 30)

    def at(x: int, y: int) -> tuple[int, ...]:
        begin = (y * width + x) * 3
        return tuple(content[begin : begin + 3])

    assert at(20, 5) == (255, 0, 0)
    assert at(20, 10) == (255, 255, 255)
    assert at(39, 29) == (0, 255, 0)
    # the middle of an I, and left of it
    assert at(2 + 5, 20) == (0, 0, 255)
    assert at(2, 20) == (255, 255, 255)


def test_pictures_show_line_point_and_curve() -> None:
    _, _, content = pixels(plot(GRAPH, ".png"))
    colours = {content[at : at + 3] for at in range(0, len(content), 3)}
    assert {bytes(each) for each in (CURVE, LINE, DAY, BAND)} <= colours
    root = ET.fromstring(plot(GRAPH, ".svg"))
    words = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"the line: 245k", "today", "400k", "2"} <= set(words)


def test_labels_cover_no_other_label() -> None:
    near = [Mark(200_000 + 3_000 * n, 1.5, f"day {n}") for n in range(6)]
    root = ET.fromstring(plot(replace(GRAPH, marks=near), ".svg"))
    boxes = []
    for each in root.iter("{http://www.w3.org/2000/svg}text"):
        if each.text and each.text.startswith("day "):
            left, base = float(each.attrib["x"]), float(each.attrib["y"])
            left -= 60 if each.attrib["text-anchor"] == "end" else 0
            boxes.append((left, base))
    assert len(boxes) >= 4
    for number, (left, base) in enumerate(boxes):
        for other_left, other_base in boxes[:number]:
            assert abs(base - other_base) >= 14 or abs(left - other_left) >= 60
    # a day without a label still has its dot
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 6


@pytest.mark.parametrize("kind", [".png", ".svg"])
def test_foreign_words_and_extremes_do_no_harm(kind: str) -> None:
    hostile = Graph([(0, 60.0)], 10**13, (0, 10**13), [Mark(10**13, 60.0, "<b>&\x00漢")])
    picture = plot(hostile, kind)
    if kind == ".png":
        pixels(picture)
    else:
        ET.fromstring(picture)
