"""How right it is: tokens by agent and kind, of ours and of others, against the corpus' truth.

    python bench/accuracy.py [--size 500] [--peers]

The corpus has what real logs have (``bench/README.md``): replies told on several lines with growing
output, half-finished copies of sub-agents' replies, forks, Codex counts that are told again or
replayed. Ours ends the program with the first token that differs; of others the difference is
printed. ``--peers`` installs ccusage and tokscale into ``bench/.peers`` with npm.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import peers
from cold import cold, home_for
from measuring import machine
from truth import truth_of

if TYPE_CHECKING:
    from collections.abc import Callable

Tokens: TypeAlias = "Counter[tuple[str, str]]"
"""By agent and kind."""

KINDS = ("fresh", "cache read", "cache write", "output")
AGENTS = ("claude", "codex")


def right(home: Path) -> Tokens:
    """Return what the generator knows."""
    found: Tokens = Counter()
    for row in truth_of(home)["usage"]:
        written = row["cache_write_5m"] + row["cache_write_1h"]
        told = (row["fresh"], row["cache_read"], written, row["output"])
        found.update(_tokens(row["agent"], told))
    return found


def ccusage(home: Path) -> Tokens:
    """Return what ccusage says."""
    names = ("inputTokens", "cacheReadTokens", "cacheCreationTokens", "outputTokens")
    found: Tokens = Counter()
    for agent in AGENTS:
        totals = _said(peers.ccusage(home, agent, "daily", "--json", "--offline"))["totals"]
        found.update(_tokens(agent, tuple(totals[name] for name in names)))
    return found


def tokscale(home: Path) -> Tokens:
    """Return what tokscale says."""
    found: Tokens = Counter()
    for row in _said(peers.tokscale(home, "models"))["entries"]:
        told = (row["input"], row["cacheRead"], row["cacheWrite"], row["output"])
        found.update(_tokens(row["source"], told))
    return found


def _tokens(agent: str, told: tuple[int, ...]) -> dict[tuple[str, str], int]:
    return {(agent, kind): count for kind, count in zip(KINDS, told, strict=True)}


def _said(once: Callable[[], Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(once().output)
    return answer


def off(found: Tokens, truth: Tokens) -> list[str]:
    """Return how far each figure is from the truth, in per cent; a dot: not at all."""
    cells = []
    for agent in AGENTS:
        for kind in KINDS:
            wrong, count = found[agent, kind] - truth[agent, kind], truth[agent, kind]
            if not wrong:
                cells.append(".")
            else:
                cells.append(f"{wrong / count:+.2%}" if count else f"{wrong:+,}")
    return cells


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=float, default=500, help="megabytes")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/tmuxmeter-bench"))
    arguments = parser.parse_args()
    if arguments.peers and not peers.ready():
        peers.install()
    home = home_for(arguments.folder, arguments.size)
    truth = right(home)
    cold(home)  # ends the program where a token differs
    rows = [("tmuxmeter", truth)]
    if arguments.peers:
        rows += [("ccusage", ccusage(home)), ("tokscale 1.4.3", tokscale(home))]
    print(machine())
    print(f"{home.name} MB: difference from the truth, .: none")
    print(" " * 16 + "".join(f"{agent:<52}" for agent in AGENTS))
    print(" " * 16 + "".join(f"{kind:<13}" for kind in KINDS) * len(AGENTS))
    for name, found in rows:
        print(f"{name:<16}" + "".join(f"{cell:<13}" for cell in off(found, truth)))


if __name__ == "__main__":
    main()
