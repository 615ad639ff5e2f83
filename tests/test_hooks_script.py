"""``shell/hook.sh`` in the shells that are sh somewhere, and the program that waits."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_pause_records import pause as recorded
from tmux_fixtures import TmuxServer, wait_until

from tmuxmeter.hooks.answers import go_on, refuse
from tmuxmeter.hooks.facts import (
    EXPIRED,
    HELD,
    KILLED,
    REFUSED,
    RELEASED,
    START,
    UNUSABLE,
    WATCHER_GONE,
    CostReport,
    HoldReport,
    Report,
    SessionReport,
    TokensReport,
)
from tmuxmeter.hooks.inbox import Inbox
from tmuxmeter.hooks.waiting import Wait
from tmuxmeter.hooks.wanted import EVENTS, Program
from tmuxmeter.pause.hold import HoldFlags
from tmuxmeter.pause.look import DIMMED, dim, own_styles
from tmuxmeter.pause.records import HOLD, Pause, PauseStore
from tmuxmeter.tmux.client import Tmux
from tmuxmeter.watcher.process import WatcherLock

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).parents[1] / "shell" / "hook.sh"
KNOWN = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
SHELLS = {name: words for name, words in KNOWN.items() if shutil.which(name)}
TOOL = {"session_id": "s-1", "hook_event_name": "PreToolUse", "tool_name": "Bash"}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    words: list[str] = SHELLS[request.param]
    return words


@dataclass
class Place:
    """A runtime folder as a running watcher leaves it."""

    runtime: Path

    @property
    def flags(self) -> HoldFlags:
        return HoldFlags(self.runtime / "hold")

    def reports(self) -> list[Report]:
        inbox = Inbox(self.runtime / "inbox")
        found = inbox.take(time.time_ns() // 1_000_000)
        assert not inbox.broken
        return found

    def holds(self) -> list[tuple[str, str]]:
        return [(r.session, r.event) for r in self.reports() if isinstance(r, HoldReport)]

    def start(
        self, words: list[str], agent: str, event: str, *options: str, script: Path = SCRIPT
    ) -> subprocess.Popen[bytes]:
        command = [*words, str(script), agent, event, "--runtime", str(self.runtime), *options]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "TMUX": "/tmp/s,1,0", "TMUX_PANE": "%7"},
        )

    def run(
        self, words: list[str], agent: str, event: str, value: object, *options: str
    ) -> tuple[int, str, str]:
        process = self.start(words, agent, event, *options)
        out, err = process.communicate(json.dumps(value).encode(), timeout=30)
        return process.returncode, out.decode(), err.decode()

    def hold(
        self, words: list[str], agent: str, event: str, value: object, *options: str
    ) -> subprocess.Popen[bytes]:
        """Start a hook that waits, and wait until it does."""
        process = self.start(words, agent, event, "--python", sys.executable, *options)
        assert process.stdin
        process.stdin.write(json.dumps(value).encode())
        process.stdin.close()
        process.stdin = None
        wait_until(lambda: ("s-1", HELD) in self.holds())
        return process


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    runtime = tmp_path / "run time's" / "tmuxmeter"
    for folder in (runtime / "inbox", runtime / "hold"):
        folder.mkdir(parents=True, mode=0o700)
    lock = WatcherLock(runtime)
    assert lock.acquire()
    yield Place(runtime)
    lock.release()


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    out, err = process.communicate(timeout=20)
    assert err == b""
    return process.returncode, out.decode()


# --- nobody is held


def test_a_call_nobody_holds_starts_no_process_but_the_one_that_reads(
    shell: list[str], place: Place, tmp_path: Path
) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    watched = ["strace", "-f", "-qq", "-e", "trace=process", "-o", str(trace), *shell]
    assert place.run(watched, "claude", "PreToolUse", TOOL) == (0, "", "")
    calls = [line.split(maxsplit=1)[1] for line in trace.read_text().splitlines()]
    started = [call for call in calls if call.startswith(("execve(", "clone", "fork", "vfork"))]
    successful = [call for call in started if "= -1" not in call]
    assert [call.partition("(")[0] for call in successful] == ["execve", "execve"]
    assert "/cat" in successful[1]
    assert place.reports() == []


@pytest.mark.parametrize(
    ("agent", "event", "said"),
    [
        ("claude", "PreToolUse", ""),
        ("codex", "UserPromptSubmit", ""),
        ("gemini", "BeforeTool", "{}\n"),
        ("cursor", "preToolUse", "{}\n"),
        ("cursor", "beforeSubmitPrompt", "{}\n"),
    ],
)
def test_a_call_nobody_holds_is_let_through(
    place: Place, agent: str, event: str, said: str
) -> None:
    assert place.run(["sh"], agent, event, TOOL) == (0, said, "")


def test_large_input_is_read_to_its_end(shell: list[str], place: Place) -> None:
    # an agent that can't write it all takes the hook for failed
    process = place.start(shell, "codex", "PreToolUse")
    assert process.stdin
    process.stdin.write(b"x" * 3_000_000)
    process.stdin.close()
    process.stdin = None
    assert finish(process) == (0, "")


@pytest.mark.parametrize("there", [True, False])
def test_no_runtime_folder_no_hold(shell: list[str], tmp_path: Path, there: bool) -> None:
    runtime = tmp_path / "run"
    if there:
        runtime.mkdir()
    for event in ("PreToolUse", "SessionStart"):
        assert Place(runtime).run(shell, "claude", event, TOOL) == (0, "", "")
    assert list(tmp_path.glob("run/*")) == []


@pytest.mark.parametrize(
    "words", [[], ["claude"], ["claude", "PreToolUse"], ["a", "b", "--runtime"]]
)
def test_no_call_ends_with_the_code_of_a_refusal(shell: list[str], words: list[str]) -> None:
    result = subprocess.run(
        [*shell, str(SCRIPT), *words], input=b"{}", capture_output=True, check=False, timeout=20
    )
    assert result.returncode == 0


def test_a_script_that_has_moved_away_lets_everything_through(tmp_path: Path) -> None:
    program = Program(tmp_path / "gone" / "hook.sh", Path(sys.executable), tmp_path)
    for name in ("dash", "bash", "zsh", "fish", "busybox"):
        if not shutil.which(name):
            continue
        words = [name, "sh", "-c"] if name == "busybox" else [name, "-c"]
        for agent, events in EVENTS.items():
            command = [*words, program.command(agent, events[0])]
            result = subprocess.run(
                command, input=b"{}", capture_output=True, check=False, timeout=20
            )
            assert (result.returncode, result.stdout) == (0, b""), name


def test_the_installed_command_runs_in_every_login_shell(place: Place) -> None:
    # Codex runs its hooks in $SHELL
    program = Program(SCRIPT, Path(sys.executable), place.runtime)
    for name in ("dash", "bash", "zsh", "fish"):
        if not shutil.which(name):
            continue
        command = [name, "-c", program.command("codex", "SessionStart")]
        subprocess.run(command, input=json.dumps(TOOL).encode(), check=True, timeout=20)
        (report,) = place.reports()
        assert isinstance(report, SessionReport)
        assert report.origin.pids[0].pid == os.getpid(), name


# --- held


def test_a_held_call_waits_until_it_is_released(place: Place) -> None:
    place.flags.set("cursor", "s-1", "you", 1)
    place.flags.set("cursor", "s-2", "you", 1)
    process = place.hold(["sh"], "cursor", "preToolUse", TOOL)
    time.sleep(0.3)
    assert process.poll() is None
    place.flags.clear("cursor", "s-1")
    assert finish(process) == (0, "{}")
    assert place.holds() == [("s-1", RELEASED)]


def test_gemini_waits_for_the_flag_of_its_session_s_name_in_the_ledger(place: Place) -> None:
    value = {"session_id": "5b34629a-f878-4d4d-9059-e46f27acfa00"}
    place.flags.set("gemini", "5b34629a", "you", 1)
    process = place.start(["sh"], "gemini", "BeforeTool", "--python", sys.executable)
    assert process.stdin
    process.stdin.write(json.dumps(value).encode())
    process.stdin.close()
    process.stdin = None
    wait_until(lambda: ("5b34629a", HELD) in place.holds(), 20)
    place.flags.clear("gemini", "5b34629a")
    assert finish(process) == (0, "{}")


def test_every_sh_waits(shell: list[str], place: Place) -> None:
    place.flags.set("claude", "s-1", "you", 1)
    process = place.hold(shell, "claude", "PreToolUse", TOOL)
    place.flags.clear("claude", "s-1")
    assert finish(process) == (0, "")


def test_another_session_or_agent_is_not_held(place: Place) -> None:
    place.flags.set("claude", "s-2", "you", 1)
    place.flags.set("codex", "s-1", "you", 1)
    options = ("--python", sys.executable)
    assert place.run(["sh"], "claude", "PreToolUse", TOOL, *options) == (0, "", "")
    assert place.reports() == []


def test_what_cursor_runs_of_claude_s_hooks_is_not_claude_s(place: Place) -> None:
    place.flags.set("claude", "s-1", "you", 1)
    value = {**TOOL, "cursor_version": "3.10.17"}
    options = ("--python", sys.executable)
    assert place.run(["sh"], "claude", "PreToolUse", value, *options) == (0, "", "")
    assert place.run(["sh"], "claude", "SessionStart", value) == (0, "", "")
    assert place.reports() == []


def test_a_prompt_while_held_is_refused(place: Place) -> None:
    place.flags.set("claude", "s-1", "guard: day limit $20.00 passed", 1)
    value = {**TOOL, "prompt": "my secret plan"}
    options = ("--python", sys.executable)
    code, out, err = place.run(["sh"], "claude", "UserPromptSubmit", value, *options)
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert said["decision"] == "block"
    assert said["reason"].startswith(
        "Paused by guard: day limit $20.00 passed: this prompt was not sent."
    )
    drops = [path.read_text() for path in (place.runtime / "inbox").iterdir()]
    assert not any("secret" in drop for drop in drops)
    assert place.holds() == [("s-1", REFUSED)]


@pytest.mark.parametrize(("agent", "why"), [("claude", "reason"), ("codex", "stopReason")])
def test_a_context_is_not_compacted_while_held(place: Place, agent: str, why: str) -> None:
    """It is a request, and the largest of all; asked for by hand it is refused like a prompt."""
    place.flags.set(agent, "s-1", "you", 1)
    options = ("--python", sys.executable)
    by_hand = {"session_id": "s-1", "trigger": "manual"}
    code, out, err = place.run(["sh"], agent, "PreCompact", by_hand, *options)
    assert (code, err) == (0, "")
    assert "Paused by you: this compaction was not sent" in json.loads(out)[why]
    assert place.holds() == [("s-1", REFUSED)]
    by_itself = {"session_id": "s-1", "trigger": "auto"}
    process = place.hold(["sh"], agent, "PreCompact", by_itself)
    time.sleep(0.3)
    assert process.poll() is None
    place.flags.clear(agent, "s-1")
    assert finish(process) == (0, "")


def test_before_its_deadline_the_call_is_refused(place: Place) -> None:
    place.flags.set("claude", "s-1", "you", 1)
    process = place.hold(["sh"], "claude", "PreToolUse", TOOL, "--timeout", "2")
    code, out = finish(process)
    assert code == 0
    decision = json.loads(out)["hookSpecificOutput"]
    assert decision["permissionDecision"] == "deny"
    assert decision["permissionDecisionReason"].endswith("Try the same call again.")
    assert place.holds() == [("s-1", EXPIRED)]
    assert place.flags.get("claude", "s-1")


@pytest.mark.parametrize(
    ("agent", "event"), [(agent, event) for agent, events in EVENTS.items() for event in events]
)
def test_who_waits_knows_how_long_its_agent_does(tmp_path: Path, agent: str, event: str) -> None:
    """A prompt's hook that waited out the watcher's grace was given up, and the prompt sent."""
    entry = Program(SCRIPT, Path(sys.executable), tmp_path).entry(agent, event)
    handler = entry if agent == "cursor" else entry["hooks"][0]
    told = handler["timeout"] / (1000 if agent == "gemini" else 1)
    words = shlex.split(handler["command"])
    if "--python" not in words:
        return  # it only reports
    script = SCRIPT.read_text()
    grace = int(re.search(r"grace=(\d+)", script)[1])  # type: ignore[index]
    default = re.search(r"timeout=(\d+)", script)[1]  # type: ignore[index]
    known = float(words[words.index("--timeout") + 1] if "--timeout" in words else default)
    assert known == told
    begin = time.monotonic()
    wait = Wait(agent, event, tmp_path, known, grace, "")
    assert grace + 5 < wait.deadline - begin < told


def test_a_prompt_goes_on_with_a_word_where_no_watcher_runs(place: Place) -> None:
    place.flags.set("claude", "s-1", "you", 1)
    (place.runtime / "watcher.lock").unlink()
    begin = time.monotonic()
    options = ("--python", sys.executable, "--timeout", "3", "--grace", "60")
    code, out, err = place.run(["sh"], "claude", "UserPromptSubmit", TOOL, *options)
    assert time.monotonic() - begin < 3
    assert (code, err) == (0, "")
    assert "the pause is over" in json.loads(out)["systemMessage"]
    assert place.holds() == [("s-1", WATCHER_GONE)]
    assert place.flags.active() == []


@pytest.mark.parametrize(("timeout", "margin"), [(86_400, 60), (600, 60), (100, 20), (10, 2)])
def test_the_deadline_is_well_before_the_agent_s(
    tmp_path: Path, timeout: float, margin: float
) -> None:
    # an agent that gives a hook up lets the call through
    begin = time.monotonic()
    wait = Wait("claude", "PreToolUse", tmp_path, timeout, 15, "")
    assert begin <= wait.deadline - timeout + margin <= time.monotonic()


@pytest.mark.parametrize(
    ("agent", "event", "answer"),
    [
        ("codex", "UserPromptSubmit", {"decision": "block", "reason": "no"}),
        ("codex", "PreCompact", {"continue": False, "stopReason": "no"}),
        ("gemini", "BeforeAgent", {"decision": "deny", "reason": "no"}),
        ("gemini", "BeforeTool", {"decision": "deny", "reason": "no"}),
        ("cursor", "beforeSubmitPrompt", {"continue": False, "user_message": "no"}),
        (
            "cursor",
            "preToolUse",
            {"permission": "deny", "user_message": "no", "agent_message": "no"},
        ),
        (
            "codex",
            "PreToolUse",
            {
                "hookSpecificOutput": {
                    "hookEventName": "PreToolUse",
                    "permissionDecision": "deny",
                    "permissionDecisionReason": "no",
                }
            },
        ),
    ],
)
def test_every_agent_is_refused_in_its_own_words(
    agent: str, event: str, answer: dict[str, object]
) -> None:
    assert json.loads(refuse(agent, event, "no")) == answer


def test_going_on_consents_to_nothing() -> None:
    assert go_on("claude") == go_on("codex") == ""
    assert go_on("gemini") == go_on("cursor") == go_on("cursor", "a word") == "{}"
    assert json.loads(go_on("codex", "a word")) == {"systemMessage": "a word"}


def test_without_a_watcher_it_lets_go_and_says_so(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "inbox").mkdir()
    place.flags.set("claude", "s-1", "you", 1)
    options = ("--python", sys.executable, "--grace", "0.3")
    code, out, err = place.run(["sh"], "claude", "PreToolUse", TOOL, *options)
    assert (code, err) == (0, "")
    assert "nobody could resume it" in json.loads(out)["systemMessage"]
    assert place.holds() == [("s-1", HELD), ("s-1", WATCHER_GONE)]
    # or every further call would wait for nobody
    assert place.flags.active() == []


def test_a_watcher_that_dies_while_it_waits(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "inbox").mkdir()
    lock = WatcherLock(tmp_path)
    assert lock.acquire()
    place.flags.set("claude", "s-1", "you", 1)
    process = place.hold(["sh"], "claude", "PreToolUse", TOOL, "--grace", "0.3")
    lock.release()
    code, out = finish(process)
    assert code == 0
    assert "systemMessage" in json.loads(out)


def paused_in(server: TmuxServer, pane: str, store: PauseStore, **changes: object) -> Pause:
    """Write down that a session is held in a pane, which is dimmed for it."""
    before = dim(Tmux(server.socket), pane)
    pid, panes_pid = (int(server.format(f"#{{{name}}}", pane)) for name in ("pid", "pane_pid"))
    made = recorded(
        socket=str(server.socket),
        server_pid=pid,
        pane_id=pane,
        session="s-1",
        pane_pid=panes_pid,
        way=HOLD,
        method="hold",
        undo={"look": before},
    )
    made = replace(made, **changes)  # type: ignore[arg-type]
    store.add(made)
    return made


@pytest.mark.parametrize(("agent", "event"), [("claude", "PreToolUse"), ("codex", "PreToolUse")])
def test_who_is_let_go_without_a_watcher_has_its_look_back(
    tmp_path: Path, tmux_server: TmuxServer, agent: str, event: str
) -> None:
    place = Place(tmp_path / "tmuxmeter" / "run")
    place.flags.set(agent, "s-1", "you", 1)
    store = PauseStore(tmp_path / "tmuxmeter" / "pauses")
    mine, other = tmux_server.window("cat"), tmux_server.window("cat")
    tmux_server.run("set-option", "-p", "-t", mine, "window-style", "fg=red")
    paused_in(tmux_server, mine, store, agent=agent)
    paused_in(tmux_server, other, store, agent=agent, session="s-2")
    paused_in(tmux_server, other, store, agent=agent, pane_id="%77")
    before = store.all()
    code, _, err = place.run(
        ["sh"], agent, event, TOOL, "--python", sys.executable, "--grace", "0.1"
    )
    assert (code, err) == (0, "")
    assert own_styles(Tmux(tmux_server.socket), mine) == {
        "window-style": "fg=red",
        "window-active-style": None,
    }
    # the next watcher tells of it, and its guard learns that nobody let it go on
    assert store.all() == before
    assert own_styles(Tmux(tmux_server.socket), other)["window-style"] == DIMMED


def test_a_look_that_can_t_be_given_back_keeps_no_agent_from_going_on(
    tmp_path: Path, tmux_server: TmuxServer
) -> None:
    place = Place(tmp_path / "tmuxmeter" / "run")
    place.flags.set("claude", "s-1", "you", 1)
    store = PauseStore(tmp_path / "tmuxmeter" / "pauses")
    made = paused_in(tmux_server, tmux_server.window("cat"), store)
    with store.alone(made.socket, made.pane_id):
        options = ("--python", sys.executable, "--grace", "0.1")
        code, out, err = place.run(["sh"], "claude", "PreToolUse", TOOL, *options)
    assert (code, err) == (0, "")
    assert "the pause is over" in json.loads(out)["systemMessage"]
    assert store.all() == [made]


def test_a_watcher_that_comes_back_in_time_changes_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "inbox").mkdir()
    lock = WatcherLock(tmp_path)
    place.flags.set("claude", "s-1", "you", 1)
    process = place.hold(["sh"], "claude", "PreToolUse", TOOL, "--grace", "20")
    assert lock.acquire()
    time.sleep(0.4)
    assert process.poll() is None
    place.flags.clear("claude", "s-1")
    assert finish(process) == (0, "")
    lock.release()


def test_a_hook_that_is_ended_says_so(place: Place) -> None:
    place.flags.set("claude", "s-1", "you", 1)
    process = place.hold(["sh"], "claude", "PreToolUse", TOOL)
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert process.returncode == -signal.SIGTERM
    assert place.holds() == [("s-1", KILLED)]


def test_a_hook_does_not_outlive_its_agent(place: Place, tmp_path: Path) -> None:
    place.flags.set("claude", "s-1", "you", 1)
    told = tmp_path / "pid"
    hook = f'echo $$ >"{told}"; exec sh "$0" claude PreToolUse --runtime "$1" --python "$2"'
    start = ["bash", "-c", 'printf \'%s\' "$TOOL" | sh -c "$HOOK" "$@" & wait', "agent"]
    agent = subprocess.Popen(
        [*start, str(SCRIPT), str(place.runtime), sys.executable],
        env={"PATH": os.environ["PATH"], "HOOK": hook, "TOOL": json.dumps(TOOL)},
    )
    wait_until(lambda: ("s-1", HELD) in place.holds())
    pid = int(told.read_text())
    agent.kill()
    agent.wait()
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    assert place.flags.get("claude", "s-1")


@pytest.mark.parametrize("damage", ["broken", "folder", "link", "pipe", "foreign"])
def test_a_flag_that_can_t_be_used_holds_nobody_and_is_told(place: Place, damage: str) -> None:
    path = place.flags.path("claude", "s-1")
    if damage == "broken":
        path.write_text("{")
    elif damage == "folder":
        path.mkdir()
    elif damage == "link":
        place.flags.set("claude", "s-1", "you", 1)
        path.rename(place.runtime / "elsewhere")
        path.symlink_to(place.runtime / "elsewhere")
    elif damage == "pipe":
        os.mkfifo(path)
    else:
        place.flags.set("claude", 's-"2', "you", 1).rename(path)
    options = ("--python", sys.executable)
    assert place.run(["sh"], "claude", "PreToolUse", TOOL, *options) == (0, "", "")
    assert place.holds() == [("s-1", UNUSABLE)]


def test_a_flag_folder_that_can_t_be_read_is_told(shell: list[str], place: Place) -> None:
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root reads everything")
        shell = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *shell]
    (place.runtime / "hold").chmod(0)
    try:
        for _ in range(3):
            assert place.run(shell, "claude", "PreToolUse", TOOL) == (0, "", "")
    finally:
        (place.runtime / "hold").chmod(0o700)
    assert place.holds() == [("", UNUSABLE)]


def test_a_link_in_the_place_of_the_flag_folder_holds_nobody_and_is_told(
    shell: list[str], place: Place, tmp_path: Path
) -> None:
    place.flags.set("claude", "s-1", "you", 1)
    elsewhere = (place.runtime / "hold").rename(tmp_path / "elsewhere")
    (place.runtime / "hold").symlink_to(elsewhere)
    for _ in range(3):
        options = ("--python", sys.executable)
        assert place.run(shell, "claude", "PreToolUse", TOOL, *options) == (0, "", "")
    assert place.holds() == [("", UNUSABLE)]


def test_a_held_call_goes_on_where_its_flag_s_folder_becomes_a_link(
    place: Place, tmp_path: Path
) -> None:
    place.flags.set("claude", "s-1", "you", 1)
    process = place.hold(["sh"], "claude", "PreToolUse", TOOL)
    elsewhere = (place.runtime / "hold").rename(tmp_path / "elsewhere")
    (place.runtime / "hold").symlink_to(elsewhere)
    assert finish(process) == (0, "")


@pytest.mark.parametrize("python", ["", "/nowhere/python3"])
def test_without_python_nobody_is_held_and_it_is_told(
    shell: list[str], place: Place, python: str
) -> None:
    place.flags.set("claude", "s-1", "you", 1)
    options = ("--python", python)
    for _ in range(3):
        assert place.run(shell, "claude", "PreToolUse", TOOL, *options) == (0, "", "")
    assert place.holds() == [("", UNUSABLE)]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"session_id": 5}', b"[" * 90000])
def test_strange_input_holds_nobody(place: Place, content: bytes) -> None:
    place.flags.set("claude", "s/1", "you", 1)  # a name that only Python understands
    process = place.start(["sh"], "claude", "PreToolUse", "--python", sys.executable)
    out, err = process.communicate(content, timeout=20)
    assert (process.returncode, out, err) == (0, b"", b"")


def test_the_agent_s_folder_and_environment_have_no_say(place: Place, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    (trap / "tmuxmeter").mkdir(parents=True)
    for name in ("json", "signal", "sitecustomize", "tmuxmeter/__init__"):
        (trap / f"{name}.py").write_text("raise SystemExit('trapped')")
    place.flags.set("claude", "s/2", "you", 1)  # a name that only Python understands
    command = ["sh", str(SCRIPT), "claude", "PreToolUse", "--runtime", str(place.runtime)]
    result = subprocess.run(
        [*command, "--python", sys.executable],
        cwd=trap,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(trap), "PYTHONSTARTUP": "json.py"},
        input=json.dumps(TOOL).encode(),
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert place.reports() == []


def test_python_is_started_for_nobody_else(shell: list[str], place: Place, tmp_path: Path) -> None:
    place.flags.set("claude", "s-2", "you", 1)
    mark = tmp_path / "started"
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n: >'{mark}'\n")
    python.chmod(0o755)
    options = ("--python", str(python))
    assert place.run(shell, "claude", "PreToolUse", TOOL, *options) == (0, "", "")
    assert not mark.exists()
    # a session of a name that could be written in several ways is looked at by Python
    place.flags.set("claude", "s/ü", "you", 1)
    assert place.run(shell, "claude", "PreToolUse", TOOL, *options) == (0, "", "")
    assert mark.exists()


def test_a_large_call_of_a_held_session_waits(shell: list[str], place: Place) -> None:
    place.flags.set("claude", "s-1", "you", 1)
    value = {**TOOL, "tool_input": {"content": "ü\\n$HOME `x` '\"" * 100_000}}
    process = place.hold(shell, "claude", "PreToolUse", value)
    place.flags.clear("claude", "s-1")
    assert finish(process) == (0, "")
    assert place.holds() == [("s-1", RELEASED)]


def test_it_holds_also_where_nothing_can_be_reported(place: Place) -> None:
    (place.runtime / "inbox").rmdir()
    place.flags.set("claude", "s-1", "you", 1)
    process = place.start(["sh"], "claude", "PreToolUse", "--python", sys.executable)
    assert process.stdin
    process.stdin.write(json.dumps(TOOL).encode())
    process.stdin.close()
    process.stdin = None
    time.sleep(1)
    assert process.poll() is None
    place.flags.clear("claude", "s-1")
    assert finish(process) == (0, "")


def test_an_installed_package_finds_the_program_that_waits(place: Place, tmp_path: Path) -> None:
    package = tmp_path / "site" / "tmuxmeter"
    shutil.copytree(SCRIPT.parents[1] / "tmuxmeter", package)
    script = package / "share" / "shell" / "hook.sh"
    script.parent.mkdir(parents=True)
    shutil.copy(SCRIPT, script)
    place.flags.set("claude", "s-1", "you", 1)
    process = place.start(
        ["sh"], "claude", "UserPromptSubmit", "--python", sys.executable, script=script
    )
    out, err = process.communicate(json.dumps(TOOL).encode(), timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert json.loads(out)["decision"] == "block"


# --- reports


def test_a_session_s_start_is_reported_with_its_process_and_pane(
    shell: list[str], place: Place
) -> None:
    value = {"session_id": "s-9", "cwd": "/repo", "transcript_path": "/t.jsonl", "source": "clear"}
    assert place.run(shell, "claude", "SessionStart", value) == (0, "", "")
    (file,) = (place.runtime / "inbox").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert set(file.name) <= set("0123456789.")
    (report,) = place.reports()
    assert isinstance(report, SessionReport)
    assert (report.agent, report.session, report.event) == ("claude", "s-9", START)
    assert (report.source, report.cwd, report.transcript) == ("clear", "/repo", "/t.jsonl")
    assert (report.origin.tmux, report.origin.pane) == ("/tmp/s,1,0", "%7")
    assert report.origin.pids[0].pid == os.getpid()
    fields = Path("/proc/self/stat").read_text().rpartition(") ")[2].split()
    assert report.origin.pids[0].start == fields[19]
    assert report.origin.pids[1].pid == os.getppid()
    assert abs(report.origin.time_ms - time.time() * 1000) < 60_000


def test_without_proc_the_ancestors_come_from_ps(place: Place, tmp_path: Path) -> None:
    if not shutil.which("ps"):
        pytest.skip("ps is not installed")
    script = tmp_path / "shell" / "hook.sh"
    script.parent.mkdir()
    script.write_text(SCRIPT.read_text().replace("/proc/", "/nowhere/"))
    process = place.start(["sh"], "claude", "SessionStart", script=script)
    process.communicate(json.dumps(TOOL).encode(), timeout=20)
    (report,) = place.reports()
    assert [mark.pid for mark in report.origin.pids[:2]] == [os.getpid(), os.getppid()]
    assert report.origin.pids[0].start == ""


def test_cursor_s_tokens_are_reported(place: Place) -> None:
    value = {
        "conversation_id": "c-1",
        "generation_id": "g-1",
        "status": "completed",
        "input_tokens": 1_947_096,
        "output_tokens": 10_348,
        "cache_read_tokens": 1_506_478,
        "cache_write_tokens": 440_604,
    }
    assert place.run(["sh"], "cursor", "stop", value) == (0, "{}\n", "")
    (report,) = place.reports()
    assert isinstance(report, TokensReport)
    counts = report.fresh, report.cache_read, report.cache_write, report.output
    assert counts == (14, 1_506_478, 440_604, 10_348)


def test_a_report_that_can_t_be_left_is_told_but_stops_nobody(place: Place) -> None:
    inbox = place.runtime / "inbox"
    inbox.rmdir()
    # every write into it fails, as on a full disk
    inbox.symlink_to("/proc/self/fdinfo")
    assert place.run(["sh"], "claude", "SessionStart", TOOL) == (0, "", "")  # never through a link
    inbox.unlink()
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full")
    script = place.runtime / "hook.sh"
    script.write_text(SCRIPT.read_text().replace('>"$draft"', ">/dev/full"))
    inbox.mkdir()
    process = place.start(["sh"], "claude", "SessionStart", script=script)
    out, err = process.communicate(json.dumps(TOOL).encode(), timeout=20)
    assert (process.returncode, out) == (1, b"")
    assert b"can't write" in err


def test_where_nobody_takes_them_reports_don_t_pile_up(place: Place) -> None:
    inbox = place.runtime / "inbox"
    for number in range(1000):
        (inbox / str(number)).touch()
    assert place.run(["sh"], "claude", "SessionStart", TOOL) == (0, "", "")
    assert len(list(inbox.iterdir())) == 1000


# --- the status line


def test_the_user_s_status_line_gets_the_same_input_and_its_output_stays(
    shell: list[str], place: Place
) -> None:
    content = '{"session_id": "s-1", "cost": {"total_cost_usd": 0.039528}}\n\n'
    for ending in ("", "\n"):
        process = place.start(shell, "claude", "statusLine", "--then", "cat; echo ü >&2; exit 3")
        out, err = process.communicate((content + ending).encode(), timeout=20)
        assert (process.returncode, out.decode(), err.decode()) == (3, content + ending, "ü\n")
        (report,) = place.reports()
        assert isinstance(report, CostReport)
        assert report.total_cost_microdollars == 39_528


def test_status_lines_of_one_agent_take_one_file(place: Place) -> None:
    for dollars in (1, 2, 3):
        value = {"session_id": "s-1", "cost": {"total_cost_usd": dollars}}
        assert place.run(["sh"], "claude", "statusLine", value) == (0, "", "")
    (report,) = place.reports()
    assert isinstance(report, CostReport)
    assert report.total_cost_microdollars == 3_000_000


def test_the_user_s_status_line_runs_also_without_us(place: Place, tmp_path: Path) -> None:
    for script in (SCRIPT, tmp_path / "gone" / "hook.sh"):
        program = Program(script, Path(sys.executable), place.runtime)
        command = program.status_line("printf '%s|' \"it's\" $0; cat")
        out = subprocess.run(
            ["sh", "-c", command], input=b"{}", capture_output=True, check=True, timeout=20
        ).stdout
        assert out.startswith(b"it's|")
        assert out.endswith(b"{}")


def test_a_status_line_that_is_cancelled_ends_the_user_s_too(place: Place, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    process = place.start(
        ["sh"], "claude", "statusLine", "--then", f"echo $$ >'{told}'; exec sleep 60"
    )
    assert process.stdin
    process.stdin.write(b"{}")
    process.stdin.close()
    process.stdin = None
    pid = wait_until(lambda: told.exists() and told.read_text().strip())
    process.terminate()
    process.wait(30)
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    process.communicate(timeout=30)
