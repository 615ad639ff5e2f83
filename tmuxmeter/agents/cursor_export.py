"""The CSV that Cursor's dashboard exports: its rows, and which session each belongs to.

Columns are found by their names, in any order: since 2025 they have come and gone. The rules are
described in ``docs/formats-cursor.md``. Pure: the text comes in, events go out.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_left, bisect_right
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.agents.cursor_usage import BEFORE_MS, Counts
from tmuxmeter.agents.lines import MOST_TOKENS
from tmuxmeter.agents.times import epoch_ms
from tmuxmeter.errors import LogError, UsageError
from tmuxmeter.events import Usage, event_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ACCOUNT = "account"
"""The session that requests are booked to whose own isn't known."""
AFTER_MS = 120_000
_WRITTEN, _FRESH = "Input (w/ Cache Write)", "Input (w/o Cache Write)"
_READ, _OUTPUT, _TOTAL = "Cache Read", "Output Tokens", "Total Tokens"
_NEEDED = ("Date", "Model", _WRITTEN, _FRESH, _READ, _OUTPUT)
_AGAIN = "download it again at cursor.com/dashboard (Usage, Export CSV)"
_DIGITS = len(str(MOST_TOKENS))
_UNCHARGED = ("no charge", "not charged")


class Row(NamedTuple):
    """A request. ``identity`` tells it from all others, in any export that holds it."""

    identity: str
    model: str
    counts: Counts
    cloud: bool


class Export(NamedTuple):
    """A file's requests in the order of time, and how many rows say that nothing was spent."""

    rows: list[Row]
    empty: int


class Turn(NamedTuple):
    """From a prompt of a session to the last sign of what it set going, in epoch milliseconds.

    ``metered``: its tokens are known from elsewhere.
    """

    session: str
    start_ms: int
    end_ms: int
    metered: bool


class Placed(NamedTuple):
    """Requests as events; how many have their session, and how many were known from elsewhere."""

    events: list[Usage]
    matched: int
    known: int


def parse(text: str, name: str, user: str = "") -> Export:
    """Return the requests of an export.

    Parameters
    ----------
    text : str
        The file.
    name : str
        Its name, for messages.
    user : str
        Whose rows count where the file tells of several users.

    Raises
    ------
    LogError
        A line can't be understood; none counts then.
    UsageError
        The file holds rows of several users, or none of this one.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [title.strip() for title in next(reader, [])]
        missing = [title for title in _NEEDED if title not in header]
        if missing:
            msg = f"{name}:1: no column {', '.join(missing)}: no export of Cursor's usage; {_AGAIN}"
            raise LogError(msg)
        lines = [(reader.line_num, line) for line in reader if any(line)]
    except csv.Error as error:
        msg = f"{name}:{reader.line_num}: {error}; {_AGAIN}"
        raise LogError(msg) from error
    rows: list[Row] = []
    empty = 0
    seen: Counter[str] = Counter()
    for number, line in _of(user, header, lines, name):
        if len(line) != len(header):
            raise _wrong(name, number, f"{len(line)} fields in place of {len(header)}")
        told = dict(zip(header, map(str.strip, line), strict=True))
        counts = _counts(told, name, number)
        if not any(counts[1:]) or any(w in told.get("Kind", "").lower() for w in _UNCHARGED):
            empty += 1
            continue
        identity = "/".join(map(str, (told["Model"], *counts)))
        seen[identity] += 1
        cloud = bool(told.get("Cloud Agent ID"))
        rows.append(Row(f"{identity}/{seen[identity]}", told["Model"], counts, cloud))
    return Export(sorted(rows, key=lambda row: (row.counts, row.identity)), empty)


def place(
    rows: Sequence[Row],
    turns: Sequence[Turn],
    told: Sequence[Counts],
) -> Placed:
    """Return requests as events of the session that made them, as far as time tells that.

    Parameters
    ----------
    rows : sequence of Row
        In the order of time.
    turns : sequence of Turn
        The agent's turns around that time.
    told : sequence of Counts
        Requests that are known from elsewhere, one row each at most.
    """
    index = _Index(turns)
    left: dict[tuple[int, ...], list[Counts]] = {}
    for counts in told:
        left.setdefault(counts[1:], []).append(counts)
    events = []
    matched = known = 0
    for row in rows:
        alike = left.get(row.counts[1:], [])
        same = next((counts for counts in alike if counts.is_same(row.counts)), None)
        possible = [] if row.cloud else index.at(row.counts.time_ms)
        if same is not None:
            alike.remove(same)
        names = {turn.session for turn in possible}
        metered = {turn.session for turn in possible if turn.metered}
        if same is not None or (names and names == metered):
            known += 1
            continue
        session = names.pop() if len(names) == 1 else ACCOUNT
        matched += session != ACCOUNT
        events.append(_event(row, session))
    return Placed(events, matched, known)


class _Index:
    """Finds the turns that hold a time."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = sorted(turns, key=lambda turn: turn.start_ms)
        self._starts = [turn.start_ms - BEFORE_MS for turn in self._turns]
        longest = max((turn.end_ms - turn.start_ms for turn in turns), default=0)
        self._reach = BEFORE_MS + longest + AFTER_MS

    def at(self, time_ms: int) -> list[Turn]:
        first = bisect_left(self._starts, time_ms - self._reach)
        begun = self._turns[first : bisect_right(self._starts, time_ms)]
        return [turn for turn in begun if time_ms <= turn.end_ms + AFTER_MS]


