"""One run per agent at work, however many processes it is made of, each in the right place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.agents.claude import Claude
from tmuxmeter.agents.codex import Codex
from tmuxmeter.panes.locate import Locator
from tmuxmeter.panes.processes import Entry, ProcessTable
from tmuxmeter.panes.runs import Detector
from tmuxmeter.tmux.snapshot import Pane, ServerSnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmuxmeter.panes.runs import Daemon, Run

SOCKET = Path("/tmp/metered/socket")


class Machine:
    """A process table given as data: what a scan would have found."""

    has_start_token = True

    def __init__(self) -> None:
        self.processes: dict[int, tuple[Entry, tuple[str, ...], dict[str, str]]] = {}
        self.folders: dict[int, str] = {}
        self.strangers: set[int] = set()

    def add(
        self, pid: int, parent: int, command: str, start: int = 0, tty: int = 0, **env: str
    ) -> None:
        argv = tuple(command.split())
        name = argv[0].rpartition("/")[2] if argv else "kernel"
        begun = start or pid
        entry = Entry(pid, parent, name, str(begun), begun, f"{name} {pid}", pid, pid, tty)
        self.processes[pid] = entry, argv, env

    def scan(self, known: Mapping[int, Entry]) -> dict[int, Entry]:
        return {pid: entry for pid, (entry, _, _) in self.processes.items()}

    def argv(self, pid: int) -> tuple[str, ...]:
        return self.processes[pid][1]

    def environ(self, pid: int) -> dict[str, str]:
        return self.processes[pid][2]

    def cwd(self, pid: int) -> str:
        return self.folders.get(pid, "/w")

    def open_files(self, pid: int) -> list[str]:
        return []

    def is_ours(self, pid: int) -> bool:
        return pid not in self.strangers

    def find(self, *panes: int, named: tuple[int, ...] = ()) -> tuple[list[Run], list[Daemon]]:
        """Return runs and daemons with these processes as those of panes %0, %1…"""
        table = ProcessTable(self)
        table.scan()
        table.scan()
        snapshot = ServerSnapshot(SOCKET, 10, 0, "3.3a", tuple(map(pane, range(9), panes)), ())
        locator = Locator(table, [snapshot])
        return Detector([Claude(), Codex()]).find(table, locator, named)


def pane(number: int, pid: int) -> Pane:
    return Pane(f"%{number}", pid, "", "$0", "s", "@0", 0, "w", 0, True, True, 1, False, "/w")


def test_a_node_wrapper_and_its_program_are_one_run() -> None:
    machine = Machine()
    machine.add(20, 1, "bash")
    machine.add(21, 20, "node /n/@anthropic-ai/claude-code/cli.js --model x")
    machine.add(22, 21, "/n/claude --model x")
    runs, _ = machine.find(20)
    (run,) = runs
    assert (run.pid, run.started_ms, run.process.pid, run.pids) == (21, 21, 22, (21, 22))
    # Also where the program below names its own session.
    assert [run.pids for run in machine.find(20, named=(22,))[0]] == [(21, 22)]


def test_an_agent_that_starts_another_without_a_shell_between_is_two_runs() -> None:
    machine = Machine()
    machine.add(20, 1, "bash")
    machine.add(21, 20, "claude")
    machine.add(22, 21, "claude -p question")
    runs, _ = machine.find(20)
    assert [(run.pid, run.parent_pid) for run in runs] == [(21, 0), (22, 21)]


def test_a_fork_of_the_same_program_is_no_run() -> None:
    machine = Machine()
    machine.add(20, 1, "bash")
    machine.add(21, 20, "claude")
    machine.add(22, 21, "claude")
    entry, argv, env = machine.processes[22]
    machine.processes[22] = entry._replace(program=machine.processes[21][0].program), argv, env
    (run,) = machine.find(20)[0]
    assert (run.process.pid, run.pids) == (21, (21,))


def test_codexs_script_is_part_of_no_second_run() -> None:
    machine = Machine()
    machine.add(20, 1, "zsh")
    machine.add(21, 20, "npm exec @openai/codex")
    machine.add(22, 21, "sh -c codex")
    machine.add(23, 22, "node /n/@openai/codex/bin/codex.js")
    machine.add(24, 23, "/n/vendor/codex")
    runs, daemons = machine.find(20)
    assert [run.process.pid for run in runs] == [24]
    assert daemons == []


def test_what_a_shared_daemon_starts_is_not_where_its_environment_says() -> None:
    machine = Machine()
    where = {"TMUX": f"{SOCKET},10,0", "TMUX_PANE": "%0"}
    machine.add(20, 1, "bash")
    machine.add(30, 1, "codex app-server --managed-daemon", **where)
    machine.add(31, 30, "bash -c tool", **where)
    machine.add(32, 31, "claude -p question", **where)
    runs, (daemon,) = machine.find(20)
    (run,) = runs
    assert (run.below_daemon, run.location.pane, run.location.confidence) == ("codex", None, 0.0)
    assert daemon.detached


def test_an_editors_own_server_is_not_detached() -> None:
    machine = Machine()
    machine.add(40, 1, "code")
    machine.add(41, 40, "codex app-server")
    entry, argv, env = machine.processes[41]
    machine.processes[41] = entry._replace(session=40), argv, env
    (daemon,) = machine.find()[1]
    assert not daemon.detached


def test_the_nearest_pane_above_wins() -> None:
    # A tmux server kept in the foreground stays below the pane it was started in.
    machine = Machine()
    machine.add(20, 1, "bash")
    machine.add(21, 20, "tmux -D")
    machine.add(22, 21, "bash")
    machine.add(23, 22, "claude")
    (run,) = machine.find(20, 22)[0]
    assert run.location.pane is not None
    assert run.location.pane.pane == "%1"


def test_an_environment_of_another_server_is_not_believed() -> None:
    for socket, server in ((str(SOCKET), "11"), ("/tmp/other/socket", "10")):
        machine = Machine()
        machine.add(20, 1, "bash")
        machine.add(30, 1, "claude", TMUX=f"{socket},{server},0", TMUX_PANE="%0")
        (run,) = machine.find(20)[0]
        assert run.location.pane is None


def test_an_environment_is_believed_less_at_a_foreign_terminal() -> None:
    machine = Machine()
    machine.add(20, 1, "bash")
    where = {"TMUX": f"{SOCKET},10,0", "TMUX_PANE": "%0"}
    machine.add(30, 1, "claude", **where)
    machine.add(31, 1, "claude", tty=999, **where)
    runs, _ = machine.find(20)
    assert [(run.location.how, run.location.confidence) for run in runs] == [
        ("environment", 0.9),
        ("environment", 0.6),
    ]


def test_a_pane_is_told_by_its_process_start_as_well() -> None:
    machine = Machine()
    machine.add(20, 1, "bash", start=5)
    machine.add(21, 20, "claude")
    (before,) = machine.find(20)[0]
    machine.add(20, 1, "bash", start=6)
    (after,) = machine.find(20)[0]
    assert before.location.pane != after.location.pane


def test_a_relative_folder_in_the_environment_is_below_the_program_s_own() -> None:
    machine = Machine()
    machine.add(10, 1, "bash")
    machine.add(11, 10, "codex", HOME="/home/u", CODEX_HOME="own/codex")
    machine.folders[11] = "/repo"
    (run,), _ = machine.find(10)
    assert run.accounts == {"/repo/own/codex"}


def test_accounts_are_what_the_environment_names() -> None:
    machine = Machine()
    machine.add(20, 1, "bash")
    machine.add(21, 20, "claude", HOME="/home/u")
    machine.add(22, 20, "claude", HOME="/home/u", CLAUDE_CONFIG_DIR="/home/u/.claude-work")
    machine.add(23, 20, "claude")
    accounts = [run.accounts for run in machine.find(20)[0]]
    assert accounts == [
        {"/home/u/.claude", "/home/u/.config/claude"},
        {"/home/u/.claude-work"},
        set(),
    ]


def test_a_process_about_to_become_a_program_is_asked_again() -> None:
    machine = Machine()
    machine.add(20, 1, "bash")
    machine.add(21, 20, "")
    table = ProcessTable(machine)
    table.scan()
    detector = Detector([Claude(), Codex()])
    locator = Locator(table, [])
    assert detector.find(table, locator)[0] == []
    entry = machine.processes[21][0]
    machine.processes[21] = entry, ("claude",), {}
    table.scan()
    assert [run.pid for run in detector.find(table, locator)[0]] == [21]


def test_another_users_agent_is_looked_at_only_inside_our_panes() -> None:
    machine = Machine()
    machine.add(20, 1, "bash")
    machine.add(21, 20, "sudo -u other claude")
    machine.add(22, 21, "claude", HOME="/home/other")
    machine.add(30, 1, "claude", HOME="/home/other", TMUX=f"{SOCKET},10,0", TMUX_PANE="%0")
    machine.add(31, 1, "codex app-server --managed-daemon", HOME="/home/other")
    machine.add(40, 1, "claude", HOME="/home/u")
    machine.strangers = {21, 22, 30, 31}
    table = ProcessTable(machine)
    table.scan()
    snapshot = ServerSnapshot(SOCKET, 10, 0, "3.3a", (pane(0, 20),), ())
    detector = Detector([Claude(), Codex()])
    runs, daemons = detector.find(table, Locator(table, [snapshot]))
    assert sorted(run.pid for run in runs) == [22, 40]
    assert daemons == []
    # Nor are the logs in another user's home followed.
    assert {root.path.parts[2] for root in detector.roots} == {"u"}


def test_the_folder_that_a_command_line_names_is_the_runs_own() -> None:
    machine = Machine()
    machine.add(20, 1, "bash")
    for pid, words in enumerate(("", " -C /else", " --cd sub", " --cd=/a/../b", " -C"), 21):
        machine.add(pid, 20, f"codex{words}")
    folders = [run.process.cwd for run in machine.find(20)[0]]
    assert folders == ["/w", "/else", "/w/sub", "/b", "/w"]
