"""What the parts of Goose's messages say: what was asked, what tools did."""

from __future__ import annotations

import msgspec

_EDITOR = "text_editor"
_EDITS = frozenset({"edit", "write"})
_READS = frozenset({"read", "read_file"})
_VIEWS = frozenset({"view", ""})
"""Commands of the editor's tool; every other one edits."""


class Call(msgspec.Struct, gc=False):
    """A tool call: as it was understood, or why it wasn't."""

    status: str = ""
    value: msgspec.Raw = msgspec.Raw(b"{}")


class Named(msgspec.Struct, gc=False):
    """The call itself."""

    name: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class Arguments(msgspec.Struct, gc=False):
    """What of the arguments names a file."""

    command: str = ""
    path: str = ""


class Outcome(msgspec.Struct, gc=False, rename="camel"):
    """What came of a call, as far as Goose tells."""

    status: str = ""
    value: msgspec.Raw = msgspec.Raw(b"{}")


class Failed(msgspec.Struct, gc=False, rename="camel"):
    """What came of it, as the tool tells."""

    is_error: bool | None = None


class Content(msgspec.Struct, gc=False, rename="camel"):
    """A part of a message."""

    type: str = ""
    id: str = ""
    text: str = ""
    tool_call: Call | None = None
    tool_result: Outcome | None = None


class Metadata(msgspec.Struct, gc=False, rename="camel"):
    """Whom a message is shown to."""

    user_visible: bool = True
    agent_visible: bool = True


contents = msgspec.json.Decoder(list[Content]).decode
named = msgspec.json.Decoder(Named).decode
_metadata = msgspec.json.Decoder(Metadata).decode
_arguments = msgspec.json.Decoder(Arguments).decode
_failed = msgspec.json.Decoder(Failed).decode


def touch(call: Named) -> tuple[bool, str] | None:
    """Return whether a call edits a file or reads it, and its path; None for other calls.

    Tools have their extension's name in front; newer versions leave that out.
    """
    tool = call.name.rpartition("__")[2]
    if tool != _EDITOR and tool not in _EDITS | _READS:
        return None
    try:
        told = _arguments(call.arguments)
    except msgspec.MsgspecError:
        return None
    edits = told.command not in _VIEWS if tool == _EDITOR else tool in _EDITS
    return (edits, told.path) if told.path else None


def is_error(value: msgspec.Raw) -> bool:
    """Tell whether a tool itself says that it failed."""
    try:
        return bool(_failed(value).is_error)
    except msgspec.MsgspecError:
        return False


def said(text: str, metadata: str | None) -> bool:
    """Tell whether the user said it to the agent.

    Goose writes what it doesn't show in the user's name, too; and it keeps its own commands, like
    ``/compact``, from the agent.
    """
    told = _metadata(metadata or b"{}")
    is_command = text.startswith("/") and not told.agent_visible
    return bool(text) and told.user_visible and not is_command
