from __future__ import annotations

import json

import pytest
from build_codex import START_MS, Rollout, Tokens, pick, read, requests, spent

from tmuxmeter.agents.codex import Codex
from tmuxmeter.agents.codex_usage import Counts, Sum
from tmuxmeter.events import RateLimit, Usage

ONE = Tokens(input=9000, cached=6000, output=150, reasoning=40)
TWO = Tokens(input=12_000, cached=9000, output=90, reasoning=10)
ONE_SPENT = (3000, 6000, 0, 150, 40)
TWO_SPENT = (3000, 9000, 0, 90, 10)


def started() -> Rollout:
    return Rollout().meta().begin()


# --- the kinds of tokens


@pytest.mark.parametrize("form", ["request", "old_request"])
def test_cached_input_lies_inside_input_and_reasoning_inside_output(form: str) -> None:
    rollout = started()
    getattr(rollout, form)(ONE)
    assert rollout.spent() == [ONE_SPENT]


def test_cache_writes_lie_inside_uncached_input() -> None:
    assert started().request(ONE._replace(written=500)).spent() == [(2500, 6000, 500, 150, 40)]


def test_parts_larger_than_their_whole_are_cut() -> None:
    odd = Tokens(input=100, cached=130, written=50, output=10, reasoning=20)
    assert started().request(odd).spent() == [(0, 100, 0, 10, 10)]


def test_missing_and_null_counts_are_zero() -> None:
    usage = {"input_tokens": 100, "cached_input_tokens": None, "output_tokens": 7}
    info = {"total_token_usage": usage, "last_token_usage": usage}
    rollout = started().event("token_count", info=info, rate_limits=None)
    assert rollout.spent() == [(100, 0, 0, 7, 0)]


# --- once per request


def test_both_forms_of_a_request_count_once() -> None:
    assert started().request(ONE).request(TWO).spent() == [ONE_SPENT, TWO_SPENT]


def test_late_snapshots_of_recorded_requests_add_nothing() -> None:
    rollout = started().usage_record(ONE)
    first = rollout.total
    rollout.usage_record(TWO).token_count(ONE, first).token_count(TWO)
    assert rollout.spent() == [ONE_SPENT, TWO_SPENT]


def test_a_repeated_snapshot_is_no_request() -> None:
    rollout = started().old_request(ONE).token_count(ONE).token_count(ONE).old_request(ONE)
    assert rollout.spent() == [ONE_SPENT, ONE_SPENT]


def test_a_snapshot_repeated_in_the_next_turn_is_no_request() -> None:
    rollout = started().request(ONE).complete().begin().token_count(ONE).request(TWO)
    assert rollout.spent() == [ONE_SPENT, TWO_SPENT]


def test_last_tells_what_was_spent_and_the_sum_only_whether() -> None:
    rollout = started().old_request(ONE)
    rollout.total = rollout.total.plus(TWO)
    assert rollout.old_request(TWO).spent() == [ONE_SPENT, TWO_SPENT]


def test_a_stale_snapshot_is_no_request() -> None:
    rollout = started().old_request(ONE)
    before = rollout.total
    rollout.old_request(TWO).token_count(ONE, before).token_count(TWO)
    assert rollout.spent() == [ONE_SPENT, TWO_SPENT]


def test_a_stale_snapshot_of_a_long_thread_is_no_request() -> None:
    small = Tokens(input=10, output=1)
    rollout = started().old_request(Tokens(input=1_000_000, output=1000))
    before = rollout.total
    for _ in range(5):
        rollout.old_request(small)
    rollout.token_count(small, before).old_request(small)
    assert len(rollout.spent()) == 7


def test_a_sum_that_begins_anew_counts_its_last_request() -> None:
    rollout = started().old_request(Tokens(input=900_000, output=1000))
    rollout.total = Tokens()
    rollout.old_request(ONE).old_request(TWO)
    assert rollout.spent()[1:] == [ONE_SPENT, TWO_SPENT]


def test_zeros_after_a_compaction_are_no_new_beginning() -> None:
    rollout = started().old_request(ONE)
    rollout.token_count(Tokens(), Tokens()).token_count(ONE).old_request(TWO)
    assert rollout.spent() == [ONE_SPENT, TWO_SPENT]


def test_a_compaction_empties_last_but_not_the_sum() -> None:
    rollout = started().request(ONE).token_count(Tokens()).request(TWO)
    assert rollout.spent() == [ONE_SPENT, TWO_SPENT]


def test_an_empty_last_is_filled_from_the_sum() -> None:
    rollout = started().old_request(ONE)
    rollout.total = rollout.total.plus(TWO)
    assert rollout.token_count(Tokens()).spent() == [ONE_SPENT, TWO_SPENT]


