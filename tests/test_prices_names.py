from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmuxmeter.prices import PriceBook
from tmuxmeter.prices.names import reference

JULY = 1_782_864_000_000
BOOK = PriceBook((), {"claude": "anthropic", "codex": "openai"})


@pytest.mark.parametrize(
    ("logged", "priced_as"),
    [
        ("claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("claude-sonnet-4-6[1m]", "claude-sonnet-4-6"),
        ("Claude-Sonnet-4-6 ", "claude-sonnet-4-6"),
        ("claude-sonnet-4-6-20260217", "claude-sonnet-4-6"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4-0"),
        ("claude-3-5-haiku-20241022", "claude-3-5-haiku-latest"),
        ("claude-3-7-sonnet-latest", "claude-3-7-sonnet-latest"),
        ("claude-opus-5-20260724", "claude-opus-5"),
        ("claude-opus-4@20250514", "claude-opus-4-0"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("claude-opus-4-6@default", "claude-opus-4-6"),
        ("anthropic/claude-sonnet-4.6", "claude-sonnet-4-6"),
        ("anthropic/claude-opus-4-6", "claude-opus-4-6"),
        ("openai/gpt-5.5", "gpt-5.5"),
        ("gpt-5.5-2026-04-23", "gpt-5.5"),
        ("gpt-5.5-20260423", "gpt-5.5"),
        ("gpt-5-codex", "gpt-5"),
        ("gemini-2.5-pro", "gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google/gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini-3-pro-preview", "gemini-3-pro-preview"),
        ("kimi-k2.6", "kimi-k2.6"),
        ("kimi-k2-0905-preview", "kimi-k2-0905-preview"),
        ("gpt-5.3-codex", "gpt-5.3-codex"),
        ("gpt-5.6", "gpt-5.6-sol"),
        ("gpt-5.6-luna", "gpt-5.6-luna"),
        ("claude-4.5-sonnet", "claude-sonnet-4-5"),
        ("claude-4.5-sonnet-thinking", "claude-sonnet-4-5"),
        ("claude-4.6-opus-high-thinking", "claude-opus-4-6"),
        ("claude-4-sonnet-thinking", "claude-sonnet-4-0"),
        ("claude-4.5-haiku", "claude-haiku-4-5"),
        ("gpt-5.5-high", "gpt-5.5"),
        ("gpt-5.6-luna-xhigh", "gpt-5.6-luna"),
        ("gpt-5.3-codex-low", "gpt-5.3-codex"),
        (
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("eu.anthropic.claude-opus-4-6-v1", "regional.anthropic.claude-opus-4-6-v1:0"),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", "regional.anthropic.claude-opus-4-5-v1:0"),
        ("global.anthropic.claude-opus-5", "global.anthropic.claude-opus-5"),
        (
            "apac.anthropic.claude-3-5-sonnet-20241022-v2:0",
            "regional.anthropic.claude-3-5-sonnet-20241022-v2:0",
        ),
        (
            "arn:aws:bedrock:us-east-2:123456789012:inference-profile/us.anthropic.claude-opus-4-6-v1",
            "regional.anthropic.claude-opus-4-6-v1:0",
        ),
    ],
)
def test_documented_forms_are_known(logged: str, priced_as: str) -> None:
    agent = "codex" if "gpt" in logged else "claude"
    assert BOOK.explain(logged, JULY, agent=agent).priced_as == priced_as


@pytest.mark.parametrize(
    "logged",
    [
        "claude-opus-99",
        "claude-opus-4-6-turbo",
        "claude-opus-4-6-20269999",
        "claude-opus-4-6[2m]",
        "claude-opus-4-6[1m][1m]",
        "claude-opus",
        "claude",
        "opus",
        "gpt-7",
        "gemini-3.5-flash-9-other",
        "gpt-5.5-2027-01-01",
        "gpt-5.6-codex",
        "gpt-5.3-codex-spark",
        "openai/claude-opus-4-6",
        "anthropic/gpt-5.5",
        "someone/claude-opus-4-6",
        "models/models/gemini-2.5-pro",
        "moonshotai/kimi-k2.6",
        "google/gemini-2.5-prot",
        "kimi-for-coding",
        "qwen3-coder-plus",
        "mars.anthropic.claude-opus-4-6-v1:0",
        "arn:aws:bedrock:us-east-2:123456789012:application-inference-profile/abc123",
        "codex-auto-review",
        "claude-4.5-sonnet-fast",
        "claude-9.9-sonnet",
        "claude-4.5-sonnet-thinking-high",
        "gpt-5.5-high-fast",
        "gpt-5.5-higher",
        "gpt-7-high",
        "composer-1",
        "auto",
        "default",
    ],
)
def test_everything_else_is_unpriced(logged: str) -> None:
    for agent in ("claude", "codex"):
        assert not BOOK.explain(logged, JULY, agent=agent).priced


def test_bedrock_regions_cost_more_than_its_global_endpoint() -> None:
    dollars = [
        BOOK.explain(f"{place}.anthropic.claude-opus-4-6-v1:0", JULY).rows[0].fresh
        for place in ("global", "us")
    ]
    assert dollars == [5, pytest.approx(5.5)]


@pytest.mark.parametrize(
    ("fresh", "read", "output", "cost"),
    [
        (200_000, 0, 1000, 260_000),
        (200_001, 0, 1000, 515_002),  # 500 002.5, and the output at its higher price
        (100_000, 100_000, 1000, 147_500),
        (100_000, 100_001, 1000, 290_000),  # cached input counts for the size
    ],
)
def test_a_long_prompt_costs_more_on_gemini_pro(
    fresh: int, read: int, output: int, cost: int
) -> None:
    tokens = {"fresh": fresh, "cache_read": read, "output": output}
    assert BOOK.cost("gemini", "gemini-2.5-pro", "", "", JULY, **tokens) == cost


@given(st.text())
def test_any_name_is_read(name: str) -> None:
    meant = reference(name)
    assert meant.names
    assert len(set(meant.names)) == len(meant.names)
    assert BOOK.cost("claude", name, "", "", JULY, fresh=1) in (None, *range(1000))
