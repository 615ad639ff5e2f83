"""Words of a tmux command line."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x01-\x1f\x7f]")


def quoted(text: str) -> str:
    """Return one word of a tmux command line that tmux reads back as ``text``.

    Between single quotes tmux takes everything as it is: no ``$``, no ``~``, no backslash, no
    ``%if``. Quotes and control characters stand outside them, escaped. A NUL, which nothing in
    tmux can hold, is left out.
    """
    inside = text.replace("\0", "").replace("'", "'\\''")
    return "'" + _CONTROL.sub(lambda found: f"'\"\\{ord(found[0]):03o}\"'", inside) + "'"
