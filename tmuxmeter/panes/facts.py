"""What the ledger knows of sessions, in the form conclusions are drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tmuxmeter.panes.evidence import SessionFacts
from tmuxmeter.panes.folders import real_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tmuxmeter.ledger.queries import BindingRow


class SessionRow(Protocol):
    """What is needed of the ledger's recent sessions; times are epoch ms, None: never."""

    @property
    def agent(self) -> str:
        """Name of the agent."""

    @property
    def session(self) -> str:
        """The session's key."""

    @property
    def account(self) -> str:
        """The log folder it was found under."""

    @property
    def cwd(self) -> str:
        """Where it began."""

    @property
    def parent(self) -> str:
        """The session it was spawned or forked from."""

    @property
    def spawned(self) -> int:
        """Whether it is a sub-agent's."""

    @property
    def started_ms(self) -> int | None:
        """When it began."""

    @property
    def last_ms(self) -> int:
        """Its last activity."""

    @property
    def last_prompt_ms(self) -> int | None:
        """The last prompt by a human."""

    @property
    def last_turn_end_ms(self) -> int | None:
        """The last end of a turn."""

    @property
    def asked(self) -> int:
        """Whether that turn ended with a question."""


def gather_facts(
    rows: Iterable[SessionRow], history: Callable[[str, str], Sequence[BindingRow]]
) -> dict[tuple[str, str], SessionFacts]:
    """Return the facts of sessions by agent and key.

    ``history`` gives everywhere a session of an agent ever ran, in order of time.
    """
    found = {}
    for row in rows:
        bindings = history(row.agent, row.session)
        latest = bindings[-1] if bindings else None
        found[row.agent, row.session] = SessionFacts(
            agent=row.agent,
            key=row.session,
            account=real_path(row.account) if row.account else "",
            cwd=row.cwd,
            parent=row.parent,
            spawned=bool(row.spawned),
            started_ms=row.started_ms or 0,
            last_ms=row.last_ms,
            last_prompt_ms=row.last_prompt_ms or 0,
            last_turn_end_ms=row.last_turn_end_ms or 0,
            asked=bool(row.asked),
            bound_pid=latest.pid if latest else 0,
            bound_start=latest.pid_start if latest else "",
            bound_until_ms=(latest.end_ms or 0) if latest else 0,
        )
    return found
