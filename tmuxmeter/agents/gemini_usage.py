"""Google's way of counting tokens, as Gemini CLI and its relatives log it."""

from __future__ import annotations

from typing import NamedTuple


class Counts(NamedTuple):
    """Tokens of one request in disjoint kinds; ``output`` contains ``reasoning``."""

    fresh: int
    cache_read: int
    output: int
    reasoning: int


def counts(
    prompt: int, answer: int, cached: int = 0, thoughts: int = 0, tools: int = 0, total: int = 0
) -> Counts:
    """Return a request's tokens in disjoint kinds.

    By Google's definition cached input lies inside the prompt, thoughts lie outside the answer,
    and what the vendor's own tools added to the prompt is counted apart. Some writers differ, and
    the total tells them: the prompt may be logged without its cached part, and thoughts may lie
    inside the answer (APIs like OpenAI's, seen with Qwen Code). Without a total that fits one of
    the readings, Google's holds.

    Parameters
    ----------
    prompt, answer, cached, thoughts, tools, total : int
        Tokens as logged.
    """
    parts = prompt + tools + answer
    # Of two readings with the same sum the last one holds: Google's own.
    readings = {
        parts + cached: (True, True),
        parts + cached + thoughts: (True, False),
        parts: (False, True),
        parts + thoughts: (False, False),
    }
    net, has_thoughts = readings.get(total, (False, False))
    read = cached if net else min(cached, prompt)
    return Counts(
        fresh=(prompt if net else prompt - read) + tools,
        cache_read=read,
        output=answer if has_thoughts else answer + thoughts,
        reasoning=min(thoughts, answer) if has_thoughts else thoughts,
    )
