"""Gives sessions to the programs that began them, for agents that don't say it themselves."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from tmuxmeter.panes.assign import Program, Thread, assign
from tmuxmeter.panes.evidence import OWN_LOG, START_SLACK_MS
from tmuxmeter.panes.process_logs import Question
from tmuxmeter.panes.world import RunKey, World, kind_of, make_claim

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tmuxmeter.panes.evidence import Claim, SessionFacts
    from tmuxmeter.panes.runs import Run

CERTAIN = frozenset(
    {"hook", "live-file", "live-file-doubted", "newer-session", "open-log", "open-logs"}
)
"""Evidence that says where a process is now; a guess from times adds nothing to it."""

FIRST_GUESSES = frozenset({"start", "start-shared"})
"""Pairings worked out anew each time, because a session that appears later may tell more."""

GUESSES = frozenset({"start-shared", "switch", "switch-elimination", "folder"})
"""Evidence from folder and times that others could fit too: an agent's own log may correct it."""


def claim_by_start(world: World, claims: dict[RunKey, list[Claim]]) -> None:
    """Add to ``claims`` what starts of programs and sessions tell."""
    for agent in sorted({run.agent for run in world.runs} - set(world.self_reporting)):
        open_to = {
            run.key: run
            for run in world.runs
            if run.agent == agent
            and not any(_is_certain(claim) for claim in claims.get(run.key, ()))
        }
        told = _claim_by_log(world, agent, open_to, claims)
        certain = {
            claim.session
            for found in claims.values()
            for claim in found
            if claim.agent == agent and claim.run.key not in open_to
        }
        settled = {
            bound.session: key
            for key in open_to
            for bound in world.previous.get(key, ())
            if kind_of(bound.evidence) not in FIRST_GUESSES
        }
        settled |= {c.session: key for key in open_to for c in claims.get(key, ())}
        threads = [
            Thread(
                facts.key,
                facts.cwd,
                facts.account,
                facts.started_ms,
                facts.last_ms,
                (facts.bound_pid, facts.bound_start) if facts.bound_pid else None,
                facts.blur_ms,
            )
            for facts in _near(world, agent, open_to.values(), settled)
            if not facts.spawned
            and facts.key not in certain
            and facts.started_ms
            and (not facts.bound_pid or (facts.bound_pid, facts.bound_start) in open_to)
        ]
        programs = [
            Program(
                run.key,
                run.process.cwd,
                run.accounts,
                run.started_ms,
                run.ended_ms,
                resumed=bool(run.argv_session),
            )
            for run in open_to.values()
        ]
        pairings = assign(programs, threads, settled, world.watched_since_ms)
        for pairing in pairings:
            run = open_to[pairing.program]
            facts = world.sessions[agent, pairing.thread]
            claims.setdefault(run.key, []).append(
                make_claim(run, facts.key, pairing.evidence, pairing.confidence, facts.started_ms)
            )
        for key, run in open_to.items():
            if key in claims:
                elsewhere = {session for session, (who, _) in told.items() if who != key}
                claims[key] = _chain(run, claims[key], world, elsewhere)


def _near(
    world: World, agent: str, runs: Iterable[Run], settled: Iterable[str]
) -> list[SessionFacts]:
    """Return the sessions that began in a folder of these runs, and the settled ones."""
    folders = {run.process.cwd for run in runs}
    found = {facts.key: facts for cwd in folders for facts in world.sessions.in_folder(agent, cwd)}
    for key in settled:
        if facts := world.sessions.get((agent, key)):
            found[key] = facts
    return list(found.values())


