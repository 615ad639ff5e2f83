"""Messages on real clients' screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tmuxmeter.errors import TmuxError
from tmuxmeter.tmux.client import Tmux
from tmuxmeter.tmux.message import show_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmux_fixtures import TmuxServer

HOSTILE = "80% of #{pane_id} #[fg=red] %H:%M '$HOME' \"`id`\" #(touch x) é"


def test_a_message_is_shown_as_it_is(tmux_server: TmuxServer) -> None:
    client = tmux_server.attach()
    since = client.settle()
    show_message(Tmux(tmux_server.socket), HOSTILE, [client.tty])
    assert client.wait_for(HOSTILE, since)


def test_only_the_clients_named_get_it(tmux_server: TmuxServer) -> None:
    first, second = tmux_server.attach(), tmux_server.attach()
    since = second.settle()
    show_message(Tmux(tmux_server.socket), "for the first", [first.tty])
    first.wait_for("for the first")
    second.settle()
    assert b"for the first" not in second.output(since)


def test_a_client_that_left_is_nobody(tmux_server: TmuxServer) -> None:
    client = tmux_server.attach()
    since = client.settle()
    show_message(Tmux(tmux_server.socket), "anybody?", ["/dev/pts/none"])
    show_message(Tmux(tmux_server.socket), "nobody", [])
    client.settle()
    assert b"body" not in client.output(since)


def test_a_server_that_is_gone_is_an_error(tmux_servers: Callable[..., TmuxServer]) -> None:
    with pytest.raises(TmuxError):
        show_message(Tmux(tmux_servers().socket), "anybody?", ["/dev/pts/1"])
