"""The one small file that shell prompts read.

Line 1 is the epoch second until which the file holds. Line 2 is today's total. Every further line
is ``SOCKET,SERVER PID,PANE<tab>TEXT``: what a pane has spent, under the key that ``$TMUX`` up to
its last comma and ``$TMUX_PANE`` make, because pane ids repeat between servers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.status.segments import pane_cost
from tmuxmeter.status.text import money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.reports.live import Live

PROMPT_FILE = "prompt"
"""Its name in the runtime folder."""


def prompt_file(lives: Mapping[tuple[str, int], Live], lease_s: int) -> str:
    """Return the file's text.

    Nothing an agent writes is in it: figures only. It is plain text; the snippets escape it for
    their shell.

    Parameters
    ----------
    lives : Mapping[tuple[str, int], Live]
        The live figures by tmux server (socket path, process id). Without a server, use the key
        ``("", 0)``.
    lease_s : int
        Epoch second until which the figures hold.
    """
    first = next(iter(lives.values()), None)
    total = "" if first is None else money(first.cost_microdollars, first.unpriced_tokens)
    if first is not None and first.demo:
        total += " demo"
    lines = [str(lease_s), total]
    for (socket, pid), live in lives.items():
        if "\n" in socket or "\t" in socket:
            continue
        lines.extend(f"{socket},{pid},{pane.pane}\t{pane_cost(pane)}" for pane in live.panes)
    return "\n".join(lines) + "\n"
