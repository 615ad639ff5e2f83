"""Every test lives in its own home; nothing of the user's is ever read or written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pathlib import Path

# CI runs the same examples each time; everybody else looks further with every run
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

pytest_plugins = ("tmux_fixtures",)

AGENT_VARIABLES = (
    "ANTHROPIC_API_KEY",
    "CLAUDE_CONFIG_DIR",
    "CLAUDECODE",
    "CODEX_HOME",
    "TMUX",
    "TMUX_PANE",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point HOME, the XDG folders and tmux's socket folder below the test's own folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in AGENT_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    # xdist sets a width; output that goes into a pipe has none
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / ".config"))
    monkeypatch.setenv("TZ", "UTC")
    return folder
