"""Who spoke in a user record: a human, a program, or Claude Code itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tmuxmeter.agents.claude_records import Attachment, Block, Origin, Record

INTERRUPTED = "[Request interrupted by user"
_NOTIFICATION = "<task-notification>"
_OWN_WORDS = (
    "<bash-",
    "<command-",
    "<local-command-",
    "<user-memory-input>",
    "Caveat:",
)
"""Openings of what Claude Code writes in the user's name: local commands and their output."""

_REMINDERS = re.compile(r"(?:\s*<system-reminder>.*?</system-reminder>)+\s*", re.DOTALL)
_BY_PROGRAMS = frozenset({"sdk", "system"})


class Words:
    """What a record says: ``text`` without reminders, and whether there is anything at all."""

    __slots__ = ("said", "text")

    def __init__(self, content: str | list[Block] | None) -> None:
        if isinstance(content, list):
            self.said = any(block.type != "tool_result" for block in content)
            text = "\n".join(b.text for b in content if b.type == "text" and b.text)
            bare = all(block.type in ("text", "tool_result") for block in content)
        else:
            self.said = bool(content)
            text = content or ""
            bare = True
        if "<system-reminder>" in text:
            found = _REMINDERS.match(text)
            text = text[found.end() :] if found else text
        self.text = text.lstrip()
        # Nothing but reminders is nothing said; an image needs no words.
        self.said = self.said and (bool(self.text) or not bare)


def is_prompt(record: Record, words: Words) -> bool:
    """Tell whether a user record asks for something, whoever asks."""
    return (
        words.said
        and not record.is_meta
        and not record.is_compact_summary
        and not record.is_visible_in_transcript_only
        and not bytes(record.tool_use_result)
        and not words.text.startswith(_OWN_WORDS)
    )


def is_human(record: Record, words: Words) -> bool:
    """Tell whether a prompt was typed by a human.

    Builds since 2.1.1xx say so (``origin.kind``, ``promptSource``); before, what is neither a
    sub-agent's task nor a notification was typed or given on a command line.
    """
    if record.is_sidechain or words.text.startswith(_NOTIFICATION):
        return False
    return _origin_is_human(record.origin, unsaid=record.prompt_source not in _BY_PROGRAMS)


def is_queued_prompt(attachment: Attachment, words: Words) -> bool:
    """Tell whether an attachment is a prompt that was put in while the agent was at work.

    Such a prompt never becomes a user record; a queued prompt that waited for the turn's end does,
    and leaves no attachment. The ``queue-operation`` records repeat both and are left alone.
    """
    return (
        attachment.type == "queued_command"
        and attachment.command_mode in (None, "", "prompt", "task-notification")
        and not attachment.is_meta
        and words.said
        and not words.text.startswith(_OWN_WORDS)
    )


def is_queued_by_human(record: Record, attachment: Attachment, words: Words) -> bool:
    """Tell whether a queued prompt was typed by a human."""
    if (
        record.is_sidechain
        or attachment.command_mode == "task-notification"
        or words.text.startswith(_NOTIFICATION)
    ):
        return False
    return _origin_is_human(attachment.origin, unsaid=True)


def _origin_is_human(origin: Origin | None, *, unsaid: bool) -> bool:
    return origin.kind == "human" if origin is not None and origin.kind else unsaid
