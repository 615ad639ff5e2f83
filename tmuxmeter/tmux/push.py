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
    from collections.abc import Collection, Iterable, Mapping

    from tmuxmeter.tmux.client import Tmux

LEASE_S = 30
"""Seconds for which values hold; renewed when less than half is left."""

REDRAW_EVERY_S = 0.25
"""No client is made to redraw more often."""

BYTES_PER_S = 3700
"""No client gets more bytes a second from redraws that a steady stream of pushes causes.

Of 4096 were up to 4160 seen over ten seconds: a redraw may cost more than the last one did.
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

    ``free_at`` is the monotonic second from which it may redraw. ``written`` are the bytes tmux had
    sent it before its last redraw, 0: unknown; ``charged`` are those put down for that redraw.
    """

    owed: bool
    free_at: float = 0.0
    written: int = 0
    charged: int = _UNMEASURED_BYTES

    def redraw(self, facts: str, now: float) -> None:
        """Note a redraw and how long the next one has to wait for it.

        What the last one cost is known by now: no more than it may have cost at the most, and than
        all that was sent since. This one is taken to cost the same; where too little was put down
        for the last one, that is made up for.
        """
        written, _, shape = facts.partition(" ")
        most, sent = redraw_cost(shape), int(written) - self.written
        if self.written and sent >= 0:
            last = min(most, sent)
            self.charged = last + max(0, last - self.charged)
        else:
            self.charged = most
        self.written = int(written)
        self.free_at = now + self.charged / BYTES_PER_S


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
            lines.append(f"list-clients -F {quoted(_COST_FORMAT)}")
        answer = self._run(lines)
        sent = self._known()
        sent.update(changed)
        for name in dropped:
            sent.pop(name, None)
        self._lease_until = lease
        if changed or dropped or due:
            # a lease alone draws nothing, so figures needn't wait for it
            self._free_at = now + REDRAW_EVERY_S
        for name in due:
            state = self._clients[name]
            state.owed = False
            state.free_at = now + state.charged / BYTES_PER_S
        self._measure(answer, due, now)

    def _run(self, lines: list[str]) -> str:
        try:
            return self._tmux.source(lines)
        except TmuxError as error:
            if _GONE_CLIENT.fullmatch(str(error)):
                return ""
            self._sent = None
            raise

    def _measure(self, answer: str, due: Collection[str], now: float) -> None:
        for line in answer.splitlines():
            facts, _, name = line.partition("|")
            if name in due:
                self._clients[name].redraw(facts, now)

    def _next_time(self, now: float, values: Mapping[str, str]) -> float | None:
        owed = [state.free_at for state in self._clients.values() if state.owed]
        if owed:
            return max(now, self._free_at, min(owed))
        return max(now, self._free_at) if self._known() != values else None


def _refresh(client: str) -> str:
    return f"refresh-client -S -t {quoted(client)}"
