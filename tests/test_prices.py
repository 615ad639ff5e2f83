from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tmuxmeter.config import PriceOverride
from tmuxmeter.events import Usage
from tmuxmeter.prices import PriceBook

PROVIDERS = {"claude": "anthropic", "codex": "openai"}
MILLION = 1_000_000
KINDS = ("fresh", "cache_read", "cache_write_5m", "cache_write_1h", "output")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


JULY = at("2026-07-01")
NOVEMBER = at("2026-11-01")


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook((), PROVIDERS)


def charge(
    book: PriceBook,
    model: str,
    *,
    agent: str = "claude",
    tier: str = "standard",
    geo: str = "",
    when: int = JULY,
    **counts: int,
) -> int | None:
    return book.cost(agent, model, tier, geo, when, **counts)


@pytest.mark.parametrize(
    ("agent", "model", "fresh", "read", "output"),
    [
        ("claude", "claude-sonnet-4-6", "3.00", "0.30", "15.00"),
        ("claude", "claude-haiku-4-5", "1.00", "0.10", "5.00"),
        ("codex", "gpt-5.5", "5.00", "0.50", "30.00"),
    ],
)
def test_the_table_the_project_began_with(
    book: PriceBook, agent: str, model: str, fresh: str, read: str, output: str
) -> None:
    for kind, dollars in (("fresh", fresh), ("cache_read", read), ("output", output)):
        thousand = charge(book, model, agent=agent, **{kind: 1000})
        assert thousand == Decimal(dollars) * 1000


def test_equals_what_claude_code_itself_charged(book: PriceBook) -> None:
    """Claude Code 2.1.197 printed total_cost_usd 0.013158 for this request."""
    cost = charge(
        book,
        "claude-sonnet-4-6",
        fresh=121,
        output=78,
        cache_read=10_000,
        cache_write_5m=1500,
        cache_write_1h=500,
        when=NOVEMBER,
    )
    assert cost == 13_158


def test_the_price_of_the_day_counts(book: PriceBook) -> None:
    """Sonnet 4.6 had a price for long prompts until 2026-03-13 (UTC)."""
    change = at("2026-03-13")
    assert charge(book, "claude-sonnet-4-6", fresh=MILLION, when=change - 1) == 6 * MILLION
    assert charge(book, "claude-sonnet-4-6", fresh=MILLION, when=change) == 3 * MILLION


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_the_bracket_depends_on_the_whole_input(book: PriceBook, kind: str) -> None:
    """All of gpt-5.5's request costs the long price beyond 272 000 tokens of input."""
    below = {"fresh": 1000, kind: 272_000, "output": 1000}
    if kind != "fresh":
        below[kind] -= 1000
    above = {**below, kind: below[kind] + 1}
    prices = {"fresh": 5, "cache_read": Decimal("0.5"), "output": 30}
    long = {"fresh": 10, "cache_read": 1, "output": 45}
    for counts, rates in ((below, prices), (above, long)):
        expected = sum(n * rates.get(k, rates["fresh"]) for k, n in counts.items())
        assert charge(book, "gpt-5.5", agent="codex", **counts) == expected


def test_output_does_not_count_for_the_bracket(book: PriceBook) -> None:
    cost = charge(book, "gpt-5.5", agent="codex", fresh=272_000, output=500_000)
    assert cost == 272_000 * 5 + 500_000 * 30


def test_rounds_once_and_half_to_even(book: PriceBook) -> None:
    """Haiku 4.5 reads cost a tenth of a microdollar a token."""
    got = [charge(book, "claude-haiku-4-5", cache_read=n) for n in (4, 5, 6, 15, 25)]
    assert got == [0, 0, 1, 2, 2]
    # 3 writes and 7 reads are 3.75 and 0.7: rounded one by one they would make 5
    assert charge(book, "claude-haiku-4-5", cache_write_5m=3, cache_read=7) == 4


def test_one_hour_writes_have_their_own_price(book: PriceBook) -> None:
    assert charge(book, "claude-opus-4-8", cache_write_5m=1000) == 6250
    assert charge(book, "claude-opus-4-8", cache_write_1h=1000) == 10_000


def test_one_hour_writes_without_a_price_are_unpriced(book: PriceBook) -> None:
    """Bedrock's list has no 1 h price for this one; the 5 m price would be a guess."""
    model = "us.anthropic.claude-sonnet-4-20250514-v1:0"
    assert charge(book, model, fresh=1000, cache_write_5m=1000) == 3000 + 3750
    assert charge(book, model, fresh=1000, cache_write_1h=1) is None


def test_codex_cache_writes_cost_extra_only_where_they_have_a_price(book: PriceBook) -> None:
    for kind in ("cache_write_5m", "cache_write_1h"):
        assert charge(book, "gpt-5.6-sol", agent="codex", **{kind: 1000}) == 6250
        assert charge(book, "gpt-5.5", agent="codex", **{kind: 1000}) == 5000


