"""Pausing an agent in the first way that works, and letting it go on."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tmuxmeter.errors import FolderError, PauseError, TmuxError, TmuxSilentError
from tmuxmeter.panes.evidence import START_SLACK_MS
from tmuxmeter.pause import flow, interrupt, look, subtree, suspend
from tmuxmeter.pause.freeze import freeze
from tmuxmeter.pause.keys import set_input
from tmuxmeter.pause.marks import Mark, running
from tmuxmeter.pause.method import Done, LookLeftError, UnguardedError
from tmuxmeter.pause.pane import PaneFacts, look_at, same_pane
from tmuxmeter.pause.records import FREEZE, HOLD, INTERRUPT, RESUMING, WAYS, Pause, new_id
from tmuxmeter.pause.target import IDLE, WORKING

if TYPE_CHECKING:
    from tmuxmeter.pause.means import Means
    from tmuxmeter.pause.target import Target
    from tmuxmeter.tmux.client import Tmux

PLANNED = "planned"
"""The method of a pause that was written down and not begun: there is nothing to undo yet."""
HOLD_METHOD = "hold"
LOOK_LEFT = "it goes on, but its tmux server doesn't answer: its pane looks paused until it does"


def pause(
    means: Means,
    target: Target,
    how: str | None,
    who: str,
    now_ms: int,
    *,
    whole_daemon: bool = False,
) -> Pause:
    """Pause an agent: hold, else freeze, else interrupt it; the first that works wins.

    Parameters
    ----------
    how : str or None
        One of :data:`~tmuxmeter.pause.records.WAYS` to try nothing else.
    who : str
        Who pauses, as people read it.
    whole_daemon : bool
        Freezing may stop the daemon that other panes' agents share.

    Returns
    -------
    Pause
        As it was written down: what was done, and what was seen of it.

    Raises
    ------
    PauseError
        No way works; each is told with its reason. The agent goes on.
    TmuxError
        The pane is gone, or its server doesn't answer.
    FolderError, OSError
        It can't be written down, so nothing was done.
    """
    reasons = []
    spared = False
    for way in [how] if how else WAYS:
        if way == INTERRUPT and spared:
            break
        try:
            return _pause(means, target, way, who, now_ms, whole_daemon=whole_daemon)
        except PauseError as error:
            reasons.append(f"{way}: {error}")
            # an interrupt costs the turn, and one command makes this way work
            spared = spared or isinstance(error, UnguardedError)
    raise PauseError("; ".join(reasons))


def _pause(
    means: Means, target: Target, way: str, who: str, now_ms: int, *, whole_daemon: bool
) -> Pause:
    ref = target.ref
    tmux = means.tmux(ref.socket)
    pane = same_pane(tmux, ref.pane, ref.server_pid, ref.pid)
    record = Pause(
        id=new_id(),
        agent=target.agent,
        session=target.session,
        socket=ref.socket,
        server_pid=ref.server_pid,
        server_started=ref.server_started,
        pane_id=ref.pane,
        pane_pid=ref.pid,
        pane_pid_start=ref.pid_start,
        pid=target.core.pid,
        pid_start=target.core.start,
        since_ms=now_ms,
        who=who,
        way=way,
        method=PLANNED,
        seen="",
        undo={"input_before": "off" if pane.input_off else "on"},
        state=target.state,
    )
    means.store.add(record)

    def note(method: str, undo: dict[str, Any]) -> None:
        nonlocal record
        record = replace(record, method=method, undo=dict(record.undo) | undo)
        means.store.replace(record)

    try:
        done = _act(means, target, way, pane, note, who, now_ms, whole_daemon=whole_daemon)
        # what ended between the command's begin and this was no request of a paused agent
        record = replace(record, since_ms=max(now_ms, time.time_ns() // 1_000_000))
        note(done.method, done.undo)
        before = look.dim(tmux, ref.pane)
        if len(means.store.of_pane(ref.socket, ref.server_pid, ref.pane)) == 1:
            before = look.own(before)
        note(done.method, {"look": before})
    except BaseException:
        with contextlib.suppress(PauseError, TmuxError):
            undo(means, record)
        means.store.remove(record.id)
        raise
    record = replace(record, seen=done.seen + _last_request(target, record))
    means.store.replace(record)
    return record


def _last_request(target: Target, record: Pause) -> str:
    if record.way != HOLD or not target.last_request_ms:
        return ""
    ago = max(0, record.since_ms - target.last_request_ms) / 1000
    return f"; last request ended {_duration(ago)} ago"


def _act(
    means: Means,
    target: Target,
    way: str,
    pane: PaneFacts,
    note: Any,
    who: str,
    now_ms: int,
    *,
    whole_daemon: bool,
) -> Done:
    if way == HOLD:
        return _hold(means, target, note, who, now_ms)
    if way == FREEZE:
        return freeze(means, target, pane.tty, note, whole_daemon=whole_daemon)
    if way == INTERRUPT:
        return interrupt.interrupt(means, target, pane.tty, note)
    message = f"{way!r} is no way to pause"
    raise PauseError(message)


def _hold(means: Means, target: Target, note: Any, who: str, now_ms: int) -> Done:
    """Set the flag that the agent's own hook waits on.

    Raises
    ------
    PauseError
        Nothing would wait on it.
    UnguardedError
        It takes a watcher.
    """
    since = means.hooks_since(target.agent, target.settings)
    if since is None and target.agent not in means.hookable:
        message = "it has no hooks that could hold it"
        raise PauseError(message)
    if since is None:
        message = f"its hooks aren't installed (`tmuxmeter hooks install {target.agent}`)"
        raise PauseError(message)
    if _is_older(target, since):
        message = "it was started before its hooks were installed: start it anew"
        raise PauseError(message)
    if not target.session:
        message = "which session it runs can't be told, and flags are by session"
        raise PauseError(message)
    if not means.watched:
        message = "holding takes a watcher, without one the hook lets go: `tmuxmeter up` starts one"
        raise UnguardedError(message)
    note(HOLD_METHOD, {})
    try:
        means.flags.set(target.agent, target.session, who, now_ms)
    except FolderError as error:
        raise PauseError(str(error)) from error
    except OSError as error:
        message = f"its flag can't be set: {error.strerror or error}"
        raise PauseError(message) from error
    if means.flags.get(target.agent, target.session) is None:
        message = f"its flag in {means.flags.folder} can't be read back"
        raise PauseError(message)
    seen = {
        WORKING: "held at next tool call",
        IDLE: "held: its next prompt is not sent",
    }.get(target.state, "held at next tool call or prompt")
    return Done(HOLD_METHOD, seen, {})


def _is_older(target: Target, since_ms: int) -> bool:
    """Tell whether an agent was started before its hooks were there, so that it runs none."""
    if target.hooked:
        return False
    return bool(target.started_ms) and target.started_ms + START_SLACK_MS < since_ms


def follow(means: Means, record: Pause, session: str, now_ms: int) -> Pause:
    """Go on holding an agent that has left its session for another (``/clear``, ``/resume``).

    Flags are by session: without this the new one would run free. The way it was paused stays;
    what is no hold, or has no new session, is returned as it is.

    Raises
    ------
    FolderError, OSError
        The flag or the record can't be written; the old ones are still in force.
    """
    if not session or session == record.session:
        return record
    moved = replace(record, session=session)
    if record.method == HOLD_METHOD:
        means.flags.set(record.agent, session, record.who, now_ms)
    means.store.replace(moved)
    if record.method == HOLD_METHOD:
        means.flags.clear(record.agent, record.session)
    return moved


def resume(means: Means, record: Pause) -> str:
    """Let a paused agent go on exactly where it was; return what was seen.

    Raises
    ------
    PauseError
        It doesn't go on; what to do is told, and the pause stays written down.
    OSError
        Its record or its flag can't be removed.
    """
    # what it spends from here on is no leak, though its record is there for a moment longer
    with contextlib.suppress(OSError, FolderError):
        means.store.replace(replace(record, undo=dict(record.undo) | {RESUMING: True}))
    try:
        seen = undo(means, record)
    except LookLeftError:
        raise
    except BaseException:
        with contextlib.suppress(OSError, FolderError):
            means.store.replace(record)
        raise
    means.store.remove(record.id)
    return seen


def undo(means: Means, record: Pause) -> str:
    """Undo a pause as far as its record tells what was done; return what was seen.

    Raises
    ------
    PauseError
        The agent doesn't go on; what to do is told.
    """
    tmux = means.tmux(record.socket)
    silent = False
    try:
        facts = _pane_now(tmux, record)
    except TmuxSilentError:
        facts, silent = None, True
    there = facts is not None and facts.pid == record.pane_pid and not facts.dead
    core = Mark(record.pid, record.pid_start)
    seen = "goes on"
    if record.method == HOLD_METHOD:
        means.flags.clear(record.agent, record.session)
    elif record.method in (subtree.METHOD, subtree.DAEMON):
        seen = subtree.thaw_tree(means, core, record.undo)
    elif record.method == flow.METHOD:
        seen = flow.release_output(means, record.undo)
    elif record.method == suspend.METHOD:
        if there:
            seen = suspend.come_back(means, core, tmux, record.pane_id, record.undo)
        elif running(means.table.source, Mark(record.pane_pid, record.pane_pid_start)):
            message = "its tmux server doesn't answer, and its shell has to bring it back"
            raise PauseError(message)
        else:
            subtree.thaw_tree(means, core, record.undo)
    elif record.method in (interrupt.METHOD, interrupt.INPUT):
        seen = "takes prompts again"
    if silent and running(means.table.source, Mark(record.pane_pid, record.pane_pid_start)):
        # forgotten now, the pane would never have its own look again
        raise LookLeftError(LOOK_LEFT)
    if facts is not None:
        # also where it runs something else by now: look and input are the pane's
        with contextlib.suppress(TmuxError):
            _restore_pane(means, record)
    if running(means.table.source, core) is None:
        seen = "had ended meanwhile"
    return seen


def _pane_now(tmux: Tmux, record: Pause) -> PaneFacts | None:
    """Return the pane of a pause, whatever runs in it; None if it is gone.

    Raises
    ------
    TmuxSilentError
        Its server is there and doesn't answer.
    """
    try:
        facts = look_at(tmux, record.pane_id)
    except TmuxSilentError:
        raise
    except TmuxError:
        return None
    server = facts.server_pid, facts.server_started, facts.pane_id
    wanted = record.server_pid, record.server_started, record.pane_id
    return facts if server == wanted else None


def _restore_pane(means: Means, record: Pause) -> None:
    """Give a pane back the look and the input it had."""
    tmux = means.tmux(record.socket)
    before = record.undo.get("look")
    if isinstance(before, dict):
        look.undim(tmux, record.pane_id, before)
    if record.method in (suspend.METHOD, interrupt.METHOD, interrupt.INPUT):
        set_input(tmux, record.pane_id, on=record.undo.get("input_before") != "off")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.0f} h"
