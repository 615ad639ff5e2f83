"""The guard: which limits are reached, and what is to be done about it.

It follows the semantics of providers' budgets: no new request after the limit, the running one
finishes, raising the limit lets go on what the guard itself had stopped. Before anything is done
there is a notice, at :data:`NEAR_PERCENT` of a limit, so that its grace is over when the limit is
reached; a limit reached faster waits for the rest of the grace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.reports.budgets import counted
from tmuxmeter.reports.words import GONE, WORKING, dollars

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from tmuxmeter.config.settings import GuardSettings
    from tmuxmeter.ledger.slices import Measures
    from tmuxmeter.reports.flags import PaneKey

DAY, PANE, LOOP = "day", "pane", "loop"
NEAR_PERCENT = 90
NOTIFY, HOLD, INTERRUPT = "notify", "hold", "interrupt"
WHO = "guard"
"""Pauses made by the guard are by ``guard: …``, so that it lets go no others."""


class Verdict(NamedTuple):
    """A limit that is reached, or nearly.

    Attributes
    ----------
    kind : str
        :data:`DAY`, :data:`PANE` or :data:`LOOP`.
    level : str
        Which limit exactly: a raised one, or that of another day, is another.
    over : bool
        Whether it is reached.
    text : str
        What is told: ``day limit $20.00 passed ($20.31)``.
    """

    kind: str
    level: str
    over: bool
    text: str


class Failing(NamedTuple):
    """A run of failing tool calls that goes on, since ``start_ms``."""

    start_ms: int
    failures: int


@dataclass(frozen=True, slots=True)
class Seat:
    """An agent in a pane, as the guard sees it.

    ``name`` tells the pane and its agent's process from all others. ``held`` is the id of the pause
    that the guard made there, ``paused`` that there is any.
    """

    name: str
    pane: str
    state: str
    verdicts: Sequence[Verdict]
    exempt: bool = False
    held: str = ""
    paused: bool = False


class Held(NamedTuple):
    """A pause the guard made: of whom, why, and of a loop how many failures there were."""

    seat: str
    kind: str
    level: str
    failures: int = 0


@dataclass
class Memory:
    """What must survive a restart.

    Attributes
    ----------
    told : dict
        When each notice was given (epoch ms).
    held : dict
        The guard's own pauses by their id.
    waived : dict
        By seat, the level at which a human let go what the guard had stopped: he knows better.
    """

    told: dict[str, int] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    waived: dict[str, str] = field(default_factory=dict)


class Notice(NamedTuple):
    """Something to tell."""

    text: str


class Stop(NamedTuple):
    """An agent to pause: in which ways, the first that works, and on whose behalf."""

    seat: Seat
    ways: tuple[str, ...]
    who: str
    why: Held


class Release(NamedTuple):
    """A pause of the guard's own to end, and why."""

    pause: str
    why: str


def day_verdicts(
    day: str, total: Measures, settings: GuardSettings, input_counts: str
) -> list[Verdict]:
    """Return what is reached of the day's limits.

    Parameters
    ----------
    day : str
        Its name.
    input_counts : str
        What counts as input, as in the ``[breakeven]`` settings.
    """
    money = settings.day_dollars, total.cost_microdollars
    tokens = settings.day_tokens, counted(total, input_counts)
    return _verdicts(DAY, day, "day limit", money, tokens)


def pane_verdicts(
    day: str, pane: PaneKey, spent: Measures, settings: GuardSettings, input_counts: str
) -> list[Verdict]:
    """Return what is reached of one pane's limits."""
    money = settings.pane_dollars, spent.cost_microdollars
    tokens = settings.pane_tokens, counted(spent, input_counts)
    return _verdicts(PANE, f"{day} {pane_name(pane)}", f"{pane.pane}'s limit", money, tokens)


def loop_verdicts(session: str, pane: str, run: Failing, settings: GuardSettings) -> list[Verdict]:
    """Return whether an agent fails too often in a row."""
    if not settings.loop or run.failures < settings.loop:
        return []
    text = f"{pane} is in an error loop: {run.failures} failing tool calls in a row"
    return [Verdict(LOOP, f"{LOOP} {session} {run.start_ms}", over=True, text=text)]


def unpriced_notice(total: Measures, settings: GuardSettings) -> str:
    """Return what is to be said, once, of spend that no dollar limit can see; "" for nothing."""
    if not total.unpriced_tokens or not (settings.day_dollars or settings.pane_dollars):
        return ""
    text = f"guard: {total.unpriced_tokens:,} tokens of models without a price are in no dollar"
    text += " limit"
    in_tokens = settings.day_tokens or settings.pane_tokens
    return text if in_tokens else text + "; set guard.day_tokens as well"


def pane_name(pane: PaneKey) -> str:
    """Return a pane's name: unlike its id, no other has it."""
    return f"{pane.server_pid}.{pane.server_started}{pane.pane}"


