"""What the user may choose about the composed segments, in tmux options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SEGMENT_PARTS = ("cost", "tokens", "output", "hit", "agents", "outside")
WINDOW_PARTS = ("cost", "tokens", "output", "agents")
PANE_PARTS = ("agent", "model", "cost", "tokens", "output", "hit", "context", "state")

_OFF = frozenset({"off", "0", "no", "false"})


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """How composed segments look. The parts are in the order they are shown in.

    Attributes
    ----------
    icons : bool
        ``@tmuxmeter_icons``: symbols; off: everything in ASCII.
    segment, window_segment, pane_segment : tuple of str
        ``@tmuxmeter_segment`` and so on: which parts ``#{tmuxmeter}``, ``#{tmuxmeter_window}`` and
        ``#{tmuxmeter_pane}`` are made of.
    """

    icons: bool = True
    segment: tuple[str, ...] = ("cost", "tokens", "hit", "agents")
    window_segment: tuple[str, ...] = ("cost", "agents")
    pane_segment: tuple[str, ...] = ("agent", "cost", "tokens", "context", "state")


OPTION_NAMES = (
    "@tmuxmeter_icons",
    "@tmuxmeter_segment",
    "@tmuxmeter_window_segment",
    "@tmuxmeter_pane_segment",
)


def parse_options(
    values: Mapping[str, str], *, icons: bool = True
) -> tuple[StatusOptions, tuple[str, ...]]:
    """Return the options that tmux option values make, and a complaint for each odd word in them.

    An option that is missing or empty has its default (for symbols: ``icons``); an unknown part is
    left out.
    """
    defaults = StatusOptions()
    complaints: list[str] = []

    def parts(name: str, known: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
        words = values.get(name, "").replace(",", " ").split()
        odd = [word for word in words if word not in known]
        complaints.extend(f"{name}: no part {word!r}; there are {', '.join(known)}" for word in odd)
        return tuple(word for word in words if word in known) or default

    said = values.get("@tmuxmeter_icons", "").strip().lower()
    options = StatusOptions(
        icons=said not in _OFF if said else icons,
        segment=parts("@tmuxmeter_segment", SEGMENT_PARTS, defaults.segment),
        window_segment=parts("@tmuxmeter_window_segment", WINDOW_PARTS, defaults.window_segment),
        pane_segment=parts("@tmuxmeter_pane_segment", PANE_PARTS, defaults.pane_segment),
    )
    return options, tuple(complaints)
