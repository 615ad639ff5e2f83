"""The configuration file: typed settings with defaults, checked, explained and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.config.entries import PriceOverride
from tmuxmeter.config.reading import load, parse, read, try_load
from tmuxmeter.config.settings import Config

if TYPE_CHECKING:
    from tmuxmeter.config.showing import Effective, effective, example

__all__ = [
    "Config",
    "Effective",
    "PriceOverride",
    "effective",
    "example",
    "load",
    "parse",
    "read",
    "try_load",
]


def __getattr__(name: str) -> object:
    """Load what shows settings when it is asked for: every command reads them, one shows them."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from tmuxmeter.config import showing

    return getattr(showing, name)
