"""Small private files: written whole or not at all, for their owner alone, never through links."""

from __future__ import annotations

import json
import os
import secrets
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIMIT_BYTES = 1 << 20
"""More than anything we write; a file that grew beyond it is not ours any more."""


def private_text(value: Mapping[str, object]) -> str:
    """Return a value as the text of a file, readable for people who have to repair it."""
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"


def write_private(path: Path, text: str) -> None:
    """Write a file that appears whole; what stood there, a link too, is replaced, not followed.

    Raises
    ------
    OSError
        It can't be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_private(path: Path) -> str:
    """Return what a file of ours holds.

    Raises
    ------
    OSError
        It can't be read, or is a link.
    ValueError
        It is no file, belongs to somebody else, is too large or no text.
    """
    # O_NONBLOCK: a pipe put in its place must not hold us
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            msg = "it is no file"
            raise ValueError(msg)
        if found.st_uid != os.geteuid():
            msg = f"it belongs to user {found.st_uid}"
            raise ValueError(msg)
        text = file.read(LIMIT_BYTES + 1)
    if len(text) > LIMIT_BYTES:
        msg = "it is too large"
        raise ValueError(msg)
    return text.decode()
