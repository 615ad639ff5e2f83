"""Which session each agent process runs: all traces weighed at once, nothing read, nothing guessed.

The strongest trace wins per process: the agent's own word (by a hook, or in a file), the log it has
open, its command line, the times and folder where only one reading of them is possible. A
process none of them settles has no claim, and a session has one process at a time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tmuxmeter.panes.evidence import (
    ARGV,
    HOOK,
    LIVE_FILE_DOUBTED,
    NEWER_SESSION,
    OPEN_LOG,
    OPEN_LOGS,
    SAME_FOLDER,
    START_SLACK_MS,
    Claim,
    trust,
)
from tmuxmeter.panes.starts import claim_by_start
from tmuxmeter.panes.world import RunKey, SessionKey, World, kind_of, make_claim, unbound_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.panes.runs import Run


HOOKED = "hook"


def resolve(world: World) -> list[Claim]:
    """Return which session each run has, as far as it can be told.

    A run may claim several sessions: the one it is at (``current``), others it still has open, and
    ones it left.
    """
    claims: dict[RunKey, list[Claim]] = {}
    for run in world.runs:
        own = _by_own_word(run, world)
        found = [own] if own else _by_open_logs(run, world) or _by_argv(run)
        if found:
            claims[run.key] = found
    _follow_clear(world, claims)
    claim_by_start(world, claims)
    _by_folder(world, claims)
    found = _one_run_each([claim for its in claims.values() for claim in its], world)
    return [_adopted(claim, found) for claim in found]


def _by_own_word(run: Run, world: World) -> Claim | None:
    if run.ended_ms:
        return None
    hooked, filed = _by_hook(run, world), _by_live_file(run, world)
    if hooked is None or filed is None or hooked.session == filed.session:
        return hooked or filed
    # Hooks may have been taken out since; then the session the file names is the one that goes on.
    said, told = (
        max(claim.since_ms, facts.last_ms if facts else 0)
        for claim in (filed, hooked)
        for facts in (world.sessions.get((run.agent, claim.session)),)
    )
    return filed if said > told else hooked


def _by_hook(run: Run, world: World) -> Claim | None:
    known = world.hooked.get(run.key)
    if known is not None:
        return make_claim(run, known.session, HOOKED, HOOK, known.time_ms)
    for bound in world.previous.get(run.key, ()):
        # told to the watcher that ran before
        if kind_of(bound.evidence) == HOOKED:
            return make_claim(run, bound.session, HOOKED, bound.confidence, bound.start_ms)
    return None


def _by_live_file(run: Run, world: World) -> Claim | None:
    for live in world.live:
        if live.agent == run.agent:
            believed = trust(live.session, run.process)
            if believed:
                return make_claim(run, live.session.session, "live-file", believed)
    return None


def _by_open_logs(run: Run, world: World) -> list[Claim]:
    """Return the session in front first, the others after it: all of them are the process's own."""
    found = {
        key
        for pid in run.pids
        for key in world.open_logs.get(pid, ())
        if not ((facts := world.sessions.get((run.agent, key))) and facts.spawned)
    }
    if not found or run.ended_ms:
        return []
    if len(found) == 1:
        return [make_claim(run, found.pop(), "open-log", OPEN_LOG)]
    # what nothing is known of yet may be a sub-agent's
    known = {key: facts for key in found if (facts := world.sessions.get((run.agent, key)))}
    begun = {key: known[key].started_ms if key in known else 0 for key in found}
    asked = {key: known[key].last_prompt_ms if key in known else 0 for key in found}
    newest = max(found, key=lambda key: (max(begun[key], asked[key]), key))
    others = [
        replace(make_claim(run, key, "open-log", OPEN_LOG, begun[key]), current=False)
        for key in sorted(known.keys() - {newest})
    ]
    return [make_claim(run, newest, "open-logs", OPEN_LOGS, begun[newest]), *others]


def _by_argv(run: Run) -> list[Claim]:
    if not run.argv_session:
        return []
    return [make_claim(run, run.argv_session, "argv", ARGV)]


