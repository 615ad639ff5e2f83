"""Where names stand beside the spots they are of, so that all of them can be read."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Spot = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

CHARACTER, TALL = 12, 16
"""What a character takes at most, in pixels."""
BESIDE = 10
AWAY = (-10, 20, -28, 38, -46, 56, -64, 74, -82, 92)
"""How far from its spot a label's base line may be, the best place first."""
DOT = 6


class Label(NamedTuple):
    """A text beside the spot it is of; ``at`` is where its base line begins or ends."""

    of: Spot
    at: Spot
    text: str
    anchor: str

    @property
    def far(self) -> bool:
        """Whether it takes a line to see which spot it is of."""
        return self.at[1] - self.of[1] not in AWAY[:2]

    @property
    def boxes(self) -> list[Box]:
        """What it covers: its text, and the line that leads to it from outside the dot."""
        wide = len(self.text) * CHARACTER
        left = self.at[0] - (wide if self.anchor == "end" else 0)
        text = left, self.at[1] - TALL, left + wide, self.at[1] + 2
        if not self.far:
            return [text]
        xs = sorted((self.of[0], self.at[0]))
        ys = sorted((self.of[1] + (DOT if self.at[1] > self.of[1] else -DOT), self.at[1]))
        return [text, (xs[0], ys[0], xs[1], ys[1])]


def labels(
    spots: Sequence[Spot], texts: Sequence[str], within: Box, lines: Sequence[Box]
) -> list[Label]:
    """Return a place for each text, for as many as can stand without covering each other.

    Parameters
    ----------
    spots : sequence of (float, float)
        What they are of; none is covered.
    texts : sequence of str
        The text of each spot.
    within : Box
        No label leaves this.
    lines : sequence of Box
        What is covered only where there is no other place.
    """
    pairs = list(zip(spots, texts, strict=True))
    orders = pairs, sorted(pairs), sorted(pairs, reverse=True)
    # as many as can be; of equally many, those that cover no line
    tries = [_placed(order, within, avoided) for avoided in (lines, ()) for order in orders]
    return max(tries, key=len)


def _placed(pairs: Sequence[tuple[Spot, str]], within: Box, lines: Sequence[Box]) -> list[Label]:
    """Give one after the other the best place that the others left."""
    taken = [(x - DOT, y - DOT, x + DOT, y + DOT) for (x, y), _ in pairs]
    found = []
    for spot, text in pairs:
        places = [
            place
            for place in _places(spot, text)
            if all(_inside(box, within) for box in place.boxes) and _free(place.boxes, taken)
        ]
        if places:
            found.append(next((p for p in places if _free(p.boxes[:1], lines)), places[0]))
            taken += found[-1].boxes
    return found


def _places(spot: Spot, text: str) -> Iterator[Label]:
    for away, (side, anchor) in product(AWAY, ((1, "start"), (-1, "end"))):
        yield Label(spot, (spot[0] + side * BESIDE, spot[1] + away), text, anchor)


def _inside(box: Box, within: Box) -> bool:
    return (
        box[0] >= within[0] and box[1] >= within[1] and box[2] <= within[2] and box[3] <= within[3]
    )


def _free(boxes: Iterable[Box], taken: Iterable[Box]) -> bool:
    return all(
        box[2] <= other[0] or box[0] >= other[2] or box[3] <= other[1] or box[1] >= other[3]
        for box, other in product(boxes, taken)
    )
