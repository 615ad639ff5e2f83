"""Reads agents' own logs of their processes, where nothing better tells who began a session.

Such a log belongs to the agent and is its internal matter: it is opened read-only, nothing is ever
locked, and one that is absent, broken or of another form says nothing. It is asked about single
moments only, a few times each, and only while a moment's answer decides something.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from tmuxmeter.panes.folders import real_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tmuxmeter.agents.base import Agent, Began, ProcessLog, Root

BEFORE_MS, AFTER_MS = 5_000, 15_000
"""How much of the log around a moment is looked at."""
AGAIN_MS = 5_000
"""How soon it is looked at again when it didn't tell."""
SETTLED_MS = 60_000
"""What happened this long ago is written, or never will be."""
MOST_MOMENTS = 4
"""So many moments are looked at at once, the latest first; the others have their turn next."""
MOST_STEPS = 20
"""Limit of work on one look, in steps of 100 000 SQLite instructions (measured: 25 ms each)."""
MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Question:
    """What began about this time? ``account`` is the log folder in question, "" if not known."""

    agent: str
    account: str
    time_ms: int


class ProcessLogs:
    """What agents' own logs have told so far.

    Parameters
    ----------
    agents : sequence of Agent
        The agents; those without such a log are never asked.
    """

    def __init__(self, agents: Sequence[Agent]) -> None:
        self._logs = {agent.name: log for agent in agents if (log := agent.process_log())}
        self._asked: dict[tuple[Question, str], int] = {}
        self._told: dict[tuple[str, int, str], Began] = {}

    @property
    def agents(self) -> frozenset[str]:
        """Names of the agents that have such a log."""
        return frozenset(self._logs)

    def told(self, agent: str) -> list[Began]:
        """Return everything an agent's logs have told."""
        return [began for (name, _, _), began in self._told.items() if name == agent]

    def forget_but(self, pids: Iterable[int]) -> None:
        """Forget all processes but these."""
        keep = set(pids)
        self._told = {key: began for key, began in self._told.items() if key[1] in keep}

    def ask(self, questions: Iterable[Question], roots: Iterable[Root], now_ms: int) -> bool:
        """Look for answers to what may be answered by now; tell whether there is anything new."""
        folders: dict[str, dict[str, Root]] = {}
        for root in roots:
            if root.agent in self._logs and not root.needs:
                folders.setdefault(root.agent, {})[real_path(str(root.path))] = root
        open_now = set()
        due: dict[tuple[str, str], list[Question]] = {}
        for question in questions:
            log = self._logs.get(question.agent)
            if log is None:
                continue
            for account in folders.get(question.agent, ()):
                if question.account in {"", account}:
                    open_now.add((question, account))
                    if self._is_due(question, account, log.delay_ms, now_ms):
                        due.setdefault((question.agent, account), []).append(question)
        self._asked = {key: when for key, when in self._asked.items() if key in open_now}
        before = dict(self._told)
        for (agent, account), its in due.items():
            its.sort(key=lambda question: question.time_ms, reverse=True)
            self._look(agent, folders[agent][account], account, its[:MOST_MOMENTS], now_ms)
        return self._told != before

    def _is_due(self, question: Question, account: str, delay_ms: int, now_ms: int) -> bool:
        asked = self._asked.get((question, account), 0)
        if asked >= question.time_ms + SETTLED_MS:
            return False
        return now_ms >= max(question.time_ms + delay_ms, asked + AGAIN_MS)

    def _look(
        self, agent: str, root: Root, account: str, questions: Sequence[Question], now_ms: int
    ) -> None:
        log = self._logs[agent]
        for question in questions:
            self._asked[question, account] = now_ms
        path = _newest(root, log.pattern)
        if path is None:
            return
        for since, until in _spans([question.time_ms for question in questions]):
            for began in log.began(_rows(path, log, since, until), now_ms):
                self._told[agent, began.pid, began.session] = began


def _spans(times: Iterable[int]) -> list[tuple[int, int]]:
    """Return the parts of the log to look at, in seconds; those that overlap as one."""
    found: list[tuple[int, int]] = []
    for time_ms in sorted(times):
        since, until = (time_ms - BEFORE_MS) // 1000, (time_ms + AFTER_MS) // 1000
        if found and since <= found[-1][1]:
            since = found.pop()[0]
        found.append((since, until))
    return found


def _newest(root: Root, pattern: str) -> str | None:
    """Return the log that was changed last, which is in its write-ahead file while it grows."""
    found = []
    for path in root.path.glob(pattern):
        try:
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                found.append((max(status.st_mtime, _changed(f"{path}-wal")), str(path)))
        except OSError:
            continue
    return max(found)[1] if found else None


def _changed(path: str) -> float:
    try:
        return os.stat(path, follow_symlinks=False).st_mtime  # noqa: PTH116
    except OSError:
        return 0.0


def _rows(path: str, log: ProcessLog, since_s: int, until_s: int) -> list[tuple[object, ...]]:
    steps = 0

    def too_long() -> bool:
        nonlocal steps
        steps += 1
        return steps > MOST_STEPS

    try:
        uri = f"file:{quote(path)}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=0)) as connection:
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            connection.set_progress_handler(too_long, 100_000)
            times = {"since_s": since_s, "until_s": until_s}
            rows = connection.execute(log.query, times).fetchmany(MOST_ROWS + 1)
    except sqlite3.Error:
        return []
    # A part of the rows could mislead.
    return rows if len(rows) <= MOST_ROWS else []
