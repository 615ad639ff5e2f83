"""``handoff``, ``claim`` and ``done``: what only the human knows."""

from __future__ import annotations

import os
from math import isnan
from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.context import Context, now_ms
from tmuxmeter.cli.days import Calendar
from tmuxmeter.cli.options import filled, socket_option, with_context
from tmuxmeter.errors import UsageError

if TYPE_CHECKING:
    from tmuxmeter.ledger.notes import Note, Notes

MOST_MINUTES = 480
"""A working day: nobody looks at one hand-off for longer."""


@click.command("handoff")
@click.option(
    "--pane",
    metavar="PANE",
    callback=filled,
    help="The pane it came from, such as %5; none if left out.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, MOST_MINUTES),
    help="How long looking at it took; the default of the settings if left out.",
)
@click.option("--note", metavar="TEXT", default="", help="What it was.")
@click.option("--undo", is_flag=True, help="Take back the last one logged by hand.")
@socket_option
@with_context
def handoff_command(
    context: Context,
    pane: str | None,
    minutes: float | None,
    note: str,
    undo: bool,
    socket: str | None,
) -> None:
    """Log a hand-off that the logs can't show: work of an agent that you looked at.

    Turns that ended with work to look at and that you answered are counted by themselves.
    """
    if minutes is not None and isnan(minutes):
        message = f"--minutes takes a number from 0 to {MOST_MINUTES}, not nan"
        raise UsageError(message)
    with _notes(context) as notes:
        if undo:
            if pane or note or minutes is not None:
                message = "--undo takes the last hand-off back; it goes with no other option"
                raise UsageError(message)
            calendar = Calendar.of(context.config())
            _say_undone(calendar, notes.take_back_hand_off(now_ms()), "hand-off")
            return
        pane_id = None if pane is None else notes.pane_id(_socket(socket), pane)
        notes.hand_off(now_ms(), pane_id, minutes, note)
    took = "" if minutes is None else f", {minutes:g} min"
    click.echo(f"Logged a hand-off{f' of {pane}' if pane else ''}{took}.")


@click.command("claim")
@click.argument("pane", callback=filled)
@click.argument("patterns", metavar="PATTERN...", nargs=-1)
@click.option("--why", metavar="TEXT", default="", help="Why nobody else needs these files.")
@click.option("--drop", is_flag=True, help="End the pane's claim.")
@socket_option
@with_context
def claim_command(
    context: Context,
    pane: str,
    patterns: tuple[str, ...],
    why: str,
    drop: bool,
    socket: str | None,
) -> None:
    """Claim files for a pane: its agent edits these alone, and nobody else does.

    \b
    tmuxmeter claim %5 'src/api/**' --why "the endpoints, agreed by their tests"

    Patterns count from the folder the pane's agent started in; ** goes through folders. A new
    claim takes the place of the pane's old one. The first file edited outside it, or by another
    pane inside it, is shown by `today` and `panes`.
    """  # noqa: D301
    if drop == bool(patterns) or not all(pattern.strip() for pattern in patterns):
        message = (
            "name the files (claim %5 'src/api/**' --why \"...\"), or end the claim with --drop"
        )
        raise UsageError(message)
    if patterns and not why.strip():
        message = "--why is missing: say what makes this work independent"
        raise UsageError(message)
    with _notes(context) as notes:
        server = _socket(socket)
        pane_id = notes.pane_id(server, pane)
        if drop:
            ended = notes.drop_claim(pane_id, now_ms())
            click.echo(f"Ended the claim of {pane}." if ended else f"{pane} has no claim.")
            return
        folder = notes.folder_of(pane_id) or _shown_folder(server, pane)
        notes.claim(pane_id, folder, patterns, why, now_ms())
    click.echo(f"{pane} claims {' '.join(patterns)} in {folder}.")


@click.command("done")
@click.option(
    "--pane",
    metavar="PANE",
    callback=filled,
    help="The pane that did it, such as %5; none if left out.",
)
@click.option("--note", metavar="TEXT", default="", help="What was done.")
@click.option("--undo", is_flag=True, help="Take the last mark back.")
@socket_option
@with_context
def done_command(
    context: Context, pane: str | None, note: str, undo: bool, socket: str | None
) -> None:
    """Mark a task as done, for `calibrate --tasks done`."""
    with _notes(context) as notes:
        if undo:
            if pane or note:
                message = "--undo takes the last mark back; it goes with no other option"
                raise UsageError(message)
            calendar = Calendar.of(context.config())
            _say_undone(calendar, notes.take_back_done(now_ms()), "mark")
            return
        pane_id = None if pane is None else notes.pane_id(_socket(socket), pane)
        notes.done(now_ms(), pane_id, note)
    click.echo("Marked a task as done.")


def _notes(context: Context) -> Notes:
    from tmuxmeter.ledger.notes import Notes

    return Notes.open(context.places.state)


def _socket(given: str | None) -> str:
    """Return the socket as the ledger knows it.

    Raises
    ------
    UsageError
        None was given and this is not inside tmux.
    """
    from tmuxmeter.tmux.servers import canonical_socket, socket_in_environment

    if given:
        return str(canonical_socket(given))
    found = socket_in_environment(os.environ.get("TMUX", ""))
    if found is None:
        message = "outside tmux a pane needs --socket PATH (tmux display -p '#{socket_path}')"
        raise UsageError(message)
    return str(found[0])


def _shown_folder(socket: str, pane: str) -> str:
    """Return the folder a pane is in, for one whose agent hasn't told yet where it started."""
    from pathlib import Path

    from tmuxmeter.tmux.client import Tmux

    return (
        Tmux(Path(socket))
        .run(["display-message", "-p", "-t", pane, "#{pane_current_path}"])
        .strip()
    )


def _say_undone(calendar: Calendar, note: Note | None, what: str) -> None:
    if note is None:
        click.echo(f"There is no {what} logged by hand.")
        return
    about = "".join(
        (
            f" of {note.pane}" if note.pane else "",
            f", {note.minutes:g} min" if note.minutes is not None else "",
            f": {note.note}" if note.note else "",
        )
    )
    if calendar.day_of(note.time_ms) != calendar.day_of(now_ms()):
        # it is missed in the figures of another day than today
        about += f" (of {calendar.day_of(note.time_ms)})"
    click.echo(f"Took back the last {what}{about}.")
