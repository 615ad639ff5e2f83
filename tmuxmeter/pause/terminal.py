"""A pane's terminal: its modes, and holding back what is written to it."""

from __future__ import annotations

import base64
import contextlib
import os
import select
import stat
import termios
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLAGS = ("input", "output", "control", "local", "in_speed", "out_speed")


@contextlib.contextmanager
def opened(tty: str, device: int) -> Iterator[int]:
    """Open a terminal without making it ours, and without waiting for it.

    Raises
    ------
    OSError
        It can't be opened, or is another one by now: the names of terminals are used again.
    """
    descriptor = os.open(tty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISCHR(found.st_mode) or (device and found.st_rdev != device):
            message = f"{tty} is another terminal now"
            raise OSError(message)
        yield descriptor
    finally:
        os.close(descriptor)


def device_of(tty: str) -> int:
    """Return a terminal's device number, 0 where there is none."""
    try:
        return os.stat(tty).st_rdev if tty else 0  # noqa: PTH116
    except OSError:
        return 0


def takes_output(descriptor: int) -> bool:
    """Tell whether a terminal would take a byte now; one whose output is held back doesn't."""
    _, ready, _ = select.select([], [descriptor], [], 0)
    return bool(ready)


def modes(descriptor: int) -> dict[str, Any]:
    """Return a terminal's modes as a record of a pause keeps them.

    Raises
    ------
    OSError
        It has none.
    """
    try:
        *flags, characters = termios.tcgetattr(descriptor)
    except termios.error as error:
        raise OSError(*error.args) from error
    codes = [code if isinstance(code, bytes) else bytes([code]) for code in characters]
    kept: dict[str, Any] = dict(zip(_FLAGS, flags, strict=True))
    # in canonical mode two of them are numbers: they are kept as the byte they are
    return kept | {"characters": base64.b64encode(b"".join(codes)).decode()}


def set_modes(descriptor: int, kept: dict[str, Any]) -> None:
    """Give a terminal modes that :func:`modes` returned.

    Raises
    ------
    OSError
        It takes none.
    ValueError
        These are none.
    """
    try:
        flags = [int(kept[name]) for name in _FLAGS]
        codes = [bytes([code]) for code in base64.b64decode(kept["characters"], validate=True)]
    except (KeyError, TypeError) as error:
        message = "no modes of a terminal"
        raise ValueError(message) from error
    numbers = () if flags[3] & termios.ICANON else (termios.VMIN, termios.VTIME)
    characters: list[Any] = [
        code[0] if number in numbers else code for number, code in enumerate(codes)
    ]
    attributes: list[Any] = [*flags, characters]
    try:
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    except termios.error as error:
        raise OSError(*error.args) from error
