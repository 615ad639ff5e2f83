from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tmuxmeter.agents.base import Process
from tmuxmeter.agents.custom import Custom, Fields
from tmuxmeter.config import parse
from tmuxmeter.errors import ConfigError
from tmuxmeter.events import Event, SessionStart, Skipped, Usage
from tmuxmeter.logs.discover import discover

FIELDS = Fields(
    time="at",
    output="usage.out",
    input="usage.in",
    cache_read="usage.cached",
    reasoning="usage.thought",
    session="ids.0",
    cwd="cwd",
    model="model",
    id="id",
    input_includes_cache=True,
    output_includes_reasoning=False,
)
CONFIG = """
[[agents.custom]]
name = "mine"
logs = "~/.mine/**/*.jsonl"
time = "at"
output = "out"
input = "in"
model = "model"
provider = "openai"
program = "mine"
"""


def agent(logs: str = "~/.mine/*/log-*.jsonl", fields: Fields = FIELDS) -> Custom:
    return Custom("mine", logs, fields, "mine")


def read(*records: Any, fields: Fields = FIELDS, state: bytes = b"") -> list[Event]:
    lines = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    return agent(fields=fields).reader("a/log-1.jsonl", state).read(lines, 0, len(lines), 0)


def line(**more: Any) -> dict[str, Any]:
    usage = {"in": 100, "out": 10, "cached": 60, "thought": 4}
    at = "2026-11-22T01:00:00Z"
    return {"at": at, "ids": ["s1"], "cwd": "/r", "model": "m", "id": "x", "usage": usage} | more


def test_lines_become_requests_by_the_paths_told() -> None:
    start, usage = read(line())
    assert isinstance(start, SessionStart)
    assert (start.session, start.cwd, start.time_ms) == ("s1", "/r", 1_795_309_200_000)
    assert isinstance(usage, Usage)
    assert (usage.fresh, usage.cache_read, usage.output, usage.reasoning) == (40, 60, 14, 4)
    assert (usage.model, usage.session) == ("m", "s1")


def test_input_and_output_may_be_told_apart_already() -> None:
    fields = Fields("at", "usage.out", "usage.in", "usage.cached", reasoning="usage.thought")
    _, usage = read(line(), fields=fields)
    assert isinstance(usage, Usage)
    assert (usage.fresh, usage.cache_read, usage.output, usage.reasoning) == (100, 60, 10, 4)
    assert usage.session == "a/log-1"


def test_logs_of_one_name_in_two_folders_are_two_sessions() -> None:
    mine = agent("~/.mine/**/*.jsonl", Fields("at", "out"))
    names = ("a/log.jsonl", "b/log.jsonl", "log.jsonl")
    assert [mine.session_of_log(name) for name in names] == ["a/log", "b/log", "log"]
    assert agent().session_of_log("a/log-1.jsonl") == ""


def test_a_request_is_known_by_its_id_or_by_its_whole_line() -> None:
    keys = {e.key for e in read(line(), line(cwd="/x")) if isinstance(e, Usage)}
    assert len(keys) == 1
    keys = {e.key for e in read(line(id=1), line(id=2)) if isinstance(e, Usage)}
    assert len(keys) == 2
    keys = {e.key for e in read(line(id=None), line(id=None)) if isinstance(e, Usage)}
    assert len(keys) == 1


@pytest.mark.parametrize("at", [1_795_309_200, 1_795_309_200.0, 1_795_309_200_000])
def test_times_may_be_numbers(at: float) -> None:
    _, usage = read(line(at=at))
    assert usage.time_ms == 1_795_309_200_000


def test_what_some_languages_write_for_whole_numbers_counts() -> None:
    _, usage = read(line(usage={"in": 100.0, "out": 10.0, "cached": 60}))
    assert isinstance(usage, Usage)
    assert (usage.fresh, usage.cache_read, usage.output) == (40, 60, 10)


