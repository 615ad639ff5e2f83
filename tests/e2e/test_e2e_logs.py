"""What the real agents wrote is what the stubs served: the truth the meter is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from list_prices import bill
from play import MARKERS
from slow_sum import records

if TYPE_CHECKING:
    from play import Played

pytestmark = pytest.mark.e2e


def test_every_served_request_is_logged_once_with_its_tokens(played: Played) -> None:
    world = played.world
    logged = world.logged()
    assert {name: one.tokens for name, one in logged.items()} == {
        name: one.tokens for name, one in world.served().items()
    }
    assert {name: one.model for name, one in logged.items()} == {
        name: one.model for name, one in world.served().items()
    }


def test_every_session_is_the_one_the_agent_named_in_its_requests(played: Played) -> None:
    world = played.world
    logged = world.logged()
    for name, one in world.served().items():
        agent_names = one.thread if name.startswith("resp") else one.session
        assert logged[name].session == agent_names, name


def test_every_pane_was_served(played: Played) -> None:
    world = played.world
    for pane, markers in MARKERS.items():
        for marker in markers:
            assert world.anthropic.of(marker) or world.openai.of(marker), (pane, marker)


def test_titles_are_billed_and_never_logged(played: Played) -> None:
    world = played.world
    claude = [s for s in world.anthropic.served if not s.logged]
    codex = [s for s in world.openai.served if not s.logged]
    assert {s.marker for s in claude} >= {"left", "left-cleared", "right", "far"}
    assert {s.marker for s in codex} >= {"codex-a", "codex-b", "codex-alone"}
    logged = world.logged()
    assert not {f"msg_stub{s.number:04}" for s in claude} & logged.keys()
    assert not {f"resp_stub{s.number:04}" for s in codex} & logged.keys()


def test_claude_s_own_dollars_in_print_mode(played: Played) -> None:
    served = played.world.anthropic.of("outside")
    assert len(served) == 2
    assert round(played.outside["total_cost_usd"] * 1e6) == bill(served)


@pytest.mark.parametrize("marker", ["left", "right"])
def test_claude_s_own_dollars_hold_what_it_never_logs(played: Played, marker: str) -> None:
    world = played.world
    logged, titles = world.anthropic.of(marker), world.anthropic.of(marker, logged=False)
    own = round(world.cost_state(logged[0].session) * 1e6)
    assert own == bill(logged) + bill(titles)
    assert bill(titles) > 0


def test_a_failing_tool_says_so(played: Played) -> None:
    world = played.world
    claude = [
        block.get("is_error")
        for path in (world.claude / "projects").rglob("*.jsonl")
        for record in records(path)
        if record["type"] == "user" and isinstance(record["message"]["content"], list)
        for block in record["message"]["content"]
        if block["type"] == "tool_result"
    ]
    assert claude.count(True) == 1
    codex = [
        record["payload"]["item"]["exit_code"]
        for path in (world.codex / "sessions").rglob("*.jsonl")
        for record in records(path)
        if record["payload"].get("item", {}).get("type") == "CommandExecution"
    ]
    assert sorted(set(codex)) == [0, 2]
    assert codex.count(2) == 1


def test_the_stubs_knew_every_request(played: Played) -> None:
    """A path the stubs don't know would be a request without a truth."""
    assert played.world.anthropic.unknown == []
    assert played.world.openai.unknown == []
