"""``files``: where the plugin and the prompt snippets of this installation are."""

from __future__ import annotations

from pathlib import Path

import click

import tmuxmeter
from tmuxmeter.errors import TmuxmeterError

FILES = {
    "plugin": "tmuxmeter.tmux",
    "bash": "shell/tmuxmeter.bash",
    "zsh": "shell/tmuxmeter.zsh",
    "fish": "shell/tmuxmeter.fish",
    "config": "config.example.toml",
}


@click.command("files")
@click.argument("name", required=False, type=click.Choice(list(FILES)))
def files_command(name: str | None) -> None:
    """Show where tmuxmeter's own files for tmux and your shell are.

    With a NAME, only that path: for `source "$(tmuxmeter files bash)"`.
    """
    if name:
        click.echo(find(FILES[name]))
        return
    for key, path in FILES.items():
        click.echo(f"{key:8}{find(path)}")


def find(path: str) -> Path:
    """Return a file that comes with this installation.

    Raises
    ------
    TmuxmeterError
        It is missing.
    """
    package = Path(tmuxmeter.__file__).parent
    # a wheel carries them inside the package; in a checkout they are beside it
    for folder in (package / "share", package.parent):
        if (folder / path).is_file():
            return folder / path
    message = f"{path} is missing from this installation ({package}): install tmuxmeter again"
    raise TmuxmeterError(message)
