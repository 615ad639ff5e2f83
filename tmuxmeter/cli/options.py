"""What Click has to know of the options that many commands share."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from tmuxmeter.cli.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def filled(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty name, as of a variable that isn't set: it is none that was left out."""
    if value is not None and not value.strip():
        message = "it is empty"
        raise click.BadParameter(message, ctx, param)
    return value


def with_context(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command ``--home DIR``, before or after its name, and a :class:`Context`."""

    @click.option("--home", metavar="DIR", help="Read the agents' folders of another home.")
    @click.pass_context
    @functools.wraps(command)
    def wrapped(click_context: click.Context, home: str | None, *args: Any, **kwargs: Any) -> R:
        given = click_context.obj if home is None else home
        return command(Context.of(given), *args, **kwargs)

    return wrapped


def socket_option(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command ``--socket PATH``."""
    words = "The tmux server with this socket."
    return click.option("--socket", metavar="PATH", callback=filled, help=words)(command)


def json_option(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the data as JSON.")(command)
