"""The one small file that shell prompts read.

Line 1 is the epoch second until which the file holds. Line 2 is today's total. Every further line
is ``SERVER PID,PANE<tab>TEXT``: what a pane has spent. Pane ids repeat between tmux servers, so the
server's process id, which ``$TMUX`` holds as well, stands before them.
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


def prompt_file(lives: Mapping[int, Live], lease_s: int) -> str:
    """Return the file's text.

    Nothing an agent writes is in it: figures only, in ASCII.

    Parameters
    ----------
    lives : Mapping[int, Live]
        The live figures by the tmux server's process id; without any server, under the key 0.
    lease_s : int
        Epoch second until which the figures hold.
    """
    first = next(iter(lives.values()), None)
    total = (
        ""
        if first is None
        else money(first.cost_microdollars, first.unpriced_tokens or first.unmetered)
    )
    if first is not None and first.demo:
        total += " demo"
    lines = [str(lease_s), total]
    for pid, live in lives.items():
        lines.extend(f"{pid},{pane.pane}\t{pane_cost(pane)}" for pane in live.panes)
    return "\n".join(lines) + "\n"
