"""Holding the soak's ledger against one pass over the same logs, and against a plain second reader.

That reader takes every line with the standard library's JSON and knows only what the soak's writers
write. Nothing of tmuxmeter is used.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

Sums: TypeAlias = dict[tuple[str, str], tuple[int, ...]]
"""By agent and model: requests, fresh, cache read, 5 m write, 1 h write, output."""

_LONG = 1_000_000
_QUERY = """
    SELECT agent, name, count(*), sum(fresh), sum(cache_read), sum(cache_write_5m),
           sum(cache_write_1h), sum(output)
    FROM usage JOIN model ON model.id = model_id GROUP BY agent, name
"""


# what must be the same however and how often it was read; whose file showed it first may differ, and
# with it when a turn that a fork copied in part ended; sessions only seen running have no file
EQUAL = {
    "requests": """
        SELECT key, time_ms, agent, name, tier, geo, fresh, cache_read, cache_write_5m,
               cache_write_1h, output, reasoning, web_searches, cost
        FROM usage JOIN model ON model.id = model_id""",
    "prompts": "SELECT key, time_ms, human FROM prompt",
    "turns": "SELECT key, reason FROM turn_end",
    "tool results": "SELECT key, time_ms, ok FROM tool_result",
    "touched files": "SELECT key, time_ms, name, edit FROM file_touch JOIN path ON path.id = path_id",
    "sessions": "SELECT agent, key FROM session WHERE file_id IS NOT NULL",
}


def compared(right: Path, found: Path) -> tuple[list[str], list[str]]:
    """Return how much of what the right ledger holds, and how the other differs from it."""
    counts, faults = [], []
    for name, query in EQUAL.items():
        there, here = (set(_rows(ledger, query)) for ledger in (right, found))
        counts.append(f"{len(there):,} {name}")
        missing, extra = there - here, here - there
        if missing or extra:
            first = sorted(missing or extra, key=str)[0]
            faults.append(
                f"{name}: {len(missing)} missing or different, {len(extra)} too many; first: {first}"
            )
    return counts, faults


def _rows(ledger: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def independent_sums(home: Path) -> Sums:
    """Return what all logs of a home say, each request once, with its largest output."""
    requests: dict[tuple[str, ...], tuple[str, str, tuple[int, ...]]] = {}
    for file in sorted(home.glob(".claude/projects/**/*.jsonl")):
        for line in file.read_bytes().splitlines():
            record = {} if len(line) > _LONG else json.loads(line)
            message = record.get("message", {})
            if "usage" not in message:
                continue
            usage = message["usage"]
            writes = usage["cache_creation"]
            tokens = (
                usage["input_tokens"],
                usage["cache_read_input_tokens"],
                writes["ephemeral_5m_input_tokens"],
                writes["ephemeral_1h_input_tokens"],
                usage["output_tokens"],
            )
            key = ("claude", message["id"])
            if key not in requests or requests[key][2][-1] <= tokens[-1]:
                requests[key] = ("claude", message["model"], tokens)
    for file in sorted(home.glob(".codex/**/*.jsonl")):
        model = ""
        for line in file.read_bytes().splitlines():
            record = {} if len(line) > _LONG else json.loads(line)
            payload = record.get("payload", {})
            model = payload.get("model", model)
            if payload.get("type") != "token_count" or not payload["info"]:
                continue
            last = payload["info"]["last_token_usage"]
            cached = last["cached_input_tokens"]
            tokens = (last["input_tokens"] - cached, cached, 0, 0, last["output_tokens"])
            total = payload["info"]["total_token_usage"]["total_tokens"]
            requests["codex", file.stem, str(total)] = ("codex", model, tokens)
    sums: Sums = {}
    for agent, model, tokens in requests.values():
        before = sums.get((agent, model), (0,) * 6)
        sums[agent, model] = tuple(a + b for a, b in zip(before, (1, *tokens), strict=True))
    return sums


def ledger_sums(ledger: Path) -> Sums:
    """Return the same from a ledger."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        return {(agent, name): tuple(row) for agent, name, *row in connection.execute(_QUERY)}
