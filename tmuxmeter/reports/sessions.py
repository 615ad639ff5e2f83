"""Sessions as plain data: what ``sessions --json`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.ledger.slices import Measures
from tmuxmeter.reports.days import estimated, place_name, sums
from tmuxmeter.reports.unlogged import gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tmuxmeter.ledger.bills import Bill
    from tmuxmeter.ledger.session_queries import Story, Unmetered
    from tmuxmeter.ledger.slices import Slice


def sessions_report(
    stories: Sequence[Story],
    accounts: Mapping[str, str],
    bills: Mapping[int, Bill],
    *,
    watching: bool,
    unmetered: Iterable[Unmetered] = (),
) -> dict[str, Any]:
    """Return sessions as data, in the order given. Times are epoch milliseconds.

    Parameters
    ----------
    stories : sequence of Story
        What the ledger knows.
    accounts : mapping
        The user's names for accounts, by log folder.
    bills : mapping
        What agents' own accounts say, by the ledger's id of a session.
    watching : bool
        Whether a watcher runs; without one nobody knows whether a session is still where it was.
    unmetered : iterable of Unmetered
        All sessions that tell no tokens, with what their texts may have been, where that is wanted.
    """
    guesses = {(row.agent, row.session): estimated(row.input, row.output) for row in unmetered}
    return {
        "sessions": [
            {
                **_session(story, accounts, bills.get(story.row.id), watching=watching),
                "unmetered": (story.row.agent, story.row.session) in guesses,
                "estimated": guesses.get((story.row.agent, story.row.session)),
            }
            for story in stories
        ]
    }


def _session(
    story: Story, accounts: Mapping[str, str], bill: Bill | None, *, watching: bool
) -> dict[str, Any]:
    row, pieces = story.row, story.slices
    total = Measures()
    for piece in pieces:
        total = total.plus(piece.measures)
    newest = max(pieces, key=lambda piece: piece.last_ms, default=None)
    return {
        "agent": row.agent,
        "session": row.session,
        "account": row.account,
        "account_name": accounts.get(row.account),
        "project": row.cwd or (newest.project if newest else ""),
        "branch": (newest.branch if newest else "") or row.branch,
        "model": newest.model if newest else "",
        "models": _models(pieces),
        "version": row.version,
        "parent": row.parent or None,
        "spawned": bool(row.spawned),
        "started_ms": row.started_ms or min((piece.first_ms for piece in pieces), default=None),
        "last_ms": row.last_ms,
        "prompts": row.prompts,
        "turns": row.turns,
        "last_place": {**place_name(story.where), "still_there": story.open if watching else None},
        **sums(total),
        "unlogged_microdollars": gap(bill) if bill else None,
    }


def _models(pieces: Sequence[Slice]) -> list[str]:
    """Return the models of a session in the order they were first used."""
    first: dict[str, int] = {}
    for piece in pieces:
        first[piece.model] = min(first.get(piece.model, piece.first_ms), piece.first_ms)
    return sorted(first, key=lambda model: (first[model], model))
