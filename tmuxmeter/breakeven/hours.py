"""One hour of work, the row that calibration fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, slots=True)
class Hour:
    """What happened in one hour by the clock; hours of one day come in their order.

    Attributes
    ----------
    day : date
        The local day it counts for.
    agents_working : float
        Agents at work in it. Exactly 1: baseline; 2 or more: treatment; else only its tokens count.
    hours_worked : float
        The part of it, in hours, in which the human worked: the exposure. 0: only tokens count.
    input_tokens : int
        Its own input tokens of all kinds (not the day's running total).
    price_equivalent : float
        The same as fresh tokens of the same price (see ``Day.price_equivalent``).
    cost_microdollars : int
        Its own spend.
    tasks : float
        Tasks finished in it.
    """

    day: date
    agents_working: float
    hours_worked: float
    input_tokens: int
    price_equivalent: float
    cost_microdollars: int
    tasks: float
