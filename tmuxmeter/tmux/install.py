"""Putting the formats in place of the placeholders in the user's tmux options, and taking them out.

Only options that hold a placeholder are touched, in whatever scope they are set: globally, for a
session, a window or a pane. The user's own text is kept beside each, in
``@tmuxmeter_kept_OPTION``, together with a digest of what was written, so that a text the user has
changed since is told from ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmuxmeter.digests import blake2b
from tmuxmeter.tmux.formats import PLACEHOLDERS, interpolate, restore, unknown_names
from tmuxmeter.tmux.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tmuxmeter.tmux.client import Tmux

_STATUS_LINES = 5  # tmux's own limit
_SESSION_OPTIONS = (
    "status-left",
    "status-right",
    *(f"status-format[{line}]" for line in range(_STATUS_LINES)),
)
_PANE_OPTIONS = ("pane-border-format",)
_WINDOW_OPTIONS = ("window-status-format", "window-status-current-format", *_PANE_OPTIONS)

_MARK = "@@tmuxmeter@@"


@dataclass(frozen=True, slots=True)
class _Option:
    """One option in one scope, the flags that ``set-option`` and ``show-options`` name it by."""

    scope: str
    name: str

    @property
    def keeper(self) -> _Option:
        """The user option that keeps the user's own text."""
        name = self.name.replace("[", "-").replace("]", "")
        return _Option(self.scope, f"@tmuxmeter_kept_{name}")


def install_formats(tmux: Tmux) -> tuple[str, ...]:
    """Replace the placeholders in every option of a server; return the options that hold any.

    Does nothing where everything is in place already.

    Raises
    ------
    TmuxError
        If the server is gone or refuses.
    """
    lines: list[str] = []
    holding: dict[str, None] = {}
    for option, text, kept in _options(tmux):
        digest, _, original = kept.partition(" ")
        own = original if kept and digest == _digest(text) else restore(text)
        wanted = interpolate(own)
        if wanted == own:
            lines += [_unset(option.keeper)] if kept else []
            continue
        holding[option.name] = None
        keep = f"{_digest(wanted)} {own}"
        if wanted != text:
            lines.append(_set(option, wanted))
        if keep != kept:
            lines.append(_set(option.keeper, keep))
    tmux.source(lines)
    return tuple(holding)


def remove_formats(tmux: Tmux) -> tuple[str, ...]:
    """Give every option of a server its own text back; return the options that were changed.

    What the user has changed since keeps the change, with the placeholders in it again.

    Raises
    ------
    TmuxError
        If the server is gone or refuses.
    """
    lines: list[str] = []
    restored: dict[str, None] = {}
    for option, text, kept in _options(tmux):
        digest, _, original = kept.partition(" ")
        own = original if kept and digest == _digest(text) else restore(text)
        if own != text:
            restored[option.name] = None
            lines.append(_set(option, own))
        if kept:
            lines.append(_unset(option.keeper))
    tmux.source(lines)
    return tuple(restored)


@dataclass(frozen=True, slots=True)
class Formats:
    """The options of a server that hold placeholders: replaced by formats, or not yet.

    ``unknown`` says where a placeholder stands that there isn't, for people.
    """

    in_place: tuple[str, ...]
    waiting: tuple[str, ...]
    unknown: tuple[str, ...]


def look_at_formats(tmux: Tmux) -> Formats:
    """Return where the meter is shown; changes nothing.

    Raises
    ------
    TmuxError
        If the server is gone or refuses.
    """
    in_place: dict[str, None] = {}
    waiting: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for option, text, _ in _options(tmux):
        wanted = interpolate(restore(text))
        if wanted != restore(text):
            (in_place if wanted == text else waiting)[option.name] = None
        unknown |= {f"{option.name}: {_hint(name)}": None for name in unknown_names(text)}
    return Formats(tuple(in_place), tuple(waiting), tuple(unknown))


def _hint(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, PLACEHOLDERS, 1)
    return f"there is no #{{{name}}}" + (f"; did you mean #{{{near[0]}}}?" if near else "")


def read_options(tmux: Tmux, names: Iterable[str]) -> dict[str, str]:
    """Return the values of global user options (``@tmuxmeter_icons``), "" for one that isn't set.

    Raises
    ------
    TmuxError
        If the server is gone or refuses.
    """
    names = tuple(names)
    return dict(zip(names, _show(tmux, [_Option("-g", name) for name in names]), strict=True))


def _options(tmux: Tmux) -> Iterable[tuple[_Option, str, str]]:
    """Yield each option that is set somewhere with its text and what is kept of it."""
    ids = tmux.run(
        [
            *("list-sessions", "-F", "#{session_id}", ";"),
            *("list-panes", "-a", "-F", "#{window_id} #{pane_id}"),
        ]
    ).split()
    scopes = {"-g": _SESSION_OPTIONS, "-gw": _WINDOW_OPTIONS}
    for tmux_id in ids:
        match tmux_id[0]:
            case "$":
                scopes[f"-t {quoted(tmux_id)}"] = _SESSION_OPTIONS
            case "@":
                scopes[f"-w -t {tmux_id}"] = _WINDOW_OPTIONS
            case _:
                scopes[f"-p -t {quoted(tmux_id)}"] = _PANE_OPTIONS
    options = [_Option(scope, name) for scope, names in scopes.items() for name in names]
    texts = _show(tmux, [either for option in options for either in (option, option.keeper)])
    for option, text, kept in zip(options, texts[::2], texts[1::2], strict=True):
        if text or kept:
            yield option, text, kept


def _show(tmux: Tmux, options: list[_Option]) -> list[str]:
    lines: list[str] = []
    for option in options:
        lines.append(f"show-options -qv {option.scope} {quoted(option.name)}")
        # Texts may hold line ends, so each is closed by a line of ours.
        lines.append(f"display-message -p {_MARK}")
    texts = tmux.source(lines).split(f"{_MARK}\n")
    return [text.removesuffix("\n") for text in texts[: len(options)]]


def _set(option: _Option, text: str) -> str:
    return f"set-option {option.scope} {quoted(option.name)} {quoted(text)}"


def _unset(option: _Option) -> str:
    return f"set-option -u {option.scope} {quoted(option.name)}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
