"""Every test lives in its own home; nothing of the user's is ever read or written."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from leftovers import left_behind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# CI runs the same examples each time; everybody else looks further with every run
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

# what tests start has the usual signals, also below nohup or behind a shell's `&`
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ("tmux_fixtures",)

AGENT_VARIABLES = (
    "AIDER_ANALYTICS_LOG",
    "AMP_DATA_DIR",
    "AMP_DATA_HOME",
    "ANTHROPIC_API_KEY",
    "CLAUDE_CONFIG_DIR",
    "CLAUDECODE",
    "CODEX_HOME",
    "COPILOT_HOME",
    "CRUSH_GLOBAL_DATA",
    "CURSOR_CONFIG_DIR",
    "FACTORY_HOME_OVERRIDE",
    "GEMINI_CLI_HOME",
    "GOOSE_PATH_ROOT",
    "KIMI_CODE_HOME",
    "KIMI_SHARE_DIR",
    "OPENCODE_DB",
    "PI_CODING_AGENT_DIR",
    "PI_CODING_AGENT_SESSION_DIR",
    "QWEN_HOME",
    "QWEN_RUNTIME_DIR",
    "TMUX",
    "TMUX_PANE",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
)


@pytest.hookimpl(optionalhook=True)  # the suites that run one by one are without xdist
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers for ``-n auto``: half of a test's time is waiting for tmux."""
    cores = os.cpu_count() or 1
    return cores + cores // 2


@pytest.fixture(scope="session", autouse=True)
def nothing_left_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail at the end where a test left a process behind: its folder's name says which one."""
    yield
    left = left_behind(tmp_path_factory.getbasetemp())
    if left:
        pytest.fail("left running by tests, and ended now:\n" + "\n".join(left), pytrace=False)


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
    time.tzset()
    return folder


@pytest.fixture
def midday(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be between twelve and one: what is written now is today's, and stays so meanwhile."""
    # the sign of a POSIX zone says how far it is behind UTC
    monkeypatch.setenv("TZ", f"XXX{datetime.now(UTC).hour - 12:+d}")
    time.tzset()
