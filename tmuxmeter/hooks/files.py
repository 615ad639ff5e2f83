"""Settings files of others: read with care, replaced whole, never through a surprise."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tmuxmeter.hooks.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_BYTES: Final = 2 << 20
"""Settings are some kilobytes; larger ones are left alone."""


@dataclass(frozen=True, slots=True)
class Found:
    """A settings file as it is now.

    ``path`` is where it really is: behind a link, as dotfiles managers make them, its target.
    ``content`` is None where there is no file.
    """

    path: Path
    content: bytes | None
    mode: int = 0o600
    owner: tuple[int, int] = (-1, -1)

    @property
    def text(self) -> str:
        """The file's text, line ends and byte order mark as they are."""
        return (self.content or b"").decode()


def find(path: Path) -> Found:
    """Return a settings file.

    Raises
    ------
    SettingsError
        It must be left alone; the message says why.
    """
    try:
        real = path.resolve(strict=True)
    except FileNotFoundError:
        if path.is_symlink():
            msg = f"it is a link to {path.readlink()}, which isn't there"
            raise SettingsError(msg) from None
        return Found(path.parent.resolve() / path.name, None)
    except (OSError, RuntimeError) as error:
        msg = f"it can't be found: {getattr(error, 'strerror', None) or 'a loop of links'}"
        raise SettingsError(msg) from error
    try:
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        msg = f"it can't be read: {error.strerror}"
        raise SettingsError(msg) from error
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        msg = "it is no file"
        raise SettingsError(msg)
    with os.fdopen(descriptor, "rb") as file:
        if facts.st_size > LIMIT_BYTES:
            msg = f"it is too large ({facts.st_size >> 20} MB)"
            raise SettingsError(msg)
        content = file.read()
    if facts.st_uid != os.geteuid():
        msg = f"it belongs to user {facts.st_uid}"
        raise SettingsError(msg)
    if not facts.st_mode & 0o200 or not os.access(real.parent, os.W_OK):
        msg = "it is read-only"
        raise SettingsError(msg)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = f"line {line}: it is not UTF-8"
        raise SettingsError(msg) from error
    return Found(real, content, stat.S_IMODE(facts.st_mode), (facts.st_uid, facts.st_gid))


def replace(found: Found, content: bytes | None) -> None:
    """Replace a file whole, keeping mode and owner, or delete it.

    Raises
    ------
    SettingsError
        It changed since it was read.
    OSError
        It can't be written; it is as it was.
    """
    if content is None:
        _still(found)
        found.path.unlink(missing_ok=True)
        return
    draft = found.path.with_name(f".{found.path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if found.owner[1] not in (-1, os.fstat(file.fileno()).st_gid):
                os.fchown(file.fileno(), -1, found.owner[1])
            os.fchmod(file.fileno(), found.mode)
            file.flush()
            os.fsync(file.fileno())
        _still(found)
        draft.replace(found.path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _still(found: Found) -> None:
    """Make sure that the file is as it was read: agents write their settings at any moment.

    Raises
    ------
    SettingsError
        It isn't.
    """
    try:
        now = found.path.read_bytes()
    except FileNotFoundError:
        now = None
    if now != found.content:
        msg = "it was changed in this very moment; run the command again"
        raise SettingsError(msg)
