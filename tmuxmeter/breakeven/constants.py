"""The model's constants: each a default of the ``[breakeven]`` settings, with its source.

"The week" is one developer's published log of seven days with three agents side by side ("Parallel
Agents Went Negative at 340k Tokens", kenimoto.dev, July 2026): one person, one repository. These
are somewhere to start; ``tmuxmeter calibrate`` replaces them by the user's own.
"""

HOURLY_RATE = 30.0
"""Dollars an hour of the developer's time is worth. The week: "call it $30/hr of my time"."""
MINUTES_PER_HANDOFF = 12.0
"""Minutes of review for each hand-off. The week: "about 12 minutes per hand-off"."""
TOKEN_MULTIPLIER = 13.8
"""Spend of a parallel day ÷ that of a single-agent day. The week: "13.8x more total tokens"."""
K_HIGH = 2.55
"""Speed-up over one agent before the knee. The week: 2.3 to 2.8; this is the middle."""
K_LOW = 1.1
"""Speed-up over one agent beyond the knee. The week: "collapses toward 1.1x"."""
KNEE = 311_940.0
"""Input tokens at the reference hit rate at which half of the speed-up is lost.

Derived, not observed: the value that puts the line of the reference day at the week's 340 000.
"""
STEEPNESS = 30.0
"""How sharp the knee is. Chosen: with 30, k is at least 2.3 up to 280 000 tokens and at most 1.15
beyond 400 000, which is how the week tells it ("the line was not fuzzy"); with 20 it is not."""
REFERENCE_HIT_RATE = 0.62
"""Share of the input read from the cache on the reference day. The week: "around 62%"."""
HOURS_PER_DAY = 8.0
"""Hours of a full working day; assumed, the week doesn't say."""
UNCERTAINTY = 0.30
"""How far off the uncalibrated line may be. The week: "your number is probably within 30%"."""
OVERLAP_HOURS = 2.0
"""Hours within which edits of one file from two panes overlap. Chosen; the week doesn't say."""

REFERENCE_LINE = 340_000
"""Input tokens a day at which parallel work stopped paying. The week: "the crossover"."""
REFERENCE_HANDOFFS = 8
"""Hand-offs on the reference day. The week: "at 8 hand-offs/day"."""
REFERENCE_AGENTS = 3
"""Agents side by side in the week: Claude Code, Cursor and Codex."""
REFERENCE_INPUT_PRICE = 3.0
"""Dollars per million fresh input tokens on the reference day: Claude Sonnet 4.6, the week's."""
BUDGET_SHARE = 300 / 340
"""The daily token budget ÷ the line. The week's rule: budget 300 000 of the 340 000."""

ALL, UNCACHED = "all", "uncached"
"""What counts as input: all of it, or only what wasn't read from the cache."""
