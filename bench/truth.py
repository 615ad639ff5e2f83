"""Holding a ledger against the corpus' truth, token by token."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from corpus_parts import KINDS

if TYPE_CHECKING:
    from pathlib import Path

LEDGER = ".local/state/tmuxmeter/ledger.db"
_ROWS = """
    SELECT date(time_ms / 1000, 'unixepoch'), agent, name, count(*), sum(fresh), sum(cache_read),
           sum(cache_write_5m), sum(cache_write_1h), sum(output)
    FROM usage JOIN model ON model.id = model_id GROUP BY 1, 2, 3
"""


def truth_of(home: Path) -> dict[str, Any]:
    """Return what the generator wrote beside the corpus."""
    data: dict[str, Any] = json.loads((home / "truth.json").read_text())
    return data


def check_ledger(home: Path) -> None:
    """Compare a home's ledger with its truth.

    Raises
    ------
    SystemExit
        With the first figure that differs.
    """
    truth = truth_of(home)
    expected = {
        (row["date"], row["agent"], row["model"]): tuple(row[kind] for kind in KINDS)
        for row in truth["usage"]
    }
    with closing(sqlite3.connect(f"file:{home / LEDGER}?mode=ro", uri=True)) as ledger:
        booked = {(d, a, m): tuple(row) for d, a, m, *row in ledger.execute(_ROWS)}
        unpriced = ledger.execute("SELECT count(*) FROM usage WHERE cost IS NULL").fetchone()[0]
        events = {
            "tool_results": ledger.execute("SELECT count(*) FROM tool_result").fetchone()[0],
            "prompts": ledger.execute("SELECT count(*) FROM prompt WHERE human").fetchone()[0],
        }
    nothing = (0,) * len(KINDS)
    for key in sorted(expected.keys() | booked.keys()):
        right, found = expected.get(key, nothing), booked.get(key, nothing)
        for kind, a, b in zip(KINDS, right, found, strict=True):
            if a != b:
                msg = f"WRONG: {' '.join(key)}: {kind} is {a:,}, the ledger says {b:,}"
                raise SystemExit(msg)
    for kind, count in truth["events"].items():
        if events[kind] != count:
            msg = f"WRONG: {kind}: {count:,}, the ledger says {events[kind]:,}"
            raise SystemExit(msg)
    if unpriced:
        msg = f"WRONG: {unpriced:,} requests have no price"
        raise SystemExit(msg)
