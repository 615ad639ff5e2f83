"""What is as it should be and what isn't, from facts gathered elsewhere: ``doctor``'s checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tmuxmeter.reports.words import count, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo


OK: Status = "ok"
NOTE: Status = "note"
WARN: Status = "warn"
BAD: Status = "bad"
Status = Literal["ok", "note", "warn", "bad"]

LOW_BYTES = 100 << 20
"""Below this much free space the ledger may soon have to stay in memory."""


SILENT_S = 60
"""A watcher gives a sign of life every five seconds."""

MEETING_S = 60
"""A watcher meets a new server within seconds; on a machine that is busy it may take longer."""


class Check(NamedTuple):
    """One thing that was looked at. ``hint`` says what to do; it is empty where all is well."""

    name: str
    status: Status
    text: str
    hint: str = ""


class FolderFacts(NamedTuple):
    """A folder of the meter's own. ``mode`` are its permission bits."""

    path: str
    exists: bool
    mode: int = 0
    own: bool = True
    writable: bool = True
    free_bytes: int = 0


class WatcherFacts(NamedTuple):
    """The watcher. ``pid`` is None where none runs, ``left_behind`` tells that one was killed.

    ``since`` is when it started, for people; ``silent_s`` are the seconds since its last word,
    None where it said nothing yet. ``log`` is the file its own words go to. ``outdated``: it runs
    other code than what is installed.
    """

    pid: int | None
    log: str
    left_behind: bool = False
    since: str = ""
    phase: str = ""
    progress: float = 1.0
    following: str = ""
    problems: Sequence[str] = ()
    silent_s: int | None = None
    outdated: bool = False


class ServerFacts(NamedTuple):
    """A registered tmux server. ``reason`` is why a ``running`` one can't be asked.

    ``lease_s`` are the seconds for which its figures hold, None where it has none;
    ``registered_s`` are those since `tmuxmeter up` was last called for it.
    """

    socket: str
    running: bool = True
    reason: str = ""
    panes: int = 0
    in_place: Sequence[str] = ()
    waiting: Sequence[str] = ()
    unknown: Sequence[str] = ()
    lease_s: int | None = None
    registered_s: int = MEETING_S


def folder_check(name: str, facts: FolderFacts) -> Check:
    """Check a folder of the meter's own."""
    if not facts.exists and facts.writable:
        return Check(name, NOTE, f"{facts.path}: not there yet", "it is made when it is needed")
    if not facts.own:
        return Check(
            name,
            BAD,
            f"{facts.path} is a link or belongs to somebody else",
            "move it away: the meter only uses a folder of your own",
        )
    if not facts.writable:
        return Check(
            name,
            BAD,
            f"{facts.path} can't be {'written' if facts.exists else 'made'}",
            "make it possible; until then new figures are only kept in memory",
        )
    if facts.mode & 0o077:
        hint = f"chmod 700 {facts.path}"
        return Check(name, WARN, f"{facts.path} is open to others ({facts.mode:o})", hint)
    if facts.free_bytes < LOW_BYTES:
        text = f"{facts.path}: only {size(facts.free_bytes)} free"
        return Check(name, WARN, text, "free some space: a ledger that can't grow is not saved")
    return Check(name, OK, f"{facts.path}: private, {size(facts.free_bytes)} free")


def watcher_checks(facts: WatcherFacts, *, wanted: bool) -> list[Check]:
    """Check the watcher; it is ``wanted`` where a tmux server is metered."""
    if facts.pid is None:
        text = "not running"
        if facts.left_behind:
            text += "; the last one was killed or crashed (nothing is lost)"
        hint = "`tmuxmeter up` starts it"
        if facts.left_behind:
            hint += f"; {facts.log} has its last words"
        return [Check("watcher", WARN if wanted or facts.left_behind else NOTE, text, hint)]
    text = f"process {facts.pid}"
    if facts.silent_s is None:
        return [Check("watcher", NOTE, f"{text}, just starting", "ask again in a moment")]
    text += f" since {facts.since}, {facts.phase}"
    if facts.phase == "reading":
        text += f" history ({facts.progress:.0%})"
    if facts.following:
        text += f", notices changes by {facts.following}"
    if facts.silent_s > SILENT_S:
        hint = f"`tmuxmeter down --all`, then `tmuxmeter up`; {facts.log} may say why"
        return [Check("watcher", BAD, f"{text}; no sign of life for {facts.silent_s} s", hint)]
    if facts.outdated:
        text += "; it runs other code than what is installed"
        state = Check("watcher", WARN, text, "`tmuxmeter up` starts it anew")
    else:
        state = Check("watcher", OK, text)
    return [
        state,
        *(Check("watcher", WARN, problem, f"more in {facts.log}") for problem in facts.problems),
    ]