def test_sums_alone_are_counted_by_what_they_grow() -> None:
    rollout = started().token_count(None, ONE).token_count(None, ONE.plus(TWO))
    assert rollout.spent() == [ONE_SPENT, TWO_SPENT]


def test_a_sum_alone_says_nothing_of_a_file_that_goes_on_from_another() -> None:
    rollout = Rollout().meta(forked_from_id=Rollout(START_MS - 5000).id, history_base={})
    rollout.begin().token_count(None, ONE).token_count(None, ONE.plus(TWO))
    assert rollout.spent() == [TWO_SPENT]


def test_the_first_snapshot_of_a_fork_counts_last_not_the_sum() -> None:
    parent = started().old_request(ONE)
    fork = Rollout(parent.now).meta(forked_from_id=parent.id, history_base={"thread_id": parent.id})
    fork.total = parent.total
    assert fork.begin().old_request(TWO).spent() == [TWO_SPENT]


def test_a_turn_of_an_older_version_counts_its_snapshots_again() -> None:
    rollout = started().request(ONE).complete().begin().old_request(TWO)
    assert rollout.spent() == [ONE_SPENT, TWO_SPENT]


def test_a_request_without_a_snapshot_counts() -> None:
    """A compaction on the server's side has a record but no token_count."""
    rollout = started().usage_record(ONE).record("compacted", {"message": "…"})
    rollout.token_count(Tokens(), Tokens()).request(TWO)
    assert rollout.spent() == [ONE_SPENT, TWO_SPENT]


def test_the_copy_of_a_record_inside_a_compaction_is_no_request() -> None:
    rollout = started().usage_record(ONE)
    record = json.loads(rollout.lines[-1])["payload"]
    rollout.record("compacted", {"message": "", "latest_token_usage_record": record})
    assert rollout.spent() == [ONE_SPENT]


def test_undone_turns_stay_spent() -> None:
    rollout = started().request(ONE).event("thread_rolled_back", num_turns=1)
    assert rollout.spent() == [ONE_SPENT]


def test_a_reader_killed_between_the_two_forms_counts_once() -> None:
    rollout = started().usage_record(ONE)
    first = Codex().reader(rollout.name)
    head = rollout.content()
    events = first.read(head, 0, len(head), 0)
    rollout.token_count(ONE)
    tail = rollout.content()[len(head) :]
    events += read(rollout.name, tail, first.state())
    assert spent(events) == [ONE_SPENT]


def test_keys_are_the_same_in_every_copy_and_reading() -> None:
    rollout = started().request(ONE).begin().old_request(TWO)
    again = read(f"rollout-2020-01-01T00-00-00-{rollout.id}.jsonl", b"\n" + rollout.content())
    assert {u.key for u in requests(again)} == {u.key for u in requests(rollout.events())}
    assert len({u.key for u in requests(again)}) == 2


def test_equal_requests_of_two_threads_are_two() -> None:
    """A stub or a proxy may give the same response id and counts to everybody."""
    threads = [Rollout(number=n).meta().begin() for n in (1, 2)]
    keys = set()
    for rollout in threads:
        rollout.usage_record(ONE, response="resp_1")
        keys |= {u.key for u in requests(rollout.events())}
    assert len(keys) == 2


def test_equal_snapshots_of_two_threads_are_two() -> None:
    threads = [Rollout(START_MS + n, number=n).meta().begin().old_request(ONE) for n in (1, 2)]
    assert len({u.key for rollout in threads for u in requests(rollout.events())}) == 2


# --- model, tier, window, folder


def test_the_model_is_the_last_turn_contexts() -> None:
    rollout = started().request(ONE).begin("gpt-5.4-mini").request(TWO)
    assert [u.model for u in requests(rollout.events())] == ["gpt-5.6", "gpt-5.4-mini"]


def test_settings_change_the_model_between_turns() -> None:
    rollout = started().settings(model="gpt-5.5").request(ONE)
    assert [u.model for u in requests(rollout.events())] == ["gpt-5.5"]


def test_requests_before_any_model_get_the_next_one() -> None:
    rollout = Rollout().meta().old_request(ONE).old_request(TWO)
    assert [u.model for u in requests(rollout.events())] == ["unknown", "unknown"]
    rollout.begin("gpt-5.5")
    assert [u.model for u in requests(rollout.events())] == ["gpt-5.5", "gpt-5.5"]
    rollout.begin("gpt-5.6")
    assert [u.model for u in requests(rollout.events())] == ["gpt-5.5", "gpt-5.5"]
    assert rollout.spent() == [ONE_SPENT, TWO_SPENT]


