"""Make a captured log small and neutral: long texts and lists cut, marks of this machine replaced.

Every record stays, in order, with all its keys; numbers, ids and times stay as the program wrote
them. Cut are the vendors' own prompts and tool lists, which no test needs.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from slow_sum import claude_requests, codex_requests

FIXTURES = Path(__file__).parents[1] / "fixtures"
LONGEST_TEXT = 240
KEPT_TEXT = 100
LONGEST_LIST = 12

NEUTRAL = (
    (re.compile(r"\bLinux \d+\.\d+[^\s\"\\,]*"), "Linux 6.1"),
    (re.compile(r"linux:[0-9a-f]{32}:pid:\[\d+\]"), "linux:0:pid:[0]"),
    (
        re.compile(r"\b(bootId|installation_id|device_id)(\\?\": ?\\?\")[0-9a-f-]{36,64}"),
        r"\1\g<2>0",
    ),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:8000"),
)


def scrub(value: Any) -> Any:
    """Return ``value`` with long texts and lists cut."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return value[:KEPT_TEXT] + " […]"
    if isinstance(value, list):
        return [scrub(item) for item in value[:LONGEST_LIST]]
    if isinstance(value, dict):
        return {key: scrub(item) for key, item in value.items()}
    return value


def scrub_lines(source: Path, target: Path) -> None:
    """Write a scrubbed copy of a JSON Lines log (or of a file with one JSON value)."""
    lines = []
    for line in source.read_text().splitlines():
        text = json.dumps(scrub(json.loads(line)), ensure_ascii=False, separators=(",", ":"))
        for pattern, neutral in NEUTRAL:
            text = pattern.sub(neutral, text)
        lines.append(text + "\n")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(lines))


def scrub_home(home: Path, name: str) -> None:
    """Copy the logs of both agents below ``home``, each with what the slow sum finds in them."""
    agents = {
        "claude": (home / ".claude", ("projects", "sessions"), claude_requests),
        "codex": (home / ".codex", ("sessions",), codex_requests),
    }
    for agent, (root, folders, requests) in agents.items():
        paths = [p for folder in folders for p in sorted((root / folder).rglob("*.json*"))]
        if not paths:
            continue
        target = FIXTURES / agent / name
        for path in paths:
            scrub_lines(path, target / path.relative_to(root))
        truth = {key: asdict(one) for key, one in sorted(requests(root / folders[0]).items())}
        lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(one)}" for key, one in truth.items())
        (target / "truth.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    scrub_home(Path(sys.argv[1]), sys.argv[2])