def _of(
    user: str, header: Sequence[str], lines: list[tuple[int, list[str]]], name: str
) -> list[tuple[int, list[str]]]:
    """Return one user's lines: a team's export has everybody's."""
    if "User" not in header:
        if user:
            msg = f"{name}: it names no users; leave --user out"
            raise UsageError(msg)
        return lines
    place = header.index("User")
    names = sorted({line[place].strip() for _, line in lines if len(line) > place} - {""})
    if user and user not in names:
        msg = f"{name}: no rows of {user}; it has those of {', '.join(names) or 'nobody'}"
        raise UsageError(msg)
    if not user and len(names) > 1:
        msg = f"{name}: rows of {len(names)} users; say whose are yours: --user {names[0]}"
        raise UsageError(msg)
    return [line for line in lines if not user or line[1][place : place + 1] == [user]]


def _counts(told: Mapping[str, str], name: str, number: int) -> Counts:
    """Return a row's time and tokens.

    Raises
    ------
    LogError
        One of them can't be true.
    """
    time_ms = epoch_ms(told["Date"]) if "T" in told["Date"] else None
    if time_ms is None:
        raise _wrong(name, number, f"{told['Date']!r} is no date with a time")
    tokens = {}
    for title in (_WRITTEN, _FRESH, _READ, _OUTPUT, _TOTAL):
        text = told.get(title, "").replace(",", "") or "0"
        is_number = text.isascii() and text.isdigit() and len(text) <= _DIGITS
        if not is_number or int(text) >= MOST_TOKENS:
            raise _wrong(name, number, f"{title} {told[title]!r} is no number of tokens")
        tokens[title] = int(text)
    written, fresh, read, output, total = tokens.values()
    if told.get(_TOTAL) and written + fresh + read + output != total:
        # a form in which what was written to the cache is told with what wasn't
        if written + read + output != total or written < fresh:
            raise _wrong(name, number, f"its tokens don't make {_TOTAL} {total}")
        written -= fresh
    return Counts(time_ms, fresh, read, written, output)


def _event(row: Row, session: str) -> Usage:
    return Usage(
        key=event_key("cursor", "usage", f"export/{row.identity}"),
        session=session,
        time_ms=row.counts.time_ms,
        model=row.model,
        fresh=row.counts.fresh,
        cache_read=row.counts.cache_read,
        cache_write_5m=row.counts.cache_write,
        output=row.counts.output,
    )


def _wrong(name: str, number: int, why: str) -> LogError:
    return LogError(f"{name}:{number}: {why}; nothing was imported: {_AGAIN}")
