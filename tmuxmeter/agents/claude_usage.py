"""What one Claude reply cost in tokens: the counting rules for ``message.usage``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents.claude_records import advisors
from tmuxmeter.events import Usage, event_key

if TYPE_CHECKING:
    from tmuxmeter.agents.claude_records import Record, Tally
    from tmuxmeter.events import Event

SYNTHETIC = "<synthetic>"
"""The model of replies that Claude Code wrote itself: nothing was asked, nothing was billed."""

_TIERS = frozenset({"priority", "batch"})


def tell_usage(
    events: list[Event], identity: str, reply: Record, holder: Record, session: str, time_ms: int
) -> None:
    """Tell the usage of a reply and of each advisor model it asked, nothing where all are zero.

    Parameters
    ----------
    events : list of Event
        Where it goes.
    identity : str
        What makes the reply the same one wherever it is shown: its message id, if it has one.
    reply, holder : Record
        The reply's record and the transcript line that holds it: the same, or a progress record.
    session : str
        Session the spend belongs to.
    time_ms : int
        When, in epoch milliseconds.

    Raises
    ------
    BrokenRecordError
        After the reply's own usage, if the advisors' part can't be believed.
    """
    message = reply.message
    if message is None or message.usage is None:
        return
    tally = message.usage
    geo = "us" if tally.inference_geo == "us" else ""
    _tell(events, identity, tally, message.model, geo, reply, holder, session, time_ms)
    for index, advisor in enumerate(advisors(tally)):
        name = f"{identity}/advisor/{index}"
        _tell(events, name, advisor, advisor.model, geo, reply, holder, session, time_ms)


def _tell(
    events: list[Event],
    identity: str,
    tally: Tally,
    model: str | None,
    geo: str,
    reply: Record,
    holder: Record,
    session: str,
    time_ms: int,
) -> None:
    fresh = tally.input_tokens or 0
    cache_read = tally.cache_read_input_tokens or 0
    output = tally.output_tokens or 0
    write_5m, write_1h = _writes(tally)
    if fresh or cache_read or output or write_5m or write_1h:
        details, tools = tally.output_tokens_details, tally.server_tool_use
        events.append(
            Usage(
                key=event_key("claude", "usage", identity),
                session=session,
                time_ms=time_ms,
                model=model or "",
                fresh=fresh,
                cache_read=cache_read,
                cache_write_5m=write_5m,
                cache_write_1h=write_1h,
                output=output,
                reasoning=min(details.thinking_tokens or 0, output) if details is not None else 0,
                web_searches=(tools.web_search_requests or 0) if tools is not None else 0,
                tier=_tier(tally),
                geo=geo,
                cwd=holder.cwd or "",
                branch=holder.git_branch or "",
                sidechain=bool(reply.is_sidechain or reply is not holder),
            )
        )


def _writes(tally: Tally) -> tuple[int, int]:
    """Return cache writes for 5 minutes and for 1 hour.

    Either figure may lack what the other has (the flat one was 0 in some builds). What has no
    lifetime is taken for the API's default of 5 minutes, also the cheaper: never overstated.
    """
    flat = tally.cache_creation_input_tokens or 0
    split = tally.cache_creation
    if split is None:
        return flat, 0
    write_1h = split.ephemeral_1h_input_tokens or 0
    return max(split.ephemeral_5m_input_tokens or 0, flat - write_1h), write_1h


def _tier(tally: Tally) -> str:
    if tally.speed == "fast":
        return "fast"
    tier = tally.service_tier or ""
    return tier if tier in _TIERS else "standard"
