"""Every test lives in its own home; nothing of the user's is ever read or written."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / ".config"))
    monkeypatch.setenv("TZ", "UTC")
    return folder
