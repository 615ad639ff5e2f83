from __future__ import annotations

import json
from pathlib import Path

import pytest
from build_claude import Transcript, session_id

from tmuxmeter.agents.base import Agent, LiveSession, Process, Root
from tmuxmeter.agents.claude import Claude

HOME = Path("/home/u")
A, B = session_id("a"), session_id("b")


def test_it_is_an_agent() -> None:
    agent: Agent = Claude()
    assert (agent.name, agent.title, agent.provider) == ("claude", "Claude Code", "anthropic")


@pytest.mark.parametrize(
    ("env", "paths"),
    [
        ({}, ["/home/u/.claude", "/home/u/.config/claude", "/home/u/.claude-*"]),
        (
            {"CLAUDE_CONFIG_DIR": ""},
            ["/home/u/.claude", "/home/u/.config/claude", "/home/u/.claude-*"],
        ),
        ({"XDG_CONFIG_HOME": "/x"}, ["/home/u/.claude", "/x/claude", "/home/u/.claude-*"]),
        (
            {"XDG_CONFIG_HOME": "x"},
            ["/home/u/.claude", "/home/u/.config/claude", "/home/u/.claude-*"],
        ),
        ({"CLAUDE_CONFIG_DIR": "/a"}, ["/a"]),
        ({"CLAUDE_CONFIG_DIR": "/a, ~/b,,/a,~"}, ["/a", "/home/u/b", "/home/u"]),
    ],
)
def test_roots(env: dict[str, str], paths: list[str]) -> None:
    roots = Claude().roots(HOME, env)
    assert [str(root.path) for root in roots] == paths
    assert {root.agent for root in roots} == {"claude"}


def test_further_accounts_are_a_pattern_with_what_they_need() -> None:
    assert Claude().roots(HOME, {})[-1] == Root(
        "claude", HOME / ".claude-*", needs=("projects", "sessions")
    )


S = "projects/-w/11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("path", "session"),
    [
        (f"{S}.jsonl", "11111111-1111-4111-8111-111111111111"),
        (f"{S}/subagents/agent-a1.jsonl", "11111111-1111-4111-8111-111111111111"),
        (f"{S}/subagents/deep/er/agent-a1.jsonl", "11111111-1111-4111-8111-111111111111"),
        ("projects/-w/agent-a1.jsonl", ""),
    ],
)
def test_logs(path: str, session: str) -> None:
    assert Claude().log_name(path) == path
    assert Claude().session_of_log(path) == session
    assert path.startswith(Claude().log_folders())


@pytest.mark.parametrize(
    "path",
    [
        "history.jsonl",
        "projects/x.jsonl",
        "sessions/1.json",
        f"{S}.json",
        f"{S}.jsonl.bak",
        f"{S}/tool-results/agent-x.jsonl",
        f"{S}/tool-results/x.jsonl",
        f"{S}/subagents/agent-a1.meta.json",
        f"{S}/subagents/other.jsonl",
        "todos/-w/agent-a1.jsonl",
        "file-history/a/b.jsonl",
        "",
    ],
)
def test_other_files_are_no_logs(path: str) -> None:
    assert Claude().log_name(path) is None


