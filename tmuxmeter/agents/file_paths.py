"""Files as agents name them in their tools' arguments."""

from __future__ import annotations


def absolute(path: str, cwd: str) -> str:
    """Return a file below the agent's folder in full, as it is where the folder isn't known."""
    if not cwd or path.startswith(("/", "~", "\\")) or path[1:2] == ":":
        return path
    return f"{cwd}/{path.removeprefix('./')}"
