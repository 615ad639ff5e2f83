"""Every setting: its type, default, range and one line of explanation, in one place.

The configuration file is checked by it, ``config.example.toml`` and ``tmuxmeter config`` are
generated from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents import NAMES
from tmuxmeter.breakeven import constants
from tmuxmeter.config import checks
from tmuxmeter.config.fields import section, setting
from tmuxmeter.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from tmuxmeter.config.entries import CustomAgent, PriceOverride

NOTIFY, HOLD, INTERRUPT = GUARD_ACTIONS = ("notify", "hold", "interrupt")
"""What the guard does at a limit."""


@dataclass(frozen=True)
class DaySettings:
    """When a day begins."""

    start: str = setting(
        "When a new day begins: work after midnight can count for the evening before.",
        checks.Clock(),
        "00:00",
    )
    timezone: str = setting("The time zone that days are cut in.", checks.Zone(), "")

    @property
    def start_minutes(self) -> int:
        """Minutes from midnight to the beginning of a day."""
        return int(self.start[:2]) * 60 + int(self.start[3:])

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of the days, None: the system's own."""
        if not self.timezone:
            return None
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.timezone)


@dataclass(frozen=True)
class AgentSettings:
    """One agent's settings."""

    roots: tuple[str, ...] = setting(
        "Further folders that hold its logs; ~ is the home folder.", checks.Texts(), ()
    )


@dataclass(frozen=True)
class AgentsSettings:
    """Which agents are read, and where."""

    disabled: tuple[str, ...] = setting("Agents that are not read.", checks.AgentNames(*NAMES), ())
    estimate: bool = setting(
        "Estimate tokens from texts where no log tells any: always with a ~, in no total.",
        checks.Switch(),
        False,
    )
    named: Mapping[str, AgentSettings] = field(
        default_factory=dict,
        metadata={
            "doc": "One agent's own settings; `tmuxmeter agents` lists their names and the folders "
            "that are known anyway.",
            "each": AgentSettings,
            "names": NAMES,
            "example": "claude",
        },
    )

    custom: tuple[CustomAgent, ...] = field(
        default=(),
        metadata={
            "doc": "Agents of your own: their JSON lines, and where in them "
            "what stands (names with dots between them).",
            "example": "\n".join(
                (
                    "[[agents.custom]]",
                    'name = "mine"',
                    'logs = "~/.mine/sessions/**/*.jsonl"',
                    'time = "timestamp"',
                    'session = "sessionId"',
                    'model = "message.model"',
                    'input = "message.usage.input_tokens"',
                    'cache_read = "message.usage.cached_tokens"',
                    "input_includes_cache = true",
                    'output = "message.usage.output_tokens"',
                )
            ),
        },
    )

    def roots(self, name: str) -> tuple[str, ...]:
        """Return the further folders of the agent of this name."""
        return self.named.get(name, AgentSettings()).roots


@dataclass(frozen=True)
class WatchSettings:
    """How the watcher notices that logs have grown."""

    poll: str = setting(
        '"auto": file events, and looking at the files where there are none; "always": only look.',
        checks.Choice("auto", "always"),
        "auto",
    )
    look_seconds: int = setting(
        "Seconds between two looks at panes and processes while no agent works.",
        checks.Whole(1, 60),
        5,
    )


@dataclass(frozen=True)
class StatusSettings:
    """What stands in tmux's status line."""

    icons: bool = setting(
        "Symbols such as ▶ instead of words; where tmux sets @tmuxmeter_icons, that counts.",
        checks.Switch(),
        True,
    )


@dataclass(frozen=True)
class BreakevenSettings:
    """The model's constants; ``tmuxmeter.breakeven.constants`` says where the defaults are from."""

    hourly_rate: float = setting(
        "What an hour of your time is worth.",
        checks.Number(0.01, 10_000, "dollars"),
        constants.HOURLY_RATE,
    )
    minutes_per_handoff: float = setting(
        "Review of each hand-off that couldn't be measured; at most until you answer.",
        checks.Number(0, 480, "minutes"),
        constants.MINUTES_PER_HANDOFF,
    )
    token_multiplier: float = setting(
        "Spend of an hour with several agents, against one with one agent.",
        checks.Number(0.1, 1000),
        constants.TOKEN_MULTIPLIER,
    )
    k_high: float = setting(
        "Speed-up over one agent before the knee.", checks.Number(0.1, 50), constants.K_HIGH
    )
    k_low: float = setting(
        "Speed-up over one agent beyond the knee; not more than k_high.",
        checks.Number(0, 50),
        constants.K_LOW,
    )
    knee: float = setting(
        "Input tokens a day, at the reference hit rate, at which the speed-up collapses.",
        checks.Number(1000, 1e12, "tokens"),
        constants.KNEE,
    )
    steepness: float = setting("How sharp the knee is.", checks.Number(1, 200), constants.STEEPNESS)
    reference_hit_rate: float = setting(
        "The share of input read from the cache that knee and line are expressed at.",
        checks.Number(0, 0.99),
        constants.REFERENCE_HIT_RATE,
    )
    hours_per_day: float = setting(
        "A full working day.", checks.Number(0.25, 24, "hours"), constants.HOURS_PER_DAY
    )
    uncertainty: float = setting(
        "How far off the line may be until it is calibrated; within that the light is amber.",
        checks.Number(0, 0.9),
        constants.UNCERTAINTY,
    )
    overlap_hours: float = setting(
        "Within which two panes' edits of one file overlap.",
        checks.Number(0.1, 24, "hours"),
        constants.OVERLAP_HOURS,
    )
    input_counts: str = setting(
        'Input that the line counts: "all" of it, or "uncached" (not read from the cache).',
        checks.Choice(constants.ALL, constants.UNCACHED),
        constants.ALL,
    )

    @property
    def overlap_ms(self) -> int:
        """``overlap_hours`` in milliseconds."""
        return round(self.overlap_hours * 3_600_000)

    def conflict(self) -> tuple[str, str] | None:
        """Return a key whose value another one rules out, and what is allowed; None if none is."""
        if self.k_low > self.k_high:
            return "k_low", f"a number from 0 to breakeven.k_high ({self.k_high:g})"
        return None


