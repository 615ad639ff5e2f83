"""Who edited what: files that two panes edited, how deep the pool of independent tasks was, claims.

A *seat* is the pane an edit came from, whatever sessions ran in it one after the other; an agent
in no pane is a seat of its own. The same file edited from two seats within a window is an
overlap; different files of one folder are the weaker sign.
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from tmuxmeter.ledger.activity import WINDOW_MS
from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tmuxmeter.ledger.activity import Activity, Thread


INCIDENTAL = 0.1
"""Seats that overlap are still two tasks where no more of the edits came after the other's, as a
share of those of the seat with fewer: a changelog that both add to doesn't make one task of days.
Chosen; no source says how much is much."""


class Seat(NamedTuple):
    """A pane, or, where ``pane`` is empty, the agent (its root session's id) that has none."""

    socket: str
    server_pid: int
    server_started: int
    pane: str
    root: int


class Edit(NamedTuple):
    """A file was edited."""

    time_ms: int
    path: str
    seat: Seat
    session_id: int


class Overlap(NamedTuple):
    """A file edited from several seats. ``edits`` of them came within the window after another's.

    ``seats`` are in the order in which they first edited it; ``last_ms`` is the latest such edit.
    """

    path: str
    seats: tuple[Seat, ...]
    edits: int
    first_ms: int
    last_ms: int


class Independence(NamedTuple):
    """How independent the agents' work was.

    Attributes
    ----------
    window_ms : int
        Within which edits of one file were taken to overlap.
    overlaps : list of Overlap
        Files edited from two seats within the window, the later edit within the span; newest last.
    shared_folders : dict
        Folders in which two seats edited different files within the window, and those seats.
    pool_depth : int
        Seats that edited files and touched nobody else's.
    pool : int or None
        Independent tasks: seats at work, those that overlap by more than :data:`INCIDENTAL`
        counted as one; None: no edits.
    redone : dict
        By session id, when it edited a file that another seat had edited within the window.
    """

    window_ms: int
    overlaps: list[Overlap]
    shared_folders: dict[str, frozenset[Seat]]
    pool_depth: int
    pool: int | None
    redone: dict[int, list[int]]


class Claim(NamedTuple):
    """Somebody's word that a pane works on these paths alone; globs below ``root``."""

    id: int
    seat: Seat
    root: str
    patterns: tuple[str, ...]
    why: str
    made_ms: int
    ended_ms: int | None


class ClaimCheck(NamedTuple):
    """What became of a claim: the first edit outside it, and the first by another seat inside."""

    claim: Claim
    outside: Edit | None
    intruder: Edit | None

    @property
    def kept(self) -> bool:
        """Whether nothing speaks against it."""
        return self.outside is None and self.intruder is None


def seat_of(activity: Activity, thread: Thread, time_ms: int) -> Seat:
    """Return from where a session worked at a time."""
    where = activity.where(thread.id, time_ms)
    if where.where == "pane":
        return Seat(where.socket, where.server_pid, where.server_started, where.pane, 0)
    return Seat("", 0, 0, "", thread.root)


def edits(activity: Activity) -> list[Edit]:
    """Return all edits up to the span's end, in order of time."""
    found: list[Edit] = []
    for line in activity.timelines:
        made = [touch for touch in line.touches if touch.edit and touch.time_ms < activity.end_ms]
        if not made:
            continue
        each = line.thread
        first, last = (seat_of(activity, each, touch.time_ms) for touch in (made[0], made[-1]))
        if first == last and len(activity.stays[each.id]) == 1:
            # most sessions stay where they are
            found += [Edit(touch.time_ms, touch.path, first, each.id) for touch in made]
            continue
        found += [
            Edit(touch.time_ms, touch.path, seat_of(activity, each, touch.time_ms), each.id)
            for touch in made
        ]
    found.sort()
    return found


def independence(
    made: Sequence[Edit],
    start_ms: int,
    window_ms: int = WINDOW_MS,
    workers: Iterable[Seat] = (),
) -> Independence:
    """Return how independent edits were, from ``start_ms`` on; earlier ones only overlap others.

    Parameters
    ----------
    made : sequence of Edit
        In order of time, from at least ``window_ms`` before ``start_ms``.
    workers : iterable of Seat
        Seats at work, those that edited nothing (searching, reviewing) among them.
    """
    # numbers instead of seats: each edit looks at all that edited its file or folder before
    numbers: dict[Seat, int] = {}
    files: dict[str, dict[int, int]] = {}
    folders: dict[str, dict[int, tuple[int, str]]] = {}
    overlaps: dict[str, tuple[list[int], int, int, int]] = {}
    shared: dict[str, set[int]] = {}
    redone: dict[int, list[int]] = {}
    counts: dict[int, int] = {}
    pairs: dict[tuple[int, int], int] = {}
    for time, path, seat, session_id in made:
        mine = numbers.setdefault(seat, len(numbers))
        since = time - window_ms
        editors = files.setdefault(path, {})
        folder = path.rpartition("/")[0]
        neighbours = folders.setdefault(folder, {})
        if time >= start_ms:
            counts[mine] = counts.get(mine, 0) + 1
            near = [
                who
                for who, (then, other) in neighbours.items()
                if then >= since and who != mine and other != path
            ]
            if near:
                shared.setdefault(folder, set()).update(near, [mine])
            others = [who for who, then in editors.items() if then >= since and who != mine]
            if others:
                redone.setdefault(session_id, []).append(time)
                known = overlaps.get(path) or ([], 0, min(editors[who] for who in others), 0)
                seats = [*known[0], *(who for who in (*others, mine) if who not in known[0])]
                overlaps[path] = (seats, known[1] + 1, known[2], time)
                for who in others:
                    pair = (min(who, mine), max(who, mine))
                    pairs[pair] = pairs.get(pair, 0) + 1
        editors[mine] = time
        neighbours[mine] = (time, path)
    groups = {seat: seat for seat in counts}
    for (one, other), together in pairs.items():
        if together > INCIDENTAL * min(counts.get(one, 1), counts.get(other, 1)):
            groups[_group(groups, one)] = _group(groups, other)
    if groups:
        for seat in workers:
            _group(groups, numbers.setdefault(seat, len(numbers)))
    touching = {who for found in overlaps.values() for who in found[0]}
    seats_of = list(numbers)
    return Independence(
        window_ms=window_ms,
        overlaps=sorted(
            (
                Overlap(path, tuple(seats_of[who] for who in seats), edits, first, last)
                for path, (seats, edits, first, last) in overlaps.items()
            ),
            key=lambda overlap: (overlap.last_ms, overlap.path),
        ),
        shared_folders={
            folder: frozenset(seats_of[who] for who in seats)
            for folder, seats in sorted(shared.items())
        },
        pool_depth=len(counts.keys() - touching),
        pool=len({_group(groups, who) for who in groups}) if groups else None,
        redone=redone,
    )


def check_claims(claims: Iterable[Claim], made: Iterable[Edit]) -> list[ClaimCheck]:
    """Return what became of claims. Reading is free: only edits count.

    Parameters
    ----------
    made : iterable of Edit
        In order of time; only those made while a claim held count for it.
    """
    made = list(made)
    checks = []
    for claim in claims:
        outside = intruder = None
        for edit in made:
            if edit.time_ms < claim.made_ms or (
                claim.ended_ms is not None and edit.time_ms >= claim.ended_ms
            ):
                continue
            inside = covers(claim, edit.path)
            if edit.seat == claim.seat:
                outside = outside or (None if inside else edit)
            elif inside:
                intruder = intruder or edit
        checks.append(ClaimCheck(claim, outside, intruder))
    return checks


def covers(claim: Claim, path: str) -> bool:
    """Tell whether a path is among those claimed.

    ``*`` and ``?`` stay within a folder, ``**`` goes through any number of them; a pattern that
    names a folder covers all that is in it.
    """
    root = claim.root.rstrip("/")
    for pattern in claim.patterns:
        # "." and "../shared/**" count from the root as in a shell
        if _glob(posixpath.normpath(posixpath.join(root, pattern))).fullmatch(path):
            return True
    return False


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(part) or re.escape(part) for part in parts) + "(?:/.*)?")


def _group(groups: dict[int, int], seat: int) -> int:
    """Return the seat that stands for all that overlap with one, directly or through others."""
    while (above := groups.setdefault(seat, seat)) != seat:
        # half the way for whoever comes next: a chain of thousands is walked once
        groups[seat] = seat = groups[above]
    return seat
