"""Events into rows: the rules by which a request, a prompt or a tool result counts once.

Each rule picks the greatest of all rows that were ever shown under one key, in an order that does
not depend on when a row was read. So files may be read in any order, in any pieces, again and
again, by one process or by one that was killed and started anew: the ledger comes out the same.

Only what a session's total grew by depends on what is booked already where several files show that
total: of copies the largest counts, in as many rows as they were read in.
"""

from __future__ import annotations

from math import isfinite
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from msgspec.structs import astuple, replace

from tmuxmeter.events import (
    Compaction,
    Estimate,
    FileTouch,
    Prompt,
    RateLimit,
    SessionStart,
    Skipped,
    ToolResult,
    TurnEnd,
    Usage,
)
from tmuxmeter.ledger.facts import SessionFacts
from tmuxmeter.ledger.text import storable
from tmuxmeter.ledger.upserts import (
    BOOKED_SO_FAR,
    SET_POSITION,
    UPSERT_RATE_LIMIT,
    UPSERT_SKIPPED,
    UPSERT_USAGE,
    UPSERTS,
)

if TYPE_CHECKING:
    import sqlite3

    from tmuxmeter.events import Chunk, Event, Position, SoFar
    from tmuxmeter.ledger.ids import Ids

EVENTS_PER_FLUSH = 40_000
"""Events held back before they go to SQLite sorted by key: about 20 000 requests."""

MOST_TOKENS = 1 << 32
"""No request has more tokens of one kind; beyond it sums could leave SQLite's 64-bit integers."""
IMPLAUSIBLE = "value out of range"
"""Reason under which an event is skipped that can't be true and that SQLite might not hold."""
LAST_MS = 253_402_300_800_000
"""Year 10000: no event is later."""

_NUMBERED = frozenset({Usage, TurnEnd, Compaction, RateLimit, Estimate})
"""Events that have numbers besides their time."""


class Price(Protocol):
    """What a request costs, by its own date."""

    def __call__(self, agent: str, usage: Usage, /) -> int | None:
        """Return microdollars, None where the model has no price."""


class Booked(NamedTuple):
    """What one booking changed.

    ``requests`` and ``others`` count rows that are new or changed, ``sessions`` are the agent and
    key of every session that the chunks named; ``changed`` tells that a report may look different.
    """

    requests: int
    others: int
    skipped: int
    sessions: frozenset[tuple[str, str]]
    changed: bool


# how much a line may tell: the file seen first, then what it knows
_Rank: TypeAlias = tuple[int, tuple[int, ...]]
# best line, its file, then the owner: session, whether only a side chain, file
_Request: TypeAlias = tuple[Usage, int, int, bool, int]


def _met(old: _Request, new: _Request) -> _Request:
    """Return what two lines say of one request, ``new`` having come later."""
    owner = new if new[3:] < old[3:] else old
    wins = new[0].output > old[0].output or (
        new[0].output == old[0].output and (new[0].sidechain, new[1]) <= (old[0].sidechain, old[1])
    )
    best = new if wins else old
    return (best[0], best[1], owner[2], owner[3], owner[4])


