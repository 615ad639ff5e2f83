from __future__ import annotations

import json
from typing import Any

import pytest
from build_codex import START_MS, Rollout, Tokens, iso, pick, read, requests, spent, uuid7

from tmuxmeter.agents.codex_lineage import uuid7_ms
from tmuxmeter.events import FileTouch, Prompt, RateLimit, SessionStart, ToolResult, TurnEnd, Usage

ONE = Tokens(input=9000, cached=6000, output=150, reasoning=40)
TWO = Tokens(input=12_000, cached=9000, output=90, reasoning=10)
SMALL = Tokens(input=500, output=5)
ONE_SPENT = (3000, 6000, 0, 150, 40)
TWO_SPENT = (3000, 9000, 0, 90, 10)
SMALL_SPENT = (500, 0, 0, 5, 0)


def busy_parent(*, form: str = "old_request", ordinals: bool = False) -> Rollout:
    parent = Rollout(number=1, ordinals=ordinals).meta()
    for last in (ONE, TWO):
        parent.begin().prompt(f"please spend {last.input}")
        getattr(parent, form)(last)
        parent.item(
            "function_call", name="exec_command", call_id=f"call_{last.input}", arguments="{}"
        )
        parent.item("function_call_output", call_id=f"call_{last.input}", output="done")
        parent.complete()
    return parent


def replayed(parent: Rollout, child: Rollout, *, restamp: bool) -> Rollout:
    """Copy the parent's records into the child, with the child's time or their own."""
    for line in parent.lines:
        record = json.loads(line)
        if restamp:
            record["timestamp"] = iso(child.now)
        if "ordinal" in record:
            record["ordinal"] = len(child.lines)
        child.raw(json.dumps(record, separators=(",", ":")).encode())
    return child


def spawned_from(parent: Rollout) -> dict[str, Any]:
    spawn = {"parent_thread_id": parent.id, "depth": 1, "agent_nickname": "Bacon"}
    return {
        "source": {"subagent": {"thread_spawn": spawn}},
        "thread_source": "subagent",
        "session_id": parent.id,
    }


def child_of(parent: Rollout, *, ordinals: bool = False, **meta: Any) -> Rollout:
    child = Rollout(parent.now + 5000, number=2, ordinals=ordinals)
    child.step_ms = 0
    child.meta(**meta)
    return child


def test_a_sub_agents_replayed_history_is_the_parents_spend() -> None:
    parent = busy_parent()
    child = replayed(parent, child_of(parent, **spawned_from(parent)), restamp=True)
    child.step_ms = 1000
    child.total = parent.total
    assert child.begin().old_request(SMALL).spent() == [SMALL_SPENT]


def test_a_replay_that_took_longer_than_a_second_is_told_by_its_turns() -> None:
    parent = busy_parent()
    child = child_of(parent, **spawned_from(parent))
    child.step_ms = 900
    for line in parent.lines:
        child.raw(
            json.dumps(
                json.loads(line) | {"timestamp": iso(child.now)}, separators=(",", ":")
            ).encode()
        )
        child.now += 900
    child.step_ms = 1000
    child.total = parent.total
    assert child.begin().old_request(SMALL).spent() == [SMALL_SPENT]


def test_without_turn_ids_the_birth_second_tells_the_replay() -> None:
    parent = busy_parent()
    child = child_of(parent, **spawned_from(parent))
    for total in (ONE, ONE.plus(TWO)):
        child.token_count(ONE, total)
    child.total = ONE.plus(TWO)
    child.now += 3000
    assert child.context(turn_id=None).old_request(SMALL).spent() == [SMALL_SPENT]


def test_a_burst_of_copies_longer_than_a_second_is_one_replay() -> None:
    parent = busy_parent()
    child = child_of(parent, **spawned_from(parent))
    child.step_ms = 60
    child.context(turn_id=None)
    for number in range(1, 40):
        child.token_count(ONE, Tokens(input=9000 * number, output=150 * number))
    child.now += 3000
    child.total = Tokens(input=9000 * 39, output=150 * 39)
    assert child.old_request(SMALL).spent() == [SMALL_SPENT]