def test_a_name_is_text_or_a_number() -> None:
    start, usage = read(line(model=["m"], ids=[{"a": 1}], cwd=5, id={}))
    assert isinstance(start, SessionStart)
    assert isinstance(usage, Usage)
    assert (usage.model, usage.session, start.cwd) == ("", "a/log-1", "5")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"at": None}, "bad time"),
        ({"at": "soon"}, "bad time"),
        ({"usage": {"in": -1, "out": 1}}, "bad token counts"),
        ({"usage": {"in": 1, "out": "many"}}, "bad token counts"),
        ({"usage": {"in": 1.5, "out": 1}}, "bad token counts"),
        ({"usage": {"in": True, "out": 1}}, "bad token counts"),
        ({"usage": {"in": 1, "cached": 2, "out": 1}}, "bad token counts"),
    ],
)
def test_what_makes_no_sense_is_counted(more: dict[str, Any], reason: str) -> None:
    (skipped,) = read(line(**more))
    assert isinstance(skipped, Skipped)
    assert skipped.reason == reason


def test_damage_in_a_text_costs_no_tokens() -> None:
    for damaged in (rb"half \ud83d", b"cut \xf0\x9f"):
        text = json.dumps(line(note="DAMAGE")).encode().replace(b"DAMAGE", damaged) + b"\n"
        _, usage = agent().reader("a/log-1.jsonl").read(text, 0, len(text), 0)
        assert isinstance(usage, Usage)
        assert usage.fresh == 40


def test_lines_without_tokens_are_none_of_its_business() -> None:
    assert read({"type": "chat"}, [], 5, "x", line(usage=None), line(usage={"in": 0})) == []


def test_a_sessions_beginning_is_told_once() -> None:
    reader = agent().reader("a/log-1.jsonl")
    text = json.dumps(line()).encode() + b"\n"
    assert len(reader.read(text, 0, len(text), 0)) == 2
    assert len(read(line(), state=reader.state())) == 1


@pytest.mark.parametrize(
    ("logs", "root", "yes", "no", "walked"),
    [
        ("~/.mine/*/log-*.jsonl", "/h/.mine", "a/log-1.jsonl", "a/b/log-1.jsonl", {"a"}),
        ("/var/x/**/*.jsonl", "/var/x", "a/b/c.jsonl", "a/b/c.json", {"a", "a/b"}),
        ("~/one.jsonl", "/h", "one.jsonl", "two.jsonl", set()),
        ("~/x/?.jsonl", "/h/x", "a.jsonl", "ab.jsonl", set()),
        ("~/x/s-[0-9a]*.jsonl", "/h/x", "s-a1.jsonl", "s-b1.jsonl", set()),
        ("~/x/[!.]*/[[^].jsonl", "/h/x", "a/^.jsonl", ".a/^.jsonl", {"a"}),
        ("~/x/[z-a].jsonl", "/h/x", "[z-a].jsonl", "z.jsonl", set()),
    ],
)
def test_logs_are_found_by_a_pattern(
    logs: str, root: str, yes: str, no: str, walked: set[str]
) -> None:
    mine = agent(logs)
    assert [str(found.path) for found in mine.roots(Path("/h"), {})] == [root]
    assert mine.log_name(yes) == yes
    assert mine.log_name(no) is None
    assert {folder for folder in ("a", "a/b") if mine.walks(folder)} == walked


def test_its_program_is_an_agent() -> None:
    def role(*argv: str) -> str:
        return agent().role(Process(pid=1, ppid=0, name="", argv=argv, started_ms=0))

    assert role("/usr/bin/mine", "go") == "agent"
    assert role("other") == ""
    # A script is what its runtime is told to run.
    assert role("/usr/bin/python3.11", "-u", "/home/u/.local/bin/mine", "go") == "agent"
    assert role("node", "/opt/mine.mjs") == "agent"
    assert role("python3", "-m", "mine") == "agent"
    assert role("sh", "-c", "mine") == ""
    assert role("vim", "mine") == ""
    assert role("python3", "other.py", "mine") == ""
    without = Custom("mine", "~/.mine/*.jsonl", FIELDS)
    assert without.role(Process(pid=1, ppid=0, name="", argv=("python3",), started_ms=0)) == ""


