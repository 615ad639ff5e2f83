"""Pushing values into a tmux server so that its clients show them, for as few bytes as it can be.

Every ``set-option`` makes tmux draw every client's whole screen (13 to 30 KB each, measured with
3.3a). A hidden environment value costs nothing, and ``refresh-client -S`` then draws the status
line (about 250 bytes) and, only if a pane's border text changed, the borders (2 KB for four panes
on 200×50); nothing at all if no visible text changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.errors import TmuxError
from tmuxmeter.tmux.formats import LEASE, PREFIX
from tmuxmeter.tmux.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tmuxmeter.tmux.client import Tmux

LEASE_S = 30
"""Seconds for which values hold; renewed when less than half is left."""

REDRAW_EVERY_S = 0.25
"""No client is made to redraw more often."""

BYTES_PER_S = 3700
"""No client gets more bytes a second from redraws that a steady stream of pushes causes.

Of 4096 were up to 4160 seen over ten seconds: a redraw may cost more than the last one did.
"""

WEIGHED_AFTER_S = 0.02
"""A redraw stands in what a client was sent by then; one whose terminal is slow is corrected later.
"""

_UNMEASURED_BYTES = 4096
_STATUS_BYTES = 300  # colours and cursor moves around one status line
_BORDER_BYTES = 60  # the same around one pane's border text
_CELL_BYTES = 3  # one character in UTF-8
_ROW_BYTES = 13  # moving to a row and drawing one cell of a vertical border

_COST_FORMAT = (
    "#{?client_written,#{client_written},0} #{client_width} #{status} #{pane-border-status}"
    " #{P:#{pane_width} #{pane_height} #{pane_at_right} }|#{client_name}"
)
_ASK_COSTS = f"list-clients -F {quoted(_COST_FORMAT)}"
_NAME = re.compile(rf"{PREFIX}[A-Z0-9_]+")
_GONE_CLIENT = re.compile(r"(?:[^\n]*can't find client[^\n]*(?:\n|$))+")


def redraw_cost(facts: str) -> int:
    """Return the bytes that one redraw of status line and borders costs a client at the most.

    Parameters
    ----------
    facts : str
        Width, ``status``, ``pane-border-status``, then of each pane in front its width, its height
        and 1 if it stands at the right edge, where no border is.
    """
    width, status, border, *sizes = facts.split()
    lines = {"off": 0, "on": 1}.get(status) if not status.isdigit() else int(status)
    cost = (1 if lines is None else lines) * (int(width) * _CELL_BYTES + _STATUS_BYTES)
    if border != "off":
        cost += sum(int(w) * _CELL_BYTES + _BORDER_BYTES for w in sizes[::3])
        rows = zip(sizes[1::3], sizes[2::3], strict=True)
        cost += sum(int(h) * _ROW_BYTES for h, at_right in rows if at_right != "1")
    return cost


@dataclass(slots=True)
class _ClientState:
    """What a client is owed, and what redraws cost it.

    Attributes
    ----------
    owed : bool
        Whether there are values that it hasn't drawn yet.
    free_at : float
        Monotonic second from which it may redraw.
    drawn_at, counts_from : float
        When it was told to redraw last, and from when on that is paid for: later where the redraw
        before had cost more than was put down for it.
    charged : int
        Bytes put down for a redraw until it is known what it cost.
    written : int
        Bytes tmux had sent the client before its last redraw, 0: unknown.
    weighed : bool
        Whether it was asked since what the last redraw cost.
    """

    owed: bool
    free_at: float = 0.0
    drawn_at: float = 0.0
    counts_from: float = 0.0
    charged: int = _UNMEASURED_BYTES
    written: int = 0
    weighed: bool = True

    def redraw(self, facts: str | None, now: float) -> None:
        """Note a redraw: it is taken to cost what the last one did that drew anything."""
        self.owed, self.drawn_at, self.weighed = False, now, facts is None
        written, _, shape = (facts or "").partition(" ")
        if facts:
            last = self._cost(int(written), shape)
            self.charged = redraw_cost(shape) if last is None else last or self.charged
        self.written = int(written or 0)
        self.counts_from = max(now, self.free_at)
        self.free_at = self.counts_from + self.charged / BYTES_PER_S

    def weigh(self, facts: str) -> bool:
        """Put down what the last redraw cost; tell whether it is known to have drawn nothing."""
        self.weighed = True
        written, _, shape = facts.partition(" ")
        return self._cost(int(written), shape) == 0

    def look_at(self, free_at: float) -> float:
        """Return when to look again whether it may redraw, where nobody may before ``free_at``."""
        free_at = max(free_at, self.free_at)
        return free_at if self.weighed else min(free_at, self.drawn_at + WEIGHED_AFTER_S)

    def _cost(self, written: int, shape: str) -> int | None:
        """Return the last redraw's bytes and correct the time it blocks; None if tmux can't tell.

        It was no more than what a redraw can cost, and than all that was sent since.
        """
        sent = written - self.written
        if not self.written or sent < 0:
            return None
        cost = min(redraw_cost(shape), sent)
        self.free_at = self.counts_from + cost / BYTES_PER_S
        return cost


class Pusher:
    """Keeps one tmux server showing the newest values.

    Times are passed in: ``now`` is monotonic seconds, ``epoch`` is epoch seconds.
    A server that was restarted needs a new pusher.

    Parameters
    ----------
    tmux : Tmux
        The server.
    lease_s : int
        Seconds for which the values hold when nobody renews them.
    """

    def __init__(self, tmux: Tmux, lease_s: int = LEASE_S) -> None:
        self._tmux = tmux
        self._lease_s = lease_s
        self._lease_until = 0
        # None: not yet known what an earlier watcher left in the server.
        self._sent: dict[str, str] | None = None
        self._clients: dict[str, _ClientState] = {}
        self._free_at = 0.0

    def push(
        self, values: Mapping[str, str], clients: Iterable[str], now: float, epoch: float
    ) -> float | None:
        """Send what changed, as far as the clients' budgets allow, in one tmux call or none.

        Parameters
        ----------
        values : Mapping[str, str]
            Every value by its variable's name, as it shall stand from now on.
        clients : Iterable[str]
            Names of the attached clients that draw a status line (not the control clients).

        Returns
        -------
        float or None
            The monotonic time from which another call sends what had to wait; None if nothing does.

        Raises
        ------
        TmuxError
            If the server is gone or refuses. A client that left in the meantime is no error.
        """
        sent = self._known()
        changed = {name: text for name, text in values.items() if sent.get(name) != text}
        dropped = sent.keys() - values.keys()
        lapsed = self._lease_until <= epoch
        self._owe(clients, anew=bool(changed or dropped or lapsed))
        self._weigh(now)
        due = [name for name, state in self._clients.items() if state.owed and state.free_at <= now]
        waits = not due and any(state.owed for state in self._clients.values())
        # Without a client to wait for, values are still worth no more than four calls a second.
        if (changed or dropped or due) and not waits and now >= self._free_at:
            self._send(changed, dropped, due, now, epoch)
        elif self._lease_ends(epoch):
            self._send({}, set(), [], now, epoch)
        return self._next_time(now, values)

    def clear(self, clients: Iterable[str] = ()) -> None:
        """Take every value out of the server and let the clients forget them.

        Raises
        ------
        TmuxError
            If the server is gone or refuses.
        """
        self._sent = None
        names = self._known().keys() | {LEASE}
        lines = [f"set-environment -ghu {name}" for name in sorted(names)]
        self._run([*lines, *(_refresh(name) for name in clients)])
        self._sent, self._lease_until = {}, 0
        self._clients.clear()

    def _known(self) -> dict[str, str]:
        """Return what the server holds; asked once, because an earlier watcher may have died."""
        if self._sent is None:
            self._sent = {}
            for line in self._tmux.run(["show-environment", "-gh"]).splitlines():
                name, equals, text = line.partition("=")
                if equals and _NAME.fullmatch(name) and name != LEASE:
                    self._sent[name] = text
        return self._sent

    def _owe(self, clients: Iterable[str], *, anew: bool) -> None:
        known = self._clients
        # A client seen for the first time may have drawn itself just before the last push.
        self._clients = {name: known.get(name) or _ClientState(owed=True) for name in clients}
        if anew:
            for state in self._clients.values():
                state.owed = True

    def _lease_ends(self, epoch: float) -> bool:
        """Tell whether to renew the lease; one far ahead is from before the clock was set back."""
        return not self._lease_s / 2 < self._lease_until - epoch <= self._lease_s

    def _weigh(self, now: float) -> None:
        """Ask what the last redraw cost those who wait for it.

        Values that no format in view shows draw nothing: nobody has to wait for them.
        """
        waiting = {
            name: state
            for name, state in self._clients.items()
            if state.owed
            and not state.weighed
            and state.look_at(self._free_at) <= now < max(state.free_at, self._free_at)
        }
        if not waiting:
            return
        costs = _costs(self._run([_ASK_COSTS]))
        unseen = [waiting[name].weigh(facts) for name, facts in costs.items() if name in waiting]
        if len(unseen) == len(self._clients) and all(unseen):
            self._free_at = now

    def _send(
        self,
        changed: Mapping[str, str],
        dropped: Iterable[str],
        due: list[str],
        now: float,
        epoch: float,
    ) -> None:
        lines = [f"set-environment -gh {name} {quoted(text)}" for name, text in changed.items()]
        lines += [f"set-environment -ghu {name}" for name in sorted(dropped)]
        lease = self._lease_until
        if self._lease_ends(epoch):
            lease = int(epoch) + self._lease_s
            lines.append(f"set-environment -gh {LEASE} {lease}")
        lines += [_refresh(name) for name in due]
        if due:
            # Answers what the next redraw of each client may cost, without a call of its own.
            lines.append(_ASK_COSTS)
        answer = self._run(lines)
        sent = self._known()
        sent.update(changed)
        for name in dropped:
            sent.pop(name, None)
        self._lease_until = lease
        if changed or dropped or due:
            # a lease alone draws nothing, so figures needn't wait for it
            self._free_at = now + REDRAW_EVERY_S
        costs = _costs(answer)
        for name in due:
            self._clients[name].redraw(costs.get(name), now)

    def _run(self, lines: list[str]) -> str:
        try:
            return self._tmux.source(lines)
        except TmuxError as error:
            if _GONE_CLIENT.fullmatch(str(error)):
                return ""
            self._sent = None
            raise

    def _next_time(self, now: float, values: Mapping[str, str]) -> float | None:
        owed = [state.look_at(self._free_at) for state in self._clients.values() if state.owed]
        if owed:
            return max(now, min(owed))
        return max(now, self._free_at) if self._known() != values else None


def _costs(answer: str) -> dict[str, str]:
    """Return by client what tmux answered to ``_ASK_COSTS``."""
    lines = (line.partition("|") for line in answer.splitlines())
    return {name: facts for facts, _, name in lines}


def _refresh(client: str) -> str:
    return f"refresh-client -S -t {quoted(client)}"
