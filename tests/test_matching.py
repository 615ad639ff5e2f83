"""A pair is certain only if no largest pairing does without it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.matching import certain_pairs, components

edges_of = st.frozensets(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=10)


def every_largest_pairing(edges: frozenset[tuple[int, int]]) -> list[set[tuple[int, int]]]:
    """Return all largest one-to-one pairings, the slow and obvious way."""
    found: list[set[tuple[int, int]]] = [set()]
    for i, j in edges:
        found += [
            {*chosen, (i, j)} for chosen in found if all(i != a and j != b for a, b in chosen)
        ]
    most = max(map(len, found))
    return [pairing for pairing in found if len(pairing) == most]


@given(edges_of)
def test_certain_pairs_are_those_of_every_largest_pairing(
    edges: frozenset[tuple[int, int]],
) -> None:
    assert certain_pairs(edges) == frozenset(set.intersection(*every_largest_pairing(edges)))


@given(edges_of)
def test_components_share_no_row_and_no_column(edges: frozenset[tuple[int, int]]) -> None:
    parts = components(edges)
    assert sorted(edge for part in parts for edge in part) == sorted(edges)
    for side in (0, 1):
        ends = [{edge[side] for edge in part} for part in parts]
        assert sum(map(len, ends)) == len(set().union(*ends))
