"""Processes whose end is heard at once, rather than at the next look."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tmuxmeter.panes.picture import Picture

LIMIT = 400
"""Processes that are listened to at most: each takes a descriptor, and most systems give 1024."""


class Exits:
    """Listens for the end of processes by Linux' process descriptors (5.3); elsewhere to none.

    Nothing runs while nothing ends, and a number that another process has got means nothing here.
    """

    def __init__(self) -> None:
        self._poll = select.epoll() if _can_listen() else None
        self._descriptors: dict[int, int] = {}
        # A process nobody waits for stays listed, and would be heard again and again.
        self._heard: set[int] = set()

    def close(self) -> None:
        """Listen to none any more."""
        self.listen(())
        if self._poll is not None:
            self._poll.close()

    def descriptors(self) -> list[int]:
        """Return what becomes readable when one :meth:`ended`."""
        return [] if self._poll is None else [self._poll.fileno()]

    def listen(self, pids: Iterable[int]) -> None:
        """Listen to these processes, to the first :data:`LIMIT` of them, and to no others."""
        if self._poll is None:
            return
        wanted = list(dict.fromkeys(pids))[:LIMIT]
        for pid in self._descriptors.keys() - wanted:
            self._forget(pid)
        self._heard.intersection_update(wanted)
        for pid in wanted:
            if pid in self._descriptors or pid in self._heard:
                continue
            try:
                descriptor = os.pidfd_open(pid)
            except OSError:
                continue  # gone already, as the next look sees, or there is no descriptor left
            self._descriptors[pid] = descriptor
            self._poll.register(descriptor, select.EPOLLIN)

    def ended(self) -> bool:
        """Tell whether any of them ended since the last call."""
        if self._poll is None:
            return False
        readable = {descriptor for descriptor, _ in self._poll.poll(0)}
        for pid in [p for p, descriptor in self._descriptors.items() if descriptor in readable]:
            self._forget(pid)
            self._heard.add(pid)
        return bool(readable)

    def _forget(self, pid: int) -> None:
        assert self._poll is not None
        descriptor = self._descriptors.pop(pid)
        self._poll.unregister(descriptor)
        os.close(descriptor)


def whose_end_matters(picture: Picture) -> list[int]:
    """Return the servers' processes, the agents' and those that tmux started in panes."""
    pids = [server.server_pid for server in picture.servers]
    agents = [agent for pane in picture.panes for agent in (pane.main, *pane.others)]
    pids += [agent.pid for agent in (*agents, *picture.outside, *picture.without_pane) if agent]
    pids += [pane.pane.pid for pane in picture.panes]
    return [pid for pid in pids if pid > 0]


def _can_listen() -> bool:
    if not hasattr(os, "pidfd_open") or not hasattr(select, "epoll"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True
