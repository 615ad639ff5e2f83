"""How the ledger names a session that an agent itself calls otherwise.

A module of its own, of plain Python: the program that waits in agents' hooks has nothing else.
"""

from __future__ import annotations

from typing import Final

GEMINI_LENGTH: Final = 8
"""A Gemini CLI chat's file has so much of its session's id in its name, and nothing else stays."""


def session_name(agent: str, told: str) -> str:
    """Return the name under which the ledger knows a session, given what its hooks call it."""
    return told[:GEMINI_LENGTH].lower() if agent == "gemini" else told
