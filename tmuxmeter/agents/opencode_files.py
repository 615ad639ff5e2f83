"""Turns the JSON files of OpenCode's older versions into events: one file a message or session.

The database has the same messages under the same ids where it took them over. Forks of these
versions can't be told from their origins by a single file, so their copies count.
"""

from __future__ import annotations

from json import JSONDecodeError
from typing import TYPE_CHECKING

import msgspec

from tmuxmeter.agents.lines import Batch, decode
from tmuxmeter.agents.opencode_records import Message, Times, time_of, turn_end, usage_of
from tmuxmeter.events import SessionStart, event_key

if TYPE_CHECKING:
    from tmuxmeter.events import Event


class _Session(msgspec.Struct, gc=False):
    id: str
    directory: str = ""
    version: str = ""
    parent: str = msgspec.field(default="", name="parentID")
    time: Times = msgspec.field(default_factory=Times)


_MESSAGE = msgspec.json.Decoder(Message)
_SESSION = msgspec.json.Decoder(_Session)
_BROKEN = (msgspec.ValidationError, ValueError, TypeError)


class StoredMessage:
    """Reads ``storage/message/SESSION/MESSAGE.json``."""

    def read(self, content: bytes) -> list[Event] | None:
        """Return the message's tokens, and the end of its turn."""
        batch = Batch()
        try:
            message = decode(_MESSAGE, content)
            if not message.id or not message.session_id:
                batch.skip("message without its id")
                return batch.finish()
            usage = usage_of(message, message.id, message.session_id, spawned=False)
            if usage is not None:
                batch.events.append(usage)
            batch.events += turn_end(message, message.id, message.session_id)
        except msgspec.ValidationError:
            batch.skip("broken message")
        except (msgspec.DecodeError, JSONDecodeError):
            return None
        except _BROKEN:
            batch.skip("broken message")
        return batch.finish()

    def state(self) -> bytes:
        """Return nothing: a message says all of itself."""
        return b""


class StoredSession:
    """Reads ``storage/session/PROJECT/SESSION.json``."""

    def read(self, content: bytes) -> list[Event] | None:
        """Return the session's beginning."""
        batch = Batch()
        try:
            session = decode(_SESSION, content)
            batch.events.append(
                SessionStart(
                    key=event_key("opencode", "session", session.id),
                    session=session.id,
                    time_ms=time_of(session.time.created),
                    cwd=session.directory,
                    parent=session.parent,
                    spawned=bool(session.parent),
                    version=session.version,
                )
            )
        except msgspec.ValidationError:
            batch.skip("broken session")
        except (msgspec.DecodeError, JSONDecodeError):
            return None
        except _BROKEN:
            batch.skip("broken session")
        return batch.finish()

    def state(self) -> bytes:
        """Return nothing: a session says all of itself."""
        return b""
