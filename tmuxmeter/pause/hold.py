"""Hold flags: which sessions' agents are to wait at their next tool call.

A flag is a file in a private folder. The agent's own hook looks for the file of its session, whose
name is a hash: nothing an agent or a log says can steer where it lies.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from tmuxmeter.paths import private_folder
from tmuxmeter.pause.files import private_text, read_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "hold"
"""Its name below the runtime folder."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One session that is to be held. ``who`` set it at ``since_ms`` (epoch milliseconds)."""

    agent: str
    session: str
    who: str
    since_ms: int


def flag_name(agent: str, session: str) -> str:
    """Return the name of a session's flag file: 32 hexadecimal digits."""
    text = f"{agent}\0{session}".encode("utf-8", "surrogateescape")
    return blake2b(text, digest_size=16).hexdigest()


class HoldFlags:
    """The flags in force.

    Parameters
    ----------
    folder : Path
        ``places.runtime / "hold"``; made, for its owner alone, when first written to. Its files
        that don't begin with a dot are flags and nothing else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, agent: str, session: str) -> Path:
        """Return where a session's flag lies while it is set."""
        return self.folder / flag_name(agent, session)

    def set(self, agent: str, session: str, who: str, now_ms: int) -> Path:
        """Have a session held from now on and return its flag's path.

        Raises
        ------
        FolderError
            The folder can't be made or isn't private.
        OSError
            The flag can't be written.
        ValueError
            No session is named: a flag for nobody would hold nobody.
        """
        if not session:
            msg = "a hold flag needs a session"
            raise ValueError(msg)
        private_folder(self.folder.parent)
        private_folder(self.folder)
        path = self.path(agent, session)
        value = {"agent": agent, "session": session, "who": who, "since_ms": now_ms}
        write_private(path, private_text(value))
        return path

    def clear(self, agent: str, session: str) -> bool:
        """Let a session go on; return whether it was held.

        Raises
        ------
        OSError
            The flag can't be deleted.
        """
        if self.is_link:
            return False
        try:
            self.path(agent, session).unlink()
        except FileNotFoundError:
            return False
        return True

    def get(self, agent: str, session: str) -> Flag | None:
        """Return a session's flag, None where there is none or it can't be used."""
        return None if self.is_link else _read(self.path(agent, session))

    def is_set(self, agent: str, session: str) -> bool:
        """Tell whether there is a flag for a session, usable or not."""
        return not self.is_link and os.path.lexists(self.path(agent, session))

    @property
    def is_link(self) -> bool:
        """Whether something else was put in the folder's place: what lies there holds nobody."""
        return self.folder.is_symlink()

    def active(self) -> list[Flag]:
        """Return the flags in force, the oldest first; what is no flag of ours is left out."""
        try:
            names = [] if self.is_link else [entry.name for entry in os.scandir(self.folder)]
        except OSError:
            return []
        found = (_read(self.folder / name) for name in names if not name.startswith("."))
        flags = [flag for flag in found if flag is not None]
        return sorted(flags, key=lambda flag: (flag.since_ms, flag.agent, flag.session))


def _read(path: Path) -> Flag | None:
    try:
        value = json.loads(read_private(path))
        flag = Flag(value["agent"], value["session"], value["who"], value["since_ms"])
        return flag if flag_name(flag.agent, flag.session) == path.name else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
