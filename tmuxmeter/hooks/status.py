"""Whether the hooks are in place, and what is wrong where they aren't."""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tmuxmeter.hooks.files import LIMIT_BYTES, find
from tmuxmeter.hooks.install import PLUGIN_MARK
from tmuxmeter.hooks.settings import SettingsError, ours_in
from tmuxmeter.hooks.targets import TITLES, settings_file
from tmuxmeter.hooks.values import our_commands
from tmuxmeter.hooks.wanted import runtime_of, script_of
from tmuxmeter.regular import read_regular

if TYPE_CHECKING:
    from tmuxmeter.hooks.install import Installer
    from tmuxmeter.hooks.targets import Target

MISSING: Final = "missing"
INSTALLED: Final = "installed"
OUTDATED: Final = "outdated"
UNTRUSTED: Final = "untrusted"
UNUSABLE: Final = "unusable"

TAKEN_UP_AT_ONCE = frozenset({"claude"})
"""Agents that take up hooks while they run; the others have those there were at their start."""
_EVENT_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class HookState:
    """The hooks in one file: one of the words above, and why and what to do about it.

    ``detail`` and ``hint`` are lines for people, "" where all is well.
    """

    agent: str
    file: Path
    state: str
    detail: str = ""
    hint: str = ""


def installed(agent: str, account_root: Path, runtime: Path | None = None) -> bool:
    """Tell whether an agent's account has hooks that really hold.

    Parameters
    ----------
    agent : str
        ``claude``, ``codex``, ``gemini``, ``cursor`` or ``opencode``.
    account_root : Path
        The folder of its account, such as ``~/.claude``.
    runtime : Path or None
        The runtime folder whose flags they have to obey (``places.runtime``); None: any.
    """
    try:
        text = find(settings_file(agent, account_root)).text
    except (SettingsError, KeyError):
        return False
    if agent == "opencode":
        obeys = runtime is None or f"const RUNTIME = {json.dumps(str(runtime))}\n" in text
        return text.startswith(PLUGIN_MARK) and obeys
    if "hook.sh" not in text or _switched_off(agent, text):
        return False
    commands = ours_in(text, agent)
    holding = [command for command in commands if "ToolUse " in command or "BeforeTool " in command]
    if not any(
        os.access(script_of(command), os.R_OK)
        and (runtime is None or runtime_of(command) == str(runtime))
        for command in holding
    ):
        return False
    return agent != "codex" or trusted(account_root) is not False


def holding_since(agent: str, settings: str, runtime: Path) -> int | None:
    """Return since when, at the latest, a folder of settings has had hooks that hold, or None.

    Epoch milliseconds, of the file's last change: who was started after that has read them; 0 for
    agents that take them up while they run.
    """
    if not settings or not installed(agent, Path(settings), runtime):
        return None
    if agent in TAKEN_UP_AT_ONCE:
        return 0
    try:
        return settings_file(agent, Path(settings)).stat().st_mtime_ns // 1_000_000
    except OSError:
        return None


def state_of(target: Target, installer: Installer) -> HookState:
    """Return how the hooks of one file are."""
    agent, file = target.agent, target.file
    install = f"tmuxmeter hooks install {agent}"
    try:
        plan = installer.install(target)
    except SettingsError as error:
        return HookState(agent, file, UNUSABLE, f"{error}", "left alone; repair the file first")
    text = plan.found.text
    ours = text.startswith(PLUGIN_MARK) if agent == "opencode" else bool(ours_in(text, agent))
    if not ours:
        return HookState(agent, file, MISSING)
    if plan.changes:
        detail = _outdated(ours_in(text, agent), installer)
        return HookState(agent, file, OUTDATED, detail, install)
    if _switched_off(agent, text):
        return HookState(agent, file, UNUSABLE, "hooks are switched off in these settings")
    if agent == "codex" and trusted(target.root) is False:
        hint = "start codex and trust them when it asks (or /hooks)"
        return HookState(
            agent, file, UNTRUSTED, f"{TITLES[agent]} was not told to trust them", hint
        )
    if agent == "claude" and not any(" statusLine " in command for command in ours_in(text, agent)):
        detail = "the status line is of a kind we don't know, so its own cost isn't told"
        return HookState(agent, file, INSTALLED, detail)
    return HookState(agent, file, INSTALLED)


def _outdated(commands: list[str], installer: Installer) -> str:
    """Return what is wrong with hooks that aren't as they would be installed now."""
    for command in commands:
        script, runtime = script_of(command), runtime_of(command)
        if script and not os.access(script, os.R_OK):
            return f"they run {script}, which isn't there any more"
        if runtime and runtime != str(installer.program.runtime):
            return f"they look for flags in {runtime}, not in {installer.program.runtime}"
    return "they are not those of this version"


def trusted(codex_home: Path) -> bool | None:
    """Tell whether Codex was told to trust our hooks, None where that can't be seen.

    Codex 0.169.0 writes ``[hooks.state."FILE:event:GROUP:HANDLER"] trusted_hash`` into its
    ``config.toml``. How the hash is made isn't known, so a hook trusted in an older form counts.
    """
    file = settings_file("codex", codex_home)
    try:
        config = read_regular(codex_home / "config.toml", LIMIT_BYTES).decode()
        state = tomllib.loads(config).get("hooks", {}).get("state", {})
        value = _plain(file)
    except FileNotFoundError:
        return False
    except (OSError, ValueError, AttributeError):
        return None
    wanted = set()
    for event, groups in value.items():
        word = _EVENT_WORD.sub("_", event).lower()
        for number, group in enumerate(groups):
            if any(our_commands(group)):
                wanted.add(f"{word}:{number}:0")
    known = {
        key.removeprefix(f"{path}:")
        for key, entry in state.items()
        for path in {str(file), str(file.resolve())}
        if key.startswith(f"{path}:") and isinstance(entry, dict) and "trusted_hash" in entry
    }
    return wanted <= known


def _plain(file: Path) -> dict[str, list[Any]]:
    content = read_regular(file, LIMIT_BYTES).decode("utf-8-sig")
    hooks = json.loads(content).get("hooks", {})
    return {event: groups for event, groups in hooks.items() if isinstance(groups, list)}


def _switched_off(agent: str, text: str) -> bool:
    """Tell whether the agent is told to run no hooks at all."""
    return agent == "claude" and bool(re.search(r'"disableAllHooks"\s*:\s*true', text))
