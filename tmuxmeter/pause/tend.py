"""Looking after what is paused: nothing stays held that nobody could let go any more."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.errors import PaneGoneError, PauseError, TmuxError
from tmuxmeter.pause import subtree, suspend, ways
from tmuxmeter.pause.marks import STOPPED, Mark, running
from tmuxmeter.pause.method import LookLeftError
from tmuxmeter.pause.pane import look_at
from tmuxmeter.pause.records import HOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.panes.processes import Source
    from tmuxmeter.pause.hold import HoldFlags
    from tmuxmeter.pause.means import Means
    from tmuxmeter.pause.records import Pause

logger = logging.getLogger(__name__)

FLAG_GONE = "its flag is gone: its hook lets go where no watcher runs"
GRACE_MS = 15_000
"""A pause this young may still be in the making by another program."""


class Ended(NamedTuple):
    """A pause that is over without anybody having resumed it, and why."""

    pause: Pause
    why: str


def tend(means: Means, pauses: Sequence[Pause], now_ms: int) -> list[Ended]:
    """End the pauses that hold nothing any more, and clear flags that belong to none.

    To be called now and then by whoever runs all the time, at its start too. Never raises for a
    tmux server that doesn't answer, or a file that can't be removed: they are left as they are.
    """
    ended = []
    for pause in pauses:
        try:
            with means.store.alone(pause.socket, pause.pane_id, 0):
                # who resumes it first takes its flag away, then its record
                known = means.store.fresh(pause)
                why = end_if_over(means, known, now_ms) if known else ""
        except PauseError:
            continue  # somebody is at it
        except OSError as error:
            # a disk that is read-only for now: the next look tries again
            logger.warning("the pause of %s can't be ended: %s", pause.pane_id, error)
            continue
        if why:
            ended.append(Ended(pause, why))
    _clear_stale_flags(means, now_ms)
    return ended


def end_if_over(means: Means, pause: Pause, now_ms: int) -> str:
    """End a pause that holds nothing any more; return why, "" for one that is in force.

    Raises
    ------
    OSError
        Its record or its flag can't be removed.
    """
    why = _over(means, pause, now_ms)
    if why:
        # what can't be brought back has ended by itself, or a person was told what to do
        try:
            ways.undo(means, pause)
        except LookLeftError:
            return ""  # the next look tries again
        except (PauseError, TmuxError):
            pass
        means.store.remove(pause.id)
    return why


def _over(means: Means, pause: Pause, now_ms: int) -> str:
    source = means.table.source
    if now_ms - pause.since_ms < GRACE_MS and not pause.seen:
        return ""
    if not pause.seen:
        return "it was never finished"
    with contextlib.suppress(TmuxError):
        try:
            facts = look_at(means.tmux(pause.socket), pause.pane_id)
        except PaneGoneError:
            # its processes end one after the other, and may go on for a moment before they do
            return "its pane was closed"
        if (facts.server_pid, facts.pid) != (pause.server_pid, pause.pane_pid):
            return "its pane runs something else"
    return goes_on(source, means.flags, pause)


def goes_on(source: Source, flags: HoldFlags, pause: Pause) -> str:
    """Return why a pause holds nobody any more, "" if it does, as far as processes tell."""
    if running(source, Mark(pause.pane_pid, pause.pane_pid_start)) is None:
        return "its pane was closed"
    core = running(source, Mark(pause.pid, pause.pid_start))
    if core is None:
        return "its agent has ended"
    if pause.method in (subtree.METHOD, suspend.METHOD) and core.state not in STOPPED:
        return "somebody else let it go on"
    if pause.way == HOLD and flags.get(pause.agent, pause.session) is None:
        return FLAG_GONE
    return ""


def _clear_stale_flags(means: Means, now_ms: int) -> None:
    held = {(pause.agent, pause.session) for pause in means.store.all() if pause.way == HOLD}
    for flag in means.flags.active():
        if (flag.agent, flag.session) not in held and now_ms - flag.since_ms > GRACE_MS:
            with contextlib.suppress(OSError):
                means.flags.clear(flag.agent, flag.session)