def test_a_snapshot_that_names_its_model_is_believed() -> None:
    rollout = started()
    rollout.token_count(ONE, ONE, model="codex-auto-review")
    assert [u.model for u in requests(rollout.events())] == ["codex-auto-review"]


@pytest.mark.parametrize(
    ("said", "tier"),
    [("fast", "fast"), ("priority", "priority"), ("flex", "flex"), ("default", "standard")],
)
def test_the_service_tier_comes_from_the_settings(said: str, tier: str) -> None:
    rollout = started().settings(model="gpt-5.5", service_tier=said).request(ONE)
    rollout.settings(model="gpt-5.5").request(TWO)
    assert [u.tier for u in requests(rollout.events())] == [tier, "standard"]


def test_window_folder_and_branch_go_with_each_request() -> None:
    rollout = started().request(ONE).begin(cwd="/w/sub")
    rollout.usage_record(TWO)
    first, second = requests(rollout.events())
    assert (first.context_window, first.cwd, first.branch) == (258_400, "/w", "main")
    assert (second.context_window, second.cwd, second.branch) == (258_400, "/w/sub", "main")


def test_the_window_may_come_with_the_snapshot_only() -> None:
    rollout = Rollout().meta().context().old_request(ONE)
    assert [u.context_window for u in requests(rollout.events())] == [258_400]


def test_a_request_has_its_own_time_not_the_files() -> None:
    rollout = started()
    time_ms = rollout.now
    rollout.usage_record(ONE)
    assert pick(rollout.events(), Usage, lambda u: u.time_ms) == [time_ms]


# --- the sum itself


def test_sum_follows_a_snapshot_counted_elsewhere() -> None:
    line = Sum()
    line.follow(Counts(input=100, output=10))
    last = Counts(input=50, output=5)
    assert line.spent(last, Counts(input=100, output=10), continued=False) is None
    assert line.spent(last, Counts(input=150, output=15), continued=False) == last


def test_sum_without_a_total_counts_last() -> None:
    assert Sum().spent(Counts(input=5), None, continued=False) == Counts(input=5)
    assert Sum().spent(None, None, continued=False) is None


# --- plan windows

WEEK = {"used_percent": 12.5, "window_minutes": 10_080, "resets_at": 1_785_958_530}
HOURS = {"used_percent": 40.0, "window_minutes": 300, "resets_in_seconds": 60}


def limit_rows(rollout: Rollout) -> list[tuple[int, float, int, str, str]]:
    return pick(
        rollout.events(),
        RateLimit,
        lambda e: (e.window_minutes, e.used_percent, e.resets_ms, e.limit, e.plan),
    )


def test_plan_windows_are_told_by_their_length_not_their_slot() -> None:
    rollout = started()
    limits = {"limit_id": "codex", "plan_type": "pro", "primary": WEEK, "secondary": None}
    rollout.old_request(ONE, limits=limits)
    assert limit_rows(rollout) == [(10_080, 12.5, 1_785_958_530_000, "codex", "pro")]


def test_seconds_to_the_reset_count_from_the_record() -> None:
    rollout = started()
    time_ms = rollout.now
    rollout.event("token_count", info=None, rate_limits={"primary": HOURS, "secondary": WEEK})
    assert limit_rows(rollout) == [
        (300, 40.0, time_ms + 60_000, "codex", ""),
        (10_080, 12.5, 1_785_958_530_000, "codex", ""),
    ]
    assert rollout.spent() == []


def test_a_model_specific_limit_keeps_its_name() -> None:
    limits = {"limit_id": "codex_other", "primary": HOURS}
    assert [row[3] for row in limit_rows(started().old_request(ONE, limits=limits))] == [
        "codex_other"
    ]


@pytest.mark.parametrize(
    "limits",
    [
        None,
        {"limit_id": "codex", "primary": None, "secondary": None},
        {"primary": {"used_percent": 0.0, "window_minutes": None, "resets_at": None}},
    ],
)
def test_no_window_is_no_plan(limits: object) -> None:
    rollout = started().old_request(ONE, limits=limits)
    assert limit_rows(rollout) == []
    assert rollout.spent() == [ONE_SPENT]


def test_broken_limits_dont_cost_the_request() -> None:
    limits = {"primary": {"used_percent": "much", "window_minutes": 300}}
    rollout = started().old_request(ONE, limits=limits)
    assert limit_rows(rollout) == []
    assert rollout.spent() == [ONE_SPENT]


def test_unchanged_windows_are_told_once_a_minute() -> None:
    rollout = started()
    for _ in range(100):
        rollout.event("token_count", info=None, rate_limits={"primary": WEEK})
    assert len(limit_rows(rollout)) == 2
