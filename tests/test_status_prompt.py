from __future__ import annotations

from dataclasses import replace

from test_status_segments import LIVE, PANE

from tmuxmeter.status.prompt import prompt_file


def test_prompt_file_has_lease_total_and_panes_by_server() -> None:
    here = replace(LIVE, panes=(PANE, replace(PANE, pane="%31", confidence=0.4)))
    there = replace(LIVE, panes=(replace(PANE, cost_microdollars=None),))
    assert prompt_file({77: here, 88: there}, 1_800_000_000) == (
        "1800000000\n$12.34\n77,%3\t$1.20\n77,%31\t~$1.20\n88,%3\t?\n"
    )


def test_prompt_file_without_a_server_or_anything() -> None:
    assert prompt_file({0: replace(LIVE, demo=True)}, 5) == "5\n$12.34 demo\n"
    assert prompt_file({}, 5) == "5\n\n"


def test_prompt_file_holds_nothing_an_agent_wrote() -> None:
    pane = replace(PANE, agent="evil", model="evil", waiting_for="evil", problem="evil")
    assert "evil" not in prompt_file({1: replace(LIVE, panes=(pane,))}, 5)
