from __future__ import annotations

import json
from pathlib import Path

import pytest
from build_codex import read, requests

from tmuxmeter.agents import agent_named
from tmuxmeter.agents.base import Process
from tmuxmeter.agents.codex import Codex

CODEX = Codex()
THREAD = "01a20017-d963-7841-8f1a-3442597ed2b0"
LOG = f"rollout-2026-11-21T21-51-32-{THREAD}.jsonl"
SCRIPT = "/usr/lib/node_modules/@openai/codex/bin/codex.js"
FIXTURES = Path(__file__).parent / "fixtures" / "codex"


def process(*argv: str, name: str = "") -> Process:
    return Process(pid=1, ppid=0, name=name, argv=argv, started_ms=0)


def test_codex_home_replaces_the_default_root(tmp_path: Path) -> None:
    assert [r.path for r in CODEX.roots(tmp_path, {})] == [tmp_path / ".codex"]
    assert [r.path for r in CODEX.roots(tmp_path, {"CODEX_HOME": ""})] == [tmp_path / ".codex"]
    assert [r.path for r in CODEX.roots(tmp_path, {"CODEX_HOME": "/c"})] == [Path("/c")]


@pytest.mark.parametrize(
    "path",
    [
        f"sessions/2026/11/21/{LOG}",
        f"archived_sessions/{LOG}",
        f"sessions/2026/11/21/{LOG}.zst",
        f"archived_sessions/{LOG}.zst",
    ],
)
def test_active_archived_and_compressed_copies_have_one_name(path: str) -> None:
    assert CODEX.log_name(path) == LOG


@pytest.mark.parametrize(
    "path",
    [
        "history.jsonl",
        "session_index.jsonl",
        f"{LOG}",
        f"log/{LOG}",
        f"sessions/2026/11/21/{LOG}.tmp",
        f"sessions/2026/11/21/.{LOG}",
        "sessions/2026/11/21/rollout-x.json",
        "",
    ],
)
def test_other_files_are_no_logs(path: str) -> None:
    assert CODEX.log_name(path) is None


def test_the_thread_stands_in_the_name() -> None:
    assert CODEX.session_of_log(LOG) == THREAD
    assert CODEX.session_of_log(LOG.upper().replace(".JSONL", ".jsonl")) == THREAD
    assert CODEX.session_of_log("rollout-2026-11-21.jsonl") == ""


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        (("codex",), "agent"),
        (("/opt/codex/bin/codex", "-m", "gpt-5.6", "fix it"), "agent"),
        (("codex", "exec", "fix it"), "agent"),
        (("codex", "resume", THREAD), "agent"),
        (("codex", "-c", "model=app-server", "mcp-server is down"), "agent"),
        (("codex-x86_64-unknown-linux-musl",), "agent"),
        (("/opt/codex/bin/codex", "app-server", "--listen", "unix://"), "daemon"),
        (("codex", "-c", "a=b", "app-server", "--managed-daemon"), "daemon"),
        (("codex", "mcp-server"), "helper"),
        (("codex", "login"), "helper"),
        (("/opt/codex/bin/codex-code-mode-host",), "helper"),
        (("node", SCRIPT), "helper"),
        (("/usr/bin/node", "--no-warnings", "/usr/local/bin/codex", "exec", "hi"), "helper"),
        (("node", SCRIPT, "app-server"), "helper"),
        (("node", "/srv/app/server.js", "codex"), ""),
        (("vim", "codex"), ""),
        (("sh", "-c", "codex"), ""),
        (("/bin/codex-lookalike",), ""),
    ],
)
def test_role(argv: tuple[str, ...], role: str) -> None:
    assert CODEX.role(process(*argv)) == role


def test_a_process_without_a_command_line_is_known_by_its_name() -> None:
    assert CODEX.role(process(name="codex")) == "agent"
    assert CODEX.role(process(name="node")) == ""


@pytest.mark.parametrize(
    ("argv", "session"),
    [
        (("codex", "resume", THREAD), THREAD),
        (("codex", "resume", "-m", "gpt-5.6", THREAD.upper()), THREAD),
        (("codex", "-C", "/w", "resume", THREAD, "go on"), THREAD),
        (("codex", "exec", "resume", THREAD, "go on"), THREAD),
        (("codex", "e", "--json", "resume", THREAD), THREAD),
        (("node", SCRIPT, "resume", THREAD), THREAD),
        (("codex", "resume", "--last"), ""),
        (("codex", "resume", "my-session"), ""),
        (("codex", "fork", THREAD), ""),
        (("codex", "exec", f"look at {THREAD}"), ""),
        (("codex", "resume"), ""),
        (("vim", "resume", THREAD), ""),
        ((), ""),
    ],
)
def test_session_in_argv(argv: tuple[str, ...], session: str) -> None:
    assert CODEX.session_in_argv(argv) == session


def test_codex_says_nothing_of_its_processes() -> None:
    assert CODEX.live_files() == ()
    assert CODEX.live_session(b"{}") is None


def test_codex_is_registered() -> None:
    assert agent_named("codex").title == "Codex"
    assert CODEX.log_folders() == ("sessions", "archived_sessions")


@pytest.mark.parametrize("folder", ["0.169.0-subagent", "0.169.0-forks"])
def test_real_rollouts_equal_the_stub_server_that_answered_them(folder: str) -> None:
    truth = json.loads((FIXTURES / folder / "truth.json").read_text())
    found = []
    for path in sorted((FIXTURES / folder / "sessions").rglob("*.jsonl")):
        for usage in requests(read(path.name, path.read_bytes())):
            tokens = {
                kind: getattr(usage, kind)
                for kind in (
                    "fresh",
                    "cache_read",
                    "cache_write_5m",
                    "cache_write_1h",
                    "output",
                    "reasoning",
                )
            }
            found.append((usage.session, usage.model, tokens))
    expected = [(row["session"], row["model"], row["tokens"]) for row in truth.values()]
    assert sorted(found, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        ("codex", ""),
        ("codex -C /else", "/else"),
        ("codex --cd sub resume", "sub"),
        ("codex exec --cd=/a/b question", "/a/b"),
        ("codex -C/a", "/a"),
        ("codex -C=/a", "/a"),
        ("node /n/@openai/codex/bin/codex.js -C /else", "/else"),
        ("codex -m -C", ""),
        ("codex -- -C /else", ""),
        ("codex -C", ""),
        ("git -C /else", ""),
    ],
)
def test_the_folder_on_the_command_line(command: str, folder: str) -> None:
    assert Codex().cwd_in_argv(command.split()) == folder