def test_a_child_whose_sum_begins_anew_counts_from_its_first_request() -> None:
    """Seen with Codex 0.169: the child's sum doesn't contain the parent's."""
    parent = busy_parent()
    child = replayed(parent, child_of(parent, **spawned_from(parent)), restamp=True)
    child.step_ms = 1000
    child.begin().old_request(ONE).old_request(TWO)
    assert child.spent() == [ONE_SPENT, TWO_SPENT]


def test_a_snapshot_of_the_parent_that_comes_late_is_not_the_childs() -> None:
    parent = busy_parent()
    child = replayed(parent, child_of(parent, **spawned_from(parent)), restamp=True)
    child.step_ms = 1000
    child.begin().token_count(Tokens(input=10, output=1), Tokens(input=3000, output=30))
    child.total = parent.total
    assert child.old_request(SMALL).spent() == [SMALL_SPENT]


@pytest.mark.parametrize("boundary", [int, str])
def test_ordinals_below_the_first_own_one_are_copied(boundary: type[Any]) -> None:
    parent = busy_parent(form="request", ordinals=True)
    first_own = boundary(len(parent.lines) + 1)
    child = child_of(
        parent, ordinals=True, subagent_history_start_ordinal=first_own, **spawned_from(parent)
    )
    replayed(parent, child, restamp=True)
    # within the birth second, as a fast model's answer would be, and nothing else tells
    child.token_count(SMALL, SMALL)
    assert child.spent() == [SMALL_SPENT]


def test_a_record_of_another_thread_is_that_threads_spend() -> None:
    parent = busy_parent(form="usage_record")
    child = replayed(parent, child_of(parent, **spawned_from(parent)), restamp=True)
    child.begin().usage_record(SMALL)
    assert child.spent() == [SMALL_SPENT]


def test_a_fresh_sub_agent_counts_from_its_first_moment() -> None:
    parent = busy_parent()
    child = child_of(parent, **spawned_from(parent))
    child.step_ms = 10
    child.begin().old_request(ONE)
    assert child.spent() == [ONE_SPENT]
    assert all(usage.sidechain for usage in requests(child.events()))


def test_a_branch_with_its_parents_times_shares_its_parents_keys() -> None:
    parent = busy_parent()
    branch = replayed(parent, child_of(parent, forked_from_id=parent.id), restamp=False)
    branch.step_ms = 1000
    branch.total = parent.total
    branch.begin().old_request(SMALL)
    both = parent.events() + branch.events()
    assert spent(both) == [ONE_SPENT, TWO_SPENT, SMALL_SPENT]
    owners = {usage.session for usage in requests(branch.events()) if usage.fresh == 3000}
    assert owners == {parent.id}


def test_a_branch_with_records_leaves_them_to_their_thread() -> None:
    parent = busy_parent(form="request")
    branch = replayed(parent, child_of(parent, forked_from_id=parent.id), restamp=False)
    branch.step_ms = 1000
    branch.total = parent.total
    assert branch.begin().request(SMALL).spent() == [SMALL_SPENT]


def test_a_sub_agent_s_copies_without_records_are_their_thread_s() -> None:
    parent = busy_parent(form="request")
    child = replayed(parent, child_of(parent, **spawned_from(parent)), restamp=False)
    child.lines = [line for line in child.lines if b'"token_usage_record"' not in line]
    child.step_ms = 1000
    child.total = parent.total
    child.begin().request(SMALL)
    both = parent.events() + child.events()
    assert spent(both) == [ONE_SPENT, TWO_SPENT, SMALL_SPENT]


def test_a_meta_dated_after_its_line_makes_no_record_a_copy() -> None:
    parent = busy_parent()
    fork = child_of(parent, forked_from_id=parent.id, timestamp=iso(parent.now + 7_200_000))
    fork.step_ms = 1000
    fork.begin().old_request(SMALL)
    assert [u.session for u in requests(fork.events())] == [fork.id]


def test_a_branch_without_any_mark_shares_its_parents_keys() -> None:
    parent = busy_parent()
    branch = child_of(parent)
    for line in parent.lines[1:]:
        branch.raw(line)
    assert spent(parent.events() + branch.events()) == [ONE_SPENT, TWO_SPENT]


def test_a_fork_that_points_into_its_parent_has_only_records_of_its_own() -> None:
    parent = busy_parent(form="request", ordinals=True)
    base = {"thread_id": parent.id, "end_ordinal_exclusive": len(parent.lines)}
    fork = child_of(parent, ordinals=True, forked_from_id=parent.id, history_base=base)
    fork.total = parent.total
    fork.step_ms = 10
    fork.context(turn_id=None).old_request(SMALL)
    assert fork.spent() == [SMALL_SPENT]


