"""Which terminal program began which Codex thread, from Codex's own debug log.

One daemon makes the requests and writes the rollouts of all panes, so rollouts tell nothing of
programs. But each program in a terminal runs a small server of its own, and before a thread is
ready the daemon connects to the server of the program that asked for it. ``logs_2.sqlite`` shows
both ends (seen with Codex 0.169.0, which calls this log internal: it may change):

- the daemon's request ``thread/start`` (``resume``, ``fork``) with its connection and request id;
- the program's "create new session", written under its own pid;
- the daemon's "Service initialized as client" of the server ``codex_tui``, inside the request;
- the thread's id, on further rows inside the request.

So the program's row lies between the first and the third. Where several requests overlap, a row is
taken for a request's own only if every reading of the log agrees. All later requests on the same
connection come from the same program.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tmuxmeter.agents.base import Began
from tmuxmeter.matching import certain_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FLUSH_MS = 12_000
"""Each process writes its rows every 10 s (seen): before that, another's may be missing."""
HANDSHAKE_NS = 10_000_000_000
"""A request that the daemon never connected for has failed (seen: 10 to 100 ms)."""

_NEW_SESSION = "rmcp::transport::streamable_http_server::session::local"
_CONNECTED = "rmcp::service"
_REQUEST = "codex_app_server::message_processor"
_NAMING = ("codex_core::shell_snapshot", "codex_app_server::thread_state")

_PROCESS = re.compile(r"pid:(\d{1,10}):")
_ASKED = re.compile(
    r"app-server request: thread/(?:start|resume|fork) "
    r'connection_id=ConnectionId\((\d+)\) request_id=(?:Integer\((\d+)\)|String\("([^"]*)"\))'
)
_SPAN = re.compile(
    r'app_server\.request\{[^{}]*rpc\.method="thread/(?:start|resume|fork)" '
    r'rpc\.transport="([^"]*)" rpc\.request_id=(\S+) app_server\.connection_id=(\d+)'
)
_THREAD = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PASSING = "temporary-"
"""Threads that make up a title; they don't need the program's server (seen)."""

Connection = tuple[str, str]
"""The daemon's process and the number of the connection in it."""


@dataclass
class _Request:
    begin_ns: int = 0
    end_ns: int = 0
    threads: set[str] = field(default_factory=set)

    @property
    def until_ns(self) -> int:
        return self.end_ns or self.begin_ns + HANDSHAKE_NS


class CodexProcessLog:
    """Codex's log of its processes. See :class:`tmuxmeter.agents.base.ProcessLog`."""

    pattern = "logs_*.sqlite"
    query = f"""
        SELECT ts * 1000000000 + ts_nanos, process_uuid, thread_id, target,
               substr(feedback_log_body, 1, 2000)
        FROM logs
        WHERE ts BETWEEN :since_s AND :until_s
          AND (target IN ('{_NEW_SESSION}', '{_CONNECTED}')
               OR (target IN {_NAMING} AND thread_id IS NOT NULL)
               OR (target = '{_REQUEST}'
                   AND feedback_log_body LIKE 'app-server request: thread/%'))
        ORDER BY ts, ts_nanos, id
    """  # noqa: S608 - constants of this module
    delay_ms = FLUSH_MS

    def began(self, rows: Iterable[Sequence[object]], now_ms: int) -> list[Began]:
        """Return which process began or resumed which thread, as far as it is certain."""
        requests: dict[tuple[Connection, str], _Request] = {}
        sessions: list[tuple[int, int]] = []
        alone: dict[int, list[Began]] = {}
        for row in rows:
            match row:
                case (int(time_ns), str(process), thread, str(target), str(body)):
                    pid = _pid(process)
                case _:
                    continue
            if target == _NEW_SESSION and body.startswith("create new session"):
                sessions.append((time_ns, pid))
            elif asked := _ASKED.match(body):
                key = (process, asked[1]), asked[2] or asked[3] or ""
                requests.setdefault(key, _Request()).begin_ns = time_ns
            elif span := _SPAN.match(body):
                key = (process, span[3]), span[2]
                named = isinstance(thread, str) and _THREAD.fullmatch(thread)
                if span[1] == "in-process":
                    # No daemon: the process that wrote the row is the program itself.
                    found = alone.setdefault(pid, [])
                    if named:
                        found.append(Began(pid, str(thread).lower(), time_ns // 1_000_000))
                    continue
                request = requests.setdefault(key, _Request())
                if named:
                    request.threads.add(str(thread).lower())
                elif "server_name=codex_tui}" in body and "initialized as client" in body:
                    request.end_ns = time_ns
        asked_for = {key: one for key, one in requests.items() if not key[1].startswith(_PASSING)}
        sessions = [(time_ns, pid) for time_ns, pid in sessions if pid and pid not in alone]
        programs = _programs(asked_for, sessions, now_ms)
        told = [began for its in alone.values() for began in its]
        for (connection, _), request in asked_for.items():
            if connection in programs and len(request.threads) == 1:
                time_ms = (request.begin_ns or request.end_ns) // 1_000_000
                told += [Began(programs[connection], thread, time_ms) for thread in request.threads]
        return told


def _programs(
    requests: dict[tuple[Connection, str], _Request], sessions: list[tuple[int, int]], now_ms: int
) -> dict[Connection, int]:
    """Return the process at the other end of each connection, where that is certain."""
    keys = list(requests)
    edges = frozenset(
        (i, j)
        for i, key in enumerate(keys)
        for j, (time_ns, _) in enumerate(sessions)
        if requests[key].begin_ns <= time_ns <= requests[key].until_ns
    )
    found: dict[Connection, set[int]] = {}
    for i, j in certain_pairs(edges):
        request = requests[keys[i]]
        if request.end_ns and request.end_ns // 1_000_000 <= now_ms - FLUSH_MS:
            found.setdefault(keys[i][0], set()).add(sessions[j][1])
    return {connection: pids.pop() for connection, pids in found.items() if len(pids) == 1}


def _pid(process: str) -> int:
    match = _PROCESS.match(process)
    return int(match[1]) if match else 0