class Booking:
    """Collects the events of one transaction and writes them in sorted portions.

    The caller begins, commits or undoes the transaction.
    """

    def __init__(self, connection: sqlite3.Connection, ids: Ids, price: Price) -> None:
        self._connection = connection
        self._ids = ids
        self._price = price
        self._facts = SessionFacts(connection)
        self._requests: dict[int, _Request] = {}
        self._others: dict[type, dict[int, tuple[_Rank, tuple[object, ...]]]] = {
            kind: {} for kind in UPSERTS
        }
        self._positions: dict[int, Position] = {}
        self._agents: dict[int, str] = {}
        self._limits: list[tuple[object, ...]] = []
        self._sessions: set[tuple[str, str]] = set()
        self._totalled: set[int] = set()
        self._waiting = 0
        self._booked_requests = 0
        self._booked_others = 0
        self._skipped = 0

    def add(self, chunk: Chunk) -> None:
        """Take the events of one chunk."""
        agent, root = chunk.file.agent, chunk.file.root
        ids = self._ids
        file_id = ids.file(chunk.file)
        if chunk.restart:
            self._connection.execute("DELETE FROM skipped WHERE file_id = ?", (file_id,))
        sessions: dict[str, int] = {}
        skipped: dict[str, tuple[int, int]] = {}
        requests = self._requests
        for event in chunk.events:
            if isinstance(event, Skipped):
                count, offset = skipped.get(event.reason, (0, 0))
                skipped[event.reason] = (count + event.count, max(offset, event.offset))
                continue
            if not 0 <= event.time_ms < LAST_MS or (
                type(event) in _NUMBERED and not _plausible(event)
            ):
                count, offset = skipped.get(IMPLAUSIBLE, (0, 0))
                skipped[IMPLAUSIBLE] = (count + 1, offset)
                continue
            session_id = sessions.get(event.session)
            if session_id is None:
                session_id = ids.session(agent, event.session, file_id, root)
                sessions[event.session] = session_id
            if isinstance(event, Usage):
                if event.so_far is not None:
                    rest = self._rest(event, event.so_far, file_id, session_id)
                    if rest is None:
                        continue
                    event = rest
                key = event.key
                known = requests.get(key)
                request = (event, file_id, session_id, event.sidechain, file_id)
                requests[key] = request if known is None else _met(known, request)
            else:
                self._add_other(agent, root, file_id, session_id, event)
        self._agents[file_id] = agent
        self._sessions.update((agent, key) for key in sessions)
        self._positions[file_id] = chunk.position
        if skipped:
            self._skipped += sum(count for count, _ in skipped.values())
            self._connection.executemany(
                UPSERT_SKIPPED,
                [(file_id, storable(why), *counted) for why, counted in skipped.items()],
            )
        self._waiting += len(chunk.events)
        if self._waiting >= EVENTS_PER_FLUSH:
            self._flush()

    def finish(self) -> Booked:
        """Write what is left, then the positions; the transaction can be committed after it."""
        self._flush()
        others = self._booked_others + self._facts.write()
        before = self._connection.total_changes
        self._connection.executemany(UPSERT_RATE_LIMIT, self._limits)
        others += self._connection.total_changes - before
        self._connection.executemany(
            SET_POSITION,
            [
                (p.device, p.inode, p.size, p.mtime_ns, p.offset, p.mark, p.reader, file_id)
                for file_id, p in self._positions.items()
            ],
        )
        return Booked(
            requests=self._booked_requests,
            others=others,
            skipped=self._skipped,
            sessions=frozenset(self._sessions),
            changed=bool(self._booked_requests or others),
        )

    def _rest(self, usage: Usage, so_far: SoFar, file_id: int, session_id: int) -> Usage | None:
        """Return of a total's growth what isn't booked yet from another file, None for nothing."""
        if session_id in self._totalled:
            self._flush()
            self._booked_others += self._facts.write()
        self._totalled.add(session_id)
        values = (file_id, session_id, so_far.began_ms)
        others, *booked = self._connection.execute(BOOKED_SO_FAR, values).fetchone()
        if not others:
            return usage
        grown = (usage.fresh, usage.cache_read, usage.cache_write_5m, usage.output, usage.reasoning)
        fresh, read, written, output, reasoning = (
            min(growth, max(0, total - known))
            for growth, total, known in zip(grown, astuple(so_far), booked, strict=False)
        )
        if not (fresh or read or written or output):
            return None
        return replace(
            usage,
            fresh=fresh,
            cache_read=read,
            cache_write_5m=written,
            output=output,
            reasoning=min(reasoning, output),
        )

    def _add_other(
        self,
        agent: str,
        root: str,
        file_id: int,
        session_id: int,
        event: Prompt
        | TurnEnd
        | ToolResult
        | FileTouch
        | RateLimit
        | Compaction
        | SessionStart
        | Estimate,
    ) -> None:
        # whole numbers for truth values: sqlite3 looks long for an adapter of every bool
        row: tuple[object, ...]
        rank: tuple[int, ...] = ()
        key, time_ms = event.key, event.time_ms
        if isinstance(event, ToolResult):
            row = (key, session_id, time_ms, file_id, self._ids.tool(event.tool), int(event.ok))
            rank = (not event.ok, event.tool != "")
        elif isinstance(event, FileTouch):
            row = (key, session_id, time_ms, file_id, self._ids.path(event.path), int(event.edit))
        elif isinstance(event, Prompt):
            said = (int(event.human), int(event.corrects))
            row = (key, session_id, time_ms, file_id, *said)
        elif isinstance(event, TurnEnd):
            reason, took, asked = storable(event.reason), event.duration_ms, int(event.asked)
            row = (key, session_id, time_ms, file_id, reason, took, asked)
            rank = (took, time_ms, asked)
        elif isinstance(event, Compaction):
            before = event.tokens_before
            row = (key, session_id, time_ms, file_id, storable(event.trigger), before)
            rank = (before >= 0,)
        elif isinstance(event, Estimate):
            row = (key, session_id, time_ms, file_id, event.input, event.output)
            rank = (event.input + event.output,)
        elif isinstance(event, SessionStart):
            self._facts.add(session_id, file_id, event)
            return
        else:
            self._limits.append(
                (
                    *(agent, storable(root), storable(event.limit), event.window_minutes),
                    *(event.time_ms, event.used_percent, event.resets_ms, storable(event.plan)),
                )
            )
            return
        rows = self._others[type(event)]
        known = rows.get(key)
        if known is None or (-file_id, rank) >= known[0]:
            rows[key] = ((-file_id, rank), row)

    def _flush(self) -> None:
        ids, agents, price = self._ids, self._agents, self._price
        rows = []
        for key, (usage, file_id, session_id, owner_sidechain, owner) in sorted(
            self._requests.items(), key=itemgetter(0)
        ):
            agent = agents[file_id]
            rows.append(
                (
                    key,
                    session_id,
                    usage.time_ms,
                    ids.model(agent, usage),
                    ids.place(usage.cwd, usage.branch),
                    file_id,
                    owner,
                    int(owner_sidechain),
                    usage.fresh,
                    usage.cache_read,
                    usage.cache_write_5m,
                    usage.cache_write_1h,
                    usage.output,
                    usage.reasoning,
                    usage.web_searches,
                    usage.context_window,
                    int(usage.sidechain),
                    price(agent, usage),
                )
            )
        before = self._connection.total_changes
        self._connection.executemany(UPSERT_USAGE, rows)
        after = self._connection.total_changes
        self._booked_requests += after - before
        self._requests.clear()
        for kind, events in self._others.items():
            if events:
                self._connection.executemany(
                    UPSERTS[kind], [events[key][1] for key in sorted(events)]
                )
                events.clear()
        self._booked_others += self._connection.total_changes - after
        self._waiting = 0


def _plausible(event: Event) -> bool:
    """Tell whether SQLite can hold every number of an event but its time, and sums of many."""
    if isinstance(event, Usage):
        # a negative number keeps its sign, and no bit beyond the limit appears that none has
        bits = event.fresh | event.cache_read | event.cache_write_5m | event.cache_write_1h
        bits |= event.output | event.reasoning | event.web_searches | event.context_window
        return 0 <= bits < MOST_TOKENS
    if isinstance(event, TurnEnd):
        return -1 <= event.duration_ms < LAST_MS
    if isinstance(event, Compaction):
        return -1 <= event.tokens_before < MOST_TOKENS
    if isinstance(event, Estimate):
        return 0 <= event.input | event.output < MOST_TOKENS
    if isinstance(event, RateLimit):
        return (
            isfinite(event.used_percent)
            and 0 <= event.window_minutes < MOST_TOKENS
            and 0 <= event.resets_ms < LAST_MS
        )
    return True