def _follow_clear(world: World, claims: dict[RunKey, list[Claim]]) -> None:
    """Notice live files that still name the session before a ``/clear`` (some builds never update).

    The sign is a newer session of the same folder that goes on while the named one is silent. It is
    followed only where it can be this process's alone: no other run of the agent was there since,
    we were watching when it began, and the file was touched after that. Otherwise the claim stays,
    with less confidence.
    """
    named = {(claim.agent, claim.session) for found in claims.values() for claim in found}
    for run in world.runs:
        found = claims.get(run.key)
        if not found or not found[0].evidence.startswith("live-file"):
            continue
        claim = found[0]
        old = world.sessions.get((claim.agent, claim.session))
        if old is None or not old.cwd:
            continue
        newer = [
            facts
            for facts in world.sessions.in_folder(run.agent, old.cwd)
            if (facts.agent, facts.key) not in named
            and unbound_for(facts, run)
            and not facts.spawned
            and (not facts.account or facts.account == old.account)
            and facts.started_ms > max(run.started_ms, old.last_ms, world.watched_since_ms)
            and facts.last_prompt_ms >= facts.started_ms
        ]
        if not newer:
            continue
        new = newer[0]
        updated = max(
            live.session.updated_ms
            for live in world.live
            if live.agent == run.agent and live.session.pid == run.process.pid
        )
        alone = not any(
            other.key != run.key and other.agent == run.agent and other.process.cwd == old.cwd
            for other in world.runs
            if not other.ended_ms or other.ended_ms >= new.started_ms - START_SLACK_MS
        )
        if len(newer) == 1 and alone and updated >= new.started_ms:
            claims[run.key] = [
                make_claim(run, new.key, "newer-session", NEWER_SESSION, new.started_ms),
            ]
            named.add((new.agent, new.key))
        else:
            doubted = make_claim(run, claim.session, "live-file-doubted", LIVE_FILE_DOUBTED)
            claims[run.key] = [doubted]


def _by_folder(world: World, claims: dict[RunKey, list[Claim]]) -> None:
    """Give a session to the only process it can belong to, by folder and time alone."""
    taken = {(claim.agent, claim.session) for found in claims.values() for claim in found}
    for run in world.runs:
        if run.key in claims or run.ended_ms or not run.process.cwd:
            continue
        rivals = [
            other
            for other in world.runs
            if other.key not in claims
            and other.agent == run.agent
            and other.process.cwd == run.process.cwd
        ]
        since = max(run.started_ms - START_SLACK_MS, 0)
        fitting = [
            facts
            for facts in world.sessions.in_folder(run.agent, run.process.cwd)
            if (facts.agent, facts.key) not in taken
            and not facts.spawned
            and (not run.accounts or not facts.account or facts.account in run.accounts)
            and max(facts.last_prompt_ms, facts.started_ms) >= since
            and unbound_for(facts, run)
        ]
        if len(rivals) == 1 and len(fitting) == 1:
            facts = fitting[0]
            claims[run.key] = [
                make_claim(run, facts.key, "folder", SAME_FOLDER, facts.started_ms),
            ]
            taken.add((facts.agent, facts.key))


def _one_run_each(claims: list[Claim], world: World) -> list[Claim]:
    """Leave each session to one run at a time: the one believed most, then the youngest."""
    updated = {(live.agent, live.session.pid): live.session.updated_ms for live in world.live}
    best: dict[SessionKey, Claim] = {}
    for claim in claims:
        key = claim.agent, claim.session
        rival = best.get(key)
        if rival is None or _rank(claim, updated) > _rank(rival, updated):
            best[key] = claim
    return list(best.values())


def _rank(claim: Claim, updated: Mapping[tuple[str, int], int]) -> tuple[bool, float, int, int]:
    run = claim.run
    said = updated.get((claim.agent, run.process.pid), 0)
    return claim.current and not run.ended_ms, claim.confidence, said, run.started_ms


def _adopted(claim: Claim, claims: Sequence[Claim]) -> Claim:
    """Place a run that a shared daemon started where the only session of its folder is shown."""
    if not claim.run.below_daemon:
        return claim
    hosts = {
        host.run.location
        for host in claims
        if host.current
        and host.agent == claim.run.below_daemon
        and not host.run.below_daemon
        and host.run.process.cwd == claim.run.process.cwd
    }
    if len(hosts) != 1:
        return claim
    location = replace(hosts.pop(), how="daemon's folder", confidence=SAME_FOLDER)
    evidence = f"{kind_of(claim.evidence)}, {location.how}"
    run = replace(claim.run, location=location)
    return replace(claim, run=run, evidence=evidence, confidence=SAME_FOLDER)
