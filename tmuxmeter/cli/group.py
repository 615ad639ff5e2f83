"""All commands, for Click: each group of them in a file that is loaded when used."""

from __future__ import annotations

import gc
import importlib
import sys

import click

from tmuxmeter import __version__
from tmuxmeter.cli import drop_output

# command -> module that defines it; nothing else is imported to list or run one
COMMANDS = {
    "up": "meter",
    "down": "meter",
    "status": "meter",
    "watch": "meter",
    "scan": "meter",
    "today": "report",
    "week": "week",
    "days": "report",
    "panes": "panes",
    "pause": "pause",
    "resume": "pause",
    "toggle": "pause",
    "hold": "hold",
    "run": "run",
    "sessions": "report",
    "handoff": "handoff",
    "claim": "handoff",
    "done": "handoff",
    "breakeven": "breakeven",
    "calibrate": "calibrate",
    "agents": "agents",
    "hooks": "hooks",
    "import": "imports",
    "doctor": "doctor",
    "prices": "money",
    "reprice": "money",
    "config": "settings",
    "files": "files",
    "demo": "demo",
}
NO_ARGUMENTS = "NoArgsIsHelpError"
"""With this Click, from 8.2 on, shows the help of a group that was called alone."""
REPORTS = ("today", "week", "days", "panes", "sessions", "breakeven")
"""Commands that print what there is and end; reading new logs first turns the collector on."""


class LazyGroup(click.Group):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands in the order a new user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return the command of this name."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in REPORTS:
            # thousands of small objects that all stay to the end: looking for garbage finds none
            gc.disable()
        module = importlib.import_module(f"tmuxmeter.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; Click itself would take a reader that left for a failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            drop_output()
            return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for a mistyped one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1) if args else []
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Dollars are API list prices; on a subscription they are API-equivalent, not a bill.",
)
@click.version_option(__version__, prog_name="tmuxmeter")
@click.option("--home", metavar="DIR", help="Read the agents' folders of another home.")
@click.pass_context
def cli(ctx: click.Context, home: str | None) -> None:
    """Dollars, tokens and a breakeven light for the coding agents in your tmux panes."""
    ctx.obj = home


def run() -> int:
    """Run the command that the process was called with; return its exit code."""
    try:
        # Click returns the code of an early exit
        code = cli.main(standalone_mode=False, prog_name="tmuxmeter")
    except click.ClickException as error:
        if type(error).__name__ == NO_ARGUMENTS:
            error.show()
            return error.exit_code
        message = error.format_message().rstrip(".")
        if isinstance(error, click.UsageError) and error.ctx:
            message += f" (`{error.ctx.command_path} --help` says what there is)"
        print(f"tmuxmeter: {message}", file=sys.stderr)
        return error.exit_code
    except click.Abort:
        return 130
    return code if isinstance(code, int) else 0
