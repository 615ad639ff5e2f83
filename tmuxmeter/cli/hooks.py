"""``hooks``: lets agents themselves hold and report; changes their settings, only when asked."""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmuxmeter.cli.context import Context, now_ms, print_json
from tmuxmeter.cli.files import find as find_file
from tmuxmeter.cli.options import json_option, with_context
from tmuxmeter.errors import TmuxmeterError, UsageError
from tmuxmeter.hooks.install import Installer, Plan
from tmuxmeter.hooks.record import FOLDER, Records
from tmuxmeter.hooks.settings import SettingsError
from tmuxmeter.hooks.targets import AGENTS, TITLES, Target, targets
from tmuxmeter.hooks.wanted import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tmuxmeter.config import Config
    from tmuxmeter.hooks.status import HookState

_STEERING = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
NOT_DONE = 1
"""Exit code where a file had to be left alone."""
NO_SETTINGS = "No agent's settings were found."


@click.group("hooks")
def hooks_command() -> None:
    """Let agents hold themselves when paused, and tell what their logs don't.

    Nothing is installed unless you ask. Your own hooks and status line stay; what changes is shown
    first, and uninstall takes it out again to the byte.
    """


def _agents(command: Callable[..., None]) -> Callable[..., None]:
    return click.argument("agents", metavar="[AGENT]...", nargs=-1, type=click.Choice(AGENTS))(
        command
    )


