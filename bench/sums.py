"""What is in logs by a plain second reader: every line with the standard library's JSON.

It knows only what the soak's writers write. Nothing of tmuxmeter is used.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias

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
