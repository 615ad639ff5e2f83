from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from agent_reading import lines, logs_of, only, read, read_in_pieces, skips, spent, table
from watching import data

from tmuxmeter.agents.aider import Aider
from tmuxmeter.agents.base import Process
from tmuxmeter.agents.custom import Custom, Fields
from tmuxmeter.config import parse
from tmuxmeter.events import Estimate, SessionStart, TurnEnd

AIDER = Aider()
NAME = "analytics.jsonl"
LOGGED = f".aider/{NAME}"
T0 = 1_795_309_600


def line(second: int, event: str, **properties: Any) -> dict[str, Any]:
    told = {"aider_version": "0.86.1", "python_version": "3.12"} | properties
    return {"event": event, "properties": told, "user_id": "u", "time": T0 + second}


def sent(second: int, cost: float = 0.1) -> dict[str, Any]:
    counts = {"prompt_tokens": 12_345, "completion_tokens": 678, "total_tokens": 13_023}
    return line(second, "message_send", main_model="gpt-5.4", total_cost=cost, **counts)


LOG = lines(
    line(0, "launched"),
    line(0, "cli session", main_model="gpt-5.4"),
    line(5, "message_send_starting"),
    sent(9, 0.1),
    sent(9, 0.2),
    line(10, "command_add"),
    line(11, "exit", reason="/exit"),
    line(60, "launched"),
    sent(70),
)


def test_golden_table() -> None:
    expected = table(read(AIDER, NAME, LOG))
    assert table(read_in_pieces(AIDER, NAME, LOG)) == expected
    events = read(AIDER, NAME, LOG)
    assert skips(events) == {}
    assert [(one.session, one.version) for one in only(SessionStart, events)] == [
        (f"aider-{T0}", "0.86.1"),
        (f"aider-{T0 + 60}", "0.86.1"),
    ]
    assert [(one.session, one.time_ms // 1000 - T0) for one in only(TurnEnd, events)] == [
        (f"aider-{T0}", 9),
        (f"aider-{T0}", 9),
        (f"aider-{T0 + 60}", 70),
    ]
    assert expected.count("TurnEnd") == 3


def test_estimates_are_never_booked_as_spent() -> None:
    events = read(AIDER, NAME, LOG)
    assert spent(events) == []
    assert AIDER.unmetered
    assert [(one.input, one.output) for one in only(Estimate, events)] == [(12_345, 678)] * 3
    odd = lines(line(0, "message_send", prompt_tokens="many", completion_tokens=-5))
    (guess,) = only(Estimate, read(AIDER, NAME, odd))
    assert (guess.input, guess.output) == (0, 0)


def test_who_wants_its_figures_describes_the_log(home: Path) -> None:
    document = (Path(__file__).parent.parent / "docs/formats-more.md").read_text("utf-8")
    described = document.partition("```toml\n")[2].partition("```")[0]
    (entry,) = parse(Path("/c.toml"), described).agents.custom
    fields = Fields(entry.time, entry.output, entry.input, model=entry.model)
    own = Custom(entry.name, entry.logs, fields)
    assert spent(read(own, NAME, LOG)) == [(12_345, 0, 678, 0)] * 3
    # The known agent has the same folder: both together would be one too many.
    for path, content in ((".config/tmuxmeter/config.toml", described.encode()), (LOGGED, LOG)):
        (home / path).parent.mkdir(parents=True)
        (home / path).write_bytes(content)
    days = data("days", "--home", home, "--since", "2026-11-20", "--by", "agent")
    (row,) = days["total"]["by_agent"]
    assert (row["agent"], row["requests"], row["output_tokens"]) == ("aider-counts", 3, 3 * 678)


def test_broken_lines_are_told() -> None:
    content = lines(sent(0) | {"time": 5}, b"{", {"event": "launched"}, sent(1))
    events = read(AIDER, NAME, content)
    assert skips(events) == {"bad time": 1, "broken record": 1, "bad field": 1}
    assert [one.session for one in only(TurnEnd, events)] == [NAME]


@pytest.mark.parametrize(
    ("command", "role"),
    [
        ("aider --model sonnet", "agent"),
        ("/usr/bin/python3.12 /home/u/.local/bin/aider", "agent"),
        ("python -m aider", "agent"),
        ("aider --version", "helper"),
        ("python -m http.server", ""),
        ("raider", ""),
    ],
)
def test_processes(command: str, role: str) -> None:
    argv = tuple(command.split())
    assert AIDER.role(Process(pid=1, ppid=0, name="", argv=argv, started_ms=0)) == role


def test_folders(tmp_path: Path) -> None:
    assert [one.path for one in AIDER.roots(tmp_path, {})] == [tmp_path / ".aider"]
    roots = AIDER.roots(tmp_path, {"AIDER_ANALYTICS_LOG": "/logs/aider.jsonl"})
    assert [str(one.path) for one in roots] == ["/logs", str(tmp_path / ".aider")]
    for name in (NAME, "aider.jsonl", "other.jsonl", "caches/analytics.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert logs_of(AIDER, tmp_path) == ["aider.jsonl", NAME]
