"""Rows of Codex's debug log, in the words of Codex 0.169.0."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
    CREATE TABLE logs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, ts_nanos INTEGER NOT NULL,
        level TEXT NOT NULL, target TEXT NOT NULL, feedback_log_body TEXT, module_path TEXT,
        file TEXT, line INTEGER, thread_id TEXT, process_uuid TEXT,
        estimated_bytes INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX idx_logs_ts ON logs(ts DESC, ts_nanos DESC, id DESC);
"""
DAEMON = 500


def uuid(number: int) -> str:
    return f"01a2004e-0000-7000-8000-{number:012}"


@dataclass
class DebugLog:
    """Collects rows; times are epoch milliseconds."""

    rows: list[tuple[int, int, str | None, str, str]] = field(default_factory=list)

    def add(self, ms: int, pid: int, target: str, body: str, thread: str | None = None) -> None:
        self.rows.append((ms, pid, thread, target, body))

    def asked(
        self, ms: int, connection: int, request: str = "startup-1", method: str = "start"
    ) -> None:
        shown = f"Integer({request})" if request.isdigit() else f'String("{request}")'
        body = f"app-server request: thread/{method} connection_id=ConnectionId({connection}) "
        self.add(ms, DAEMON, "codex_app_server::message_processor", f"{body}request_id={shown}")

    def span(self, connection: int, request: str, method: str, transport: str) -> str:
        return (
            f'app_server.request{{otel.kind="server" otel.name="thread/{method}" '
            f'rpc.system="jsonrpc" rpc.method="thread/{method}" rpc.transport="{transport}" '
            f"rpc.request_id={request} app_server.connection_id={connection} "
            'app_server.api_version="v2" app_server.client_name="codex-tui"}'
        )

    def connected(
        self,
        ms: int,
        connection: int,
        request: str = "startup-1",
        method: str = "start",
        server: str = "codex_tui",
    ) -> None:
        body = self.span(connection, request, method, "unix_socket")
        body += (
            f":thread_spawn:new{{server_name={server}}}:start_server_task{{server_name={server}}}"
        )
        self.add(ms, DAEMON, "rmcp::service", f"{body}: Service initialized as client peer_info=…")

    def named(
        self,
        ms: int,
        connection: int,
        thread: str,
        request: str = "startup-1",
        method: str = "start",
        pid: int = DAEMON,
        transport: str = "unix_socket",
    ) -> None:
        body = self.span(connection, request, method, transport) + ": Shell snapshot created"
        self.add(ms, pid, "codex_core::shell_snapshot", body, thread)

    def session(self, ms: int, pid: int) -> None:
        target = "rmcp::transport::streamable_http_server::session::local"
        self.add(ms, pid, target, 'create new session session_id="a8dbc818"')

    def began(self, ms: int, pid: int, connection: int, thread: str) -> None:
        """Add what one start of a thread leaves, all within 0.1 s."""
        self.asked(ms, connection)
        self.session(ms + 60, pid)
        self.connected(ms + 80, connection)
        self.named(ms + 90, connection, thread)

    def told(self) -> list[tuple[object, ...]]:
        """Return the rows as the query gives them."""
        return [
            (ms * 1_000_000, f"pid:{pid}:{uuid(pid)}", thread, target, body)
            for ms, pid, thread, target, body in sorted(self.rows, key=lambda row: row[0])
        ]

    def write(self, path: Path) -> sqlite3.Connection:
        """Write the file as Codex does; the connection is Codex's own, still open."""
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = wal")
        connection.executescript(SCHEMA)
        self.append(connection)
        return connection

    def append(self, connection: sqlite3.Connection) -> None:
        """Write the rows so far."""
        connection.executemany(
            "INSERT INTO logs (ts, ts_nanos, level, thread_id, process_uuid, target,"
            " feedback_log_body) VALUES (?, ?, 'TRACE', ?, ?, ?, ?)",
            [
                (ms // 1000, ms % 1000 * 1_000_000, thread, f"pid:{pid}:{uuid(pid)}", target, body)
                for ms, pid, thread, target, body in self.rows
            ],
        )
        connection.commit()
