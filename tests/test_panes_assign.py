"""Sessions of a shared daemon go to the programs that began them, and never by a guess."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.panes.assign import (
    FIRST_WINDOW_MS,
    Pairing,
    Program,
    Thread,
    assign,
)
from tmuxmeter.panes.evidence import ELIMINATED, OWN_START, SHARED_START, SWITCHED

NOBODY: frozenset[str] = frozenset()


def program(pid: int, started: int, cwd: str = "/w", **more: object) -> Program:
    return Program((pid, str(started)), cwd, more.pop("accounts", NOBODY), started, **more)  # type: ignore[arg-type]


def pairs(found: list[Pairing]) -> dict[str, int]:
    return {pairing.thread: pairing.program[0] for pairing in found}


def test_the_thread_begun_after_the_start_is_the_programs_own() -> None:
    (found,) = assign([program(1, 10_000)], [Thread("a", "/w", "", 12_500)])
    assert (found.program[0], found.thread) == (1, "a")
    assert (found.evidence, found.confidence) == ("start", OWN_START)


def test_nothing_is_given_across_folders_or_accounts() -> None:
    programs = [program(1, 10_000, accounts=frozenset({"/one"}))]
    assert assign(programs, [Thread("a", "/other", "/one", 12_000)]) == []
    assert assign(programs, [Thread("a", "/w", "/two", 12_000)]) == []
    assert pairs(assign(programs, [Thread("a", "/w", "/one", 12_000)])) == {"a": 1}
    assert assign([program(1, 0, cwd="")], [Thread("a", "", "", 100)]) == []


def test_nothing_begins_before_its_program() -> None:
    assert assign([program(1, 10_000)], [Thread("a", "/w", "", 9_000)]) == []


def test_a_session_told_in_whole_seconds_may_have_begun_in_any_part_of_its_second() -> None:
    programs = [program(1, 10_700), program(2, 15_700)]
    threads = [Thread(key, "/w", "", at, blur_ms=999) for key, at in (("a", 10_000), ("b", 15_000))]
    assert pairs(assign(programs, threads)) == {"a": 1, "b": 2}
    # Begun in the second in which the other program started: either may have begun it.
    settled = {"a": programs[0].key}
    later = [threads[0], Thread("c", "/w", "", 40_000, last_ms=40_000, blur_ms=999)]
    assert assign([program(1, 10_700), program(2, 40_700, resumed=True)], later, settled) == []


def test_a_session_of_the_second_in_which_the_only_program_ran_may_be_another_one_s() -> None:
    # Seen: two runs of 0.2 s one after the other, of which one was over before any look.
    programs = [program(1, 10_100, ended_ms=10_350)]
    first, second = (Thread(key, "/w", "", 10_000, blur_ms=999) for key in "ab")
    settled = {"a": programs[0].key}
    assert assign(programs, [first, second], settled) == []
    # It competes all the same with one that goes on with what it had before.
    programs.append(program(2, 1_000, resumed=True))
    assert assign(programs, [first, second], settled) == []
    # Nor is it known which of the two it began itself.
    for ended_ms in (0, 10_700):
        assert assign([program(3, 10_450, ended_ms=ended_ms)], [first, second]) == []
    # What it did begin is its own.
    early = Thread("c", "/w", "", 10_200)
    assert pairs(assign(programs[:1], [first, early], settled)) == {"c": 1}


def test_programs_started_together_are_not_told_apart_by_the_order_of_their_starts() -> None:
    # Seen: three programs within 0.1 s, their threads created in the order of the prompts.
    programs = [program(1, 10_000), program(2, 10_050), program(3, 10_090)]
    threads = [Thread(key, "/w", "", 10_900 + n * 200) for n, key in enumerate("bca")]
    for seen in (threads, threads[1:], threads[2:]):
        assert assign(programs, seen) == []


def test_a_thread_from_before_the_second_start_leaves_no_choice() -> None:
    programs = [program(1, 10_000), program(2, 12_000)]
    threads = [Thread("b", "/w", "", 12_800), Thread("a", "/w", "", 10_700)]
    found = assign(programs, threads)
    assert pairs(found) == {"a": 1, "b": 2}
    assert {pairing.confidence for pairing in found} == {SHARED_START}
    # Until then the first may still wait in a dialog, however long ago it started.
    assert assign([program(1, 10_000), program(2, 600_000)], [Thread("b", "/w", "", 600_900)]) == []


def test_one_thread_for_two_programs_is_left_open() -> None:
    programs = [program(1, 10_000), program(2, 10_900)]
    assert assign(programs, [Thread("a", "/w", "", 12_000)]) == []
    # Only the first was there yet: no question.
    assert pairs(assign(programs, [Thread("a", "/w", "", 10_300)])) == {"a": 1}


def test_a_program_that_ended_keeps_its_thread() -> None:
    programs = [program(1, 10_000, ended_ms=15_000), program(2, 12_000)]
    threads = [Thread("a", "/w", "", 11_000), Thread("b", "/w", "", 14_000)]
    assert pairs(assign(programs, threads)) == {"a": 1, "b": 2}
    assert assign(programs, threads[1:]) == []
    assert pairs(assign(programs, [Thread("c", "/w", "", 16_000)])) == {"c": 2}


def test_a_new_thread_of_the_only_program_is_its_own() -> None:
    threads = [Thread("a", "/w", "", 12_000, 20_000), Thread("b", "/w", "", 500_000)]
    found = assign([program(1, 10_000)], threads)
    assert pairs(found) == {"a": 1, "b": 1}
    assert next(p.confidence for p in found if p.thread == "b") == SWITCHED


def test_a_new_thread_begun_unwatched_is_left_open() -> None:
    threads = [Thread("a", "/w", "", 12_000), Thread("b", "/w", "", 500_000)]
    assert pairs(assign([program(1, 10_000)], threads, watched_since_ms=600_000)) == {"a": 1}


def test_a_new_thread_goes_to_the_program_whose_own_fell_silent() -> None:
    programs = [program(1, 0), program(2, 100_000)]
    first = [Thread("a", "/w", "", 1_000, 800_000), Thread("b", "/w", "", 101_000, 300_000)]
    found = assign(programs, [*first, Thread("c", "/w", "", 500_000, 600_000)])
    assert pairs(found) == {"a": 1, "b": 2, "c": 2}
    assert next(p.confidence for p in found if p.thread == "c") == ELIMINATED


def test_a_new_thread_that_two_could_have_begun_is_left_open() -> None:
    programs = [program(1, 0), program(2, 100_000)]
    first = [Thread("a", "/w", "", 1_000, 400_000), Thread("b", "/w", "", 101_000, 300_000)]
    found = assign(programs, [*first, Thread("c", "/w", "", 500_000, 600_000)])
    assert pairs(found) == {"a": 1, "b": 2}


def test_a_resumed_program_begins_no_thread_at_its_start() -> None:
    programs = [program(1, 10_000, resumed=True), program(2, 10_500)]
    assert pairs(assign(programs, [Thread("a", "/w", "", 12_000)])) == {"a": 2}


def test_a_thread_found_elsewhere_before_is_nobodys_switch() -> None:
    thread = Thread("a", "/w", "", 500_000, bound=(9, "x"))
    assert assign([program(1, 0)], [thread]) == []


def test_accounts_tell_programs_apart() -> None:
    programs = [
        program(1, 0, accounts=frozenset({"/one"})),
        program(2, 1_000, accounts=frozenset({"/two"})),
    ]
    threads = [Thread("b", "/w", "/two", 1_500), Thread("a", "/w", "/one", 2_500)]
    assert pairs(assign(programs, threads)) == {"a": 1, "b": 2}


# What happened: programs started, each began a thread some time later, in whatever order.
launches = st.lists(
    st.tuples(st.integers(0, 30_000), st.integers(0, 2 * FIRST_WINDOW_MS), st.sampled_from("xy")),
    min_size=1,
    max_size=5,
)


@given(launches, st.data())
def test_a_first_thread_never_goes_to_another_program(
    starts: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    programs, threads = [], []
    for pid, (gap, delay, cwd) in enumerate(starts):
        started = sum(earlier for earlier, _, _ in starts[:pid]) + gap
        programs.append(program(pid, started, cwd))
        threads.append(Thread(str(pid), cwd, "", started + delay))
    # Logs appear with the first prompt only, so any part of them may be there, in any order.
    seen = data.draw(st.permutations(threads))[: data.draw(st.integers(0, len(threads)))]
    found = assign(data.draw(st.permutations(programs)), seen)
    assert all(thread == str(who) for thread, who in pairs(found).items())
    alone = [p for p in programs if not any(q.cwd == p.cwd for q in programs if q is not p)]
    for one in alone:
        assert any(t.key == str(one.key[0]) for t in seen) == (str(one.key[0]) in pairs(found))


@given(
    st.lists(st.tuples(st.integers(0, 50_000), st.sampled_from("xy")), max_size=4),
    st.lists(
        st.tuples(st.integers(0, 90_000), st.integers(0, 60_000), st.sampled_from("xy")),
        max_size=5,
    ),
)
def test_each_thread_has_one_program_whatever_the_order(
    starts: list[tuple[int, str]], threads: list[tuple[int, int, str]]
) -> None:
    programs = [program(pid, started, cwd) for pid, (started, cwd) in enumerate(starts)]
    all_threads = [
        Thread(str(n), cwd, "", created, created + more)
        for n, (created, more, cwd) in enumerate(threads)
    ]
    found = assign(programs, all_threads)
    assert len({pairing.thread for pairing in found}) == len(found)
    first = [p.program for p in found if p.evidence.startswith("start")]
    assert len(set(first)) == len(first)
    by_key = {p.key: p for p in programs}
    for pairing in found:
        thread = all_threads[int(pairing.thread)]
        owner = by_key[pairing.program]
        assert thread.cwd == owner.cwd
        assert thread.created_ms >= owner.started_ms - 500
    for mixed in list(permutations(all_threads))[:6]:
        assert pairs(assign(programs[::-1], mixed)) == pairs(found)
