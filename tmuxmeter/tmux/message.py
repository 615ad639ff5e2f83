"""A message on the screen of a tmux server's clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.tmux.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tmuxmeter.tmux.client import Tmux

SHOWN_MS = 6_000
"""How long a message stands in the status line; a key takes it away."""


def show_message(tmux: Tmux, text: str, clients: Iterable[str]) -> None:
    """Show one line to some clients. tmux expands nothing in it.

    Of a client that has left nothing is said.

    Raises
    ------
    TmuxError
        If the server is gone or refuses.
    """
    # formats and the time's conversions (%H) are escaped by doubling; styles too ("#[")
    plain = quoted(text.replace("#", "##").replace("%", "%%"))
    tmux.source(f"display-message -c {quoted(client)} -d {SHOWN_MS} {plain}" for client in clients)
