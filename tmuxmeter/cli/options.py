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


def with_context(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command ``--home DIR``, before or after its name, and a :class:`Context`."""

    @click.option("--home", metavar="DIR", help="Read the agents' folders of another home.")
    @click.pass_context
    @functools.wraps(command)
    def wrapped(click_context: click.Context, home: str | None, *args: Any, **kwargs: Any) -> R:
        return command(Context.of(home or click_context.obj), *args, **kwargs)

    return wrapped


def socket_option(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command ``--socket PATH``."""
    option = click.option("--socket", metavar="PATH", help="The tmux server with this socket.")
    return option(command)


def json_option(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the data as JSON.")(command)