def test_built_transcripts_are_logs() -> None:
    for transcript in (Transcript(A), Transcript(A, agent="a1")):
        assert Claude().log_name(transcript.name) == transcript.name
        assert Claude().session_of_log(transcript.name) == A


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        (("claude",), "agent"),
        (("/home/u/.local/bin/claude", "--resume", A), "agent"),
        (("/home/u/.local/share/claude/versions/2.1.330",), "agent"),
        (("/home/u/.local/share/claude/versions/2.1.330", "mcp", "serve"), "helper"),
        (("claude", "-p", "do mcp"), "agent"),
        (("claude", "fix the mcp"), "agent"),
        (("claude.exe",), "agent"),
        (("claude", "mcp", "list"), "helper"),
        (("claude", "doctor"), "helper"),
        (("claude", "--version"), "helper"),
        (("node", "/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js"), "agent"),
        (("/usr/bin/node", "--max-old-space-size=8000", "/x/claude-code/cli.js", "-c"), "agent"),
        (("node", "/usr/local/bin/claude"), "agent"),
        (("node", "/usr/local/bin/claude", "mcp", "serve"), "helper"),
        (("node", "/w/server.js", "/usr/local/bin/claude"), ""),
        (("node",), ""),
        (("node", "--inspect"), ""),
        (("sh", "-c", "claude"), ""),
        (("npx", "@anthropic-ai/claude-code"), ""),
        (("vim", "claude"), ""),
        (("/Applications/Claude.app/Contents/MacOS/Claude",), ""),
        (("/home/u/claude/versions/notes",), ""),
        (("bash",), ""),
    ],
)
def test_roles(argv: tuple[str, ...], role: str) -> None:
    process = Process(pid=2, ppid=1, name="x", argv=argv, started_ms=0)
    assert Claude().role(process) == role


@pytest.mark.parametrize(("name", "role"), [("claude", "agent"), ("bash", ""), ("", "")])
def test_the_role_of_a_process_without_a_command_line(name: str, role: str) -> None:
    assert Claude().role(Process(pid=2, ppid=1, name=name, argv=(), started_ms=0)) == role


@pytest.mark.parametrize(
    ("argv", "session"),
    [
        ((), ""),
        (("claude",), ""),
        (("claude", "--resume", A), A),
        (("claude", f"--resume={A}"), A),
        (("claude", "-r", A.upper()), A),
        (("claude", "--session-id", A), A),
        (("claude", f"--session-id={A}", "-r", B), A),
        (("claude", "--resume"), ""),
        (("claude", "--resume", "the parser"), ""),
        (("claude", "--resume", A, "--fork-session"), ""),
        (("claude", "--resume", A, "--fork-session", "--session-id", B), B),
        (("claude", "-p", f"--resume {A}"), ""),
    ],
)
def test_sessions_in_command_lines(argv: tuple[str, ...], session: str) -> None:
    assert Claude().session_in_argv(argv) == session


LIVE = {
    "pid": 8144,
    "sessionId": A,
    "cwd": "/w",
    "startedAt": 1795289477094,
    "procStart": "46617",
    "version": "2.1.197",
    "kind": "interactive",
    "status": "waiting",
    "waitingFor": "permission prompt",
    "updatedAt": 1795289480000,
}


def test_a_live_session() -> None:
    assert Claude().live_session(json.dumps(LIVE).encode()) == LiveSession(
        pid=8144,
        session=A,
        cwd="/w",
        start_token="46617",
        state="waiting",
        waiting_for="permission prompt",
        started_ms=1795289477094,
        updated_ms=1795289480000,
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [("busy", "working"), ("waiting", "waiting"), ("idle", "idle"), ("shell", "idle"), ("new", "")],
)
def test_live_states(status: str, state: str) -> None:
    live = Claude().live_session(json.dumps({**LIVE, "status": status}).encode())
    assert live is not None
    assert live.state == state


@pytest.mark.parametrize("missing", ["procStart", "status"])
def test_either_sign_of_a_recent_build_is_enough(missing: str) -> None:
    content = json.dumps({**LIVE, missing: None}).encode()
    assert Claude().live_session(content) is not None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"null",
        b"[" * 100_000,
        json.dumps({"session_id": A, "cwd": "/w"}).encode(),
        json.dumps({"pid": 1, "session_id": A, "procStart": "1"}).encode(),
        json.dumps({"pid": 1, "sessionId": A, "cwd": "/w", "startedAt": 1}).encode(),
        json.dumps({**LIVE, "pid": 0}).encode(),
        json.dumps({**LIVE, "pid": "8144"}).encode(),
        json.dumps({**LIVE, "sessionId": ""}).encode(),
    ],
)
def test_what_is_not_to_be_trusted_is_no_live_session(content: bytes) -> None:
    assert Claude().live_session(content) is None


def test_live_files_lie_beside_the_logs() -> None:
    assert Claude().live_files() == ("sessions/*.json",)
