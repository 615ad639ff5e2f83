"""Which terminal program began which session, where one shared daemon writes all the logs.

Codex from 0.169 on leaves no trace that ties a program in a pane to its thread but the folder, the
account and the times: a thread is created shortly after the program starts (seen: 0.6 to 18 s, in
the order of the starts), and further ones whenever the user asks for a new one. Which pairs are
certain is decided over all programs at once; what could be told in two ways is left open.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tmuxmeter.panes.evidence import ELIMINATED, IN_ORDER, OWN_START, SWITCHED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST_WINDOW_MS = 20_000
"""A program's own first session is created within this time of its start."""
EARLY_MS = 500
"""A session may seem to begin this much before the program: start marks are ticks of 10 ms, but the
epoch time they stand for moves with the clock."""
TRAILING_MS = 2_000
"""What an agent still writes to a session this long after another began proves nothing."""


@dataclass(frozen=True, slots=True)
class Program:
    """A running (or ended, ``ended_ms`` > 0) program in a terminal, waiting for its sessions.

    ``resumed``: it went on with an old session, so it created none when it started.
    """

    key: tuple[int, str]
    cwd: str
    accounts: frozenset[str]
    started_ms: int
    ended_ms: int = 0
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """A session waiting for its program.

    ``last_ms`` is its last activity; ``bound`` is the program it was found in before, if any.
    """

    key: str
    cwd: str
    account: str
    created_ms: int
    last_ms: int = 0
    bound: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """A session that a program began, and how far that is believed."""

    program: tuple[int, str]
    thread: str
    evidence: str
    confidence: float


def assign(
    programs: Sequence[Program],
    threads: Sequence[Thread],
    settled: Mapping[str, tuple[int, str]] | None = None,
    watched_since_ms: int = 0,
) -> list[Pairing]:
    """Return the pairs that can be told without a guess, each session in one at most.

    Parameters
    ----------
    programs : sequence of Program
        All programs of one agent that have no better evidence, and those that ended a short
        while ago, so that their sessions aren't given to others.
    threads : sequence of Thread
        All sessions no better evidence claims.
    settled : mapping, optional
        Sessions whose program is known, by key. They stay where they are.
    watched_since_ms : int
        Since when no program can have come and gone unseen. Of the sessions that began earlier
        only programs' first ones are paired.
    """
    known = {program.key for program in programs}
    settled = {key: who for key, who in (settled or {}).items() if who in known}
    first = _first_sessions(programs, threads, settled)
    pairings = {pairing.thread: pairing for pairing in first}
    by_thread = {thread.key: thread for thread in threads}
    owned: dict[tuple[int, str], list[Thread]] = {}
    for key, who in [*settled.items(), *((p.thread, p.program) for p in first)]:
        if key in by_thread:
            owned.setdefault(who, []).append(by_thread[key])
    for thread in sorted(threads, key=lambda thread: (thread.created_ms, thread.key)):
        if thread.key in pairings or thread.key in settled:
            continue
        if thread.created_ms < watched_since_ms:
            continue
        pairing = _switch(thread, programs, owned)
        if pairing is not None:
            pairings[thread.key] = pairing
            owned.setdefault(pairing.program, []).append(thread)
    return list(pairings.values())


def _alike(program: Program, thread: Thread) -> bool:
    if program.cwd != thread.cwd or not thread.cwd:
        return False
    return not program.accounts or not thread.account or thread.account in program.accounts


def _is_first(program: Program, thread: Thread) -> bool:
    if program.ended_ms and thread.created_ms > program.ended_ms:
        return False
    return -EARLY_MS <= thread.created_ms - program.started_ms <= FIRST_WINDOW_MS


def _first_sessions(
    programs: Sequence[Program], threads: Sequence[Thread], settled: Mapping[str, tuple[int, str]]
) -> list[Pairing]:
    """Pair programs with the sessions they began with."""
    served = {
        program.key
        for program in programs
        for thread in threads
        if settled.get(thread.key) == program.key and _is_first(program, thread)
    }
    free = sorted(
        (p for p in programs if p.key not in served and not p.resumed),
        key=lambda p: (p.started_ms, p.key),
    )
    loose = sorted(
        (t for t in threads if t.key not in settled), key=lambda t: (t.created_ms, t.key)
    )
    edges = frozenset(
        (i, j)
        for i, program in enumerate(free)
        for j, thread in enumerate(loose)
        if _alike(program, thread) and _is_first(program, thread)
    )
    found = []
    for part in _components(edges):
        rows, columns = {i for i, _ in part}, {j for _, j in part}
        # With one program only, the first of them is where it began.
        one = len(rows) == 1
        pairs = {(min(rows), min(columns))} if one else certain_pairs(part)
        for i, j in pairs:
            # Others in the folder could have begun it as a later one.
            alone = one and sum(_alike(p, loose[j]) and not p.ended_ms for p in programs) <= 1
            evidence, confidence = ("start", OWN_START) if alone else ("start-order", IN_ORDER)
            found.append(Pairing(free[i].key, loose[j].key, evidence, confidence))
    return found


def _switch(
    thread: Thread,
    programs: Sequence[Program],
    owned: Mapping[tuple[int, str], Sequence[Thread]],
) -> Pairing | None:
    """Pair a session begun later with the only program that can have begun it."""
    able = [
        program
        for program in programs
        if _alike(program, thread)
        and thread.bound in {None, program.key}
        and program.started_ms <= thread.created_ms
        and not (program.ended_ms and program.ended_ms < thread.created_ms)
    ]
    if len(able) == 1:
        return Pairing(able[0].key, thread.key, "switch", SWITCHED)
    left = [program for program in able if not _stayed(owned.get(program.key, ()), thread)]
    if len(left) == 1:
        return Pairing(left[0].key, thread.key, "switch-elimination", ELIMINATED)
    return None


def _stayed(owned: Sequence[Thread], thread: Thread) -> bool:
    """Tell whether a program went on with a session it had when ``thread`` began."""
    before = [own for own in owned if own.created_ms <= thread.created_ms]
    if not before:
        return False
    return max(own.last_ms for own in before) > thread.created_ms + TRAILING_MS


def _components(edges: frozenset[tuple[int, int]]) -> list[frozenset[tuple[int, int]]]:
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


@lru_cache(maxsize=256)
def certain_pairs(edges: frozenset[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """Return the pairs that stand in *every* largest matching that keeps the order of both sides.

    Rows and columns are numbered in the order of their times. If the truth is one of those
    matchings, then no pair returned is wrong.
    """
    most = _largest(edges)
    return frozenset(edge for edge in edges if _largest(edges - {edge}) < most)


def _largest(edges: frozenset[tuple[int, int]]) -> int:
    # The longest run of pairs that rises in rows and columns at once.
    best: dict[tuple[int, int], int] = {}
    for i, j in sorted(edges):
        below = (length for (a, b), length in best.items() if a < i and b < j)
        best[i, j] = 1 + max(below, default=0)
    return max(best.values(), default=0)
