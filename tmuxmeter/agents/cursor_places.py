"""Turns Cursor's smaller databases into events: which session works in which folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from tmuxmeter.agents.lines import BROKEN, Batch
from tmuxmeter.agents.readers import Query
from tmuxmeter.agents.times import plausible_ms
from tmuxmeter.errors import LogError
from tmuxmeter.events import SessionStart, event_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.events import Event

_CHAT = "SELECT value FROM meta WHERE key = '0' LIMIT :page"
_COMPOSERS = """
    SELECT CAST(value AS TEXT) FROM ItemTable
    WHERE key IN ('composer.composerData', 'composer.composerHeaders') ORDER BY key LIMIT :page
"""


class _Chat(msgspec.Struct, gc=False, rename="camel"):
    created_at: float = 0
    workspace_path: str | None = None


class _Composer(msgspec.Struct, gc=False, rename="camel"):
    composer_id: str = ""


class _Composers(msgspec.Struct, gc=False, rename="camel"):
    all_composers: list[_Composer] = []


class _Workspace(msgspec.Struct, gc=False):
    folder: str = ""


_chat = msgspec.json.Decoder(_Chat).decode
_composers = msgspec.json.Decoder(_Composers).decode
_workspace = msgspec.json.Decoder(_Workspace).decode


def is_session(identity: object) -> bool:
    """Tell a composer from the parts of others: tools have composers with a newline in the id."""
    return isinstance(identity, str) and bool(identity) and "\n" not in identity


class _Small:
    """A database of which all that counts is read each time it changed."""

    def state(self) -> bytes:
        """Return nothing: there is nothing to go on from."""
        return b""

    def rewind(self) -> None:
        """Do nothing: all is read each time."""


class CursorChat(_Small):
    """Reads a chat's ``store.db``. See :class:`tmuxmeter.agents.readers.DatabaseReader`.

    Its messages have no times, no tokens and no order of their own: the transcript tells them.
    """

    def __init__(self, session: str) -> None:
        self._session = session

    def queries(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        """Return the question for the chat's own description.

        Raises
        ------
        LogError
            If there is none.
        """
        if not {"key", "value"} <= tables.get("meta", frozenset()):
            msg = "Cursor's chat has no table meta"
            raise LogError(msg)
        return (Query("chat", _CHAT),)

    def rows(self, query: str, rows: Sequence[Sequence[Any]]) -> list[Event]:  # noqa: ARG002
        """Return when and where the chat began."""
        batch = Batch()
        for (value,) in rows:
            try:
                chat = _chat(_unhexed(value))
            except (msgspec.MsgspecError, ValueError, TypeError):
                batch.skip(BROKEN)
                continue
            batch.events.append(
                SessionStart(
                    key=event_key("cursor", "session", self._session),
                    session=self._session,
                    time_ms=plausible_ms(chat.created_at) or 0,
                    cwd=chat.workspace_path or "",
                )
            )
        return batch.finish()


class CursorWorkspace(_Small):
    """Reads a workspace's ``state.vscdb``. See :class:`tmuxmeter.agents.readers.DatabaseReader`.

    Parameters
    ----------
    told : bytes
        Content of the ``workspace.json`` beside it, which names the folder.
    """

    def __init__(self, told: bytes) -> None:
        self._folder = _folder(told)

    def queries(self, tables: Mapping[str, frozenset[str]]) -> Sequence[Query]:
        """Return the question for the composers of this folder, none where it has no folder."""
        has = {"key", "value"} <= tables.get("ItemTable", frozenset())
        return (Query("composers", _COMPOSERS),) if has and self._folder else ()

    def rows(self, query: str, rows: Sequence[Sequence[Any]]) -> list[Event]:  # noqa: ARG002
        """Return where composers work. When they began is told by the editor's own database."""
        batch = Batch()
        for (value,) in rows:
            try:
                composers = _composers(value or "{}").all_composers
            except (msgspec.MsgspecError, TypeError):
                batch.skip(BROKEN)
                continue
            batch.events += [
                SessionStart(
                    key=event_key("cursor", "session", composer.composer_id),
                    session=composer.composer_id,
                    time_ms=0,
                    cwd=self._folder,
                )
                for composer in composers
                if is_session(composer.composer_id)
            ]
        return batch.finish()


def _unhexed(value: object) -> bytes:
    """Return JSON that was written as text, as bytes, or as either in hexadecimal digits."""
    content = value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
    return content if content.lstrip().startswith(b"{") else bytes.fromhex(content.decode("ascii"))


def _folder(told: bytes) -> str:
    """Return the path of a local folder, "" for remote ones and several at once."""
    try:
        address = urlsplit(_workspace(told).folder) if told else None
    except (msgspec.MsgspecError, ValueError):
        return ""
    return unquote(address.path) if address and address.scheme == "file" else ""
