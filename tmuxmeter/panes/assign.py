"""Which terminal program began which session, where one shared daemon writes all the logs.

Where Codex's own log doesn't tell (:mod:`~tmuxmeter.panes.process_logs`), folder, account and times
are all that ties a program to its thread: a thread is created shortly after the program starts
(seen: 0.3 to 18 s), and further ones whenever the user asks for a new one. Programs that start
close together get their threads in any order (seen), so the order tells nothing. Which pairs are
certain is decided over all programs at once; what could be told in two ways is left open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.matching import certain_pairs, components
from tmuxmeter.panes.evidence import ELIMINATED, OWN_START, SHARED_START, SWITCHED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

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
    It may have begun up to ``blur_ms`` after ``created_ms``: some agents tell whole seconds.
    """

    key: str
    cwd: str
    account: str
    created_ms: int
    last_ms: int = 0
    bound: tuple[int, str] | None = None
    blur_ms: int = 0

    @property
    def latest_ms(self) -> int:
        """When it was created, at the latest."""
        return self.created_ms + self.blur_ms


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
    first = _first_sessions(programs, threads, settled, watched_since_ms)
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


def _can_begin(program: Program, thread: Thread) -> bool:
    if program.ended_ms and thread.created_ms > program.ended_ms:
        return False
    return thread.latest_ms >= program.started_ms - EARLY_MS


def _is_first(program: Program, thread: Thread) -> bool:
    in_time = thread.created_ms <= program.started_ms + FIRST_WINDOW_MS
    return in_time and _can_begin(program, thread)


def _first_sessions(
    programs: Sequence[Program],
    threads: Sequence[Thread],
    settled: Mapping[str, tuple[int, str]],
    watched_since_ms: int,
) -> list[Pairing]:
    """Pair programs with the sessions they began with.

    A dialog at the start may delay a program's first session by any time, so a program without one
    competes for all that came later, though it gets none but those of its first seconds.
    """
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
        (
            t
            for t in threads
            if t.key not in settled
            and (t.created_ms >= watched_since_ms or any(_is_first(p, t) for p in free))
        ),
        key=lambda t: (t.created_ms, t.key),
    )
    edges = frozenset(
        (i, j)
        for i, program in enumerate(free)
        for j, thread in enumerate(loose)
        if _alike(program, thread) and _can_begin(program, thread)
    )
    found = []
    for part in components(edges):
        # With one program only, the first of them is where it began.
        one = len({i for i, _ in part}) == 1
        pairs = _only(free, loose, part) if one else certain_pairs(part)
        for i, j in pairs:
            if not _is_first(free[i], loose[j]):
                continue
            # Others in the folder could have begun it as a later one.
            alone = one and sum(_alike(p, loose[j]) and not p.ended_ms for p in programs) <= 1
            evidence, confidence = ("start", OWN_START) if alone else ("start-shared", SHARED_START)
            found.append(Pairing(free[i].key, loose[j].key, evidence, confidence))
    return found


def _only(
    free: Sequence[Program], loose: Sequence[Thread], part: Collection[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Pair the only program with the first of its sessions, unless that may be of one before it."""
    (i, first), *others = sorted(part)
    older = _by_blur_alone(free[i], loose[first])
    return set() if older and any(_is_first(free[i], loose[j]) for _, j in others) else {(i, first)}


def _by_blur_alone(program: Program, thread: Thread) -> bool:
    """Tell whether a session may have begun before its program started, or after it ended.

    Then another program, too short to be seen, may have begun it.
    """
    before = thread.created_ms < program.started_ms
    return thread.blur_ms > 0 and (before or 0 < program.ended_ms < thread.latest_ms)


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
        and program.started_ms <= thread.latest_ms
        and not (program.ended_ms and program.ended_ms < thread.created_ms)
    ]
    left = able
    evidence, confidence = "switch", SWITCHED
    if len(able) > 1:
        left = [program for program in able if not _stayed(owned.get(program.key, ()), thread)]
        evidence, confidence = "switch-elimination", ELIMINATED
    if len(left) != 1 or _by_blur_alone(left[0], thread):
        return None
    return Pairing(left[0].key, thread.key, evidence, confidence)


def _stayed(owned: Sequence[Thread], thread: Thread) -> bool:
    """Tell whether a program went on with a session it had when ``thread`` began."""
    before = [own for own in owned if own.created_ms <= thread.created_ms]
    if not before:
        return False
    return max(own.last_ms for own in before) > thread.created_ms + TRAILING_MS
