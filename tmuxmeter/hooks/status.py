"""Whether the hooks are in place, and what is wrong where they aren't."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tmuxmeter.hooks.files import find
from tmuxmeter.hooks.install import PLUGIN_MARK
from tmuxmeter.hooks.settings import SettingsError, ours_in
from tmuxmeter.hooks.targets import TITLES, settings_file
from tmuxmeter.hooks.wanted import script_of

if TYPE_CHECKING:
    from pathlib import Path

    from tmuxmeter.hooks.install import Installer
    from tmuxmeter.hooks.targets import Target

MISSING: Final = "missing"
INSTALLED: Final = "installed"
OUTDATED: Final = "outdated"
UNTRUSTED: Final = "untrusted"
UNUSABLE: Final = "unusable"

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


def installed(agent: str, account_root: Path) -> bool:
    """Tell whether an agent's account has hooks that really hold.

    Parameters
    ----------
    agent : str
        ``claude``, ``codex``, ``gemini``, ``cursor`` or ``opencode``.
    account_root : Path
        The folder of its account, such as ``~/.claude``.
    """
    try:
        text = find(settings_file(agent, account_root)).text
    except (SettingsError, KeyError):
        return False
    if agent == "opencode":
        return text.startswith(PLUGIN_MARK)
    if "hook.sh" not in text or _switched_off(agent, text):
        return False
    commands = ours_in(text, agent)
    holding = [command for command in commands if "ToolUse " in command or "BeforeTool " in command]
    if not any(os.access(script_of(command), os.R_OK) for command in holding):
        return False
    return agent != "codex" or trusted(account_root) is not False


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
        gone = [
            script
            for command in ours_in(text, agent)
            if (script := script_of(command)) and not os.access(script, os.R_OK)
        ]
        if gone:
            detail = f"they run {gone[0]}, which isn't there any more"
            return HookState(agent, file, OUTDATED, detail, install)
        return HookState(agent, file, OUTDATED, "they are not those of this version", install)
    if _switched_off(agent, text):
        return HookState(agent, file, UNUSABLE, "hooks are switched off in these settings")
    if agent == "codex" and trusted(target.root) is False:
        hint = "start codex and trust them when it asks (or /hooks)"
        return HookState(
            agent, file, UNTRUSTED, f"{TITLES[agent]} was not told to trust them", hint
        )
    return HookState(agent, file, INSTALLED)


def trusted(codex_home: Path) -> bool | None:
    """Tell whether Codex was told to trust our hooks, None where that can't be seen.

    Codex 0.169.0 writes ``[hooks.state."FILE:event:GROUP:HANDLER"] trusted_hash`` into its
    ``config.toml``. How the hash is made isn't known, so a hook trusted in an older form counts.
    """
    file = settings_file("codex", codex_home)
    try:
        with (codex_home / "config.toml").open("rb") as config:
            state = tomllib.load(config).get("hooks", {}).get("state", {})
        value = _plain(file)
    except FileNotFoundError:
        return False
    except (OSError, ValueError, AttributeError):
        return None
    wanted = set()
    for event, groups in value.items():
        word = _EVENT_WORD.sub("_", event).lower()
        for number, group in enumerate(groups):
            if ours_in_value(group):
                wanted.add(f"{word}:{number}:0")
    known = {
        key.removeprefix(f"{path}:")
        for key, entry in state.items()
        for path in {str(file), str(file.resolve())}
        if key.startswith(f"{path}:") and isinstance(entry, dict) and "trusted_hash" in entry
    }
    return wanted <= known


def ours_in_value(value: Any) -> bool:
    """Tell whether a part of settings runs our hook."""
    from tmuxmeter.hooks.values import our_commands

    return any(True for _ in our_commands(value))


def _plain(file: Path) -> dict[str, list[Any]]:
    import json

    hooks = json.loads(file.read_text("utf-8-sig")).get("hooks", {})
    return {event: groups for event, groups in hooks.items() if isinstance(groups, list)}


def _switched_off(agent: str, text: str) -> bool:
    """Tell whether the agent is told to run no hooks at all."""
    return agent == "claude" and bool(re.search(r'"disableAllHooks"\s*:\s*true', text))
