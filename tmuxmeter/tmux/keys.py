"""The keys the user asked for, and only those: bound by ``tmuxmeter up``, given back by ``down``.

``@tmuxmeter_pause_key`` and ``@tmuxmeter_menu_key`` name them; ``-n KEY`` means one without the
prefix. What a key did before is kept beside it and comes back, unless the user has bound the key to
something else since. Into commands goes the pane's id and the client's name and nothing an agent
could have chosen; what the user types for a claim goes through an option, never through a shell.
"""

from __future__ import annotations

from shlex import join
from typing import TYPE_CHECKING, NamedTuple

from tmuxmeter.errors import TmuxError
from tmuxmeter.tmux.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmuxmeter.tmux.client import Tmux

PAUSE_KEY, MENU_KEY = KEY_OPTIONS = ("@tmuxmeter_pause_key", "@tmuxmeter_menu_key")
"""The options that name keys."""
TYPED, WHY = "@tmuxmeter_typed", "@tmuxmeter_why"
"""Take what is typed, until the command is run."""

PANE, CLIENT = "#{pane_id}", "#{client_name}"
CLAIM_PROMPTS = "files that are this pane's alone:,why nobody else needs them:"

_BOUND = {option: option.replace("@tmuxmeter_", "@tmuxmeter_bound_") for option in KEY_OPTIONS}
_KEPT = {option: option.replace("@tmuxmeter_", "@tmuxmeter_kept_") for option in KEY_OPTIONS}


class _Key(NamedTuple):
    table: str
    key: str

    @classmethod
    def of(cls, text: str) -> _Key | None:
        words = text.split()
        if words[:1] == ["-n"]:
            words, table = words[1:], "root"
        else:
            table = "prefix"
        return cls(table, words[0]) if len(words) == 1 else None

    def __str__(self) -> str:
        return f"-n {self.key}" if self.table == "root" else self.key

    def words(self, command: str) -> str:
        return f"{command} -T {self.table} {quoted(self.key)}"


def bind_keys(tmux: Tmux, helper: str, command: Sequence[str]) -> list[str]:
    """Bind the keys that the options name, and give back those they no longer name.

    Parameters
    ----------
    helper : str
        Path of ``shell/key.sh``.
    command : sequence of str
        How to call tmuxmeter.

    Returns
    -------
    list of str
        What is wrong with the options, for people.

    Raises
    ------
    TmuxError
        If the server is gone or refuses.
    """
    problems = []
    texts = {
        PAUSE_KEY: _pause(helper, command),
        MENU_KEY: _menu(helper, command),
    }
    for option, text in texts.items():
        wanted = _option(tmux, option)
        key = _Key.of(wanted) if wanted else None
        if wanted and key is None:
            problems.append(f"{option}: one key is wanted, such as P or -n M-p: {wanted[:40]!r}")
        _give_back(tmux, option)
        if key is None:
            continue
        before = _binding(tmux, key)
        try:
            tmux.source([f"{key.words('bind-key')} {text}"])
        except TmuxError as error:
            problems.append(f"{option}: {error}")
            continue
        tmux.source(
            [
                f"set-option -g {_BOUND[option]} {quoted(f'{key}')}",
                f"set-option -g {_KEPT[option]} {quoted(f'{_binding(tmux, key)}{_MARK}{before}')}",
            ]
        )
    return problems


def unbind_keys(tmux: Tmux) -> None:
    """Give all keys back.

    Raises
    ------
    TmuxError
        If the server is gone or refuses.
    """
    for option in KEY_OPTIONS:
        _give_back(tmux, option)


_MARK = "@@tmuxmeter@@"


def _give_back(tmux: Tmux, option: str) -> None:
    key = _Key.of(_option(tmux, _BOUND[option]))
    if key is None:
        return
    ours, _, before = _option(tmux, _KEPT[option]).partition(_MARK)
    lines = [f"set-option -gu {name}" for name in (_BOUND[option], _KEPT[option])]
    if _binding(tmux, key) == ours:
        lines.insert(0, before or key.words("unbind-key"))
    tmux.source(lines)


def _option(tmux: Tmux, name: str) -> str:
    return tmux.run(["show-options", "-gqv", name]).strip("\n")


def _binding(tmux: Tmux, key: _Key) -> str:
    """Return the command line that binds a key as it is bound now, "" where it isn't."""
    try:
        return tmux.run(["list-keys", "-T", key.table, key.key]).strip("\n")
    except TmuxError:
        return ""


def _pause(helper: str, command: Sequence[str]) -> str:
    return _run(helper, CLIENT, *command, "toggle", PANE)


def _menu(helper: str, command: Sequence[str]) -> str:
    """Return the command that opens the menu of the pane it is pressed in."""

    def popup(*words: str) -> str:
        line = f"COLUMNS=$(tput cols) {join([*command, *words])} | less -R"
        return f"display-popup -w 90% -h 90% -E {quoted(line)}"

    # the prompts' answers take the places of %1 and %2, with quotes in them escaped of %1% and %2%
    claim = f'set-option -p {TYPED} "%1%" ; set-option -p {WHY} "%2%" ; '
    claim += _run(helper, "--typed", PANE, CLIENT, *command, "claim", PANE)
    items = [
        ("pause or resume", "p", _run(helper, CLIENT, *command, "toggle", PANE)),
        ("today", "t", popup("today")),
        ("breakeven", "b", popup("breakeven")),
        ("log a hand-off", "h", _run(helper, CLIENT, *command, "handoff", "--pane", PANE)),
        ("claim files", "c", f"command-prompt -p {quoted(CLAIM_PROMPTS)} {quoted(claim)}"),
    ]
    # a menu expands its commands as formats before they are run
    words = " ".join(
        f"{quoted(name)} {key} {quoted(_literal(action))}" for name, key, action in items
    )
    return f"display-menu -T {quoted(f' tmuxmeter {PANE} ')} -x C -y C {words}"


def _run(*words: str) -> str:
    """Return the command that has a shell run these words; only tmux's own ids are formats."""
    line = " ".join(
        f"'{word}'" if word in (PANE, CLIENT) else _literal(join([word])) for word in words
    )
    return f"run-shell -b {quoted(line)}"


def _literal(text: str) -> str:
    """Return text that a format expands to itself (the time's conversions, %H, are left alone)."""
    return text.replace("#", "##")
