"""Names beside the spots of a picture."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.views.labels import DOT, Box, labels

WITHIN = (0.0, 0.0, 400.0, 300.0)
SPOTS = st.lists(st.tuples(st.floats(0, 400), st.floats(0, 300)), max_size=12)


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@given(SPOTS)
def test_no_name_covers_another_or_a_dot_or_leaves_the_picture(
    spots: list[tuple[float, float]],
) -> None:
    found = labels(spots, [f"day {n}" for n in range(len(spots))], WITHIN, [])
    dots = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in spots]
    boxes = [box for label in found for box in label.boxes]
    assert not any(overlap(text, dot) for text in boxes for dot in dots)
    for one, other in combinations(found, 2):
        assert not any(overlap(a, b) for a in one.boxes for b in other.boxes)
    assert all(0 <= a <= c <= 400 and 0 <= b <= d <= 300 for a, b, c, d in boxes)
    assert {label.of for label in found} <= set(spots)


def test_a_name_stands_right_above_its_spot_if_it_can() -> None:
    (label,) = labels([(100, 100)], ["today"], WITHIN, [])
    assert (label.at, label.anchor, label.far) == ((110, 90), "start", False)


def test_names_of_spots_side_by_side_are_all_there() -> None:
    spots = [(200.0 + 4 * n, 150.0 + n % 2) for n in range(4)]
    found = labels(spots, [f"Mon {n} Nov" for n in range(4)], WITHIN, [])
    assert len(found) == 4
    assert any(label.far for label in found)


def test_a_line_is_left_free_where_that_costs_no_name() -> None:
    line = (0.0, 80.0, 400.0, 86.0)
    (label,) = labels([(100, 100)], ["today"], WITHIN, [line])
    assert not overlap(label.boxes[0], line)
    everywhere = [(0.0, 0.0, 400.0, 300.0)]
    assert labels([(100, 100)], ["today"], WITHIN, everywhere)[0].at == (110, 90)