def test_web_searches_cost_a_cent_each_on_claude(book: PriceBook) -> None:
    assert charge(book, "claude-sonnet-4-6", web_searches=3) == 30_000
    assert charge(book, "claude-3-opus-20240229", web_searches=3) == 30_000


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("claude-opus-4-6", 30),
        ("claude-opus-4-7", 30),
        ("claude-opus-4-8", 10),
        ("claude-opus-5", 10),
        ("claude-opus-5-5", 8),
    ],
)
def test_fast_mode_of_claude(book: PriceBook, model: str, dollars: int) -> None:
    assert charge(book, model, tier="fast", fresh=1000) == dollars * 1000
    assert charge(book, model, tier="fast", output=1000) == dollars * 5000


def test_fast_mode_multiplies_long_prompts_too(book: PriceBook) -> None:
    february = at("2026-02-20")
    cost = charge(book, "claude-opus-4-6", tier="fast", fresh=300_000, output=1000, when=february)
    assert cost == 300_000 * 60 + 1000 * 225


def test_fast_mode_ends_where_the_vendor_ended_it(book: PriceBook) -> None:
    late = at("2026-07-26")
    assert charge(book, "claude-opus-4-7", tier="fast", fresh=1000, when=late) is None
    assert charge(book, "claude-opus-4-7", fresh=1000, when=late) == 5000


@pytest.mark.parametrize(
    ("agent", "model", "tier"),
    [
        ("claude", "claude-sonnet-4-6", "fast"),
        ("claude", "claude-haiku-4-5", "fast"),
        ("claude", "claude-opus-4-8", "priority"),
        ("codex", "gpt-5.4-nano", "priority"),
        ("codex", "gpt-5.5", "turbo"),
    ],
)
def test_tiers_without_a_known_price_are_unpriced(
    book: PriceBook, agent: str, model: str, tier: str
) -> None:
    assert charge(book, model, agent=agent, fresh=1) is not None
    assert charge(book, model, agent=agent, tier=tier, fresh=1) is None


