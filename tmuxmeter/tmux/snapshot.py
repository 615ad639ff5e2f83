"""Everything the meter wants to know of one tmux server, in one call.

Names, titles and paths are text that users and agents control, so they are asked for with tmux's
``q:`` modifier: it puts a backslash before every character that could end a field, the separator
and the backslash itself among them. (Control characters won't do as separators: tmux 3.3a prints
them as they are, or as ``_`` in a C locale, newer ones as octal escapes.) Records are told apart by
counting fields, not lines, because a path may hold a newline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.errors import TmuxError
from tmuxmeter.tmux.client import require_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tmuxmeter.tmux.client import Tmux

EXEMPT = "@tmuxmeter_exempt"
"""The user's option for panes that the guard leaves alone."""
_SERVER = ("pid", "start_time", "q:version")
_PANE = (
    "pane_id",
    "pane_pid",
    "q:pane_tty",
    "session_id",
    "q:session_name",
    "window_id",
    "window_index",
    "q:window_name",
    "pane_index",
    "pane_active",
    "window_active",
    "session_attached",
    "pane_dead",
    "q:pane_current_path",
    f"q:{EXEMPT}",
)
_CLIENT = (
    "q:client_name",
    "q:client_tty",
    "client_pid",
    "session_id",
    "window_id",
    "pane_id",
    "client_activity",
    "client_control_mode",
    "client_width",
    "client_height",
)
OFF = frozenset({"", "off", "0", "no", "false"})
"""What says no in a user option."""
_RECORDS = {"S": _SERVER, "P": _PANE, "C": _CLIENT}


@dataclass(frozen=True, slots=True)
class Pane:
    """A pane. ``pid`` is the process tmux started in it, which a respawn replaces.

    ``window_active`` tells whether its window is its session's current one, ``attached`` how many
    clients are attached to that session. ``exempt``: the user set ``@tmuxmeter_exempt`` on it, on
    its window or everywhere, so that the guard leaves it alone.
    """

    pane_id: str
    pid: int
    tty: str
    session_id: str
    session_name: str
    window_id: str
    window_index: int
    window_name: str
    pane_index: int
    active: bool
    window_active: bool
    attached: int
    dead: bool
    current_path: str
    exempt: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """An attached client. ``activity_s`` is the epoch second of its last input.

    ``pane_id`` is the pane in front of it.
    """

    name: str
    tty: str
    pid: int
    session_id: str
    window_id: str
    pane_id: str
    activity_s: int
    control_mode: bool
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ServerSnapshot:
    """One tmux server at one moment. ``server_started`` is in epoch seconds.

    Each pane stands in ``panes`` once, however many sessions show its window.
    """

    socket: Path
    server_pid: int
    server_started: int
    version: str
    panes: tuple[Pane, ...]
    clients: tuple[Client, ...]


def _format(kind: str, fields: tuple[str, ...]) -> str:
    return "|".join([kind, *(f"#{{{field}}}" for field in fields), ""])


_COMMAND = (
    *("display-message", "-p", _format("S", _SERVER), ";"),
    *("list-panes", "-a", "-F", _format("P", _PANE), ";"),
    *("list-clients", "-F", _format("C", _CLIENT)),
)


def take_snapshot(tmux: Tmux) -> ServerSnapshot:
    """Ask a server for its panes and clients.

    Raises
    ------
    TmuxError
        If the server is gone, too old, or answers with something else.
    MissingProgramError
        If tmux is not installed.
    """
    try:
        text = tmux.run(_COMMAND)
    except TmuxError as error:
        # A server may live without sessions, then listing has nothing to start from.
        if "no current" not in str(error):
            raise
        text = tmux.run(_COMMAND[: _COMMAND.index(";")])
    return parse_snapshot(tmux.socket, text)


def parse_snapshot(socket: Path, text: str) -> ServerSnapshot:
    """Return the snapshot that a server's answer holds.

    Raises
    ------
    TmuxError
        If the answer can't be understood, or comes from a tmux that is too old.
    """
    panes: dict[str, Pane] = {}
    clients: list[Client] = []
    server: tuple[int, int, str] | None = None
    try:
        for kind, values in _records(text):
            if kind == "S":
                server = int(values[0]), int(values[1]), values[2]
            elif kind == "P":
                pane = _pane(values)
                known = panes.get(pane.pane_id)
                # A window linked into several sessions: the place where it is looked at.
                if known is None or _prominence(pane) > _prominence(known):
                    panes[pane.pane_id] = pane
            else:
                clients.append(_client(values))
    except ValueError as error:
        message = f"tmux at {socket} answered with something unexpected: {error}"
        raise TmuxError(message) from error
    if server is None:
        message = f"tmux at {socket} answered with nothing"
        raise TmuxError(message)
    require_version(server[2])
    return ServerSnapshot(socket, *server, tuple(panes.values()), tuple(clients))


def _prominence(pane: Pane) -> tuple[int, bool]:
    return pane.attached, pane.window_active


def _pane(values: list[str]) -> Pane:
    pane_id, pid, tty, session_id, session_name, window_id, index, name = values[:8]
    pane_index, active, window_active, attached, dead, path, exempt = values[8:]
    return Pane(
        pane_id=pane_id,
        pid=int(pid or 0),
        tty=tty,
        session_id=session_id,
        session_name=session_name,
        window_id=window_id,
        window_index=int(index),
        window_name=name,
        pane_index=int(pane_index),
        active=active == "1",
        window_active=window_active == "1",
        attached=int(attached or 0),
        dead=dead == "1",
        current_path=path,
        exempt=exempt.strip().lower() not in OFF,
    )


def _client(values: list[str]) -> Client:
    name, tty, pid, session_id, window_id, pane_id, activity, control, width, height = values
    return Client(
        name=name,
        tty=tty,
        pid=int(pid or 0),
        session_id=session_id,
        window_id=window_id,
        pane_id=pane_id,
        activity_s=int(activity or 0),
        control_mode=control == "1",
        width=int(width or 0),
        height=int(height or 0),
    )


def _records(text: str) -> Iterator[tuple[str, list[str]]]:
    fields = list(_fields(text))
    at = 0
    while at < len(fields):
        kind = fields[at].lstrip("\n")
        end = at + 1 + len(_RECORDS.get(kind, fields))
        if end > len(fields):
            message = f"a record {kind[:40]!r}"
            raise ValueError(message)
        yield kind, fields[at + 1 : end]
        at = end


def _fields(text: str) -> Iterator[str]:
    """Yield what stands between unescaped separators, unescaped."""
    for field in _split(text):
        yield field if "\\" not in field else _unescape(field)


def _split(text: str) -> Iterator[str]:
    start = at = 0
    while (at := text.find("|", at)) >= 0:
        slashes = 0
        while at - slashes > start and text[at - slashes - 1] == "\\":
            slashes += 1
        at += 1
        if slashes % 2 == 0:
            yield text[start : at - 1]
            start = at
    if text[start:].strip("\n"):
        yield text[start:]


def _unescape(field: str) -> str:
    characters = iter(field)
    return "".join(next(characters, "") if c == "\\" else c for c in characters)
