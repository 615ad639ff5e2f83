"""``doctor``'s checks of what the meter reads and keeps: agents, logs, ledger, figures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from tmuxmeter.agents.readers import UNKNOWN_TYPE
from tmuxmeter.reports.doctor import BAD, NOTE, OK, WARN, Check
from tmuxmeter.reports.words import ago, count, dollars, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tmuxmeter.ledger.queries import SkippedRow, UnpricedModel
    from tmuxmeter.ledger.session_queries import Inputless, Tokenless, Unmetered

LIST = 5
"""How many names a check spells out."""
TOKENLESS_PROMPTS = 3
"""Fewer prompts without tokens may all have been cut short."""
INPUTLESS_REQUESTS = 3
"""Fewer requests without input may be odd ones."""
LINK = "symbolic link"
SHUT = "Permission denied"
DAMAGED = "is damaged"
"""What the log room says of a database that SQLite finds broken."""
AHEAD_MS = 5 * 60_000
"""A log written this far in the future means that a clock is wrong."""


COUNTED = {"usage": "request", "session": "session", "file": "file"}
"""Which of the ledger's tables are told the size of, and what their rows are."""


class LedgerFacts(NamedTuple):
    """The ledger. ``error`` is why it can't be read; ``damage`` is None where nobody looked."""

    path: str
    exists: bool
    size_bytes: int = 0
    schema: int = 0
    error: str = ""
    counts: dict[str, int] | None = None
    damage: Sequence[str] | None = None


class AgentFacts(NamedTuple):
    """An agent: its program, the folders there are for its logs, and how far those are read.

    ``newest_ms`` is when a log was last written, epoch milliseconds, 0 without any. ``sessions``
    are those that logs have told, None where the ledger can't be read.
    """

    title: str
    program: str
    disabled: bool
    roots: Sequence[str]
    files: int = 0
    size_bytes: int = 0
    unread: int = 0
    newest_ms: int = 0
    sessions: int | None = None


def ledger_check(facts: LedgerFacts) -> Check:
    """Check the ledger."""
    if facts.error:
        return Check("ledger", BAD, facts.error, "the message says what to do")
    if not facts.exists:
        text, hint = f"{facts.path}: not there yet", "`tmuxmeter up` or `tmuxmeter scan` fills it"
        return Check("ledger", NOTE, text, hint)
    if facts.damage:
        return Check(
            "ledger",
            BAD,
            f"{facts.path} is damaged: {_list(facts.damage)}",
            "move it away and start again: it is built anew from the logs that still exist",
        )
    counts = facts.counts or {}
    words = [count(counts.get(kind, 0), name) for kind, name in COUNTED.items()]
    sound = "" if facts.damage is None else "; all of it checked and sound"
    text = f"{facts.path}: {size(facts.size_bytes)}, schema {facts.schema}, {', '.join(words)}"
    return Check("ledger", OK, text + sound)


def agent_check(facts: AgentFacts, now_ms: int) -> Check:
    """Check one agent's program and logs."""
    name, program = facts.title, facts.program or "not on the PATH"
    if facts.disabled:
        hint = "take it out of `agents.disabled` to read it"
        return Check(name, NOTE, "switched off in the configuration", hint)
    if not facts.roots:
        text = f"program: {program}; no logs"
        if not facts.program:
            return Check(name, OK, text)
        hint = "run it once, or name the folder in the configuration: `tmuxmeter config`"
        return Check(name, NOTE, text, hint)
    where = _list(facts.roots)
    text = (
        f"program: {program}; {count(facts.files, 'log')}, {size(facts.size_bytes)}, below {where}"
    )
    if not facts.files:
        return Check(name, NOTE, text, "nothing was logged yet")
    if facts.newest_ms - now_ms > AHEAD_MS:
        text += f"; the newest is from {(facts.newest_ms - now_ms) // 60_000} minutes in the future"
        return Check(name, WARN, text, "check this machine's clock")
    text += f"; the newest {ago(now_ms - facts.newest_ms)}"
    if facts.unread:
        hint = "the watcher reads them in a moment; without one: `tmuxmeter scan`"
        return Check(name, NOTE, f"{text}; {facts.unread:,} not read to the end yet", hint)
    if facts.sessions == 0:
        hint = "if you have worked with it, `tmuxmeter agents check` shows what is read of them"
        return Check(name, NOTE, f"{text}; all read, but no session was found in them", hint)
    return Check(name, OK, f"{text}; all read")


def absent_check(titles: Sequence[str]) -> Check:
    """Name the agents of which nothing is here."""
    text = f"not here: {', '.join(titles)}" if titles else "all of them are here"
    return Check("other agents", OK, text)


def database_checks(troubles: Mapping[str, str]) -> Iterator[Check]:
    """Check agents' databases: why some can't be read, by path."""
    for path, reason in sorted(troubles.items()):
        hint = "the rest is read on; after an update of that agent, update tmuxmeter too"
        if DAMAGED in reason:
            hint = "the rest is read on, and what was booked stays; see whether its agent opens it"
        elif SHUT in reason:
            hint = "the rest is read on; make it and the -wal beside it readable for you"
        yield Check("agents' database", WARN, f"{path}: {reason}", hint)


