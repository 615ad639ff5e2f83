"""Puts together the picture of panes and agents from what was seen and concluded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tmuxmeter.panes.picture import AgentNow, PaneNow, Picture, state_from_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tmuxmeter.agents.base import LiveSession
    from tmuxmeter.ledger.queries import BindingRow
    from tmuxmeter.panes.evidence import Claim, SessionFacts
    from tmuxmeter.panes.locate import PaneRef
    from tmuxmeter.panes.runs import Run
    from tmuxmeter.panes.survey import Survey


class Painter:
    """Remembers each pane's last agent, to say that it is gone while the pane is still there."""

    def __init__(self) -> None:
        self._last: dict[PaneRef, AgentNow] = {}

    def paint(
        self,
        survey: Survey,
        runs: Sequence[Run],
        claims: Iterable[Claim],
        facts: Mapping[tuple[str, str], SessionFacts],
        without_pane: Iterable[BindingRow],
        now_ms: int,
    ) -> Picture:
        """Return the picture. ``without_pane`` are the bindings of sessions that lost theirs."""
        by_run = {claim.run.key: claim for claim in claims if claim.current}
        said = {(item.agent, item.session.pid): item.session for item in survey.live}
        in_pane: dict[PaneRef, list[tuple[Run, AgentNow]]] = {}
        outside = []
        for run in runs:
            live = said.get((run.agent, run.process.pid))
            now = _agent_now(run, by_run.get(run.key), live, facts, now_ms)
            if now.pane is None:
                outside.append(now)
            else:
                in_pane.setdefault(now.pane, []).append((run, now))
        panes = []
        for ref, pane in survey.locator.panes.items():
            agents = [now for _, now in sorted(in_pane.get(ref, ()), key=_first)]
            if agents:
                self._last[ref] = replace(agents[0], state="gone", waiting_for="")
            main = agents[0] if agents else self._last.get(ref)
            panes.append(PaneNow(ref, pane, main, tuple(agents[1:])))
        self._last = {ref: last for ref, last in self._last.items() if ref in survey.locator.panes}
        return Picture(
            now_ms=now_ms,
            servers=survey.servers,
            down=survey.down,
            panes=tuple(panes),
            outside=tuple(outside),
            without_pane=tuple(_going_on(without_pane, facts, now_ms)),
        )


def _first(item: tuple[Run, AgentNow]) -> tuple[bool, bool, int]:
    """Order a pane's agents: a nested one never stands for the pane, one in front does."""
    run, now = item
    return now.nested, not run.foreground, run.started_ms


def _agent_now(
    run: Run,
    claim: Claim | None,
    said: LiveSession | None,
    facts: Mapping[tuple[str, str], SessionFacts],
    now_ms: int,
) -> AgentNow:
    state = said.state if said else ""
    if not state and claim:
        state = state_from_log(facts.get((run.agent, claim.session)), now_ms)
    location = claim.run.location if claim else run.location
    return AgentNow(
        agent=run.agent,
        session=claim.session if claim else "",
        state=state,
        waiting_for=said.waiting_for if said and state == "waiting" else "",
        evidence=claim.evidence if claim else "",
        confidence=claim.confidence if claim else 0.0,
        pid=run.process.pid,
        started_ms=run.started_ms,
        nested=bool(run.parent_pid or run.below_daemon),
        pane=location.pane,
    )


def _going_on(
    rows: Iterable[BindingRow], facts: Mapping[tuple[str, str], SessionFacts], now_ms: int
) -> Iterator[AgentNow]:
    for row in rows:
        state = state_from_log(facts.get((row.agent, row.session)), now_ms)
        if state == "working":
            yield AgentNow(
                agent=row.agent,
                session=row.session,
                state=state,
                waiting_for="",
                evidence=row.evidence,
                confidence=row.confidence,
                pid=row.pid,
                started_ms=row.start_ms,
                nested=False,
                pane=None,
            )