def test_nothing_else_of_the_copied_history_is_told() -> None:
    parent = busy_parent()
    parent.old_request(ONE, limits={"primary": {"used_percent": 1.0, "window_minutes": 300}})
    child = replayed(parent, child_of(parent, **spawned_from(parent)), restamp=True)
    kinds = (Prompt, TurnEnd, ToolResult, FileTouch, RateLimit, Usage)
    assert not [event for event in child.events() if isinstance(event, kinds)]
    child.step_ms = 1000
    child.begin().prompt("look").complete()
    assert pick(child.events(), Prompt, lambda p: p.human) == [False]
    assert len(pick(child.events(), TurnEnd, lambda t: t.reason)) == 1


# --- who the thread is


def starts(rollout: Rollout) -> list[tuple[str, str, bool]]:
    return pick(rollout.events(), SessionStart, lambda e: (e.session, e.parent, e.spawned))


def test_a_session_starts_with_its_folder_branch_and_version() -> None:
    rollout = Rollout().meta()
    (start,) = [e for e in rollout.events() if isinstance(e, SessionStart)]
    assert (start.time_ms, start.cwd, start.branch, start.version) == (
        START_MS,
        "/w",
        "main",
        "0.169.0",
    )
    assert starts(rollout) == [(rollout.id, "", False)]


def test_the_thread_is_id_and_not_session_id() -> None:
    parent = busy_parent()
    child = child_of(parent, **spawned_from(parent))
    assert starts(child) == [(child.id, parent.id, True)]


@pytest.mark.parametrize(
    ("meta", "parent", "spawned"),
    [
        ({"forked_from_id": "P"}, "P", False),
        ({"parent_thread_id": "P", "thread_source": "subagent", "forked_from_id": "Q"}, "P", True),
        ({"source": {"subagent": "review"}, "session_id": "P"}, "P", True),
        ({"source": {"subagent": {"other": "guardian"}}, "session_id": "P"}, "P", True),
        ({"source": "vscode", "git": None}, "", False),
        ({"source": 7, "thread_source": [], "git": "main"}, "", False),
    ],
)
def test_parents_and_whether_they_spawned(meta: dict[str, Any], parent: str, spawned: bool) -> None:
    rollout = Rollout().meta(**meta)
    assert starts(rollout) == [(rollout.id, parent, spawned)]


def test_a_second_meta_tells_the_parent_but_not_who_the_thread_is() -> None:
    parent = busy_parent()
    branch = replayed(parent, child_of(parent), restamp=True)
    assert starts(branch) == [(branch.id, "", False), (branch.id, parent.id, False)]
    assert branch.spent() == []


def test_a_meta_in_the_middle_changes_nothing() -> None:
    rollout = Rollout().meta().begin().request(ONE)
    rollout.record("session_meta", {"id": uuid7(START_MS - 9, 9), "cwd": "/elsewhere"})
    rollout.request(TWO)
    assert len(starts(rollout)) == 1
    assert [u.cwd for u in requests(rollout.events())] == ["/w", "/w"]


def test_the_files_name_outweighs_the_meta() -> None:
    rollout = Rollout(number=1).meta(id=uuid7(START_MS, 2)).begin().old_request(ONE)
    assert [u.session for u in requests(rollout.events())] == [rollout.id]
    meta_only = read("rollout-copy.jsonl", rollout.content())
    assert [u.session for u in requests(meta_only)] == [uuid7(START_MS, 2)]


def test_a_thread_named_otherwise_by_its_meta_owns_its_records() -> None:
    rollout = Rollout(number=1)
    inner = uuid7(START_MS, 2)
    rollout.meta(id=inner).begin().usage_record(ONE, thread=inner)
    assert rollout.spent() == [ONE_SPENT]


def test_uuid7_holds_its_time() -> None:
    assert uuid7_ms("01a20017-d963-7841-8f1a-3442597ed2b0") == 1_795_297_892_707
    assert uuid7_ms("01a20017-d963-4841-8f1a-3442597ed2b0") == 0
    assert uuid7_ms("zzzzzzzz-d963-7841-8f1a-3442597ed2b0") == 0
    assert uuid7_ms("1") == 0
