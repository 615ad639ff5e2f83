"""Finding the agent that is meant in a pane, and who really makes its requests."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from tmuxmeter.agents import agent_named
from tmuxmeter.errors import PauseError
from tmuxmeter.panes.folders import log_name, real_path
from tmuxmeter.panes.runs import INTERPRETERS
from tmuxmeter.pause.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.panes.picture import AgentNow, PaneNow
    from tmuxmeter.panes.processes import Entry, ProcessTable

SHELLS = frozenset({"sh", "bash", "dash", "zsh", "fish", "ksh", "mksh", "ash", "busybox", "tcsh"})
WINDOWS_ELSEWHERE = frozenset(
    {"ssh", "mosh", "mosh-client", "et", "telnet", "docker", "podman", "nerdctl", "kubectl", "lxc"}
    | {"tmux", "screen", "zellij", "dtach", "abduco", "script"}
)
"""Programs that pass keys on to another machine, container or terminal: stopped, they stop nothing
there, and Ctrl-z would reach whatever runs there."""
LONGEST_NAME = 40
SURE = 0.8
"""How far a session must be believed to be an agent's, so that no other agent is held for it."""


def target_in(
    pane: PaneNow,
    table: ProcessTable,
    last_requests: Mapping[tuple[str, str], int],
    own_pid: int = 0,
) -> Target:
    """Return the agent in a pane: the one that stands for it, else the program in front.

    Parameters
    ----------
    last_requests : Mapping
        When the last request of sessions ended, by agent and session, epoch milliseconds.
    own_pid : int
        Who asks: a command typed in the pane is no agent.

    Raises
    ------
    PauseError
        No agent runs there, or none that could be reached from here.
    """
    now = pane.main
    core = table.get(now.pid) if now is not None and now.state != "gone" else None
    if now is None or core is None:
        found = None if pane.pane.dead else program_in_front(table, pane.ref.pid)
        own = table.get(own_pid)
        if found is None or (own is not None and found.group == own.group):
            message = "no agent runs there"
            raise PauseError(message)
        name = name_of(table, found)
        if name in WINDOWS_ELSEWHERE:
            message = f"{name} only shows what runs elsewhere: pause it there"
            raise PauseError(message)
        return Target(pane.ref, name, "", "", found)
    folders = account_folders(table, now.agent, core)
    return Target(
        ref=pane.ref,
        agent=now.agent,
        session=now.session if now.confidence >= SURE else "",
        state=now.state,
        core=core,
        settings=settings_folder(table, now.agent, core),
        # its own hook has told of it, so hooks are what it runs
        hooked="hook" in now.evidence.split(", "),
        started_ms=now.started_ms,
        daemon=daemon_of(table, now, core, folders),
        last_request_ms=last_requests.get((now.agent, now.session), 0),
    )


def account_folders(table: ProcessTable, agent: str, core: Entry) -> list[str]:
    """Return the folders of logs that a process was started with."""
    environment = table.environ(core)
    home = environment.get("HOME", "")
    if not home.startswith("/"):
        return []
    roots = agent_named(agent).roots(Path(home), environment)
    return [real_path(str(root.path)) for root in roots if not root.needs]


def settings_folder(table: ProcessTable, agent: str, core: Entry) -> str:
    """Return the folder of the settings that a process reads, "" where that can't be told."""
    environment = table.environ(core)
    home = environment.get("HOME", "")
    if not home.startswith("/"):
        return ""
    return real_path(str(agent_named(agent).settings_folder(Path(home), environment)))


def daemon_of(table: ProcessTable, now: AgentNow, core: Entry, folders: list[str]) -> Entry | None:
    """Return the shared daemon that makes an agent's requests, None if it makes them itself.

    Codex's program in the pane only shows what a daemon does, unless it was started without one;
    then it has its rollout open itself (seen with 0.169).
    """
    agent = agent_named(now.agent)
    argv = table.argv(core)
    if "--no-daemon" in argv or any("daemon_auto_start" in word for word in argv):
        return None
    daemons = []
    for entry in table.entries.values():
        if not table.source.is_ours(entry.pid):
            continue
        if agent.role(table.process(entry)) == "daemon" and (
            entry.session == entry.pid or entry.ppid <= 1
        ):
            daemons.append(entry)
    if not daemons or _has_log_open(table, now.agent, core, folders):
        return None
    for entry in daemons:
        if set(account_folders(table, now.agent, entry)) & set(folders):
            return entry
    return None


def _has_log_open(table: ProcessTable, name: str, core: Entry, folders: list[str]) -> bool:
    agent = agent_named(name)
    return any(
        log_name(agent, folder, path)
        for path in table.source.open_files(core.pid)
        for folder in folders
    )


def program_in_front(table: ProcessTable, pane_pid: int) -> Entry | None:
    """Return the program that has a pane's terminal, below its wrappers; None: only its shell."""
    pane = table.source.now(pane_pid)
    if pane is None or not pane.foreground:
        return None
    entry = table.get(pane.foreground)
    if entry is None or all(above.pid != pane_pid for above in table.ancestors(entry.pid)):
        return None
    while (below := _only_child(table, entry)) is not None and _is_wrapper(table, entry, below):
        entry = below
    return None if _is_shell(table, entry) else entry


def _only_child(table: ProcessTable, parent: Entry) -> Entry | None:
    children = [
        entry
        for entry in table.entries.values()
        if entry.ppid == parent.pid and entry.group == parent.group
    ]
    return children[0] if len(children) == 1 else None


def _is_shell(table: ProcessTable, entry: Entry) -> bool:
    # a script's process is named after the script, its command line after the shell
    words = [entry.name, *(PurePath(word).name for word in table.argv(entry)[:1])]
    return any(word.lstrip("-") in SHELLS for word in words)


def _is_wrapper(table: ProcessTable, entry: Entry, below: Entry) -> bool:
    """Tell what only starts another program and waits: a shell, or who hands its arguments on."""
    if _is_shell(table, entry):
        return True
    mine, other = table.argv(entry), table.argv(below)
    return len(mine) > 1 and len(other) > 1 and mine[1:] == other[1:]


def name_of(table: ProcessTable, entry: Entry) -> str:
    """Return a program's name for people, without what a terminal would not show."""
    argv = table.argv(entry)
    words = [PurePath(word).name for word in argv[:1]]
    if words and words[0].rstrip("0123456789.") in INTERPRETERS:
        words = [PurePath(word).stem for word in argv[1:] if not word.startswith("-")] or words
    name = words[0] if words else entry.name
    shown = "".join(c for c in name if c.isprintable() and c not in "#\"'")[:LONGEST_NAME]
    return shown or "program"
