"""What to do about it: a few lines, each tied to a figure, the most pressing first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tmuxmeter.breakeven.drift import CORRECTED, GROWN
from tmuxmeter.reports.words import count, dollars

if TYPE_CHECKING:
    from datetime import tzinfo

MOST_LINES = 3
AGENTS_WITHOUT_CLAIM = 2
"""The published rule: at most two agents, a further one only with a claim that can be checked."""
AGENTS = "agents"
BEYOND_TWO = "beyond two, say first which files are theirs alone (`tmuxmeter claim`)"
COLD_SHARE = 0.15
"""Cold starts that take more of the tokens than this are worth a word."""
EXPIRY_SHARE = 0.05
"""So is context written again."""
HOUR_MINUTES = 60

Row = dict[str, Any]


def advice(report: Row, zone: tzinfo | None, *, running: bool = True) -> list[Row]:
    """Return at most :data:`MOST_LINES` lines: ``about``, ``text``.

    Parameters
    ----------
    report : dict
        A day with its ``light``, ``levers`` and ``plan_windows``.
    zone : tzinfo or None
        For times of day, None: the system's own.
    running : bool
        Whether the day still runs; of one that is over nobody can stop a loop or take work up.
    """
    levers, light = report["levers"], report["light"]
    lines: list[tuple[str, str]] = []
    if light["verdict"] == "red":
        lines.append(("light", f"work with {light['advice']}: {light['reason']}"))
    for loop in levers["error_loops"]["loops"]:
        if running and loop["ended_ms"] is None and not loop["gone"]:
            text = f"{_who(loop)} has failed {loop['failures']} times in a row since "
            text += f"{clock(loop['first_failure_ms'], zone)} ({_burned(loop)}): "
            lines.append(("error_loop", text + "stop it, or tell it what is wrong"))
    apart = levers["independence"]
    lines += claim_lines(apart["claims"])
    if apart["overlaps"]:
        first = apart["overlaps"][0]
        text = f"{count(len(apart['overlaps']), 'file')} edited by more than one agent, "
        text += f"{_short(first['path'])} by {_several(first['by'])}: let one have it"
        lines.append(("overlap", text))
    holding = sum(
        claim["ended_ms"] is None and not (claim["outside"] or claim["intruder"])
        for claim in apart["claims"]
    )
    extra = levers["work"]["most_agents"] - AGENTS_WITHOUT_CLAIM - holding
    if extra > 0 and light["verdict"] != "red":
        # where one agent is the advice, nobody is told how to go on with more than two
        text = f"{levers['work']['most_agents']} agents at once, {holding} with a claim"
        lines.append((AGENTS, f"{text}: {BEYOND_TWO}"))
    for window in report["plan_windows"]:
        if window["full_ms"] is not None:
            text = f"{window['agent']}'s {window_name(window['window_minutes'])} window is "
            text += f"{window['used_percent']:.0f} % used, at this burn full on "
            lines.append(("plan", text + weekday_clock(window["full_ms"], zone)))
    sessions = levers["drift"]["sessions"]
    drifting = [each for each in sessions if each["drifting"] and not each["gone"]]
    lines += [("drift", _drift(session)) for session in drifting]
    lines += _waste(report, running=running, drifting=bool(drifting))
    return [{"about": about, "text": text} for about, text in lines[:MOST_LINES]]


def _burned(loop: Row) -> str:
    """Return tokens and dollars since the first failure, the dollars as far as they are known."""
    text = f"{tokens(loop['tokens'])} tokens"
    if not loop["unpriced_tokens"]:
        return f"{text}, {dollars(loop['cost_microdollars'])}"
    known = loop["cost_microdollars"]
    return f"{text}, {dollars(known)}+?" if known else f"{text} without a known price"


def claim_lines(claims: list[Row]) -> list[tuple[str, str]]:
    """Return a line for each claim that holds and was not kept."""
    lines = []
    for claim in claims:
        if claim["ended_ms"] is not None:
            continue
        mine = f"{_who(claim)} claimed {' '.join(claim['patterns'])}"
        if claim["outside"]:
            lines.append(("claim", f"{mine} but edited {_short(claim['outside']['path'])}"))
        elif claim["intruder"]:
            other = claim["intruder"]
            lines.append(("claim", f"{mine}, but {_who(other)} edited {_short(other['path'])}"))
    return lines


def _drift(session: Row) -> str:
    # the signs that were seen: a session that only grew wordy was corrected by nobody
    signs = []
    if session["output_growth"] >= GROWN:
        signs.append(f"output per turn +{session['output_growth']:.0%}")
    if session["corrected_share_late"] >= CORRECTED:
        signs.append(f"{session['corrected_share_late']:.0%} of the late prompts correct it")
    text = f"{_who(session)} drifts after {session['age_hours']:.1f} h ({', '.join(signs)}): "
    return text + "start a fresh session with its instructions"


def _waste(report: Row, *, running: bool, drifting: bool) -> list[tuple[str, str]]:
    levers = report["levers"]
    lines = []
    everything = report["input_tokens"]["total"] + report["output_tokens"]
    expiry, cold = levers["cache_expiry"], levers["cold_starts"]
    if expiry["tokens"] > EXPIRY_SHARE * everything:
        often = count(expiry["times"], "time")
        text = f"the cache expired {often} and {tokens(expiry['tokens'])} tokens "
        lines.append(("cache", text + "were written again: clear a session before a break"))
    pending = [each for each in levers["handoffs"]["pending"] if not each["gone"]]
    if running and pending:
        verb = "waits" if len(pending) == 1 else "wait"
        text = f"{count(len(pending), 'hand-off')} {verb} for you, "
        lines.append(
            ("handoffs", text + f"{_who(pending[0])} the longest: review before starting more")
        )
    spent = cold["input_tokens"] + cold["output_tokens"]
    # who has just been told to start afresh is not told to start less often
    if not drifting and everything and spent > COLD_SHARE * everything:
        starts = count(cold["requests"], "cold start")
        text = f"{spent / everything:.0%} of the tokens went into {starts}: "
        lines.append(("cold_starts", text + "fewer sessions, with more work in each"))
    return lines


def clock(time_ms: int, zone: tzinfo | None) -> str:
    """Return a time of day."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(zone):%H:%M}"


