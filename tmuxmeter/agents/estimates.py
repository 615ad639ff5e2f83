"""What texts may have been in tokens, for agents whose logs tell none.

It is a rule of thumb and no count: four characters to a token, as vendors give it for English.
A model is also sent what stands in no log (its instructions, files, the whole conversation with
each request), so what comes of it is mostly far too low.
"""

from __future__ import annotations

from tmuxmeter.events import Estimate, event_key

CHARACTERS_PER_TOKEN = 4
"""What OpenAI and Google tell their users for English."""


def estimate(
    agent: str, identity: str, session: str, time_ms: int, *, sent: int = 0, received: int = 0
) -> list[Estimate]:
    """Return what a record's texts may have been in tokens, nothing where it has none.

    Parameters
    ----------
    agent, identity, session, time_ms
        Whose record it is, which one, of which session and of when.
    sent, received : int
        Characters that went to the model, and that came from it.
    """
    if sent <= 0 and received <= 0:
        return []
    return [
        Estimate(
            key=event_key(agent, "estimate", identity),
            session=session,
            time_ms=time_ms,
            input=-(-sent // CHARACTERS_PER_TOKEN),
            output=-(-received // CHARACTERS_PER_TOKEN),
        )
    ]
