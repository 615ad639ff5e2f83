"""How a setting is written down: its default beside what it means and what it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmuxmeter.records import field

if TYPE_CHECKING:
    from tmuxmeter.config.checks import Check


def setting(doc: str, check: Check, default: object = None) -> Any:
    """Return the field of one setting."""
    return field(default=default, metadata={"doc": doc, "check": check})


def section(doc: str, kind: type) -> Any:
    """Return the field of a table of settings."""
    return field(default_factory=kind, metadata={"doc": doc, "section": kind})
