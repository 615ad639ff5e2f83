"""``pause``, ``resume`` and ``toggle``: holding agents where they are, and letting them go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tmuxmeter.cli.context import Context, print_json
from tmuxmeter.cli.options import json_option, socket_option, with_context
from tmuxmeter.cli.pausing import Scene, Wanted, fits, over_budget, records_of, wanted
from tmuxmeter.errors import PauseError, TmuxError, TmuxmeterError
from tmuxmeter.pause.records import FREEZE, WAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tmuxmeter.panes.picture import PaneNow
    from tmuxmeter.pause.means import Means
    from tmuxmeter.pause.records import Pause

YOU = "you"

Row = dict[str, Any]


def pane_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the panes it acts on."""
    for decorate in reversed(
        (
            click.argument("panes", metavar="[PANE]...", nargs=-1),
            click.option("--all", "everything", is_flag=True, help="All agents in all panes."),
            click.option(
                "--agent",
                "agents",
                metavar="AGENT",
                multiple=True,
                help="All panes with this agent, such as claude (`tmuxmeter agents`).",
            ),
            click.option(
                "--over-budget", "over", is_flag=True, help="All agents over today's budget."
            ),
            socket_option,
            json_option,
        )
    ):
        command = decorate(command)
    return command


def how_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the ways to pause."""
    for decorate in reversed(
        (
            click.option("--how", type=click.Choice(WAYS), help="Try nothing but this way."),
            click.option(
                "--daemon",
                "whole_daemon",
                is_flag=True,
                help="With --how freeze: stop Codex's shared daemon, and with it ALL Codex panes.",
            ),
        )
    ):
        command = decorate(command)
    return command


@click.command("pause")
@pane_options
@how_options
@with_context
def pause_command(
    context: Context,
    panes: tuple[str, ...],
    everything: bool,
    agents: tuple[str, ...],
    over: bool,
    socket: str | None,
    as_json: bool,
    how: str | None,
    whole_daemon: bool,
) -> None:
    """Hold the agent in a pane: no further request is sent until `tmuxmeter resume`.

    PANE is tmux's number of a pane, such as %3; without one it is the pane in front. The first way
    that works wins: hold (by the agent's own hooks), freeze, interrupt.
    """
    choice = wanted(panes, agents, everything=everything, over_budget=over)
    rows = _pause(Scene(context, socket), choice, how, whole_daemon=whole_daemon)
    _tell(rows, as_json=as_json, nothing="No agent to pause.")


@click.command("resume")
@pane_options
@with_context
def resume_command(
    context: Context,
    panes: tuple[str, ...],
    everything: bool,
    agents: tuple[str, ...],
    over: bool,
    socket: str | None,
    as_json: bool,
) -> None:
    """Let a paused agent go on exactly where it was."""
    choice = wanted(panes, agents, everything=everything, over_budget=over)
    rows = _resume(Scene(context, socket), choice)
    _tell(rows, as_json=as_json, nothing="Nothing is paused.")


@click.command("toggle")
@pane_options
@how_options
@with_context
def toggle_command(
    context: Context,
    panes: tuple[str, ...],
    everything: bool,
    agents: tuple[str, ...],
    over: bool,
    socket: str | None,
    as_json: bool,
    how: str | None,
    whole_daemon: bool,
) -> None:
    """Pause what isn't paused, resume what is; with several panes: resume if any is paused."""
    choice = wanted(panes, agents, everything=everything, over_budget=over)
    scene = Scene(context, socket)
    if choice.wide:
        rows = _resume(scene, choice) or _pause(scene, choice, how, whole_daemon=whole_daemon)
    else:
        rows = []
        for pane in choice.panes or (scene.pane_in_front(),):
            one = choice._replace(panes=(pane,))
            server = scene.one_socket()
            # a key that is pressed twice pauses and resumes
            with scene.store.alone(str(server), pane):
                if _in_force(scene, records_of(scene.store.all(), server, pane)):
                    rows += _resume(scene, one)
                else:
                    rows += _pause(scene, one, how, whole_daemon=whole_daemon)
    _tell(rows, as_json=as_json, nothing="No agent to pause.")


def _pause(scene: Scene, choice: Wanted, how: str | None, *, whole_daemon: bool) -> list[Row]:
    if whole_daemon and how != FREEZE:
        message = "--daemon goes with --how freeze"
        raise click.UsageError(message)
    from tmuxmeter.pause.find import target_in
    from tmuxmeter.pause.ways import pause

    if choice.wide:
        scene.knows(choice)
        seen = scene.look(scene.sockets)
        if scene.one_named:
            seen.check(scene.one_socket())
        is_over = over_budget(scene) if choice.over_budget else _never
        panes = [
            pane
            for pane in seen.picture.panes
            if pane.main is not None
            and pane.main.state != "gone"
            and fits(choice, pane.main.agent, is_over)
        ]
        missing: list[Row] = []
    else:
        socket = scene.one_socket()
        names = choice.panes or (scene.pane_in_front(),)
        seen = scene.look([socket])
        panes, missing = [], []
        for name in names:
            try:
                panes.append(seen.pane(socket, name))
            except TmuxError as error:
                missing.append(_failed(str(socket), name, "", "pause", error))
    means = scene.means()
    rows = missing
    for pane in panes:
        agent = pane.main.agent if pane.main else ""
        try:
            with scene.store.alone(pane.ref.socket, pane.ref.pane):
                already = _in_force(scene, _pauses_of(scene.store.all(), pane, how))
                if already:
                    rows.append(_already(already[0]))
                    continue
                target = target_in(pane, means.table, seen.last_requests, means.own_pid)
                agent = target.agent
                done = pause(means, target, how, YOU, scene.now_ms, whole_daemon=whole_daemon)
                rows.append(_row(done, "paused", done.told))
        except (TmuxmeterError, OSError) as error:
            rows.append(_failed(pane.ref.socket, pane.ref.pane, agent, "pause", error))
    return rows


def _already(pause: Pause) -> Row:
    """Return what is told of a pane that is paused.

    Raises
    ------
    PauseError
        Whoever paused it was ended in the middle, so nobody knows whether it is.
    """
    if not pause.seen:
        message = "a pause was begun there and not finished: `tmuxmeter resume` undoes it"
        raise PauseError(message)
    return _row(pause, "already-paused", pause.told)


def _pauses_of(pauses: Iterable[Pause], pane: PaneNow, how: str | None) -> list[Pause]:
    """Return the pauses a pane is in, only those of a way that was asked for."""
    here = pane.ref.socket, pane.ref.server_pid, pane.ref.pane
    return [
        pause
        for pause in pauses
        if (pause.socket, pause.server_pid, pause.pane_id) == here and how in (None, pause.way)
    ]


def _in_force(scene: Scene, pauses: Iterable[Pause]) -> list[Pause]:
    """Return the pauses that still hold somebody; the others are ended.

    A watcher does the same every few seconds, but may not have come to it, or not run.
    """
    from tmuxmeter.pause.tend import end_if_over

    means = scene.means()
    return [pause for pause in pauses if not end_if_over(means, pause, scene.now_ms)]


def _resume(scene: Scene, choice: Wanted) -> list[Row]:
    pauses = scene.store.all()
    if choice.wide:
        scene.knows(choice)
        sockets = {str(socket) for socket in scene.sockets}
        is_over = over_budget(scene) if choice.over_budget else _never
        found = [
            pause
            for pause in reversed(pauses)
            # whatever is paused can be let go, also in a server that is no longer metered
            if (pause.socket in sockets or (choice.everything and not scene.one_named))
            and fits(choice, pause.agent, is_over)
        ]
    else:
        socket = scene.one_socket()
        found = []
        for name in choice.panes or (scene.pane_in_front(),):
            found += records_of(pauses, socket, name)
    return _let_go(scene.means(), found, scene.now_ms)


def _let_go(means: Means, pauses: Iterable[Pause], now: int) -> list[Row]:
    from tmuxmeter.pause.ways import resume

    rows = []
    for pause in pauses:
        try:
            with means.store.alone(pause.socket, pause.pane_id):
                known = means.store.fresh(pause)
                seen = resume(means, known) if known else "somebody else let it go on"
            lasted = {"paused_ms": max(0, now - pause.since_ms)}
            rows.append(_row(pause, "resumed", seen) | lasted)
        except (TmuxmeterError, OSError) as error:
            rows.append(_failed(pause.socket, pause.pane_id, pause.agent, "resume", error))
    return rows


def _never(_: str) -> bool:
    return False


def _row(pause: Pause, what: str, seen: str) -> Row:
    return {
        "pane": pause.pane_id,
        "server": pause.socket,
        "agent": pause.agent,
        "agent_session": pause.session or None,
        "did": what,
        "way": pause.way,
        "method": pause.method,
        "seen": seen,
        "who": pause.who,
        "since_ms": pause.since_ms,
    }


def _failed(server: str, pane: str, agent: str, what: str, error: Exception) -> Row:
    return {
        "pane": pane,
        "server": server,
        "agent": agent or None,
        "did": f"failed-to-{what}",
        "seen": _words(error),
    }


def _words(error: Exception) -> str:
    """Return what went wrong, in one line for people."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _tell(rows: list[Row], *, as_json: bool, nothing: str) -> None:
    """Say what was done, a line for each pane; fail if anything was refused."""
    words = {"paused": "paused", "resumed": "resumed", "already-paused": "paused already:"}
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(nothing)
    for row in [] if as_json else rows:
        name = row["pane"] + (f" ({row['agent']})" if row["agent"] else "")
        if row["did"] in words:
            lasted = f"; paused for {_span(row['paused_ms'])}" if "paused_ms" in row else ""
            click.echo(f"{words[row['did']]} {name}: {row['seen']}{lasted}")
        else:
            what = row["did"].removeprefix("failed-to-")
            click.echo(f"tmuxmeter: can't {what} {name}: {row['seen']}", err=True)
    if any(row["did"] not in words for row in rows):
        raise click.exceptions.Exit(PauseError.exit_code)


def _span(ms: int) -> str:
    seconds = max(0, ms) // 1000
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
