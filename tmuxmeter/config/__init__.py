"""The configuration file: typed settings with defaults, checked, explained and shown."""

from __future__ import annotations

from tmuxmeter.config.reading import load, parse, read, try_load
from tmuxmeter.config.settings import Config, PriceOverride
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