def _yes(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--yes", is_flag=True, help="Don't ask.")(command)


@hooks_command.command("install")
@_agents
@_yes
@with_context
def install_command(context: Context, agents: tuple[str, ...], yes: bool) -> None:
    """Put the hooks into the settings of AGENT, or of every agent there is."""
    installer = _installer(context)
    plans, errors = _plans(_targets(context, agents), installer.install)
    already = "has the hooks already"
    done, failed = _carry_out(installer, plans, errors, yes=yes, what="Install", already=already)
    if done:
        _make_inbox(context)
    if any(plan.target.agent == "codex" for plan in done):
        click.echo("Codex asks once whether to trust them: start it and say yes.")
    if any(plan.target.agent == "opencode" for plan in done):
        click.echo("OpenCode fetches its own plugin package at its next start, from the network.")
    if any(plan.target.agent != "codex" for plan in done):
        click.echo("Claude Code takes them up at once, other agents when they start.")
    if failed:
        raise click.exceptions.Exit(NOT_DONE)


def _make_inbox(context: Context) -> None:
    """Make the folder without which hooks leave nothing, also where no watcher ever ran."""
    from tmuxmeter.errors import FolderError
    from tmuxmeter.hooks.inbox import FOLDER as INBOX
    from tmuxmeter.paths import private_folder

    with contextlib.suppress(FolderError):  # the next watcher or `doctor` tells
        private_folder(private_folder(context.places.runtime) / INBOX)


@hooks_command.command("uninstall")
@_agents
@_yes
@with_context
def uninstall_command(context: Context, agents: tuple[str, ...], yes: bool) -> None:
    """Take the hooks out of the settings again; not those that hold an agent just now."""
    installer = _installer(context)
    held = _held(context)

    def plan(target: Target) -> Plan:
        found = installer.uninstall(target)
        if found.changes and target.agent in held:
            message = (
                f"{TITLES[target.agent]} is held by it, so let it go first"
                f" (`tmuxmeter resume --agent {target.agent}`)"
            )
            raise SettingsError(message)
        return found

    plans, errors = _plans(_targets(context, agents), plan)
    already = "has no hooks of tmuxmeter"
    _, failed = _carry_out(installer, plans, errors, yes=yes, what="Uninstall", already=already)
    if failed:
        raise click.exceptions.Exit(NOT_DONE)


@hooks_command.command("diff")
@_agents
@with_context
def diff_command(context: Context, agents: tuple[str, ...]) -> None:
    """Show what install would change; changes nothing."""
    installer = _installer(context)
    plans, errors = _plans(_targets(context, agents), installer.install)
    for plan in plans:
        if plan.changes:
            click.echo(_diff(plan), nl=False)
    if not plans and not errors:
        click.echo(NO_SETTINGS)
    if errors:
        raise click.exceptions.Exit(NOT_DONE)


@hooks_command.command("status")
@_agents
@json_option
@with_context
def status_command(context: Context, agents: tuple[str, ...], as_json: bool) -> None:
    """Show which agents have the hooks, and the copies of their settings that were kept."""
    from tmuxmeter.hooks.status import MISSING, state_of

    installer = _installer(context)
    states = [state_of(target, installer) for target in _targets(context, agents)]
    backups = installer.records.backups()
    if as_json:
        hooks = [
            {
                "agent": state.agent,
                "file": str(state.file),
                "state": state.state,
                "detail": state.detail,
                "hint": state.hint,
            }
            for state in states
        ]
        print_json({"hooks": hooks, "backups": [str(path) for path in backups]})
        return
    if not states:
        click.echo(NO_SETTINGS)
    for state in states:
        word = "not installed" if state.state == MISSING else state.state
        click.echo(f"{TITLES[state.agent]:12} {word:14} {state.file}")
        if state.detail:
            click.echo(f"{'':12} {state.detail}{f': {state.hint}' if state.hint else ''}")
    if backups:
        click.echo("\nSettings as they were:")
        for path in backups:
            click.echo(f"  {path}")


def _held(context: Context) -> set[str]:
    """Return the agents that are held; none are without a watcher, where the hooks let go."""
    from tmuxmeter.pause.hold import FOLDER as FLAGS
    from tmuxmeter.pause.hold import HoldFlags
    from tmuxmeter.watcher.process import running_pid

    runtime = context.places.runtime
    if running_pid(runtime) is None:
        return set()
    return {flag.agent for flag in HoldFlags(runtime / FLAGS).active()}


def hook_states(context: Context, config: Config) -> list[HookState]:
    """Return how the hooks of every agent are."""
    from tmuxmeter.hooks.status import state_of
    from tmuxmeter.watcher.roots import agent_roots

    places, installer = context.places, _installer(context)
    roots = [root for _, root in agent_roots(places, config)]
    found = targets(places.home, places.agent_env, roots)
    return [state_of(target, installer) for target in found]


def _installer(context: Context) -> Installer:
    script = find_file("shell/hook.sh").resolve()
    plugin = find_file("shell/opencode.js").read_text("utf-8")
    program = Program(script, Path(sys.executable), context.places.runtime)
    return Installer(program, plugin, Records(context.places.state / FOLDER))


def _targets(context: Context, agents: Sequence[str]) -> list[Target]:
    """Return the files of these agents, or of all.

    Raises
    ------
    UsageError
        An agent that was named isn't there.
    """
    from tmuxmeter.watcher.roots import agent_roots

    places = context.places
    roots = [root for _, root in agent_roots(places, context.config())]
    found = targets(places.home, places.agent_env, roots)
    for agent in agents:
        if not any(target.agent == agent for target in found):
            message = f"{TITLES[agent]} has no folder here; start it once, then try again"
            raise UsageError(message)
    return [target for target in found if not agents or target.agent in agents]


def _plans(
    found: Sequence[Target], plan: Callable[[Target], Plan]
) -> tuple[list[Plan], list[SettingsError]]:
    """Return what is to be done to files, and why others are left alone, which is told."""
    plans, errors = [], []
    for target in found:
        try:
            plans.append(plan(target))
        except SettingsError as error:
            click.echo(f"{target.file}: {error}; left alone", err=True)
            errors.append(error)
    return plans, errors


def _carry_out(
    installer: Installer,
    plans: Sequence[Plan],
    errors: Sequence[SettingsError],
    *,
    yes: bool,
    what: str,
    already: str,
) -> tuple[list[Plan], bool]:
    """Show the changes, ask, and make them; return those made, and whether any file was left alone.

    Raises
    ------
    UsageError
        Nobody can be asked.
    """
    wanted = [plan for plan in plans if plan.changes]
    for plan in plans:
        if not plan.changes:
            click.echo(f"{plan.target.file} {already}.")
    for plan in wanted:
        click.echo(_diff(plan), nl=False)
    if not plans and not errors:
        click.echo(NO_SETTINGS)
    if wanted and not yes:
        if not sys.stdin.isatty():
            message = "nobody to ask here: use --yes"
            raise UsageError(message)
        click.confirm(f"{what} in {len(wanted)} file{'s' if len(wanted) > 1 else ''}?", abort=True)
    failed = bool(errors)
    done = []
    for plan in wanted:
        try:
            installer.carry_out(plan, now_ms())
        except (SettingsError, TmuxmeterError, OSError) as error:
            said = getattr(error, "strerror", None) or error
            click.echo(f"{plan.target.file}: {said}; left alone", err=True)
            failed = True
        else:
            done.append(plan)
            click.echo(f"{what}ed: {plan.target.file}")
    return done, failed


def _diff(plan: Plan) -> str:
    """Return what would change, as a unified diff."""
    path = str(plan.target.file)
    before = plan.found.text.splitlines()
    after = (plan.content or b"").decode().splitlines()
    lines = difflib.unified_diff(before, after, path, path, lineterm="")
    # settings may hold characters that steer a terminal
    return "".join(f"{_STEERING.sub('?', line)}\n" for line in lines)
