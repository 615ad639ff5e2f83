"""How the Claude Code part of a corpus looks, in the figures that real logs were measured in."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def at(values: list[int], share: float) -> int:
    """Return the value below which this share of the sorted values lies."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


def print_shape(home: Path) -> None:
    """Say how the Claude Code part of a corpus looks, in the figures that real logs were measured in."""
    lengths: list[int] = []
    sizes: list[int] = []
    lines: Counter[str] = Counter()
    usage_bytes = changed = 0
    messages: Counter[tuple[str, str]] = Counter()
    outputs: dict[tuple[str, str], int] = {}
    for file in sorted(home.glob(".claude/projects/**/*.jsonl")):
        data = file.read_bytes()
        sizes.append(len(data))
        for line in data.splitlines(keepends=True):
            lengths.append(len(line))
            try:
                record = json.loads(line)
            except ValueError:
                continue
            lines[record["type"]] += 1
            message = record.get("message", {})
            if "usage" not in message:
                continue
            usage_bytes += len(line)
            key = (str(file), message["id"])
            output = message["usage"]["output_tokens"]
            changed += outputs.get(key, output) != output
            outputs[key] = output
            messages[key] += 1
    lengths.sort()
    sizes.sort()
    usage = sum(messages.values())
    repeats = usage - len(messages)
    print(f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB, {len(lengths):,} lines")
    print("bytes per file p25/50/75/90/99:", *(at(sizes, p) for p in (0.25, 0.5, 0.75, 0.9, 0.99)))
    print("bytes per line p5/50/90/99/max:", *(at(lengths, p) for p in (0.05, 0.5, 0.9, 0.99, 1)))
    print(
        f"lines with usage: {usage / len(lengths):.1%}, of bytes: {usage_bytes / sum(lengths):.1%}"
    )
    print(f"usage lines per message: {usage / len(messages):.2f}; repeats: {repeats / usage:.1%}")
    print(f"repeats whose tokens differ: {changed / max(1, repeats):.1%}")
    print("kinds:", ", ".join(f"{k} {n / len(lengths):.1%}" for k, n in lines.most_common()))
