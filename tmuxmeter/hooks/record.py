"""What was installed where, and the settings as they were before: in the state folder, private."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Final

from tmuxmeter.paths import private_folder
from tmuxmeter.pause.files import private_text, read_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "hooks"
"""Its name below the state folder."""
_KEPT = 10
_RECORD = "installed.json"


@dataclass(frozen=True, slots=True)
class Installed:
    """One file of settings with our hooks in it.

    Attributes
    ----------
    agent, file : str
        Whose, and where it really is.
    before, after : str
        Hashes of its content without and with our hooks; ``before`` is "" where there was no file.
    backup : str
        The name of the copy of the content before, "" where there was no file.
    made : tuple[str, ...]
        What of the settings' structure is ours, see ``settings.Change``.
    status_line : str
        The user's own status line as it stood in the text.
    folder_made : bool
        Whether the folder of the file is ours too.
    version : str
        The program that installed it.
    """

    agent: str
    file: str
    before: str
    after: str
    backup: str
    made: tuple[str, ...]
    status_line: str
    folder_made: bool
    version: str


def digest(content: bytes) -> str:
    """Return what tells two contents apart."""
    return hashlib.sha256(content).hexdigest()


class Records:
    """The files with our hooks in them.

    Parameters
    ----------
    folder : Path
        ``places.state / "hooks"``; made, for its owner alone, when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> dict[str, Installed]:
        """Return what is installed, by the file's real path. A record that is lost is empty."""
        try:
            value = json.loads(read_private(self.folder / _RECORD))
            names = {item.name for item in fields(Installed)}
            found = {}
            for entry in value["files"]:
                known = {name: item for name, item in entry.items() if name in names}
                one = Installed(**{**known, "made": tuple(known["made"])})
                found[one.file] = one
        except (OSError, ValueError, TypeError, KeyError):
            return {}
        return found

    def put(self, entry: Installed) -> None:
        """Write down that a file holds our hooks.

        Raises
        ------
        FolderError, OSError
            It can't be written.
        """
        self._write({**self.all(), entry.file: entry})

    def drop(self, file: str) -> None:
        """Write down that a file holds them no more.

        Raises
        ------
        FolderError, OSError
            It can't be written.
        """
        known = self.all()
        if known.pop(file, None) is not None:
            self._write(known)

    def keep(self, agent: str, content: bytes, now_ms: int) -> str:
        """Keep a copy of a file's content; return its name, which tells when (UTC).

        Raises
        ------
        FolderError, OSError
            It can't be written.
        """
        private_folder(self.folder.parent)
        private_folder(self.folder)
        stamp = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime(now_ms / 1000))
        name = f"{stamp}-{agent}-{digest(content)[:8]}.json"
        # text is written in one piece and privately; a copy must have the very same bytes
        write_private(self.folder / name, content.decode())
        self._thin()
        return name

    def backup(self, name: str) -> bytes | None:
        """Return the content of a copy, None where it is lost."""
        try:
            return (self.folder / name).read_bytes() if name else None
        except OSError:
            return None

    def backups(self) -> list[Path]:
        """Return all copies, the oldest first."""
        try:
            return sorted(self.folder.glob("[0-9]*-*.json"))
        except OSError:
            return []  # a folder that nobody can look into

    def _thin(self) -> None:
        used = {entry.backup for entry in self.all().values()}
        old = [path for path in self.backups()[:-_KEPT] if path.name not in used]
        for path in old:
            path.unlink(missing_ok=True)

    def _write(self, known: dict[str, Installed]) -> None:
        private_folder(self.folder.parent)
        private_folder(self.folder)
        files = [asdict(known[file]) for file in sorted(known)]
        write_private(self.folder / _RECORD, private_text({"files": files}))
