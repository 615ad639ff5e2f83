"""``tmuxmeter hooks``: what it does to files, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tmuxmeter.hooks.files import LIMIT_BYTES, find, replace
from tmuxmeter.hooks.install import Installer
from tmuxmeter.hooks.record import Records
from tmuxmeter.hooks.settings import SettingsError
from tmuxmeter.hooks.status import holding_since, installed, state_of, trusted
from tmuxmeter.hooks.targets import Target, targets
from tmuxmeter.hooks.wanted import EVENTS, Program

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "shell" / "hook.sh"
PLUGIN = (ROOT / "shell" / "opencode.js").read_text()
NOW = 1_795_300_000_000
ALL = (*EVENTS, "opencode")


def installer(home: Path, script: Path = SCRIPT) -> Installer:
    program = Program(script, Path(sys.executable), home / "run" / "tmuxmeter")
    return Installer(program, PLUGIN, Records(home / "state" / "hooks"))


def install(made: Installer, target: Target) -> None:
    made.carry_out(made.install(target), NOW)


def uninstall(made: Installer, target: Target) -> None:
    made.carry_out(made.uninstall(target), NOW)


def account(home: Path, agent: str = "claude", content: str | None = "{}") -> Target:
    target = Target(agent, home / f".{agent}")
    target.file.parent.mkdir(parents=True)
    if content is not None:
        target.file.write_text(content, newline="")
    return target


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def run(home: Path, *arguments: str) -> tuple[int, str, str]:
    result = subprocess.run(
        [sys.executable, "-m", "tmuxmeter", "hooks", *arguments, "--home", str(home)],
        cwd=home,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return result.returncode, result.stdout, result.stderr


# --- to the byte


@pytest.mark.parametrize("agent", ALL)
def test_what_we_made_is_gone_afterwards(home: Path, agent: str) -> None:
    root = home / f".{agent}"
    root.mkdir()
    before = tree(root)
    made, target = installer(home), Target(agent, root)
    install(made, target)
    assert stat.S_IMODE(target.file.stat().st_mode) == 0o600
    assert state_of(target, made).state == ("untrusted" if agent == "codex" else "installed")
    uninstall(made, target)
    assert tree(root) == before
    assert made.records.all() == {}


@pytest.mark.parametrize(
    "content", ["", "{ }", "{\n}\n", "\ufeff{}", '{"hooks":{ "Stop" :[ ]}}', "\n\n"]
)
def test_unchanged_settings_come_back_to_the_byte(home: Path, content: str) -> None:
    target = account(home, content=content)
    target.file.chmod(0o640)
    before = target.file.read_bytes()
    made = installer(home)
    install(made, target)
    assert target.file.read_bytes() != before
    assert stat.S_IMODE(target.file.stat().st_mode) == 0o640
    uninstall(made, target)
    assert target.file.read_bytes() == before
    assert stat.S_IMODE(target.file.stat().st_mode) == 0o640


def test_installing_again_changes_nothing(home: Path) -> None:
    target = account(home)
    made = installer(home)
    install(made, target)
    first = tree(home)
    assert not made.install(target).changes
    # also where an agent has written its settings anew, in its own style and order
    value = json.loads(target.file.read_text())
    value = {"model": "x", **dict(sorted(value.items(), reverse=True))}
    target.file.write_text(json.dumps(value, indent=4))
    assert not made.install(target).changes
    assert tree(home).keys() == first.keys()


def test_an_update_keeps_the_way_back(home: Path) -> None:
    target = account(home, content="{ }")
    install(installer(home, Path("/old/shell/hook.sh")), target)
    assert state_of(target, installer(home)).state == "outdated"
    assert "/old/shell/hook.sh" in state_of(target, installer(home)).detail
    assert not installed("claude", target.root)
    made = installer(home)
    install(made, target)
    assert target.file.read_text().count("hook.sh claude PreToolUse") == 1
    assert "/old/" not in target.file.read_text()
    assert installed("claude", target.root)
    uninstall(made, target)
    assert target.file.read_text() == "{ }"


def test_what_an_agent_changed_meanwhile_stays(home: Path) -> None:
    content = '{\n  "statusLine": {"type": "command", "command": "mine \\u00e9"}\n}\n'
    target = account(home, content=content)
    made = installer(home)
    install(made, target)
    text = target.file.read_text().replace("{\n", '{\n  "model": "opus",\n', 1)
    target.file.write_text(text)
    uninstall(made, target)
    assert target.file.read_text() == content.replace("{\n", '{\n  "model": "opus",\n', 1)


def test_without_its_record_ours_is_taken_out_all_the_same(home: Path) -> None:
    target = account(home, content='{"model": "x"}')
    made = installer(home)
    install(made, target)
    shutil.rmtree(home / "state")
    uninstall(made, target)
    assert target.file.read_text() == '{"model": "x"}'


def test_a_damaged_copy_is_not_put_back(home: Path) -> None:
    target = account(home, content='{"model": "x"}')
    made = installer(home)
    install(made, target)
    (copy,) = made.records.backups()
    copy.write_text("{}")
    uninstall(made, target)
    assert target.file.read_text() == '{"model": "x"}'


def test_copies_are_private_and_tell_when(home: Path) -> None:
    target = account(home, content='{"secret": "ü"}')
    made = installer(home)
    install(made, target)
    (copy,) = made.records.backups()
    assert copy.name.startswith("2026-11-21T222640Z-claude-")
    assert copy.read_text() == '{"secret": "ü"}'
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700


def test_copies_don_t_pile_up(home: Path) -> None:
    target = account(home)
    made = installer(home)
    for number in range(15):
        target.file.write_text(json.dumps({"n": number}))
        install(made, target)
        uninstall(made, target)
    assert len(made.records.backups()) <= 11


def test_hooks_that_look_elsewhere_hold_nobody(home: Path) -> None:
    made = installer(home)
    runtime = made.program.runtime
    other = Installer(
        dataclasses.replace(made.program, runtime=home / "it's"), PLUGIN, made.records
    )
    for agent in ("claude", "opencode"):
        target = account(home, agent, None)
        install(other, target)
        assert installed(agent, target.root)
        assert installed(agent, target.root, home / "it's")
        assert not installed(agent, target.root, runtime)
        assert state_of(target, made).state == "outdated"
    assert (
        f"look for flags in {home}/it's"
        in state_of(Target("claude", home / ".claude"), made).detail
    )


def test_an_unknown_status_line_is_told(home: Path) -> None:
    target = account(home, content='{"statusLine": {"type": "url"}}')
    made = installer(home)
    install(made, target)
    assert "its own cost isn't told" in state_of(target, made).detail
    assert installed("claude", target.root)


# --- files that are not what they seem


def test_a_link_of_a_dotfiles_manager_stays_a_link(home: Path) -> None:
    target = account(home, content=None)
    real = home / "dotfiles" / "claude.json"
    real.parent.mkdir()
    real.write_text("{}")
    target.file.symlink_to("../dotfiles/claude.json")
    made = installer(home)
    install(made, target)
    assert target.file.is_symlink()
    assert "hook.sh" in real.read_text()
    assert installed("claude", target.root)
    uninstall(made, target)
    assert target.file.is_symlink()
    assert real.read_text() == "{}"
    assert [path.name for path in real.parent.iterdir()] == ["claude.json"]


def spoil(file: Path, how: str) -> None:
    if how == "dangling":
        file.symlink_to("nowhere.json")
    elif how == "loop":
        file.symlink_to(file.name)
    elif how == "folder":
        file.mkdir()
    elif how == "pipe":
        os.mkfifo(file)
    elif how == "read-only":
        file.write_text("{}")
        file.chmod(0o444)
    elif how == "large":
        file.write_bytes(b"{" + b" " * LIMIT_BYTES + b"}")
    elif how == "latin":
        file.write_bytes(b'{\n"a": "\xfc"}')
    elif how == "foreign":
        file.write_text("{}")
        os.chown(file, 12345, 12345)
    else:
        file.write_text('{\n  "a": 1,\n}\n')


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("dangling", "it is a link to nowhere.json, which isn't there"),
        ("loop", "it can't be found"),
        ("folder", "it is no file"),
        ("pipe", "it is no file"),
        ("read-only", "it is read-only"),
        ("large", "it is too large (2 MB)"),
        ("latin", "line 2: it is not UTF-8"),
        ("foreign", "it belongs to user 12345"),
        ("broken", "line 3: a key in quotes is missing"),
    ],
)
def test_what_can_t_be_changed_safely_is_left_alone(home: Path, how: str, why: str) -> None:
    if how == "foreign" and os.geteuid():
        pytest.skip("only root can give files away")
    target = account(home, content=None)
    spoil(target.file, how)
    before = target.file.lstat()
    made = installer(home)
    for plan in (made.install, made.uninstall):
        with pytest.raises(SettingsError) as caught:
            plan(target)
        assert why in str(caught.value)
    state = state_of(target, made)
    assert (state.state, why in state.detail) == ("unusable", True)
    assert not installed("claude", target.root)
    assert target.file.lstat() == before


def test_a_change_in_the_very_moment_wins(home: Path) -> None:
    target = account(home)
    found = find(target.file)
    target.file.write_text('{"model": "x"}')
    with pytest.raises(SettingsError, match="this very moment"):
        replace(found, b"ours")
    with pytest.raises(SettingsError, match="this very moment"):
        replace(found, None)
    assert target.file.read_text() == '{"model": "x"}'
    assert [path.name for path in target.root.iterdir()] == ["settings.json"]


def test_another_program_s_plugin_is_not_overwritten(home: Path) -> None:
    target = account(home, "opencode", "export const other = 1\n")
    made = installer(home)
    with pytest.raises(SettingsError, match="line 1: it is not ours"):
        made.install(target)
    assert not made.uninstall(target).changes


# --- who is there, and how it is


def test_only_agents_that_are_there_are_looked_at(home: Path) -> None:
    assert targets(home, {}, []) == []
    for folder in (".gemini", ".cursor", ".config/opencode", "elsewhere/.gemini"):
        (home / folder).mkdir(parents=True)
    assert [target.agent for target in targets(home, {}, [])] == ["gemini", "cursor", "opencode"]
    env = {"GEMINI_CLI_HOME": str(home / "elsewhere"), "XDG_CONFIG_HOME": str(home / "none")}
    found = targets(home, env, [])
    assert [target.file for target in found] == [
        home / "elsewhere/.gemini/settings.json",
        home / ".cursor/hooks.json",
    ]


def test_hooks_lie_where_an_agent_looks_for_them_not_where_it_logs(home: Path) -> None:
    from tmuxmeter.agents import AGENTS
    from tmuxmeter.agents.base import Root

    for folder in (".local/share/opencode", ".config/cursor", ".config/opencode", "acc/.gemini"):
        (home / folder).mkdir(parents=True)
    roots = [root for agent in AGENTS for root in agent.roots(home, {})]
    roots.append(Root("gemini", home / "acc" / ".gemini"))
    assert [target.file for target in targets(home, {}, roots)] == [
        home / "acc/.gemini/settings.json",
        home / ".config/opencode/plugins/tmuxmeter.js",
    ]


def test_codex_hooks_count_once_it_trusts_them(home: Path) -> None:
    target = account(home, "codex", None)
    made = installer(home)
    install(made, target)
    config = target.root / "config.toml"
    for text in ("", "[hooks]\n", "[hooks.state]\n"):
        config.write_text(text)
        assert trusted(target.root) is False
        assert not installed("codex", target.root)
    words = ("pre_tool_use", "user_prompt_submit", "pre_compact", "session_start")
    keys = [
        f'[hooks.state."{target.file}:{word}:0:0"]\ntrusted_hash = "sha256:1"\n' for word in words
    ]
    config.write_text("".join(keys[:3]))
    assert trusted(target.root) is False
    config.write_text("".join(keys))
    assert trusted(target.root) is True
    assert installed("codex", target.root)
    assert state_of(target, made).state == "installed"
    config.write_text("[")
    assert trusted(target.root) is None
    assert installed("codex", target.root)  # nothing speaks against it


@pytest.mark.parametrize(("agent", "since"), [("claude", 0), ("gemini", NOW)])
def test_who_runs_already_may_not_have_read_its_hooks(home: Path, agent: str, since: int) -> None:
    """Claude Code takes them up while it runs, the others have those of their start."""
    target = account(home, agent, None)
    made = installer(home)
    runtime = made.program.runtime
    assert holding_since(agent, str(target.root), runtime) is None
    install(made, target)
    os.utime(target.file, ns=(NOW * 1_000_000, NOW * 1_000_000))
    assert holding_since(agent, str(target.root), runtime) == since
    assert holding_since(agent, "", runtime) is None


def test_hooks_that_are_switched_off_hold_nobody(home: Path) -> None:
    target = account(home, content='{"disableAllHooks" : true}')
    made = installer(home)
    install(made, target)
    assert not installed("claude", target.root)
    assert state_of(target, made).state == "unusable"


@pytest.mark.parametrize("agent", ALL)
def test_nothing_is_not_installed(home: Path, agent: str) -> None:
    assert not installed(agent, home / "nowhere")
    target = account(home, agent, "{}" if agent != "opencode" else "// mine")
    assert not installed(agent, target.root)


# --- the commands


def test_the_commands_from_the_first_to_the_last(home: Path) -> None:
    for folder in (".claude", ".codex", ".gemini", ".cursor", ".config/opencode"):
        (home / folder).mkdir(parents=True)
    settings = home / ".claude" / "settings.json"
    settings.write_text('{\n  "model": "x"\n}\n')
    before = tree(home)

    code, out, err = run(home, "diff", "claude")
    assert (code, err) == (0, "")
    code, told, err = run(home, "install")
    assert (code, err) == (2, "tmuxmeter: nobody to ask here: use --yes\n")
    assert told.startswith(out)
    assert tree(home) == before

    code, told, err = run(home, "install", "--yes")
    assert (code, err) == (0, "")
    assert told.startswith(out)
    new = settings.read_text().splitlines()
    wanted = difflib.unified_diff(
        ["{", '  "model": "x"', "}"], new, str(settings), str(settings), lineterm=""
    )
    assert out.splitlines() == list(wanted)
    assert "Codex asks once whether to trust them" in told
    _, out, _ = run(home, "status", "--json")
    states = {hook["agent"]: hook["state"] for hook in json.loads(out)["hooks"]}
    assert states == dict.fromkeys(ALL, "installed") | {"codex": "untrusted"}
    assert len(json.loads(out)["backups"]) == 1
    # hooks leave nothing where there is no inbox, also before any watcher ran
    (inbox,) = home.rglob("inbox")
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (inbox, inbox.parent)} == {0o700}
    _, out, _ = run(home, "status")
    assert "Codex        untrusted" in out
    assert "Settings as they were:" in out
    code, out, _ = run(home, "install", "--yes")
    assert (code, out.count("has the hooks already.")) == (0, 5)

    code, out, err = run(home, "uninstall", "--yes")
    assert (code, err, out.count("Uninstalled: ")) == (0, "", 5)
    shutil.rmtree(home / ".local")  # its own record
    assert tree(home) == before
    code, out, _ = run(home, "uninstall", "--yes")
    assert (code, out.count("has no hooks of tmuxmeter.")) == (0, 5)


def test_hooks_that_hold_an_agent_stay_until_it_is_let_go(home: Path) -> None:
    from tmuxmeter.pause.hold import HoldFlags
    from tmuxmeter.watcher.process import WatcherLock

    for agent in ("claude", "gemini"):
        (home / f".{agent}").mkdir()
    run(home, "install", "--yes")
    settings = home / ".claude/settings.json"
    before = settings.read_text()
    runtime = home / ".local/state/tmuxmeter/run"
    HoldFlags(runtime / "hold").set("claude", "a-session", "you", 1)
    lock = WatcherLock(runtime)
    assert lock.acquire()
    code, out, err = run(home, "uninstall", "--yes")
    assert code == 1
    assert err == (
        f"{settings}: Claude Code is held by it, so let it go first"
        " (`tmuxmeter resume --agent claude`); left alone\n"
    )
    assert settings.read_text() == before
    assert f"Uninstalled: {home}/.gemini/settings.json" in out
    lock.release()
    # nobody is held without a watcher
    code, _, err = run(home, "uninstall", "--yes")
    assert (code, err) == (0, "")
    assert not settings.exists()


@pytest.mark.parametrize(("answer", "code", "there"), [("n", 130, False), ("y", 0, True)])
def test_at_a_terminal_it_asks(home: Path, answer: str, code: int, there: bool) -> None:
    (home / ".cursor").mkdir()
    terminal, end = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tmuxmeter", "hooks", "install", "--home", str(home)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(home)},
        stdin=end,
        stdout=subprocess.PIPE,
    )
    os.close(end)
    os.write(terminal, f"{answer}\n".encode())
    out, _ = process.communicate(timeout=60)
    os.close(terminal)
    assert process.returncode == code
    assert b"Install in 1 file? [y/N]: " in out
    assert out.index(b"+++ ") < out.index(b"Install in")
    assert (home / ".cursor" / "hooks.json").exists() == there


def test_a_diff_steers_no_terminal(home: Path) -> None:
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").write_text('{"a": "\x9b2J"}')
    _, out, _ = run(home, "diff", "claude")
    assert "\x9b" not in out
    assert '{"a": "?2J"' in out


def test_one_broken_file_doesn_t_stop_the_others(home: Path) -> None:
    for folder in (".claude", ".cursor"):
        (home / folder).mkdir()
    broken = home / ".claude" / "settings.json"
    broken.write_text('{\n  "a": 1,\n}\n')
    code, out, err = run(home, "install", "--yes")
    assert code == 1
    assert err == f"{broken}: line 3: a key in quotes is missing; left alone\n"
    assert "Installed: " in out
    assert (home / ".cursor" / "hooks.json").exists()
    assert broken.read_text() == '{\n  "a": 1,\n}\n'


def test_one_broken_file_keeps_nothing_back_of_what_the_others_need(home: Path) -> None:
    account(home, content="{")
    account(home, "codex", None)
    code, said, _ = run(home, "install", "--yes")
    assert code == 1
    assert "Codex asks once whether to trust them" in said
    # without it they would leave no reports until a watcher comes
    assert (home / ".local/state/tmuxmeter/run/inbox").is_dir()


def test_an_agent_that_isn_t_there_is_told(home: Path) -> None:
    code, _, err = run(home, "install", "cursor", "--yes")
    assert code == 2
    assert err == "tmuxmeter: Cursor has no folder here; start it once, then try again\n"
    for words in (["install", "--yes"], ["uninstall", "--yes"], ["diff"], ["status"]):
        assert run(home, *words) == (0, "No agent's settings were found.\n", "")


# --- the plugin for OpenCode

HARNESS = """
import fs from "node:fs"
import { tmuxmeter } from "%s"
const hooks = await tmuxmeter({})
const say = (word) => fs.appendFileSync("%s", word + "\\n")
const created = (info) => hooks.event({ event: { type: "session.created", properties: { info } } })
await created({ id: "p", directory: "/r" })
await created({ id: "c", parentID: "p" })
await hooks["tool.execute.before"]({ tool: "bash", sessionID: "other" }, {})
say("free")
await hooks["%s"]({ sessionID: "c" }, {})
say("went on")
await hooks["chat.message"]({ sessionID: "p" }, {})
say("prompt")
await hooks["chat.message"]({ sessionID: "other" }, {})
"""


@pytest.mark.parametrize("hook", ["tool.execute.before", "experimental.session.compacting"])
def test_the_plugin_waits_and_reports(home: Path, hook: str) -> None:
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    import time

    from tmux_fixtures import wait_until

    from tmuxmeter.hooks.inbox import Inbox
    from tmuxmeter.pause.hold import HoldFlags
    from tmuxmeter.watcher.process import WatcherLock

    made = installer(home)
    target = account(home, "opencode", None)
    install(made, target)
    runtime = made.program.runtime
    (runtime / "inbox").mkdir(parents=True)
    lock = WatcherLock(runtime)
    assert lock.acquire()
    flags = HoldFlags(runtime / "hold")
    flags.set("opencode", "p", "you", 1)
    plugin = target.file.rename(home / "plugin.mjs")
    said = home / "said"
    (home / "harness.mjs").write_text(HARNESS % (plugin, said, hook))
    process = subprocess.Popen(["node", str(home / "harness.mjs")])
    inbox = Inbox(runtime / "inbox")
    seen: list[Any] = []

    def reported(count: int) -> bool:
        seen.extend(inbox.take(time.time_ns() // 1_000_000))
        return len(seen) >= count

    wait_until(lambda: reported(2))
    time.sleep(0.3)
    assert said.read_text() == "free\n"
    flags.clear("opencode", "p")
    assert process.wait(20) == 0
    assert said.read_text() == "free\nwent on\nprompt\n"
    reported(0)
    assert inbox.broken == 0
    assert [(r.session, getattr(r, "event", "")) for r in seen] == [
        ("p", "start"),
        ("c", "held"),
        ("c", "released"),
        ("other", "start"),
    ]
    assert seen[0].origin.pids[0].pid == process.pid
    assert seen[0].cwd == "/r"
    lock.release()
