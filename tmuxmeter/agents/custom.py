"""An agent that the configuration describes: JSON lines, and where in them what stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from tmuxmeter.agents.base import Defaults, Root
from tmuxmeter.agents.lines import (
    BAD_COUNTS,
    BAD_TIME,
    MOST_TOKENS,
    Batch,
    SkipRecord,
    decode,
    read_lines,
)
from tmuxmeter.agents.node_scripts import base
from tmuxmeter.agents.times import epoch_ms, plausible_ms
from tmuxmeter.events import SessionStart, Usage, event_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmuxmeter.agents.base import Process
    from tmuxmeter.events import Event

_RECORD = msgspec.json.Decoder()
_SECONDS = 100_000_000_000
"""Numbers below are epoch seconds, those above milliseconds."""
_WILD = re.compile(r"[*?\[]")
_RUNTIME = re.compile(r"(?:python[\d.]*|node(?:js)?|bun|deno|ruby|perl|bash|sh)(?:\.exe)?")
_STARS = {"**/": r"(?:[^/]+/)*", "**": ".*", "*": r"[^/]*", "?": "[^/]"}
_SESSIONS = 64


@dataclass(frozen=True)
class Fields:
    """Where in a line what stands: names with dots between them (``message.usage.input``).

    "" is for what a line doesn't tell. A record without any tokens is none of these.
    """

    time: str
    output: str
    input: str = ""
    cache_read: str = ""
    cache_write: str = ""
    reasoning: str = ""
    session: str = ""
    cwd: str = ""
    model: str = ""
    id: str = ""
    input_includes_cache: bool = False
    output_includes_reasoning: bool = True


@dataclass(unsafe_hash=True)
class Custom(Defaults):
    """One ``[[agents.custom]]`` of the configuration.

    ``logs`` is a glob: ``**`` stands for any folders, ``~`` for the home folder.
    """

    name: str
    logs: str
    fields: Fields
    program: str = ""
    provider: str = ""
    title: str = field(init=False)
    programs: tuple[str, ...] = field(init=False)
    tells_folders: bool = field(init=False)
    meters = "what its entry in the configuration maps to tokens"
    lacks = "prompts, turns, tools and files"

    def __post_init__(self) -> None:
        self.title = self.name
        self.programs = (self.program,) if self.program else ()
        self.tells_folders = bool(self.fields.cwd)

    @property
    def _parts(self) -> tuple[Path, str]:
        """The folder in front of the first wildcard, and the pattern below it."""
        parts = PurePosixPath(self.logs).parts
        wild = next((n for n, part in enumerate(parts) if _WILD.search(part)), len(parts) - 1)
        return Path(*parts[:wild]), "/".join(parts[wild:])

    def roots(self, home: Path, env: Mapping[str, str]) -> tuple[Root, ...]:  # noqa: ARG002
        """Return the folder in front of the pattern."""
        folder, _ = self._parts
        text = str(folder)
        if text == "~" or text.startswith("~/"):
            text = text[2:]
        return (Root(self.name, home / text),)

    def log_folders(self) -> tuple[str, ...]:
        """Return the root itself."""
        return ("",)

    def walks(self, relative: str) -> bool:
        """Tell whether the pattern goes as deep."""
        pattern = self._parts[1]
        return "**" in pattern or relative.count("/") + 1 < pattern.count("/") + 1

    def log_name(self, relative: str) -> str | None:
        """Return the path itself where it matches the pattern."""
        return relative if _regex(self._parts[1]).fullmatch(relative) else None

    def reader(self, name: str, state: bytes = b"") -> CustomReader:
        """Return a reader for one of its logs."""
        return CustomReader(self.name, self.fields, _session_of(name), state)

    def role(self, process: Process) -> str:
        """Return ``agent`` for the program that the configuration names."""
        argv = process.argv or (process.name,)
        names = {base(argv[0])}
        if _RUNTIME.fullmatch(base(argv[0])):
            script = _script(argv[1:])
            names |= {script, PurePosixPath(script).stem}
        return "agent" if self.program in names - {""} else ""

    def session_of_log(self, name: str) -> str:
        """Return the file's path where lines tell no session."""
        return "" if self.fields.session else _session_of(name)


