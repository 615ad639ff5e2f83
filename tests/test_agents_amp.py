from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from agent_reading import logs_of, only, skips
from logs_agent import Book

from tmuxmeter.agents.amp import Amp
from tmuxmeter.agents.base import Process
from tmuxmeter.events import (
    Event,
    FileTouch,
    LogFile,
    Prompt,
    SessionStart,
    ToolResult,
    TurnEnd,
    Usage,
)
from tmuxmeter.logs.reading import read_log

if TYPE_CHECKING:
    from pathlib import Path

AMP = Amp()
THREAD = "T-1f0e2b1c-91aa-4d62-8a9d-0f3b6f3ce5a1"
NAME = f"threads/{THREAD}.json"
T0 = 1_795_309_600
MODEL = "claude-haiku-4-5-20251001"


class Store:
    """A thread, rewritten as Amp does and read as the meter does."""

    def __init__(self, root: Path) -> None:
        self.path = root / NAME
        self.path.parent.mkdir(parents=True)
        self.log = LogFile("amp", str(root), NAME, str(self.path))
        self.book = Book()

    def write(self, at: int, *messages: dict[str, Any], **more: Any) -> None:
        numbered = [{"messageId": number} | one for number, one in enumerate(messages)]
        thread = {"v": 195, "id": THREAD, "created": T0 * 1000, "messages": numbered} | more
        self.path.write_text(json.dumps(thread))
        os.utime(self.path, (T0 + at, T0 + at))

    def read(self) -> list[Event]:
        events: list[Event] = []
        for chunk in read_log(AMP, self.log, self.book.at(self.log)):
            events += chunk.events
            self.book.add([chunk])
        return events

    def booked(self) -> list[tuple[int, int, int, int, int]]:
        self.read()
        return [
            ((e.time_ms - T0 * 1000) // 1000, e.fresh, e.cache_read, e.cache_write_5m, e.output)
            for e in self.book.usage.values()
        ]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def prompt(words: str = "go on") -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": words}]}


def answer(
    *blocks: dict[str, Any], usage: dict[str, Any] | None = None, stop: str = "end_turn"
) -> dict[str, Any]:
    made = {"role": "assistant", "content": list(blocks)}
    made |= {"state": {"type": "complete", "stopReason": stop}}
    return made | ({"usage": usage} if usage else {})


def usage(**changes: Any) -> dict[str, Any]:
    known = {"model": MODEL, "inputTokens": 100, "outputTokens": 50}
    known |= {"cacheCreationInputTokens": 500, "cacheReadInputTokens": 200}
    return known | {"totalInputTokens": 800, "credits": 1.5} | changes


def entry(number: int | None, second: int = 5, **tokens: int) -> dict[str, Any]:
    stamp = f"2026-11-22T01:06:{40 + second:02}.000Z"
    made = {"id": f"event-{second}", "timestamp": stamp, "model": MODEL}
    made |= {"tokens": {"input": 100, "output": 50} | tokens}
    return made | ({} if number is None else {"fromMessageId": 0, "toMessageId": number})


def ledger(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"events": list(entries)}


# --- counting


def test_the_ledger_wins_and_takes_its_cache_from_the_messages(store: Store) -> None:
    store.write(60, prompt(), answer(usage=usage()), usageLedger=ledger(entry(1)))
    assert store.booked() == [(5, 100, 200, 500, 50)]


def test_an_entry_without_a_message_number_is_found_by_its_counts(store: Store) -> None:
    store.write(60, prompt(), answer(usage=usage()), usageLedger=ledger(entry(None)))
    assert store.booked() == [(5, 100, 200, 500, 50)]


def test_entries_of_their_own_cache_keep_it(store: Store) -> None:
    told = entry(1, cacheReadInputTokens=7, cacheCreationInputTokens=8)
    store.write(60, prompt(), answer(), usageLedger=ledger(told))
    assert store.booked() == [(5, 100, 7, 8, 50)]


def test_what_the_ledger_lacks_counts_from_the_messages(store: Store) -> None:
    messages = [prompt(), answer(usage=usage()), prompt(), answer(usage=usage(outputTokens=60))]
    store.write(60, *messages, usageLedger=ledger(entry(1)))
    assert store.booked() == [(5, 100, 200, 500, 50), (60, 100, 200, 500, 60)]


def test_a_request_counts_once_whichever_of_both_tells_it_first(store: Store) -> None:
    messages = [prompt(), answer(usage=usage())]
    once = [(5, 100, 200, 500, 50)]
    store.write(5, *messages)
    assert store.booked() == once
    store.write(70, *messages, usageLedger=ledger(entry(1)))
    assert store.booked() == once
    store.write(80, *messages)
    assert store.booked() == once
    # An edited thread gives the number again: another request.
    store.write(90, *messages, usageLedger=ledger(entry(1), entry(1, 8, input=7)))
    assert store.booked() == [*once, (8, 7, 0, 0, 50)]


def test_newer_threads_have_no_ledger(store: Store) -> None:
    stamp = "2026-11-22T01:06:52.000Z"
    store.write(60, prompt(), answer(usage=usage()))
    assert store.booked() == [(60, 100, 200, 500, 50)]
    # an answer keeps the time at which it was found first
    later = answer(usage=usage(timestamp=stamp, outputTokens=60))
    store.write(90, prompt(), answer(usage=usage()), prompt(), later)
    assert store.booked() == [(60, 100, 200, 500, 50), (12, 100, 200, 500, 60)]


def test_an_answer_still_growing_is_one_request(store: Store) -> None:
    store.write(60, prompt(), answer(usage=usage(outputTokens=5)))
    store.read()
    store.write(70, prompt(), answer(usage=usage()))
    assert store.booked() == [(60, 100, 200, 500, 50)]


def test_half_a_character_in_a_text_costs_nothing(store: Store) -> None:
    store.write(60, prompt("cut \ud83d"), answer(usage=usage()), title="cut \ud83d")
    assert store.booked() == [(60, 100, 200, 500, 50)]


def test_broken_threads(store: Store) -> None:
    store.write(60, answer(usage=usage(inputTokens=-1)))
    assert skips(store.read()) == {"bad token counts": 1}
    reader = AMP.reader(NAME)
    assert reader.read(b'{"messages": [') is None
    assert reader.read(b'{"messages": [{"role": "user", "content": 7}], "env": 7}') is not None


# --- activity


def call(identity: str, name: str, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": identity, "name": name, "input": given}


def result(identity: str, status: str) -> dict[str, Any]:
    return {"type": "tool_result", "toolUseID": identity, "run": {"status": status}}


def test_golden_table_of_activity(store: Store) -> None:
    calls = [
        call("1", "Read", path="a.py"),
        call("2", "edit_file", path="/repo/a b.py"),
        call("3", "create_file", path="c.py"),
        call("4", "apply_patch", patchText="*** Begin Patch\n*** Update File: d.py\n"),
        call("5", "Bash", cmd="ls"),
        call("6", "Bash", cmd="sleep"),
    ]
    outcomes = ["done", "done", "error", "done", "rejected-by-user", "in-progress"]
    results = {
        "role": "user",
        "content": [result(str(n), one) for n, one in enumerate(outcomes, 1)],
    }
    env = {"initial": {"trees": [{"uri": "file:///repo"}]}}
    first = [prompt("fix the code in here now"), answer(*calls, stop="tool_use"), results]
    store.write(60, *first, env=env)
    store.read()
    last = answer({"type": "text", "text": "Shall I go on?"})
    again = prompt("fix the code in here now")
    cancelled = {"role": "assistant", "content": [], "state": {"type": "cancelled"}}
    store.write(90, *first, last, again, cancelled, env=env)
    events = store.read()
    (start,) = only(SessionStart, events)
    assert (start.session, start.cwd, start.time_ms) == (THREAD, "/repo", T0 * 1000)
    seconds = [(one.time_ms // 1000 - T0, one.corrects) for one in only(Prompt, events)]
    assert seconds == [(60, False), (90, True)]
    assert [(one.reason, one.asked, one.time_ms // 1000 - T0) for one in only(TurnEnd, events)] == [
        ("done", True, 90),
        ("interrupted", False, 90),
    ]
    assert [(one.tool, one.ok) for one in only(ToolResult, events)] == [
        ("Read", True),
        ("edit_file", True),
        ("create_file", False),
        ("apply_patch", True),
        ("Bash", False),
    ]
    assert [(one.edit, one.path) for one in only(FileTouch, events)] == [
        (False, "/repo/a.py"),
        (True, "/repo/a b.py"),
        (True, "/repo/d.py"),
    ]
    assert not only(Usage, events)


def test_messages_after_a_cut_have_their_own_time(store: Store) -> None:
    store.write(10, prompt(), answer())
    store.read()
    store.write(20)
    store.read()
    store.write(30, prompt(), answer())
    assert [one.time_ms // 1000 - T0 for one in only(Prompt, store.read())] == [30]


def test_prompts_tell_when_they_were_sent(store: Store) -> None:
    first = prompt("one") | {"meta": {"sentAt": (T0 + 10) * 1000}}
    second = prompt("two") | {"meta": {"sentAt": (T0 + 500) * 1000}}
    told = (first, answer(usage=usage()), second, answer(usage=usage(outputTokens=60)))
    # read long afterwards: the first answer was there before the second prompt
    store.write(900, *told)
    events = store.read()
    assert [one.time_ms // 1000 - T0 for one in only(Prompt, events)] == [10, 500]
    assert [one.time_ms // 1000 - T0 for one in only(Usage, events)] == [10, 900]
    assert [one.time_ms // 1000 - T0 for one in only(TurnEnd, events)] == [10, 900]


def test_whoever_watches_knows_better_than_the_prompt(store: Store) -> None:
    first = prompt("one") | {"meta": {"sentAt": (T0 + 10) * 1000}}
    second = prompt("two") | {"meta": {"sentAt": (T0 + 500) * 1000}}
    store.write(60, first, answer(usage=usage()))
    store.read()
    store.write(510, first, answer(usage=usage()), second)
    assert [one.time_ms // 1000 - T0 for one in only(Usage, store.read())] == [60]


# --- processes and places


@pytest.mark.parametrize(
    ("command", "role", "session"),
    [
        ("amp", "agent", ""),
        ("node --no-warnings /x/node_modules/@sourcegraph/amp/dist/main.js", "agent", ""),
        ("amp -x hello", "agent", ""),
        (f"amp threads continue {THREAD}", "agent", THREAD),
        ("amp threads list", "helper", ""),
        ("amp login", "helper", ""),
        ("amp --version", "helper", ""),
        ("ampere", "", ""),
    ],
)
def test_processes(command: str, role: str, session: str) -> None:
    argv = tuple(command.split())
    assert AMP.role(Process(pid=1, ppid=0, name="", argv=argv, started_ms=0)) == role
    assert AMP.session_in_argv(argv) == session


def test_folders(tmp_path: Path) -> None:
    home = tmp_path / ".local/share/amp"
    assert [one.path for one in AMP.roots(tmp_path, {})] == [home]
    roots = AMP.roots(tmp_path, {"XDG_DATA_HOME": "/d"})
    assert [str(one.path) for one in roots] == ["/d/amp", str(home)]
    roots = AMP.roots(tmp_path, {"AMP_DATA_HOME": "/a", "XDG_DATA_HOME": "/d"})
    assert [str(one.path) for one in roots] == ["/a"]
    for name in (NAME, "threads/index.json", "history.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    assert logs_of(AMP, tmp_path) == [NAME]
    assert AMP.session_of_log(NAME) == THREAD
