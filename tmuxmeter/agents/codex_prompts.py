"""What in a Codex rollout a human typed, and what the program put into the human's mouth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents.codex_records import PARTS
from tmuxmeter.digests import blake2b

if TYPE_CHECKING:
    from collections.abc import Sequence

_INJECTED = (
    "<environment_context",
    "<user_instructions",
    "<permissions",
    "<skill",
    "<app-context",
    "<apps_instructions",
    "<recommended_plugins",
    "<plugins_instructions",
    "<system",
    "<turn_aborted",
    "<user_shell_command",
    "<subagent_notification",
    "<goal_context",
    "<codex_internal_context",
    "<collaboration_mode",
    "<model_switch",
    "<hook_prompt",
    "<instructions>",
    "# agents.md instructions",
    "warning: apply_patch was requested via",
    "warning: the maximum number of unified exec processes",
)
"""Openings of user messages that Codex writes itself, in lower case."""

EVENT, ITEM = 1, 2
"""The two forms in which a prompt is an event: ``user_message`` and ``item_completed``."""

_KEPT = 16


def text_of(content: msgspec.Raw, kinds: Sequence[Any] = ()) -> str:
    """Return the words a human wrote in a message's content, "" if there are none.

    ``kinds`` names each part's kind where the log has it (``content_item_kinds``); elsewhere the
    known openings of injected context tell.
    """
    try:
        parts = PARTS.decode(content)
    except ValueError:
        return ""
    told = kinds if len(kinds) == len(parts) else ()
    words = []
    for index, part in enumerate(parts):
        if told and not _is_human_kind(told[index]):
            continue
        text = part.text.strip()
        if text and (told or not is_injected(text)):
            words.append(text)
    return "\n".join(words)


def _is_human_kind(kind: object) -> bool:
    return isinstance(kind, str) and (kind.startswith("user.") or kind in {"", "unknown"})


def is_injected(text: str) -> bool:
    """Tell whether Codex wrote these words itself."""
    return text[:80].lstrip().lower().startswith(_INJECTED)


def digest(text: str) -> int:
    """Return 63 bits by which two forms of one prompt are known as the same."""
    data = text.strip().encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little") >> 1


class Seen(msgspec.Struct, array_like=True):
    """A prompt already told, and the forms it was seen in. No words are kept."""

    digest: int
    forms: int


class Mirrored(msgspec.Struct, array_like=True):
    """A prompt seen only as a message to the model so far."""

    time_ms: int
    digest: int
    fingerprint: int
    corrects: bool


def is_new(seen: list[Seen], mark: int, form: int) -> bool:
    """Note a form of the prompt with digest ``mark``; tell whether it is its first.

    The same words typed twice are two prompts: each form of a prompt appears once.
    """
    for entry in seen:
        if entry.digest == mark and not entry.forms & form:
            entry.forms |= form
            return False
    seen.append(Seen(mark, form))
    del seen[:-_KEPT]
    return True