def _script(words: Sequence[str]) -> str:
    """Return the name of the script or module that a runtime is told to run, "" for a text."""
    for word in words:
        if word in ("-c", "-e"):
            break
        if not word.startswith("-"):
            return base(word)
    return ""


def _session_of(name: str) -> str:
    """Return a log's path without its ending: names alone may be the same in every folder."""
    return str(PurePosixPath(name).with_suffix(""))


def _regex(pattern: str) -> re.Pattern[str]:
    """Return a glob pattern as a regular expression; all but ``**`` stays within a folder."""
    text = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?|\[!?[^]/][^]/]*\])", pattern):
        if len(part) > 2 and part[0] == "[" and part[-1] == "]":
            one_of = re.sub(r"([\\[&~|^])", r"\\\1", part[1:-1].removeprefix("!"))
            text += f"[{'^/' if part[1] == '!' else ''}{one_of}]"
        else:
            text += _STARS.get(part, re.escape(part))
    try:
        return re.compile(text)
    except re.error:  # a range that goes backwards
        return re.compile(re.escape(pattern))


class CustomReader:
    """Reads one log. See :class:`tmuxmeter.agents.readers.Reader`."""

    def __init__(self, agent: str, fields: Fields, session: str, state: bytes = b"") -> None:
        self._agent = agent
        self._fields = fields
        self._session = session
        self._started: list[str] = msgspec.msgpack.decode(state, type=list[str]) if state else []

    def state(self) -> bytes:
        """Return the sessions whose beginning was told."""
        return msgspec.msgpack.encode(self._started)

    def read(self, block: bytes | bytearray, start: int, end: int, offset: int) -> list[Event]:
        """Return the events of ``block[start:end]``, which holds whole lines only."""
        return read_lines(self._take, block, start, end, offset)

    def _take(self, batch: Batch, line: bytes) -> None:
        record = decode(_RECORD, line)
        fields = self._fields
        told = [
            _count(_at(record, path))
            for path in (
                *(fields.input, fields.cache_read, fields.cache_write),
                *(fields.output, fields.reasoning),
            )
        ]
        if not any(told):
            return
        taken, cache_read, cache_write, output, reasoning = (count or 0 for count in told)
        fresh = taken - (cache_read + cache_write) * fields.input_includes_cache
        if fresh < 0:
            raise SkipRecord(BAD_COUNTS)
        time_ms = _time(_at(record, fields.time))
        session = _text(_at(record, fields.session)) or self._session
        cwd = _text(_at(record, fields.cwd))
        if session not in self._started:
            self._started = [*self._started, session][-_SESSIONS:]
            batch.events.append(
                SessionStart(
                    key=event_key(self._agent, "session", session),
                    session=session,
                    time_ms=time_ms,
                    cwd=cwd,
                )
            )
        identity = _text(_at(record, fields.id)) or blake2b(line, digest_size=16).hexdigest()
        batch.events.append(
            Usage(
                key=event_key(self._agent, "usage", identity),
                session=session,
                time_ms=time_ms,
                model=_text(_at(record, fields.model)),
                fresh=fresh,
                cache_read=cache_read,
                cache_write_5m=cache_write,
                output=output if fields.output_includes_reasoning else output + reasoning,
                reasoning=reasoning,
                cwd=cwd,
            )
        )


def _at(record: Any, path: str) -> Any:
    """Return what stands at a dotted path, None where there is nothing."""
    if not path:
        return None
    for name in path.split("."):
        if isinstance(record, list) and name.isdecimal() and int(name) < len(record):
            record = record[int(name)]
        elif isinstance(record, dict):
            record = record.get(name)
        else:
            return None
    return record


def _text(value: Any) -> str:
    """Return a name or a number as text, "" for what is neither."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _count(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_TOKENS:
        raise SkipRecord(BAD_COUNTS)
    return value


def _time(value: Any) -> int:
    found = None
    if isinstance(value, str):
        found = epoch_ms(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = plausible_ms(value * 1000 if value < _SECONDS else value)
    if found is None:
        raise SkipRecord(BAD_TIME)
    return found