def server_checks(servers: Iterable[ServerFacts], watcher: WatcherFacts) -> list[Check]:
    """Check the metered tmux servers; what they show comes from the watcher."""
    checks = []
    for facts in servers:
        if facts.reason:
            text = f"{facts.socket}: {facts.reason}"
            hint = f"`tmuxmeter down --socket {facts.socket}` forgets it"
            if facts.running:
                checks.append(Check("server", WARN, text, hint))
            else:
                hint = f"it is metered again when it runs; {hint}"
                checks.append(Check("server", NOTE, text, hint))
            continue
        text = f"{facts.socket}: {count(facts.panes, 'pane')}"
        if facts.in_place:
            text += f"; shown in {', '.join(facts.in_place)}"
        if facts.waiting:
            words = f"{text}; placeholders not replaced in {', '.join(facts.waiting)}"
            checks.append(Check("server", WARN, words, "`tmuxmeter up` in it puts them in place"))
        elif not facts.in_place:
            hint = "tmux set -ag status-right ' #{tmuxmeter}', then `tmuxmeter up`"
            checks.append(Check("server", WARN, f"{text}; no format shows the meter", hint))
        elif watcher.pid is None:
            checks.append(Check("server", WARN, f"{text}; no figures come", "`tmuxmeter up`"))
        elif facts.lease_s is None or facts.lease_s <= 0:
            checks.append(_without_figures(text, facts, watcher))
        else:
            checks.append(Check("server", OK, f"{text}; figures hold {facts.lease_s} s more"))
        hint = "tmux shows nothing there; docs/tmux.md lists all placeholders"
        checks += [Check("server", WARN, f"{facts.socket}: {each}", hint) for each in facts.unknown]
    if not checks:
        hint = "run `tmuxmeter up` inside tmux"
        checks.append(Check("server", NOTE, "no tmux server is metered", hint))
    return checks


def _without_figures(text: str, facts: ServerFacts, watcher: WatcherFacts) -> Check:
    """Tell a server whose figures are on their way from one that should have them by now."""
    soon = "they come by themselves: ask again in a moment"
    if watcher.silent_s is None:
        return Check("server", NOTE, f"{text}; no figures yet, the watcher is just starting", soon)
    if watcher.silent_s <= SILENT_S:
        if watcher.phase == "reading":
            words = f"{text}; no figures yet, the watcher reads history ({watcher.progress:.0%})"
            hint = "they come by themselves; `tmuxmeter status` says how far it is"
            return Check("server", NOTE, words, hint)
        if facts.registered_s < MEETING_S:
            words = f"{text}; no figures yet, it is metered since {facts.registered_s} s"
            return Check("server", NOTE, words, soon)
    never = "it has no figures" if facts.lease_s is None else "its figures are stale"
    hint = "`tmuxmeter status` says what the watcher does; `tmuxmeter up` wakes it"
    return Check("server", BAD, f"{text}; {never}", hint)


def day_check(zone: tzinfo | None, start: str, now: str) -> Check:
    """Tell which day it is for the meter."""
    name = "the system's time zone" if zone is None else str(zone)
    return Check("days", OK, f"{name}, beginning at {start}; now {now}")


def doctor_report(checks: Sequence[Check]) -> dict[str, Any]:
    """Return checks as data, with the worst status of all."""
    order: list[Status] = [OK, NOTE, WARN, BAD]
    worst = max((check.status for check in checks), key=order.index, default=OK)
    return {"status": worst, "checks": [check._asdict() for check in checks]}