def open_questions(world: World, claims: Sequence[Claim], agents: Collection[str]) -> set[Question]:
    """Return the times that these agents' own logs should be asked about.

    Those are the begins of sessions whose program isn't known or only concluded from times, and the
    starts of programs that nothing is known of.
    """
    runs = [run for run in world.runs if run.agent in agents]
    if not runs:
        return set()
    known = {(claim.agent, claim.session): claim for claim in claims}
    found = set()
    for run in runs:
        if not run.ended_ms and not any(claim.run.key == run.key for claim in claims):
            found |= {
                Question(run.agent, account, run.started_ms) for account in run.accounts or ("",)
            }
    for key, facts in world.sessions.items():
        claim = known.get(key)
        if facts.spawned or not facts.started_ms:
            continue
        if claim is not None and kind_of(claim.evidence) not in GUESSES:
            continue
        if any(
            run.agent == facts.agent
            and facts.started_ms >= run.started_ms - START_SLACK_MS
            and not 0 < run.ended_ms < facts.started_ms
            for run in runs
        ):
            found.add(Question(facts.agent, facts.account, facts.started_ms))
    return found


def _claim_by_log(
    world: World, agent: str, runs: Mapping[RunKey, Run], claims: dict[RunKey, list[Claim]]
) -> dict[str, tuple[RunKey, int]]:
    """Add to ``claims`` what the agent's own log tells of these runs; return it by session."""
    told = _told(world, agent, runs)
    for session, (key, time_ms) in told.items():
        others = [claim for claim in claims.get(key, ()) if claim.session != session]
        claim = make_claim(runs[key], session, "own-log", OWN_LOG, time_ms)
        claims[key] = [*others, claim]
    for key, run in runs.items():
        for bound in world.previous.get(key, ()):
            # Told before; the log may have been cleared since.
            known = {*told, *(claim.session for claim in claims.get(key, ()))}
            if kind_of(bound.evidence) == "own-log" and bound.session not in known:
                claim = make_claim(run, bound.session, "own-log", bound.confidence, bound.start_ms)
                claims.setdefault(key, []).append(claim)
    return told


def _told(world: World, agent: str, runs: Mapping[RunKey, Run]) -> dict[str, tuple[RunKey, int]]:
    """Return by session which of these runs began it or went on with it last, and when."""
    found: dict[str, tuple[RunKey, int]] = {}
    for began in sorted(world.began.get(agent, ()), key=lambda began: began.time_ms):
        facts = world.sessions.get((agent, began.session))
        if facts is None or facts.spawned:
            continue
        for key, run in runs.items():
            alive = run.started_ms - START_SLACK_MS <= began.time_ms
            if began.pid in run.pids and alive and not 0 < run.ended_ms < began.time_ms:
                found[began.session] = key, began.time_ms
    for run in runs.values():
        # Gone on with on another command line since.
        who, time_ms = found.get(run.argv_session, (run.key, 0))
        if who != run.key and run.started_ms > time_ms:
            del found[run.argv_session]
    return found


def _is_certain(claim: Claim) -> bool:
    return kind_of(claim.evidence) in CERTAIN


def _chain(run: Run, claims: list[Claim], world: World, elsewhere: Collection[str]) -> list[Claim]:
    """Put a program's sessions in a row: each ends where the next one begins.

    What was bound before, in a way that is not worked out anew, belongs into the row, and so does
    the return to an earlier session, which a prompt in it tells. ``elsewhere`` are the sessions of
    which it is known now that another program has them.
    """
    known = {claim.session for claim in claims}
    row = list(claims)
    for bound in world.previous.get(run.key, ()):
        kind = kind_of(bound.evidence)
        if bound.session not in known.union(elsewhere) and kind not in FIRST_GUESSES:
            row.append(make_claim(run, bound.session, kind, bound.confidence, bound.start_ms))
    row.sort(key=lambda claim: claim.since_ms)
    for claim in row[:-1]:
        facts = world.sessions.get((run.agent, claim.session))
        if facts and facts.last_prompt_ms > row[-1].since_ms:
            row.append(replace(claim, since_ms=facts.last_prompt_ms))
    row.sort(key=lambda claim: claim.since_ms)
    return [
        *(
            replace(claim, until_ms=after.since_ms, current=False)
            for claim, after in pairwise(row)
            if claim.session != row[-1].session
        ),
        row[-1],
    ]
