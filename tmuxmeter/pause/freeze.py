"""Which way of freezing is clean for an agent, by how it was started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.errors import PauseError
from tmuxmeter.pause import flow, launch, subtree, suspend
from tmuxmeter.pause.marks import STOPPED, Mark, running
from tmuxmeter.pause.method import Done, Note, UnguardedError
from tmuxmeter.pause.target import IDLE, WAITING

if TYPE_CHECKING:
    from tmuxmeter.pause.means import Means
    from tmuxmeter.pause.target import Target

WOULD_WORK = "started with `tmuxmeter run -- {agent}` it could be frozen anywhere"


def freeze(
    means: Means, target: Target, pane_tty: str, note: Note, *, whole_daemon: bool = False
) -> Done:
    """Freeze an agent, or refuse and say what would work.

    Raises
    ------
    PauseError
        No way is clean, or the one there is failed; the agent goes on.
    UnguardedError
        It takes a watcher.
    """
    if target.daemon is not None:
        number = target.daemon.pid
        if not whole_daemon:
            message = (
                f"its turns run in a daemon shared by all panes (process {number}): stopping this"
                " pane stops nothing; `--how freeze --daemon` stops all of them"
            )
            raise PauseError(message)
        done = subtree.freeze_tree(means, target.daemon, note, subtree.DAEMON)
        seen = f"shared daemon {number} and with it ALL {target.agent} panes stopped ({done.seen})"
        return done._replace(seen=seen)
    means.table.scan()
    core = running(means.table.source, Mark.of(target.core))
    if core is None:
        message = "it has just ended"
        raise PauseError(message)
    if not means.table.source.is_ours(core.pid):
        message = "it runs as another user"
        raise PauseError(message)
    if core.state in STOPPED:
        message = "it is stopped already, by its shell or by somebody else"
        raise PauseError(message)
    how = launch.launch_of(means.table, core, target.ref.pid)
    if how.kind == launch.AWAY:
        message = "it isn't below its pane's process, and nothing else is ever stopped"
        raise PauseError(message)
    if how.kind in (launch.WRAPPED, launch.PIPED):
        return subtree.freeze_tree(means, core, note)
    return _freeze_noticed(means, target, how, pane_tty, note)


def _freeze_noticed(
    means: Means, target: Target, how: launch.Launch, pane_tty: str, note: Note
) -> Done:
    """Freeze an agent whose parent would notice a stop."""
    reason = ""
    if target.agent in flow.HELD:
        if means.watched:
            try:
                busy = target.state not in (IDLE, WAITING)
                return flow.hold_output(means, how.core, pane_tty, note, busy=busy)
            except PauseError as error:
                reason = f"{error}; "
        elif how.kind == launch.PANE:
            message = (
                "holding its terminal takes a watcher, which lets it go if the agent ends:"
                " `tmuxmeter up` starts one"
            )
            raise UnguardedError(message)
    if how.kind == launch.JOB and how.parent is not None:
        tmux = means.tmux(target.ref.socket)
        return suspend.suspend(means, how.core, how.parent, tmux, target.ref.pane, pane_tty, note)
    advice = WOULD_WORK.format(agent=target.agent)
    message = f"{reason}as its pane's own process it would be continued at once; {advice}"
    raise PauseError(message)
