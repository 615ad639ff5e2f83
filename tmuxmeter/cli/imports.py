"""``import``: spend that no log on this machine tells, from what a vendor lets its users export."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from tmuxmeter.cli.context import Context, now_ms, print_json
from tmuxmeter.cli.options import filled, json_option, with_context
from tmuxmeter.errors import UsageError

if TYPE_CHECKING:
    from tmuxmeter.agents.cursor_export import Export, Placed
    from tmuxmeter.ledger.reader import Reader
    from tmuxmeter.ledger.writer import Writer

_CURSOR = "cursor"
_EDITOR = "/Cursor/User"
"""End of the roots of Cursor's editor, which is in no pane."""
_LIMIT = 256 << 20


class _Outcome(NamedTuple):
    """What became of an export's rows."""

    requests: int
    new: int
    to_sessions: int
    to_account: int
    already_imported: int
    known_from_elsewhere: int
    without_spend: int


@click.group("import")
def import_command() -> None:
    """Book what no log on this machine tells: the usage that a vendor's site exports."""


@import_command.command("cursor")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--user", metavar="EMAIL", callback=filled, help="Whose rows of a team's export count."
)
@json_option
@with_context
def cursor_command(context: Context, file: Path, user: str | None, as_json: bool) -> None:
    """Import the CSV that cursor.com/dashboard exports (Usage, Export CSV).

    Exports may overlap, and one may be imported again: each request counts once. A request goes
    to the session that had a turn at its time, where only one had; otherwise to the account, in
    no pane. What the stop hook told already doesn't count again.
    """
    from tmuxmeter.agents.cursor_export import parse
    from tmuxmeter.cli.fresh import bring_up_to_date, complain
    from tmuxmeter.cli.meter import paused_watcher
    from tmuxmeter.ledger.writer import Writer

    export = parse(_text(file), str(file), user or "")
    with paused_watcher(context):
        # turns that came since the last look must be there to be matched
        complain(bring_up_to_date(context))
        with Writer.open(context.places.state) as writer:
            outcome = _book(context, writer, export, file)
    if as_json:
        print_json(outcome._asdict())
    else:
        click.echo(_words(outcome))


def _text(file: Path) -> str:
    """Return the file's text.

    Raises
    ------
    UsageError
        It can't be read or is no text.
    """
    from tmuxmeter.regular import read_regular

    try:
        content = read_regular(file, _LIMIT, piped=True)
    except OSError as error:
        hint = "; export fewer days at once" if error.errno == errno.EFBIG else ""
        message = f"{file}: {error.strerror}{hint}"
        raise UsageError(message) from error
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = (
            f"{file}:{line}: is no UTF-8 text; nothing was imported: "
            "take the file as cursor.com/dashboard (Usage, Export CSV) gives it"
        )
        raise UsageError(message) from error


def _book(context: Context, writer: Writer, export: Export, file: Path) -> _Outcome:
    from tmuxmeter.agents.cursor_export import ACCOUNT
    from tmuxmeter.events import Chunk, LogFile, Position
    from tmuxmeter.ledger.imports import ROOT
    from tmuxmeter.watcher.settings import price_book

    placed = _place(writer.reader(), export)
    reader = writer.reader()
    with reader.snapshot():
        before = reader.imports(_CURSOR).booked([event.key for event in placed.events])
    # all exports are one log to the ledger: what one told, another tells again
    log = LogFile(_CURSOR, ROOT, "usage-events.csv", str(file.absolute()))
    price = price_book(context.config()).cost_of
    writer.book([Chunk(log, list(placed.events), Position())], price)
    last_ms = max((event.time_ms for event in placed.events), default=0)
    _bind_outside(context, writer, ROOT, max(now_ms(), last_ms + 1))
    new = [event for event in placed.events if event.key not in before]
    to_account = sum(event.session == ACCOUNT for event in new)
    return _Outcome(
        requests=len(export.rows),
        new=len(new),
        to_sessions=len(new) - to_account,
        to_account=to_account,
        already_imported=len(placed.events) - len(new),
        known_from_elsewhere=placed.known,
        without_spend=export.empty,
    )


def _place(reader: Reader, export: Export) -> Placed:
    from tmuxmeter.agents.cursor_export import Turn, place
    from tmuxmeter.agents.cursor_usage import SAME_MS, Counts

    if not export.rows:
        return place([], [], [])
    first, last = export.rows[0].counts.time_ms, export.rows[-1].counts.time_ms
    with reader.snapshot():
        known = reader.imports(_CURSOR)
        turns = known.turns(first - SAME_MS, last + SAME_MS)
        told = known.told(first - SAME_MS, last + SAME_MS, imported=False)
    return place(export.rows, [Turn(*turn) for turn in turns], [Counts(*counts) for counts in told])


def _bind_outside(context: Context, writer: Writer, root: str, until_ms: int) -> None:
    """Note that the account and the editor spent outside tmux, up to a time."""
    from tmuxmeter.watcher.roots import agent_roots

    roots = [
        str(r.path)
        for agent, r in agent_roots(context.places, context.config())
        if agent.name == _CURSOR and str(r.path).endswith(_EDITOR)
    ]
    reader = writer.reader()
    with reader.snapshot():
        sessions = reader.imports(_CURSOR).placeless([root, *roots])
    for session in sessions:
        binding = writer.bind(
            _CURSOR, session, "outside", None, 0, "", 0, "no pane of its own", 1.0, until_ms
        )
        writer.end_binding(binding, until_ms)


def _words(outcome: _Outcome) -> str:
    if not outcome.requests:
        return f"No request in it spent anything ({outcome.without_spend:,} rows). Nothing to book."
    parts = [
        f"Booked {outcome.new:,} of {outcome.requests:,} requests",
        f": {outcome.to_sessions:,} to sessions, {outcome.to_account:,} to the account, in no pane"
        if outcome.new
        else "",
        ".",
    ]
    if outcome.already_imported:
        parts.append(f" {outcome.already_imported:,} were imported before.")
    if outcome.known_from_elsewhere:
        parts.append(f" {outcome.known_from_elsewhere:,} were known from elsewhere.")
    if outcome.without_spend:
        parts.append(
            f" {outcome.without_spend:,} rows weren't charged or tell no tokens: left out."
        )
    return "".join(parts)
