"""What is paused right now: one small private file per pause, below the state folder.

A pause outlives the program that made it, the watcher and a reboot; whoever reads it checks that
the processes named in it still run (pid and start mark) before doing anything to them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import time
from dataclasses import asdict, dataclass, field, fields
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from tmuxmeter.errors import FolderError, PauseError
from tmuxmeter.paths import private_folder
from tmuxmeter.pause.files import private_text, read_private, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FOLDER: Final = "pauses"
"""Below the state folder."""
HOLD: Final = "hold"
FREEZE: Final = "freeze"
INTERRUPT: Final = "interrupt"
WAYS: Final = (HOLD, FREEZE, INTERRUPT)
"""The ways to pause, in the order they are tried."""
UNWATCHED: Final = "its session isn't known: if it spends all the same, nobody is told"
"""Of a pause whose spend can't be told from others'."""
RESUMING: Final = "resuming"
"""Among what resuming needs: somebody is at it."""

PATIENCE_S: Final = 10.0
"""How long somebody else at the same pane is waited for; ending a turn takes some seconds."""

_TURNS = 8
"""Files of locks: panes share them, so that a closed pane leaves none behind."""
_TURN_LOOK_S = 0.02
_SUFFIX = ".json"
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause of one agent in one pane.

    Attributes
    ----------
    id : str
        Random, 16 hexadecimal digits; also the name of its file.
    agent, session : str
        Which agent, and which of its sessions; ``session`` is "" where that can't be told.
    socket, server_pid, server_started : str, int, int
        The tmux server: pane ids start again at %0 with every server.
    pane_id, pane_pid, pane_pid_start : str, int, str
        The pane, and the process tmux started in it with its start mark.
    pid, pid_start : int, str
        The agent's process and its start mark.
    since_ms : int
        When it was paused, epoch milliseconds: when that was done, not when it was asked for.
    who : str
        Who paused, as people read it: "you", "guard: day limit $20.00 passed".
    way : str
        One of :data:`WAYS`.
    method : str
        What was done: "hold", "subtree", "tcflow", "suspend", "daemon", "key", "input".
    seen : str
        One line for people: what was done and what was seen of it.
    undo : Mapping[str, Any]
        What resuming needs; JSON-able. The keys are the method's own.
    spent_after : int
        Tokens of requests that began after the pause; more than 0 is an alarm.
    state : str
        What the agent did when it was paused: ``working``, ``waiting``, ``idle``, "" where that
        can't be told.
    """

    id: str
    agent: str
    session: str
    socket: str
    server_pid: int
    server_started: int
    pane_id: str
    pane_pid: int
    pane_pid_start: str
    pid: int
    pid_start: str
    since_ms: int
    who: str
    way: str
    method: str
    seen: str
    undo: Mapping[str, Any] = field(default_factory=dict)
    spent_after: int = 0
    state: str = ""

    @property
    def told(self) -> str:
        """What was seen of it, and whether it could be told that it doesn't hold.

        Of what is frozen the system tells; what is held has a session.
        """
        unwatched = self.way == INTERRUPT and bool(self.seen) and not self.session
        return self.seen + (f"; {UNWATCHED}" if unwatched else "")

    @property
    def is_hold(self) -> bool:
        """Whether a flag holds it: the agent itself stays alive and visible."""
        return self.way == HOLD


def new_id() -> str:
    """Return an id for a pause."""
    return secrets.token_hex(8)