def weekday_clock(time_ms: int, zone: tzinfo | None) -> str:
    """Return a weekday and a time of day."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(zone):%A %H:%M}"


def tokens(count: int) -> str:
    """Return tokens in short.

    >>> tokens(950), tokens(84_200), tokens(1_250_000)
    ('950', '84k', '1.2M')
    """
    if count < 1000:
        return str(count)
    return f"{count / 1000:.0f}k" if count < 999_500 else f"{count / 1e6:.1f}M"


def window_name(minutes: int) -> str:
    """Return a plan window's length for people.

    >>> window_name(300), window_name(10_080), window_name(90)
    ('5 h', 'weekly', '90 min')
    """
    if minutes == 7 * 24 * HOUR_MINUTES:
        return "weekly"
    return f"{minutes // HOUR_MINUTES} h" if minutes % HOUR_MINUTES == 0 else f"{minutes} min"


def _who(row: Row) -> str:
    if row["pane"]:
        return str(row["pane"])
    agent = row["agent"] or "agent"
    return f"{'an' if agent[0] in 'aeiou' else 'a'} {agent} session in no pane"


def _several(rows: list[Row]) -> str:
    """Return who they are; of those that are in no pane, how many."""
    panes = [_who(row) for row in rows if row["pane"]]
    others = [row for row in rows if not row["pane"]]
    if len(others) > 1:
        return " and ".join([*panes, f"{len(others)} sessions in no pane"])
    return " and ".join([*panes, *map(_who, others)])


def _short(path: str) -> str:
    return "/".join(path.rsplit("/", 2)[-2:])
