"""Tool calls of a Codex rollout: whether they worked, and which files their patches name."""

from __future__ import annotations

import re
from posixpath import join, normpath
from typing import Any

import msgspec

_PATCHED = re.compile(r"\*\*\* (?:(?:Update|Add|Delete) File|Move to): ([^\n\r\\\"'`]{1,4096})")
"""Also inside JSON or JavaScript strings, where the line ends with an escaped newline."""

_WORKDIR = re.compile(r'"workdir"\s*:\s*"((?:[^"\\]|\\.){1,4096})"')

_EXIT_CODE = re.compile(rb"(?:Process exited with code|Exit code:) (-?\d{1,12})")
_EXIT_CODE_FIELD = re.compile(rb'(?<!\\)\\"exit_code\\"\s*:\s*(-?\d{1,12})')
"""In JSON inside a string: once escaped. In what a tool printed, it would be escaped twice."""

_FAILED_OPENING = re.compile(
    rb"""(?:
        Script\ failed | Script\ error: | [Ee]rror: | execution\ error | tool\ call\ error
      | unsupported\ (?:custom\ tool\ )?call | failed\ to\ parse | exec_command\ failed
      | write_stdin\ failed | apply_patch\ verification\ failed | aborted
      | command\ timed\ out | exec\ command\ rejected | patch\ rejected | rejected\ by\ user
    )""",
    re.VERBOSE,
)
"""Codex marks no failure on an output; these are the openings of the ones it writes itself."""

_TEXT = re.compile(
    rb'\s*(?:"|\[\s*\{[^\[{]{0,200}?"text"\s*:\s*"|\{[^\[{]{0,200}?"content"\s*:\s*")'
)
_HEADER = 600
_TAIL = 400
_FAILED_STATUS = frozenset({"failed", "error", "declined"})

_CALLS_KEPT = 64


class Call(msgspec.Struct, array_like=True):
    """A tool call whose outcome, or whose other forms, may still come.

    ``told``: 0 not yet, 1 as a success, 2 as a failure.
    """

    tool: str = ""
    paths: tuple[str, ...] = ()
    told: int = 0


def remember(calls: dict[str, Call], call_id: str, call: Call) -> Call:
    """Keep a call for its outcome, and forget the oldest beyond a bound."""
    calls[call_id] = call
    if len(calls) > 2 * _CALLS_KEPT:
        for oldest in list(calls)[:_CALLS_KEPT]:
            del calls[oldest]
    return call


def patched_paths(text: Any, cwd: str) -> tuple[str, ...]:
    """Return the files a patch in a tool's input names, absolute where the folder is known."""
    if not isinstance(text, str) or "*** " not in text:
        return ()
    found = _WORKDIR.search(text)
    base = join(cwd, found[1]) if found else cwd
    paths = (absolute(path.strip(), base) for path in _PATCHED.findall(text))
    return tuple(dict.fromkeys(path for path in paths if path))


def absolute(path: str, base: str) -> str:
    """Return a path below ``base``, as it is where ``base`` isn't known."""
    if not path or path.startswith("/") or not base:
        return path
    return normpath(join(base, path))


def changed_paths(changes: dict[str, Any]) -> tuple[str, ...]:
    """Return the files of a change set, with the places files were moved to."""
    paths = list(changes)
    for change in changes.values():
        moved = change.get("move_path") if isinstance(change, dict) else None
        if isinstance(moved, str) and moved:
            paths.append(moved)
    return tuple(dict.fromkeys(path for path in paths if path))


def status_ok(status: object, exit_code: object, success: object = None) -> bool:
    """Tell whether the fields of a finished command or change name no failure."""
    if success is False or (isinstance(status, str) and status.lower() in _FAILED_STATUS):
        return False
    return not (isinstance(exit_code, int) and exit_code != 0)


def output_ok(raw: bytes) -> bool:
    """Tell whether a tool's output, as JSON, shows no failure.

    Only Codex's own frame is read (its header lines, its metadata, its error openings), never
    what the tool printed: a log that quotes "exited with code 1" is no failure.
    """
    start = _TEXT.match(raw)
    if start is None:
        return b'"success":false' not in raw[:_HEADER]
    text = start.end()
    if _FAILED_OPENING.match(raw, text):
        return False
    header = raw[text : text + _HEADER].split(b"Output:", 1)[0]
    if raw.startswith(b'{\\"', text):
        field = _EXIT_CODE_FIELD.search(raw, text)
        return field is None or int(field[1]) == 0
    code = _EXIT_CODE.search(header)
    if code is not None:
        return int(code[1]) == 0
    return not (raw[:1] == b"{" and b'"success":false' in raw[-_TAIL:])


def result_ok(raw: bytes) -> bool:
    """Tell whether an MCP tool's result is no error."""
    head = raw[:_HEADER].replace(b" ", b"")
    tail = raw[-_TAIL:].replace(b" ", b"")
    return not (head.startswith(b'{"Err"') or b'rror":true' in tail)
