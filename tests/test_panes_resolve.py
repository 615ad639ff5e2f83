"""Evidence is weighed in order, and what can't be told is left open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tmuxmeter.agents.base import Began, LiveSession, Process
from tmuxmeter.panes.evidence import Bound, Claim, Live, SessionFacts, trust
from tmuxmeter.panes.facts import Sessions
from tmuxmeter.panes.locate import Location, PaneRef
from tmuxmeter.panes.process_logs import Question
from tmuxmeter.panes.resolve import resolve
from tmuxmeter.panes.runs import BELOW_DAEMON, Run
from tmuxmeter.panes.starts import open_questions
from tmuxmeter.panes.world import World

START = 1_000_000


def place(pane: str) -> Location:
    return Location(PaneRef("/s", 1, 2, pane, 3, "4"), "tree", 1.0)


def run(pid: int, agent: str = "claude", started: int = START, **more: object) -> Run:
    cwd = str(more.pop("cwd", "/w"))
    process = Process(pid, 1, agent, (agent,), started, str(started), cwd)
    values: dict[str, object] = {"location": place(f"%{pid}"), **more}
    return Run(agent, pid, str(started), started, process, (pid,), **values)  # type: ignore[arg-type]


def live(pid: int, session: str, **more: object) -> Live:
    values: dict[str, object] = {"start_token": str(START), "updated_ms": START, **more}
    return Live("claude", "/account", LiveSession(pid, session, "/w", **values))  # type: ignore[arg-type]


def facts(key: str, agent: str = "claude", **more: object) -> SessionFacts:
    values: dict[str, object] = {"cwd": "/w", "started_ms": START + 100, **more}
    if "last_ms" not in values:
        values["last_ms"] = values["started_ms"]
    return SessionFacts(agent, key, **values)  # type: ignore[arg-type]


def world(*runs: Run, sessions: tuple[SessionFacts, ...] = (), **more: object) -> World:
    return World(runs=runs, sessions=Sessions(sessions), self_reporting={"claude"}, **more)  # type: ignore[arg-type]


def current(claims: list[Claim]) -> dict[int, str]:
    return {claim.run.pid: claim.session for claim in claims if claim.current}


def test_the_agents_own_word_beats_its_command_line() -> None:
    (claim,) = resolve(world(run(1, argv_session="old"), live=[live(1, "new")]))
    assert (claim.session, claim.evidence, claim.confidence) == ("new", "live-file, tree", 0.99)


def test_a_command_line_beats_a_guess_by_folder() -> None:
    found = resolve(world(run(1, argv_session="told"), sessions=(facts("other"),)))
    assert current(found) == {1: "told"}


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ({}, 0.99),
        ({"start_token": "7"}, 0.0),
        ({"start_token": "", "updated_ms": START}, 0.9),
        ({"start_token": "", "updated_ms": START - 60_000}, 0.0),
        ({"start_token": "", "updated_ms": 0, "started_ms": START + 5}, 0.9),
    ],
)
def test_a_live_file_is_believed_only_about_the_process_that_wrote_it(
    said: dict[str, object], believed: float
) -> None:
    assert trust(live(1, "s", **said).session, run(1).process) == believed
    assert trust(live(2, "s", **said).session, run(1).process) == 0


def test_confidence_is_no_higher_than_where_the_process_is() -> None:
    where = replace(place("%1"), how="environment", confidence=0.6)
    (claim,) = resolve(world(run(1, location=where), live=[live(1, "s")]))
    assert (claim.confidence, claim.evidence) == (0.6, "live-file, environment")


def test_a_stale_live_file_after_clear_is_followed_where_unique() -> None:
    old = facts("old", last_ms=START + 1_000)
    new = facts("new", started_ms=START + 9_000, last_prompt_ms=START + 9_000)
    said = live(1, "old", updated_ms=START + 9_500)
    (claim,) = resolve(world(run(1), sessions=(old, new), live=[said]))
    assert (claim.session, claim.evidence) == ("new", "newer-session, tree")
    assert claim.since_ms == START + 9_000
    assert claim.confidence < 0.9


def test_a_stale_live_file_is_only_doubted_where_another_may_be_it() -> None:
    old = facts("old", last_ms=START + 1_000)
    new = facts("new", started_ms=START + 9_000, last_prompt_ms=START + 9_000)
    said = live(1, "old", updated_ms=START + 9_500)
    claims = resolve(world(run(1), run(2), sessions=(old, new), live=[said]))
    mine = next(claim for claim in claims if claim.run.pid == 1)
    assert (mine.session, mine.evidence, mine.confidence) == ("old", "live-file-doubted, tree", 0.5)


@pytest.mark.parametrize(
    "change",
    [
        {"started_ms": START - 5, "last_prompt_ms": START - 5},
        {"cwd": "/elsewhere"},
        {"account": "/other"},
        {"spawned": True},
        {"bound_pid": 77, "bound_start": "1"},
        {"last_prompt_ms": 0},
    ],
)
def test_what_is_no_newer_session_of_this_process_changes_nothing(
    change: dict[str, object],
) -> None:
    old = facts("old", account="/account", last_ms=START + 1_000)
    new = replace(
        facts("new", started_ms=START + 9_000, last_prompt_ms=START + 9_000),
        **change,  # type: ignore[arg-type]
    )
    said = live(1, "old", updated_ms=START + 9_500)
    (claim,) = resolve(world(run(1), sessions=(old, new), live=[said]))
    assert (claim.session, claim.confidence) == ("old", 0.99)


def test_a_session_that_goes_on_was_not_cleared() -> None:
    old = facts("old", last_ms=START + 20_000)
    new = facts("new", started_ms=START + 9_000, last_prompt_ms=START + 9_000)
    (claim,) = resolve(world(run(1), sessions=(old, new), live=[live(1, "old")]))
    assert (claim.session, claim.confidence) == ("old", 0.99)


def test_the_only_session_of_a_folder_goes_to_the_only_process_there() -> None:
    (claim,) = resolve(world(run(1), sessions=(facts("s"),)))
    assert (claim.session, claim.evidence, claim.confidence) == ("s", "folder, tree", 0.5)


def test_two_sessions_or_two_processes_of_a_folder_are_left_open() -> None:
    assert resolve(world(run(1), sessions=(facts("s"), facts("t")))) == []
    assert resolve(world(run(1), run(2), sessions=(facts("s"),))) == []


def test_a_named_neighbour_doesnt_make_the_folder_ambiguous() -> None:
    found = resolve(world(run(1), run(2), sessions=(facts("s"), facts("t")), live=[live(1, "s")]))
    assert current(found) == {1: "s", 2: "t"}


def test_an_open_log_names_the_session_and_sub_agents_are_left_out() -> None:
    sub = facts("sub", "codex", spawned=True)
    (claim,) = resolve(world(run(1, "codex"), sessions=(sub,), open_logs={1: ("main", "sub")}))
    assert (claim.session, claim.confidence) == ("main", 0.95)


def test_of_several_open_logs_the_newest_is_current_and_the_others_go_on() -> None:
    older, newer = facts("z", "codex"), facts("a", "codex", started_ms=START + 5_000)
    opened = {1: ("a", "z")}
    front, behind = resolve(world(run(1, "codex"), sessions=(older, newer), open_logs=opened))
    assert (front.session, front.confidence, front.current) == ("a", 0.8, True)
    assert (behind.session, behind.confidence, behind.current) == ("z", 0.95, False)
    assert (behind.since_ms, behind.until_ms) == (START + 100, 0)
    prompted = replace(older, last_prompt_ms=START + 6_000)
    found = resolve(world(run(1, "codex"), sessions=(prompted, newer), open_logs=opened))
    assert current(found) == {1: "z"}
    # What nothing is known of yet may be a sub-agent's.
    (claim,) = resolve(world(run(1, "codex"), sessions=(newer,), open_logs=opened))
    assert claim.session == "a"


def test_codex_threads_are_given_one_to_one_over_all_panes() -> None:
    one = run(1, "codex", START)
    two = run(2, "codex", START + 900)
    threads = (
        facts("a", "codex", started_ms=START + 1_500),
        facts("b", "codex", started_ms=START + 2_100),
    )
    assert resolve(world(one, two, sessions=threads)) == []
    early = replace(threads[0], started_ms=START + 300)
    assert current(resolve(world(one, two, sessions=(early, threads[1])))) == {1: "a", 2: "b"}
    # One with better evidence leaves the rest no choice.
    found = resolve(world(one, two, sessions=threads, open_logs={1: ("b",)}))
    assert current(found) == {1: "b", 2: "a"}


def test_a_new_thread_ends_the_one_before_in_the_same_program() -> None:
    threads = (
        facts("a", "codex", started_ms=START + 1_000, last_ms=START + 50_000),
        facts("b", "codex", started_ms=START + 90_000),
    )
    claims = {c.session: c for c in resolve(world(run(1, "codex"), sessions=threads))}
    assert (claims["a"].current, claims["a"].until_ms) == (False, START + 90_000)
    assert (claims["b"].current, claims["b"].since_ms) == (True, START + 90_000)


def test_a_prompt_in_an_earlier_thread_brings_it_back() -> None:
    threads = (
        facts("a", "codex", last_ms=START + 200_000, last_prompt_ms=START + 190_000),
        facts("b", "codex", started_ms=START + 90_000),
    )
    bound = {(1, str(START)): [Bound("b", "switch, tree", 0.6, START + 90_000)]}
    claims = resolve(world(run(1, "codex"), sessions=threads, previous=bound))
    assert current(claims) == {1: "a"}
    (back,) = [claim for claim in claims if claim.current]
    assert back.since_ms == START + 190_000


def test_a_sub_agents_thread_is_nobodys_own() -> None:
    thread = facts("sub", "codex", spawned=True)
    assert resolve(world(run(1, "codex"), sessions=(thread,))) == []


def test_resume_then_new_thread_in_one_program() -> None:
    resumed = run(1, "codex", argv_session="old")
    old = facts("old", "codex", started_ms=START - 900_000, last_ms=START + 5_000)
    new = facts("new", "codex", started_ms=START + 90_000)
    assert current(resolve(world(resumed, sessions=(old,)))) == {1: "old"}
    assert current(resolve(world(resumed, sessions=(old, new)))) == {1: "new"}


def test_a_session_has_one_process_at_a_time() -> None:
    first, second = run(1, argv_session="s"), run(2, started=START + 9, argv_session="s")
    assert current(resolve(world(first, second))) == {2: "s"}
    assert current(resolve(world(first, second, live=[live(1, "s")]))) == {1: "s"}


def test_an_agent_started_by_a_shared_daemon_is_placed_by_its_folder_or_not_at_all() -> None:
    # The daemon's environment names the pane that happened to start it.
    host = run(1, "codex", argv_session="thread")
    tool = run(2, location=BELOW_DAEMON, below_daemon="codex")
    claims = {c.session: c for c in resolve(world(host, tool, live=[live(2, "inner")]))}
    assert claims["inner"].run.location.pane == host.location.pane
    assert claims["inner"].confidence == 0.5
    other = run(3, "codex", argv_session="second")
    claims = {c.session: c for c in resolve(world(host, other, tool, live=[live(2, "inner")]))}
    assert claims["inner"].run.location.pane is None


def began(*told: tuple[int, str, int]) -> dict[str, list[Began]]:
    return {"codex": [Began(pid, session, START + after) for pid, session, after in told]}


def test_the_agents_own_log_tells_programs_of_one_folder_apart() -> None:
    one, two = run(1, "codex"), run(2, "codex", START + 50)
    threads = (
        facts("a", "codex", started_ms=START + 900),
        facts("b", "codex", started_ms=START + 700),
    )
    told = began((1, "a", 900), (2, "b", 700))
    claims = resolve(world(one, two, sessions=threads, began=told))
    assert current(claims) == {1: "a", 2: "b"}
    assert {(c.evidence, c.confidence) for c in claims} == {("own-log, tree", 0.9)}
    # What it tells of one leaves the other no choice.
    claims = resolve(world(one, two, sessions=threads, began=began((1, "a", 900))))
    assert current(claims) == {1: "a", 2: "b"}


def test_the_agents_own_log_follows_switches_and_corrects_guesses() -> None:
    one, two = run(1, "codex"), run(2, "codex", START + 5_000)
    threads = (
        facts("a", "codex", started_ms=START + 900, last_ms=START + 950),
        facts("b", "codex", started_ms=START + 5_900, last_ms=START + 90_000),
        facts("c", "codex", started_ms=START + 60_000),
    )
    guessed = {(1, str(START)): [Bound("c", "switch-elimination, tree", 0.55, START + 60_000)]}
    told = began((2, "c", 60_000))
    claims = resolve(world(one, two, sessions=threads, previous=guessed, began=told))
    assert current(claims) == {1: "a", 2: "c"}
    # Once told it stays told, also when the log is gone.
    bound = {(2, str(START + 5_000)): [Bound("c", "own-log, tree", 0.9, START + 60_000)]}
    assert current(resolve(world(one, two, sessions=threads, previous=bound))) == {1: "a", 2: "c"}


def test_the_agents_own_log_is_believed_only_about_who_was_there() -> None:
    one, two = run(1, "codex"), run(2, "codex", START + 50)
    thread = facts("a", "codex", started_ms=START + 900)
    # A pid used again, a process that had ended, a thread nobody knows, a sub-agent's.
    old = facts("a", "codex", started_ms=START - 90_000, last_ms=START + 5)
    assert resolve(world(one, two, sessions=(old,), began=began((1, "a", -90_000)))) == []
    gone = replace(one, ended_ms=START + 300)
    found = resolve(world(gone, two, sessions=(thread,), began=began((1, "a", 900))))
    assert current(found) == {2: "a"}
    assert resolve(world(one, two, began=began((1, "a", 900)))) == []
    sub = replace(thread, spawned=True)
    assert resolve(world(one, two, sessions=(sub,), began=began((1, "a", 900)))) == []


def test_a_session_is_where_it_was_gone_on_with_last() -> None:
    one, two = run(1, "codex"), run(2, "codex", START + 60_000)
    thread = facts("a", "codex", started_ms=START + 900)
    told = began((2, "a", 61_000), (1, "a", 900))
    assert current(resolve(world(one, two, sessions=(thread,), began=told))) == {2: "a"}
    resumed = replace(two, argv_session="a")
    told = began((1, "a", 900))
    assert current(resolve(world(one, resumed, sessions=(thread,), began=told))) == {2: "a"}


def test_only_what_is_open_is_asked() -> None:
    def asked(*runs: Run, sessions: tuple[SessionFacts, ...] = (), **more: object) -> set[int]:
        it = world(*runs, sessions=sessions, **more)
        questions = open_questions(it, resolve(it), {"codex"})
        assert all(q == Question("codex", "", q.time_ms) for q in questions)
        return {question.time_ms - START for question in questions}

    thread = facts("a", "codex", started_ms=START + 900)
    assert asked(run(1, "codex")) == {0}
    assert asked(run(1, "codex"), sessions=(thread,)) == set()
    assert asked(run(1, "codex"), run(2, "codex"), sessions=(thread,)) == {0, 900}
    assert asked(run(1), sessions=(facts("s"),)) == set()
    alone = {"open_logs": {1: ("a",)}}
    assert asked(run(1, "codex"), sessions=(thread,), **alone) == set()
    # Older than every program, or a sub-agent's: no program's.
    old = facts("b", "codex", started_ms=START - 90_000)
    assert asked(run(1, "codex"), sessions=(thread, old)) == set()
    sub = replace(thread, key="sub", spawned=True)
    assert asked(run(1, "codex"), sessions=(sub,)) == {0}
    ended = replace(run(1, "codex"), ended_ms=START + 500)
    assert asked(ended, sessions=(thread,)) == set()