@pytest.mark.parametrize("when", [JULY, NOVEMBER])
@pytest.mark.parametrize("tier", ["fast", "priority"])
@pytest.mark.parametrize(
    ("model", "factor"), [("gpt-5.5", "2.5"), ("gpt-5.4", "2"), ("gpt-5.3-codex", "2")]
)
def test_priority_of_codex(book: PriceBook, model: str, factor: str, tier: str, when: int) -> None:
    for kind in ("fresh", "cache_read", "output"):
        plain = charge(book, model, agent="codex", when=when, **{kind: MILLION // 4})
        fast = charge(book, model, agent="codex", tier=tier, when=when, **{kind: MILLION // 4})
        assert plain is not None
        assert fast == plain * Decimal(factor)


@pytest.mark.parametrize("when", [JULY, NOVEMBER])
def test_priority_of_codex_has_one_price_for_prompts_of_all_sizes(
    book: PriceBook, when: int
) -> None:
    """The vendor's priority list leaves long context out for gpt-5.5, and has it for gpt-5.6."""
    cost = charge(book, "gpt-5.5", agent="codex", tier="fast", fresh=MILLION, when=when)
    assert cost == 12_500_000
    cost = charge(book, "gpt-5.6-terra", agent="codex", tier="fast", fresh=MILLION, when=when)
    plain = charge(book, "gpt-5.6-terra", agent="codex", fresh=MILLION, when=when)
    assert plain is not None
    assert cost == plain * 2


def test_batches_have_no_price_before_they_existed(book: PriceBook) -> None:
    first = at("2024-10-08")
    assert charge(book, "claude-3-5-sonnet", tier="batch", fresh=1000, when=first) == 1500
    assert charge(book, "claude-3-5-sonnet", tier="batch", fresh=1000, when=first - 1) is None


def test_models_with_a_price_per_request_are_unpriced(book: PriceBook) -> None:
    assert charge(book, "sonar", agent="perplexity", fresh=1000) is None
    explained = book.explain("sonar", JULY, agent="perplexity")
    assert "a price per request" in explained.whence[0]


@pytest.mark.parametrize("when", [JULY, NOVEMBER])
def test_batches_cost_cost_half_but_searches_do_not(book: PriceBook, when: int) -> None:
    cost = charge(book, "claude-opus-4-8", tier="batch", fresh=1000, web_searches=1, when=when)
    assert cost == 2500 + 10_000


def test_ordinary_tiers_have_many_words(book: PriceBook) -> None:
    for tier in ("", "standard", "default", "auto"):
        assert charge(book, "gpt-5.5", agent="codex", tier=tier, fresh=1000) == 5000


def test_inference_in_the_us_costs_a_tenth_more(book: PriceBook) -> None:
    assert charge(book, "claude-opus-4-6", geo="us", fresh=1000, web_searches=1) == 15_500
    assert charge(book, "claude-opus-4-6", geo="us", tier="fast", fresh=1000) == 33_000
    for geo in ("", "global", "not_available"):
        assert charge(book, "claude-opus-4-6", geo=geo, fresh=1000) == 5000


@pytest.mark.parametrize(
    ("agent", "model", "geo"),
    [
        ("claude", "claude-opus-4-6", "eu"),
        ("claude", "claude-opus-4-5", "us"),
        ("codex", "gpt-5.5", "us"),
    ],
)
def test_places_without_a_known_price_are_unpriced(
    book: PriceBook, agent: str, model: str, geo: str
) -> None:
    assert charge(book, model, agent=agent, geo=geo, fresh=1) is None


@pytest.mark.parametrize(
    "model",
    ["claude-opus-99", "claude-opus-4-60", "gpt-7", "codex-auto-review", "<synthetic>", "", "auto"],
)
def test_unknown_models_are_unpriced(book: PriceBook, model: str) -> None:
    assert charge(book, model, fresh=1) is None
    explained = book.explain(model, JULY)
    assert not explained.priced
    assert explained.rows == ()
    assert "no model of exactly this name" in explained.whence[0]


def test_nothing_used_costs_nothing(book: PriceBook) -> None:
    assert charge(book, "claude-opus-4-8") == 0


def test_a_model_of_another_vendor_is_found_by_its_name(book: PriceBook) -> None:
    assert charge(book, "gpt-5.5", agent="claude", fresh=1000) == 5000
    assert charge(book, "claude-haiku-4-5", agent="codex", fresh=1000) == 1000
    assert charge(book, "claude-haiku-4-5", agent="some-new-agent", fresh=1000) == 1000


def test_prices_by_the_time_of_day(book: PriceBook) -> None:
    """DeepSeek sold at half price from 16:30 to 00:30 UTC."""
    counts = {"output": MILLION}
    evening, noon = at("2025-08-01T16:30"), at("2025-08-01T12:00")
    dear = charge(book, "deepseek-chat", when=noon, **counts)
    assert dear is not None
    assert charge(book, "deepseek-chat", when=evening, **counts) == dear // 2
    assert charge(book, "deepseek-chat", when=evening - 1, **counts) == dear


def test_absurd_times_do_not_break(book: PriceBook) -> None:
    for when in (-(1 << 62), -1, 0, 1 << 62):
        assert charge(book, "claude-opus-4-6", fresh=1000, when=when) == 5000
        assert charge(book, "gpt-5.5", tier="fast", agent="codex", fresh=1000, when=when) == 12_500


def test_an_event_costs_what_its_counts_cost(book: PriceBook) -> None:
    usage = Usage(
        key=1,
        session="s",
        time_ms=JULY,
        model="claude-opus-4-6",
        fresh=1,
        cache_read=10,
        cache_write_5m=100,
        cache_write_1h=1000,
        output=10_000,
        reasoning=9_000,
        web_searches=1,
        tier="fast",
        geo="us",
    )
    expected = book.cost(
        "claude",
        "claude-opus-4-6",
        "fast",
        "us",
        JULY,
        fresh=1,
        cache_read=10,
        cache_write_5m=100,
        cache_write_1h=1000,
        output=10_000,
        web_searches=1,
    )
    assert expected is not None
    assert book.cost_of("claude", usage) == expected
    unknown = Usage(key=1, session="s", time_ms=JULY, model="claude-opus-99", fresh=1)
    assert book.cost_of("claude", unknown) is None


def own(**values: object) -> PriceOverride:
    base: dict[str, object] = {"input": Decimal(2), "output": Decimal(8), "where": "config.toml:3"}
    return PriceOverride(**{**base, **values})  # type: ignore[arg-type]


def test_own_prices_win_from_their_day_on() -> None:
    book = PriceBook(
        (
            own(model="claude-opus-4-6", from_=date(2026, 7, 1)),
            own(model="claude-opus-4-6", from_=date(2026, 8, 1), input=Decimal("0.5")),
        ),
        PROVIDERS,
    )
    for when, dollars in (
        (JULY - 1, 5),
        (JULY, 2),
        (at("2026-08-01") - 1, 2),
        (at("2026-08-01"), Decimal("0.5")),
    ):
        assert charge(book, "claude-opus-4-6", fresh=1000, when=when) == dollars * 1000


def test_own_prices_fall_back_kind_by_kind() -> None:
    book = PriceBook((own(model="m"), own(model="n", cache_write_5m=Decimal(3))))
    assert charge(book, "m", cache_read=1000) == 2000
    assert charge(book, "m", cache_write_1h=1000) == 2000
    assert charge(book, "n", cache_write_5m=1000) == 3000
    assert charge(book, "n", cache_write_1h=1000) == 3000
    full = own(
        model="m", cache_read=Decimal("0.1"), cache_write_5m=Decimal(3), cache_write_1h=Decimal(4)
    )
    book = PriceBook((full,))
    got = [charge(book, "m", **{kind: 1000}) for kind in KINDS]
    assert got == [2000, 100, 3000, 4000, 8000]
    assert charge(book, "m", web_searches=1) is None


def test_own_prices_know_the_forms_of_a_name_and_the_exact_one_wins() -> None:
    book = PriceBook(
        (
            own(model="claude-sonnet-4-5"),
            own(model="claude-sonnet-4-5-20250929", input=Decimal(7)),
        )
    )
    assert charge(book, "claude-sonnet-4-5[1m]", fresh=1000) == 2000
    assert charge(book, "claude-sonnet-4-5-20250930", fresh=1000) == 2000
    assert charge(book, "claude-sonnet-4-5-20250929", fresh=1000) == 7000
    assert charge(book, "claude-sonnet-4-5", web_searches=1) == 10_000


def test_own_prices_are_for_one_tier_and_final() -> None:
    book = PriceBook((own(model="gpt-5.5"), own(model="x", tier="fast")), PROVIDERS)
    assert charge(book, "gpt-5.5", agent="codex", fresh=300_000) == 600_000
    assert charge(book, "gpt-5.5", agent="codex", geo="us", fresh=1000) == 2000
    assert charge(book, "gpt-5.5", agent="codex", tier="default", fresh=1000) == 2000
    assert charge(book, "gpt-5.5", agent="codex", tier="fast", fresh=1000) == 12_500
    assert charge(book, "x", tier="fast", fresh=1000) == 2000
    assert charge(book, "x", fresh=1000) is None


def test_own_prices_for_all_times_need_no_library() -> None:
    code = (
        "import sys\n"
        "from decimal import Decimal\n"
        "from tmuxmeter.config import PriceOverride\n"
        "from tmuxmeter.prices import PriceBook\n"
        "own = PriceOverride(model='m', input=Decimal(1), output=Decimal(1))\n"
        "print(PriceBook([own]).cost('a', 'm', '', '', 0, fresh=5), 'genai_prices' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "5 False\n"


def test_explains_what_is_charged_and_who_says_so(book: PriceBook) -> None:
    explained = book.explain("claude-opus-4-6[1m]", at("2026-03-01"), tier="fast", geo="us")
    assert explained.priced
    assert (explained.provider, explained.priced_as) == ("anthropic", "claude-opus-4-6")
    low, high = explained.rows
    assert (low.above, high.above) == (-1, 200_000)
    assert (low.fresh, low.output, high.fresh) == (33, 165, 66)
    assert low.web_search == 10
    assert explained.valid_from is None
    assert explained.valid_until == date(2026, 3, 13)
    assert explained.tiers == ("standard", "fast", "batch")
    base, fast, us = explained.whence
    assert base.startswith("genai-prices 0.")
    assert base.endswith("anthropic/claude-opus-4-6")
    assert "× 6 for fast" in fast
    assert "× 1.1 in us" in us


def test_explains_periods(book: PriceBook) -> None:
    explained = book.explain("gpt-5.6-luna", at("2026-07-29"), agent="codex")
    assert (explained.rows[0].fresh, explained.valid_until) == (1, date(2026, 7, 30))
    explained = book.explain("gpt-5.6-luna", at("2026-07-30"), agent="codex")
    assert explained.rows[0].fresh == Decimal("0.2")
    assert explained.valid_from == date(2026, 7, 30)
    assert explained.valid_until is None


def test_explains_own_prices() -> None:
    book = PriceBook((own(model="m", from_=date(2026, 7, 1)),))
    explained = book.explain("m", JULY)
    assert explained.whence == ("your own price, config.toml:3",)
    assert (explained.rows[0].fresh, explained.valid_from) == (2, date(2026, 7, 1))
    assert not book.explain("m", JULY - 1).priced
    assert book.explain("m", JULY - 1).valid_until == date(2026, 7, 1)


@pytest.mark.parametrize(
    ("tier", "geo", "reason"),
    [
        ("priority", "", "no price is known for the tier 'priority' of claude-opus-4-5"),
        ("", "us", "claude-opus-4-5 is not offered with a place of inference"),
        ("", "mars", "no price is known for inference in 'mars'"),
    ],
)
def test_explains_why_not(book: PriceBook, tier: str, geo: str, reason: str) -> None:
    explained = book.explain("claude-opus-4-5", JULY, tier=tier, geo=geo)
    assert explained.whence == (reason,)
    assert not explained.priced
