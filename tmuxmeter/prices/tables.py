"""What vendors document about prices and genai-prices doesn't hold, or only from a late day on.

Every line has its source. What is not in here and not in genai-prices is unpriced.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

STANDARD_TIERS = frozenset({"", "standard", "default", "auto"})
"""Words for the ordinary tier; OpenAI's ``auto`` is it unless a project is set up otherwise."""

TIERS = ("standard", "fast", "priority", "flex", "batch")
"""All tiers that logs are known to name."""


@dataclass(frozen=True)
class TierFactor:
    """A tier's token prices as a multiple of the standard ones.

    Attributes
    ----------
    provider : str
        genai-prices' provider.
    tiers : frozenset of str
        The tier's names.
    models : frozenset of str
        genai-prices' model ids; empty: all of the provider's.
    factor : Fraction
        What standard token prices are multiplied by. Web searches keep their price.
    long_context : bool
        Whether prices for long prompts are multiplied too; else the tier has one price for all.
    since, until : str
        First UTC day on which it holds, and first on which it doesn't; "" is unbounded.
    source : str
        Who says so.
    """

    provider: str
    tiers: frozenset[str]
    models: frozenset[str]
    factor: Fraction
    source: str
    long_context: bool = True
    since: str = ""
    until: str = ""


_FAST = frozenset({"fast"})
_PRIORITY = frozenset({"priority", "fast"})  # OpenAI renamed priority to fast on 2026-07-30

TIER_FACTORS: tuple[TierFactor, ...] = (
    TierFactor(
        "anthropic",
        _FAST,
        frozenset({"claude-opus-4-6"}),
        Fraction(6),
        "Claude API documentation, Fast mode: 6 times the standard Opus rates, long prompts too",
    ),
    TierFactor(
        "anthropic",
        _FAST,
        frozenset({"claude-opus-4-7"}),
        Fraction(6),
        "OpenRouter's page of Opus 4.7 fast: 6 times; Claude Code documentation: ended 2026-07-24",
        until="2026-07-25",
    ),
    TierFactor(
        "anthropic",
        frozenset({"batch"}),
        frozenset(),
        Fraction(1, 2),
        "Claude API documentation, Batch processing: half of all token prices",
        since="2024-10-08",
    ),
    TierFactor(
        "openai",
        _PRIORITY,
        frozenset({"gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna"}),
        Fraction(2),
        "OpenAI documentation, Speed: API priority for GPT-5.6 is 2 times the standard rates",
    ),
    TierFactor(
        "openai",
        _PRIORITY,
        frozenset({"gpt-5.5"}),
        Fraction(5, 2),
        "OpenAI, Fast mode for API customers: $12.50 and $75, long context excluded",
        long_context=False,
    ),
    TierFactor(
        "openai",
        _PRIORITY,
        frozenset(
            {"gpt-5", "gpt-5.1", "gpt-5.2", "gpt-5.3-codex", "gpt-5.4", "gpt-5.4-mini"},
        ),
        Fraction(2),
        "OpenAI, Fast mode for API customers: 2 times the standard rates, long context excluded",
        long_context=False,
    ),
    TierFactor(
        "openai",
        _PRIORITY,
        frozenset({"gpt-5-mini"}),
        Fraction(9, 5),
        "OpenAI, Fast mode for API customers: $0.45 and $3.60, long context excluded",
        long_context=False,
    ),
)

PLAIN_GEOS = frozenset({"", "global", "not_available"})
"""Values of ``inference_geo`` at the ordinary price; the last is what real logs mostly hold."""

US_FACTOR = Fraction(11, 10)
US_SOURCE = "Claude API documentation, Data residency: 1.1 times for US-only inference"

BEFORE_GEO = frozenset(
    {
        "claude-2",
        "claude-3-5-haiku-latest",
        "claude-3-5-sonnet",
        "claude-3-7-sonnet-latest",
        "claude-3-haiku",
        "claude-3-opus-latest",
        "claude-3-sonnet",
        "claude-haiku-4-5",
        "claude-opus-4-0",
        "claude-opus-4-1",
        "claude-opus-4-5",
        "claude-sonnet-4-0",
        "claude-sonnet-4-5",
        "claude-v1",
    }
)
"""Models older than Opus 4.6, for which the API refuses ``inference_geo`` (same page)."""

WEB_SEARCH_DOLLARS = {"anthropic": Fraction(10)}
"""Dollars per 1000 web searches where genai-prices has none for the model.

Claude API documentation, Web search tool: $10 per 1000 searches, whatever the model.
"""