class PauseStore:
    """The pauses in force, one file each.

    Parameters
    ----------
    folder : Path
        ``places.state / "pauses"``; made, for its owner alone, when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken: list[str] = []
        """What :meth:`all` had to leave out the last time, one line each."""
        self._mine: set[int] = set()

    @contextlib.contextmanager
    def alone(self, socket: str, pane_id: str, patience_s: float = PATIENCE_S) -> Iterator[None]:
        """Have nobody else pause what is in a pane, or let it go, meanwhile.

        Two at once would both type into it, the second one into the agent. Where no lock can be
        made there is no wait: an agent must be let go on a full disk, too.

        Raises
        ------
        PauseError
            Somebody else is at it, and was not done in time.
        """
        digest = blake2b(f"{socket}\0{pane_id}".encode("utf-8", "surrogateescape")).digest()
        turn = digest[0] % _TURNS
        if turn in self._mine:
            yield
            return
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError, FolderError):
                private_folder(self.folder.parent)
                flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                path = private_folder(self.folder) / f".turn-{turn}"
                descriptor = os.open(path, flags, 0o600)
                stack.callback(os.close, descriptor)
                _lock(descriptor, patience_s)
            self._mine.add(turn)
            stack.callback(self._mine.discard, turn)
            yield

    def fresh(self, pause: Pause) -> Pause | None:
        """Return a pause as it is written down now, None where somebody has ended it."""
        return next((known for known in self.all() if known.id == pause.id), None)

    def all(self) -> list[Pause]:
        """Return all pauses, the oldest first. Files that can't be used are left where they are."""
        self.broken = []
        found = []
        try:
            names = sorted(entry.name for entry in os.scandir(self.folder))
        except FileNotFoundError:
            return []
        except OSError as error:
            self.broken.append(f"{self.folder} can't be read: {error.strerror}")
            return []
        for name in names:
            if not name.endswith(_SUFFIX):
                continue
            try:
                pause = _parse(read_private(self.folder / name), name.removesuffix(_SUFFIX))
            except FileNotFoundError:
                continue
            except OSError as error:
                self.broken.append(f"{self.folder / name} can't be read: {error.strerror}")
            except ValueError as error:
                self.broken.append(f"{self.folder / name} is no record of a pause: {error}")
            else:
                found.append(pause)
        return sorted(found, key=lambda pause: (pause.since_ms, pause.id))

    def add(self, pause: Pause) -> None:
        """Write a pause down, durably: without its record nobody could undo it.

        Raises
        ------
        FolderError
            The folder can't be made or isn't private.
        OSError
            The file can't be written.
        """
        self.replace(pause)

    def replace(self, pause: Pause) -> None:
        """Write a pause down in place of what stood under its id.

        Raises
        ------
        FolderError, OSError
            As :meth:`add`.
        """
        name = self._name(pause.id)
        private_folder(self.folder.parent)
        write_private(private_folder(self.folder) / name, private_text(asdict(pause)))

    def remove(self, pause_id: str) -> bool:
        """Forget a pause; return whether it was there.

        Raises
        ------
        OSError
            The file can't be deleted.
        """
        try:
            (self.folder / self._name(pause_id)).unlink()
        except FileNotFoundError:
            return False
        return True

    def of_pane(self, socket: str, server_pid: int, pane_id: str) -> list[Pause]:
        """Return the pauses in one pane of one running tmux server, the oldest first."""
        wanted = socket, server_pid, pane_id
        return [
            pause
            for pause in self.all()
            if (pause.socket, pause.server_pid, pause.pane_id) == wanted
        ]

    @staticmethod
    def _name(pause_id: str) -> str:
        if not _ID.fullmatch(pause_id):
            msg = f"{pause_id!r} is no id of a pause"
            raise ValueError(msg)
        return pause_id + _SUFFIX


def _lock(descriptor: int, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                message = "somebody else is at it: try again"
                raise PauseError(message) from None
            time.sleep(_TURN_LOOK_S)
        else:
            return


def _parse(text: str, pause_id: str) -> Pause:
    """Return the pause a file holds; keys a newer version added are left out."""
    value = json.loads(text)
    if not isinstance(value, dict) or value.get("id") != pause_id:
        msg = "it doesn't hold the pause its name tells"
        raise ValueError(msg)
    kinds = {item.name: item.type for item in fields(Pause)}
    known = {name: value[name] for name in kinds if name in value}
    for name, item in known.items():
        wanted = {"str": str, "int": int}.get(str(kinds[name]), dict)
        if type(item) is not wanted:
            msg = f"{name} is {item!r}"
            raise ValueError(msg)
    try:
        pause = Pause(**known)
    except TypeError as error:
        raise ValueError(str(error)) from error
    if pause.way not in WAYS:
        msg = f"its way is {pause.way!r}"
        raise ValueError(msg)
    return pause
