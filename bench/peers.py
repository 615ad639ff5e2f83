"""Other meters to measure beside ours: installed into ``bench/.peers`` only where asked for.

They run without a network: ccusage with ``--offline``; tokscale has no such switch, so its price
cache is filled here with an empty list before each run (it fails without one, and looks its prices
up again once the cache is an hour old). Its counting is not affected, only its dollars are missing.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import plain_environment, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from measuring import Run

FOLDER = Path(__file__).parent / ".peers"
# the newest of each that npm installed and ran on Linux x64 in November 2026
PACKAGES = ("ccusage@20.0.24", "tokscale@1.4.3", "bun@1.4.5")


def install() -> None:
    """Install the peers with npm."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "package.json").write_text('{"private": true}\n')
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", *PACKAGES], cwd=FOLDER, check=True)


def ready() -> bool:
    """Tell whether they are installed."""
    return all((FOLDER / "node_modules" / name.partition("@")[0]).exists() for name in PACKAGES)


def ccusage(home: Path, *arguments: str) -> Callable[[], Run]:
    """Return what runs ccusage over a home's logs."""
    program = str(FOLDER / "node_modules/.bin/ccusage")
    command = [program, *(arguments or ("daily", "--json", "--offline"))]
    return lambda: run(command, plain_environment(home))


def tokscale(home: Path, command: str = "monthly") -> Callable[[], Run]:
    """Return what runs tokscale over a home's logs."""
    binaries = FOLDER / "node_modules/.bin"
    env = plain_environment(home)
    env["PATH"] = f"{binaries}{os.pathsep}{env['PATH']}"
    cache = home / ".cache/tokscale"

    def once() -> Run:
        cache.mkdir(parents=True, exist_ok=True)
        for name in ("litellm", "openrouter"):
            entry = {"timestamp": int(time.time()), "data": {}}
            (cache / f"pricing-{name}.json").write_text(json.dumps(entry))
        return run([str(binaries / "tokscale"), command, "--json"], env)

    return once