def tokenless_checks(rows: Sequence[Tokenless]) -> Iterator[Check]:
    """Check for agents whose log holds prompts but no tokens any more."""
    for row in rows:
        if row.prompts < TOKENLESS_PROMPTS:
            continue
        name = f"{row.agent} {row.version}".strip()
        text = f"{count(row.prompts, 'prompt')} of {name} without any tokens in seven days"
        hint = "its format may have changed: `tmuxmeter agents check` shows what is read of it"
        yield Check("format", WARN, text, hint)


def inputless_checks(rows: Sequence[Inputless]) -> Iterator[Check]:
    """Check for agents whose requests have lost their input, which no request is without."""
    for row in rows:
        if row.requests < INPUTLESS_REQUESTS:
            continue
        name = f"{row.agent} {row.version}".strip()
        text = f"{count(row.requests, 'request')} of {name} without any input tokens in seven days"
        hint = "so dollars are too low: `tmuxmeter agents check` shows what is read of it"
        yield Check("format", WARN, text, hint)


def unreadable_check(problems: Sequence[tuple[str, str]]) -> Check:
    """Check what was found where logs are and is not read: paths and reasons."""
    if not problems:
        return Check("unreadable files", OK, "none")
    named = _list([f"{path}: {reason}" for path, reason in problems])
    hint = "logs are regular files that you can read; whatever else lies there is left alone"
    if any(LINK in reason for _, reason in problems):
        hint += "; to read what a link leads to, name the folder it lies in: `agents.NAME.roots`"
    return Check("unreadable files", WARN, named, hint)


def skipped_check(rows: Sequence[SkippedRow]) -> Check:
    """Check the records that were left out because they make no sense."""
    if not rows:
        return Check("skipped records", OK, "none")
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons[_reason(row)] += row.records
    most = reasons.most_common(LIST)
    why = ", ".join(
        f"{count(number, 'record')} of {reason}"
        if reason.startswith(UNKNOWN_TYPE)
        else f"{reason} {number:,}"
        for reason, number in most
    )
    where = _list([f"{row.path} ({row.records:,}, last at byte {row.offset:,})" for row in rows])
    text = f"{sum(reasons.values()):,} ({why}) in {where}"
    hint = (
        "broken records count for nothing; if they look sound to you, report their agent's version"
    )
    return Check("skipped records", NOTE, text, hint)


def _reason(row: SkippedRow) -> str:
    """Return why records were left out; of unknown types also in which agent's logs."""
    if not row.reason.startswith(UNKNOWN_TYPE):
        return row.reason
    kind, told, version = row.reason.rpartition(" in ")
    return f"{kind} in {row.agent} {version}" if told else f"{row.reason} in {row.agent}"


def unpriced_check(models: Sequence[UnpricedModel]) -> Check:
    """Check what was spent without a price."""
    if not models:
        return Check("prices", OK, "every request has a price")
    named = [
        f"{row.model or '(unknown)'}{'' if row.tier in {'', 'standard'} else f' ({row.tier})'}:"
        f" {count(row.requests, 'request')}, {count(row.tokens, 'token')}"
        for row in models
    ]
    hint = "`tmuxmeter prices MODEL` says why; set your own in the configuration, then `reprice`"
    return Check("prices", NOTE, f"unpriced: {_list(named)}", hint)


def unmetered_check(rows: Sequence[Unmetered]) -> Check:
    """Check the sessions whose log never told any tokens."""
    if not rows:
        return Check("unmetered sessions", OK, "none")
    agents = Counter(row.agent for row in rows)
    told = ", ".join(f"{agent} {number:,}" for agent, number in sorted(agents.items()))
    hint = "their agents didn't log tokens; they are in no figure"
    return Check("unmetered sessions", NOTE, f"{len(rows):,} ({told})", hint)


def unattributed_check(today: dict[str, Any], *, watching: bool) -> Check:
    """Check what was spent today in a pane that nobody knows."""
    spent = today["unattributed"]
    if not spent["requests"]:
        return Check("unattributed today", OK, "nothing")
    text = f"{dollars(spent['cost_microdollars'])} in {count(spent['requests'], 'request')}"
    if spent["unpriced_requests"]:
        text += f", {spent['unpriced_requests']:,} of them unpriced"
    hint = "no trace tells their pane, and the meter doesn't guess"
    if not watching:
        hint = "only a running watcher sees panes: `tmuxmeter up`"
    return Check("unattributed today", NOTE, text, hint)


def watches_check(folders: int, limit: int | None, polled: str) -> Check:
    """Check that there are enough file watches; ``polled`` is the setting that asks for none."""
    if polled:
        hint = "take it out of the configuration to be told of changes at once"
        return Check("file events", NOTE, f"not used: {polled}", hint)
    if limit is None:
        return Check("file events", OK, f"{folders:,} folders; this system sets no limit")
    text = f"{folders:,} folders, {limit:,} watches allowed"
    if folders > limit // 2:
        hint = f"sudo sysctl fs.inotify.max_user_watches={max(4 * folders, 65_536)}"
        return Check("file events", WARN, f"{text}: the meter looks at them by turns instead", hint)
    return Check("file events", OK, text)


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - LIST:,} more" if names[LIST:] else ""
    return "; ".join(names[:LIST]) + more
