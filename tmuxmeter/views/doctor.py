"""``doctor``'s checks for people: a line each, with what to do below it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tmuxmeter.views.table import Paragraph

MARKS = {"ok": "ok  ", "note": "note", "warn": "WARN", "bad": "BAD "}
STYLES = {"ok": "", "note": "dim", "warn": "yellow", "bad": "bold red"}


def doctor_parts(report: dict[str, Any]) -> list[Paragraph]:
    """Return the checks, and how many of each kind there are."""
    parts = []
    for check in report["checks"]:
        style = STYLES[check["status"]]
        text = f"{MARKS[check['status']]}  {check['name']}: {check['text']}"
        parts.append(Paragraph(text, style, indent=6))
        if check["hint"]:
            parts.append(Paragraph(f"      → {check['hint']}", style, indent=8))
    counts = Counter(check["status"] for check in report["checks"])
    words = ", ".join(f"{counts[status]} {status}" for status in MARKS if counts[status])
    return [*parts, Paragraph(words, "bold")]
