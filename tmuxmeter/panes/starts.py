"""Gives sessions to the programs that began them, for agents that don't say it themselves."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from tmuxmeter.panes.assign import Program, Thread, assign
from tmuxmeter.panes.world import RunKey, World, kind_of, make_claim

if TYPE_CHECKING:
    from tmuxmeter.panes.evidence import Claim
    from tmuxmeter.panes.runs import Run

CERTAIN = frozenset({"live-file", "live-file-doubted", "newer-session", "open-log", "open-logs"})
"""Evidence that says where a process is now; a guess from times adds nothing to it."""

FIRST_GUESSES = frozenset({"start", "start-shared"})
"""Pairings worked out anew each time, because a session that appears later may tell more."""


def claim_by_start(world: World, claims: dict[RunKey, list[Claim]]) -> None:
    """Add to ``claims`` what starts of programs and sessions tell."""
    for agent in sorted({run.agent for run in world.runs} - set(world.self_reporting)):
        open_to = {
            run.key: run
            for run in world.runs
            if run.agent == agent
            and not any(_is_certain(claim) for claim in claims.get(run.key, ()))
        }
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
            )
            for facts in world.sessions.values()
            if facts.agent == agent
            and not facts.spawned
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
                claims[key] = _chain(run, claims[key], world)


def _is_certain(claim: Claim) -> bool:
    return kind_of(claim.evidence) in CERTAIN


def _chain(run: Run, claims: list[Claim], world: World) -> list[Claim]:
    """Put a program's sessions in a row: each ends where the next one begins.

    What was bound before, in a way that is not worked out anew, belongs into the row, and so does
    the return to an earlier session, which a prompt in it tells.
    """
    known = {claim.session for claim in claims}
    row = list(claims)
    for bound in world.previous.get(run.key, ()):
        kind = kind_of(bound.evidence)
        if bound.session not in known and kind not in FIRST_GUESSES:
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