def test_the_configuration_is_checked() -> None:
    config = parse(Path("/c.toml"), CONFIG)
    (custom,) = config.agents.custom
    assert (custom.name, custom.output, custom.input_includes_cache) == ("mine", "out", False)
    for change, words in (
        (('name = "mine"', 'name = "claude"'), "agents.custom.name must be a name"),
        (('logs = "~/.mine/**/*.jsonl"', 'logs = "x"'), "must be a pattern for files"),
        (("~/.mine/**/", "~/**/"), "with a folder of the agent's before any"),
        (("~/.mine/**/", "/**/"), "with a folder of the agent's before any"),
        (('time = "at"\n', ""), "agents.custom lacks 'time'"),
        (("output", "outputs"), "unknown key agents.custom.outputs"),
        (("[[agents.custom]]", "[agents.custom]"), r"must be \[\[agents.custom\]\]"),
    ):
        with pytest.raises(ConfigError, match=words):
            parse(Path("/c.toml"), CONFIG.replace(*change))
    with pytest.raises(ConfigError, match="second agent 'mine'"):
        parse(Path("/c.toml"), CONFIG + CONFIG)


def test_it_is_metered_like_any_other(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".config/tmuxmeter").mkdir(parents=True)
    (home / ".config/tmuxmeter/config.toml").write_text(CONFIG)
    (home / ".mine/a").mkdir(parents=True)
    record = {"at": "2026-11-22T01:00:00Z", "in": 1_000_000, "out": 0, "model": "gpt-5.5"}
    (home / ".mine/a/log.jsonl").write_text(json.dumps(record) + "\n")

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "tmuxmeter", "--home", str(home), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    days = json.loads(run("days", "--since", "2026-11-20", "--by", "agent", "--json"))
    (row,) = days["total"]["by_agent"]
    assert (row["agent"], row["requests"], row["unpriced_requests"]) == ("mine", 1, 0)
    assert "1 request" in run("agents", "check", "mine")
    assert "mine (mine)" in run("agents")
    assert run("config").count("agents.custom.mine") == 1


def test_paths_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".config/tmuxmeter").mkdir(parents=True)
    half = CONFIG.replace("mine", "half").replace('"in"', '"i"')
    wrong = half.replace("half", "wrong").replace('"out"', '"o"')
    (home / ".config/tmuxmeter/config.toml").write_text(wrong + half)
    at = datetime.now(UTC).timestamp()
    records = [{"at": at - n, "in": 1_000, "out": 5, "model": "gpt-5.5"} for n in range(3)]
    for name in ("half", "wrong"):
        (home / f".{name}").mkdir()
        (home / f".{name}/log.jsonl").write_text("\n".join(map(json.dumps, records)) + "\n")

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "tmuxmeter", "--home", str(home), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    run("scan")
    told = {(one["name"], one["text"]) for one in json.loads(run("doctor", "--json"))["checks"]}
    assert ("format", "3 requests of half without any input tokens in seven days") in told
    (wrong_text,) = (text for name, text in told if name == "wrong")
    assert wrong_text.endswith("all read, but no session was found in them")
    assert "in no request: input tokens\n" in run("agents", "check", "half")
    assert "no events" in run("agents", "check", "wrong")


def test_a_folder_that_another_agent_has_is_told(tmp_path: Path) -> None:
    def custom(name: str, logs: str) -> Custom:
        return Custom(name, logs, FIELDS)

    folder = tmp_path / "logs"
    (folder / "sub").mkdir(parents=True)
    for name in ("a-1", "b-1", "sub/c-1", "sub/d-1"):
        (folder / f"{name}.jsonl").write_text("{}\n")
    first = custom("a", f"{folder}/a-*.jsonl")
    agents = [first, custom("b", f"{folder}/b-*.jsonl"), custom("c", f"{folder}/sub/c-*.jsonl")]

    def look(agents: list[Custom]) -> tuple[list[str], list[tuple[str, str, str]]]:
        catalog = discover([(each, *each.roots(tmp_path, {})) for each in agents], now_ns=0)
        logs = sorted(Path(entry.path).stem for entry in catalog.entries())
        return logs, [(each.path, each.agent, each.reason) for each in catalog.problems()]

    assert look(agents[::2]) == (["a-1", "c-1"], [])
    reason = "is read for a, not for b: a folder is one agent's"
    assert look(agents) == (["a-1", "c-1"], [(str(folder), "b", reason)])
    below = custom("d", f"{folder}/**/*-1.jsonl")
    reason = "is read for c, not for d: a folder is one agent's"
    assert look([below, agents[2]]) == (["a-1", "b-1", "c-1"], [(f"{folder}/sub", "d", reason)])
