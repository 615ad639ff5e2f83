"""One-to-one pairing of two sides where only some pairs are possible, without a guess."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=256)
def certain_pairs(edges: frozenset[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """Return the pairs that stand in *every* largest one-to-one pairing.

    If the truth is one of those pairings, then no pair returned is wrong.

    Examples
    --------
    >>> sorted(certain_pairs(frozenset({(0, 0), (0, 1), (1, 1)})))
    [(0, 0), (1, 1)]
    >>> sorted(certain_pairs(frozenset({(0, 0), (0, 1), (1, 0), (1, 1)})))
    []
    """
    found = set()
    for part in components(edges):
        pairs = _largest(part)
        found |= {pair for pair in pairs if len(_largest(part - {pair})) < len(pairs)}
    return frozenset(found)


def components(edges: frozenset[tuple[int, int]]) -> list[frozenset[tuple[int, int]]]:
    """Return the pairs in groups that have no row and no column in common."""
    parts: list[tuple[set[int], set[int], set[tuple[int, int]]]] = []
    for i, j in sorted(edges):
        joined: tuple[set[int], set[int], set[tuple[int, int]]] = ({i}, {j}, {(i, j)})
        apart = []
        for part in parts:
            if i in part[0] or j in part[1]:
                joined = (joined[0] | part[0], joined[1] | part[1], joined[2] | part[2])
            else:
                apart.append(part)
        parts = [*apart, joined]
    return [frozenset(part[2]) for part in parts]


def _largest(edges: frozenset[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """Return one largest pairing, grown by augmenting paths."""
    columns: dict[int, list[int]] = {}
    for i, j in sorted(edges):
        columns.setdefault(i, []).append(j)
    taken: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for column in columns[row]:
            if column not in seen:
                seen.add(column)
                if column not in taken or place(taken[column], seen):
                    taken[column] = row
                    return True
        return False

    for row in columns:
        place(row, set())
    return frozenset((row, column) for column, row in taken.items())