def decide(
    seats: Iterable[Seat],
    day: Sequence[Verdict],
    records: Collection[str],
    memory: Memory,
    settings: GuardSettings,
    now_ms: int,
) -> list[Notice | Stop | Release]:
    """Return what is to be done now, and note in ``memory`` what was told and let go.

    Parameters
    ----------
    seats : iterable of Seat
        All agents in panes, each with all verdicts that concern it, the day's among them.
    day : sequence of Verdict
        The day's, which are told though no agent runs.
    records : collection of str
        The ids of all pauses there are.
    """
    seats = list(seats)
    steps: list[Notice | Stop | Release] = []
    names = {seat.name for seat in seats}
    for pause, held in list(memory.held.items()):
        if pause not in records:
            del memory.held[pause]
            if held.seat in names:
                # the agent is still there: somebody let it go by hand
                memory.waived[held.seat] = held.level
    verdicts = {verdict.level: verdict for verdict in day}
    verdicts |= {verdict.level: verdict for seat in seats for verdict in seat.verdicts}
    for verdict in verdicts.values():
        steps += _told(verdict, memory, settings, now_ms)
    for seat in seats:
        if seat.held:
            why = _release(seat, memory.held.get(seat.held), settings)
            if why:
                memory.held.pop(seat.held, None)
                steps.append(Release(seat.held, why))
        elif not seat.exempt and not seat.paused and seat.state != GONE:
            stop = _stop(seat, memory, settings, now_ms)
            steps += [stop] if stop else []
    memory.waived = {
        seat: level
        for seat, level in memory.waived.items()
        # a new watcher doesn't know at once who fails
        if seat in names and (level in verdicts or level.startswith(LOOP))
    }
    return steps


def due_ms(
    seats: Iterable[Seat], memory: Memory, settings: GuardSettings, now_ms: int
) -> int | None:
    """Return when the next grace is over, None where none runs."""
    ends = [
        _since(verdict, memory, now_ms) + settings.grace_seconds * 1000
        for seat in seats
        for verdict in seat.verdicts
        if verdict.over and not seat.paused and settings.action != NOTIFY
    ]
    return min((end for end in ends if end > now_ms), default=None)


def _verdicts(
    kind: str, where: str, name: str, money: tuple[float, int], tokens: tuple[int, int]
) -> list[Verdict]:
    """Return what is reached of two limits, each with what is used of it."""
    limits: list[tuple[int, int, Callable[[int], str]]] = [
        (round(money[0] * 1_000_000), money[1], dollars),
        (*tokens, lambda count: f"{count:,} input tokens"),
    ]
    found = []
    for limit, used, words in limits:
        if not limit or used * 100 < limit * NEAR_PERCENT:
            continue
        over = used >= limit
        text = f"{name} of {words(limit)} "
        text += f"passed ({words(used)})" if over else f"nearly used up ({words(used)})"
        found.append(Verdict(kind, f"{kind} {where} {words(limit)}", over, text))
    return found


def _told(
    verdict: Verdict, memory: Memory, settings: GuardSettings, now_ms: int
) -> list[Notice | Stop | Release]:
    """Return the notice of a verdict that wasn't given yet: one when near, one when reached."""
    mark = f"{verdict.level} {'over' if verdict.over else 'near'}"
    if mark in memory.told:
        return []
    memory.told[mark] = now_ms
    text = f"guard: {verdict.text}"
    if settings.action != NOTIFY:
        what = "are paused" if verdict.kind == DAY else "is paused"
        what = what if settings.action == HOLD else what.replace("paused", "interrupted")
        who = "agents" if verdict.kind == DAY else "it"
        left = _since(verdict, memory, now_ms) + settings.grace_seconds * 1000 - now_ms
        when = "now" if left <= 0 else f"in {-(-left // 1000)} s"
        text += f"; {who} {what} {when if verdict.over else 'when it is reached'}"
        text += ", set @tmuxmeter_exempt on a pane to spare it"
    return [Notice(text)]


def _since(verdict: Verdict, memory: Memory, now_ms: int) -> int:
    """Return when the first notice of a verdict was given."""
    marks = (f"{verdict.level} {stage}" for stage in ("near", "over"))
    return min((memory.told[mark] for mark in marks if mark in memory.told), default=now_ms)


def _stop(seat: Seat, memory: Memory, settings: GuardSettings, now_ms: int) -> Stop | None:
    for verdict in seat.verdicts:
        if not verdict.over or settings.action == NOTIFY:
            continue
        if memory.waived.get(seat.name) == verdict.level:
            continue
        if now_ms < _since(verdict, memory, now_ms) + settings.grace_seconds * 1000:
            continue
        if seat.state == WORKING:
            ways = (INTERRUPT,) if settings.action == INTERRUPT else (HOLD, "freeze")
        elif settings.action == HOLD:
            # there is nothing to freeze; a hook can refuse what is asked next
            ways = (HOLD,)
        else:
            continue
        why = Held(seat.name, verdict.kind, verdict.level, settings.loop)
        return Stop(seat, ways, f"{WHO}: {verdict.text}", why)
    return None


def _release(seat: Seat, held: Held | None, settings: GuardSettings) -> str:
    """Return why a pause of the guard's is over, "" while it isn't."""
    if seat.exempt:
        return "the pane is exempt now"
    if settings.action == NOTIFY:
        return "the guard only notifies now"
    if held is not None and held.kind == LOOP:
        # a loop doesn't end while its agent is paused, nor with the day
        raised = not settings.loop or settings.loop > held.failures
        return "the limit was raised" if raised else ""
    if any(verdict.over for verdict in seat.verdicts):
        return ""
    return "the limit isn't reached any more"