@dataclass(frozen=True)
class AgentBudget:
    """What one agent may use in a day."""

    tokens: int = setting("Input tokens a day; 0: no budget.", checks.Whole(0, 10**15), 0)
    dollars: float = setting("Dollars a day; 0: no budget.", checks.Number(0, 1e9, "dollars"), 0.0)


@dataclass(frozen=True)
class BudgetSettings:
    """What may be used in a day, and who is told when 50, 80 and 100 % of it are."""

    tokens: int = setting(
        "Input tokens a day, all agents; 0: none. Once calibrated: of your line, unless set here.",
        checks.Whole(0, 10**15),
        300_000,
    )
    dollars: float = setting(
        "Dollars a day, all agents; 0: no budget.", checks.Number(0, 1e9, "dollars"), 0.0
    )
    desktop: bool = setting("Show a desktop notification as well.", checks.Switch(), False)
    command: tuple[str, ...] = setting(
        "A program and its arguments to run as well; no shell (docs/tmux.md tells its variables).",
        checks.Texts(),
        (),
    )
    named: Mapping[str, AgentBudget] = field(
        default_factory=dict,
        metadata={
            "doc": "One agent's own budget; likewise for every one that `tmuxmeter agents` lists.",
            "each": AgentBudget,
            "names": NAMES,
            "example": "claude",
        },
    )


@dataclass(frozen=True)
class GuardSettings:
    """What agents may spend before something is done about it."""

    action: str = setting(
        'What is done at a limit: only "notify"; "hold": no further request; or "interrupt".',
        checks.Choice(*GUARD_ACTIONS),
        "notify",
    )
    day_dollars: float = setting(
        "Dollars a day, all agents; 0: no limit. What has no price is said, and counts in tokens.",
        checks.Number(0, 1e9, "dollars"),
        0.0,
    )
    day_tokens: int = setting(
        "Input tokens a day, all agents; 0: no limit.", checks.Whole(0, 10**15), 0
    )
    pane_dollars: float = setting(
        "Dollars a day in one pane; 0: no limit.", checks.Number(0, 1e9, "dollars"), 0.0
    )
    pane_tokens: int = setting(
        "Input tokens a day in one pane; 0: no limit.", checks.Whole(0, 10**15), 0
    )
    loop: int = setting(
        "Failing tool calls in a row, of one agent; 0: no limit.", checks.AtLeast(3, 1000), 0
    )
    grace_seconds: int = setting(
        "Seconds from the notice (at 90 % of a limit) to what is done.", checks.Whole(0, 3600), 30
    )

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        spend = self.day_dollars or self.day_tokens or self.pane_dollars or self.pane_tokens
        return bool(spend or self.loop)


@dataclass(frozen=True)
class Config:
    """All settings as they are in force, and where those that aren't defaults come from.

    ``sources`` maps a key such as ``day.start`` to ``FILE:LINE``.
    """

    day: DaySettings = section("Which moments make a day.", DaySettings)
    agents: AgentsSettings = section("Which agents are read.", AgentsSettings)
    accounts: Mapping[str, str] = field(
        default_factory=dict,
        metadata={
            "doc": "Names for accounts: the folder of an agent's logs, and what to call it.",
            "example": '"~/.claude-work" = "work"',
        },
    )
    watch: WatchSettings = section("How growing logs are noticed.", WatchSettings)
    status: StatusSettings = section("What tmux's status line shows.", StatusSettings)
    breakeven: BreakevenSettings = section(
        "Whether working in parallel pays: the model behind the light (docs/breakeven.md).",
        BreakevenSettings,
    )
    budget: BudgetSettings = section(
        "What may be used in a day; tmux says when 50, 80 and 100 % of it are.", BudgetSettings
    )
    guard: GuardSettings = section(
        "Limits at which agents are stopped (docs/guard.md); not in panes with @tmuxmeter_exempt.",
        GuardSettings,
    )
    prices: tuple[PriceOverride, ...] = field(
        default=(),
        metadata={
            "doc": "Prices of your own, in dollars per million tokens; they win over all others.",
            "example": "\n".join(
                (
                    '[[prices."my-model"]]',
                    "from = 2026-07-01",
                    "input = 3.00",
                    "cache_read = 0.30",
                    "cache_write_5m = 3.75",
                    "cache_write_1h = 6.00",
                    "output = 15.00",
                )
            ),
        },
    )
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
