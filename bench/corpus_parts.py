"""What the writers of a corpus share: the truth they fill, the text they use, where they write."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("requests", "fresh", "cache_read", "cache_write_5m", "cache_write_1h", "output")
DAY_MS = 86_400_000


class Truth:
    """What a right meter must count."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0] * len(KINDS))
        self.events: Counter[str] = Counter()

    def add(self, time_ms: int, agent: str, model: str, *tokens: int) -> None:
        """Count one request: fresh, cache read, 5 m write, 1 h write, output."""
        day = datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()
        row = self.rows[day, agent, model]
        for index, count in enumerate((1, *tokens)):
            row[index] += count

    def data(self) -> dict[str, Any]:
        """Return it as plain data, the rows sorted."""
        rows = [
            {"date": d, "agent": a, "model": m, **dict(zip(KINDS, row, strict=True))}
            for (d, a, m), row in sorted(self.rows.items())
        ]
        return {"usage": rows, "events": dict(self.events)}


def stamp(time_ms: int) -> str:
    """Return epoch milliseconds as ISO text."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


class Corpus:
    """Writes sessions until the size is reached."""

    def __init__(self, home: Path, seed: int, end_ms: int, days: int) -> None:
        self.home = home
        self.rng = Random(seed)
        self.end_ms = end_ms
        self.days = days
        self.truth = Truth()
        self.bytes = 0
        self.files = 0
        alphabet = 'abcdefghijklmnopqrstuvwxyz     {}()=.,;:_\\n\\t\\"/0123456789'
        # JSON-escaped filler, cut at will: escapes are whole because each is replaced as one token
        tokens = list(alphabet.replace("\\n", "\x01").replace("\\t", "\x02").replace('\\"', "\x03"))
        text = "".join(self.rng.choices(tokens, k=400_000))
        self.filler = text.replace("\x01", " \\n").replace("\x02", " \\t").replace("\x03", ' \\"')

    def text(self, size: int) -> str:
        """Return JSON-safe filler of about this many bytes."""
        start = self.rng.randrange(len(self.filler) - size - 2)
        piece = self.filler[start : start + size]
        # never begin or end inside an escape
        return piece.lstrip('\\"').rstrip("\\")

    def write(self, path: str, lines: list[str], mtime_ms: int, *, cut: bool = False) -> None:
        """Write a log file, its last line cut short where asked."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        data = ("\n".join(lines) + "\n").encode()
        if cut:
            data += b'{"type":"assistant","message":{"id":"msg_cut","usage":{"input_tok'
        file.write_bytes(data)
        os.utime(file, (mtime_ms / 1000, mtime_ms / 1000))
        self.bytes += len(data)
        self.files += 1

    def identity(self) -> str:
        """Return a random UUID."""
        h = f"{self.rng.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"

    def start_ms(self) -> int:
        """Return a moment inside the corpus' days."""
        return self.end_ms - self.rng.randrange(DAY_MS // 2, self.days * DAY_MS)

    def tool_result_size(self) -> int:
        """Return a tool result's size: most are small, the tail reaches 100 KB."""
        return min(100_000, max(300, int(self.rng.lognormvariate(7.6, 1.5))))
