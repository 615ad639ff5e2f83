"""Small private files that others read at any moment: replaced whole, never half-written.

And files that others write: telling when they change.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def replace_private(path: Path, text: str) -> bool:
    """Replace a file's text, readable by its owner only; False if the disk refuses.

    A full disk is no reason to stop metering: these files only tell others how it goes.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        return False
    return True


def mark(path: Path) -> tuple[int, int]:
    """Return what changes when a file does; zeros where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return (0, 0)
    return facts.st_mtime_ns, facts.st_size
