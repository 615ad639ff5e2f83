"""What the ledger knows of sessions, in the form conclusions are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from tmuxmeter.agents import agent_named
from tmuxmeter.panes.evidence import SessionFacts
from tmuxmeter.panes.folders import ANYWHERE, real_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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


class Sessions(Mapping[tuple[str, str], SessionFacts]):
    """What is known of sessions, by agent and key; also found by the folder they began in."""

    def __init__(self, facts: Iterable[SessionFacts] = ()) -> None:
        self._facts: dict[tuple[str, str], SessionFacts] = {}
        self._folders: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for one in facts:
            self.put(one)

    def __getitem__(self, key: tuple[str, str]) -> SessionFacts:
        return self._facts[key]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def put(self, facts: SessionFacts) -> None:
        """Take a session's facts in place of what was known of it."""
        key = facts.agent, facts.key
        old = self._facts.get(key)
        self._facts[key] = facts
        if old is None or old.cwd != facts.cwd:
            if old is not None:
                self._folders[old.agent, old.cwd].remove(key)
            self._folders.setdefault((facts.agent, facts.cwd), []).append(key)

    def in_folder(self, agent: str, cwd: str) -> list[SessionFacts]:
        """Return an agent's sessions that began in a folder."""
        return [self._facts[key] for key in self._folders.get((agent, cwd), ())]


def facts_of(row: SessionRow, history: Sequence[BindingRow]) -> SessionFacts:
    """Return a session's facts; ``history`` is everywhere it ever ran, in order of time."""
    facts = SessionFacts(
        agent=row.agent,
        key=row.session,
        account=_account(row),
        cwd=_cwd(row),
        parent=row.parent,
        spawned=bool(row.spawned),
        started_ms=row.started_ms or 0,
        last_ms=row.last_ms,
        last_prompt_ms=row.last_prompt_ms or 0,
        last_turn_end_ms=row.last_turn_end_ms or 0,
        asked=bool(row.asked),
        blur_ms=_start_blur_ms(row),
    )
    return bound_to(facts, history)


def _account(row: SessionRow) -> str:
    """Return the folder that a program must log to, "" where the folder it works in tells it."""
    try:
        of_one_folder = agent_named(row.agent).folder_of_root(row.account)
    except KeyError:  # the configuration doesn't describe it any more
        of_one_folder = ""
    return real_path(row.account) if row.account and not of_one_folder else ""


def _cwd(row: SessionRow) -> str:
    try:
        return row.cwd if agent_named(row.agent).tells_folders else ANYWHERE
    except KeyError:  # the configuration doesn't describe it any more
        return row.cwd


def _start_blur_ms(row: SessionRow) -> int:
    try:
        return agent_named(row.agent).start_blur_ms
    except KeyError:  # the configuration doesn't describe it any more
        return 0


def bound_to(facts: SessionFacts, history: Sequence[BindingRow]) -> SessionFacts:
    """Return a session's facts with its latest binding."""
    if not history:
        return facts
    latest = history[-1]
    return replace(
        facts,
        bound_pid=latest.pid,
        bound_start=latest.pid_start,
        bound_until_ms=latest.end_ms or 0,
    )
