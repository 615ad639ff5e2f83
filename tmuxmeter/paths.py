"""Where tmuxmeter keeps its own things, decided from a home and an environment passed in.

The layout is that of platformdirs (XDG base directories; ``~/Library`` on macOS), which itself
reads ``os.environ`` and can't be pointed at another home.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.errors import FolderError
from tmuxmeter.records import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "tmuxmeter"
CONFIG_VARIABLE = "TMUXMETER_CONFIG"
DEMO_MARK = ".tmuxmeter-demo"
"""A file of this name in a home tells that everything below it is played."""


@dataclass(frozen=True)
class Places:
    """Folders and files of one user, whether or not they exist.

    Attributes
    ----------
    home : Path
        The home below which agents' folders are looked for.
    state : Path
        What must survive a reboot: the ledger and its lock.
    config_file : Path
        The configuration file.
    config_named : bool
        Whether ``TMUXMETER_CONFIG`` named that file, so that it has to exist.
    runtime : Path
        What a running watcher, hooks and shells tell each other by: the watcher's lock, the
        registered tmux servers, hold flags, the prompt snippet file. Not in ``XDG_RUNTIME_DIR``:
        that ends with the login, which tmux, agents and watcher outlive, and not every shell has
        it.
    cache : Path
        What can be deleted at any time.
    agent_env : Mapping[str, str]
        The environment that may tell where agents keep their logs (``CLAUDE_CONFIG_DIR``,
        ``CODEX_HOME``, ``XDG_*``); empty where another home is examined.
    elsewhere : bool
        ``--home`` was given: only what belongs to that home counts.
    """

    home: Path
    state: Path
    config_file: Path
    config_named: bool
    runtime: Path
    cache: Path
    agent_env: Mapping[str, str] = field(repr=False)
    elsewhere: bool = False

    def expand(self, text: str) -> Path:
        """Return a path from the configuration; ``~`` is this home, and so is no leading slash."""
        if text == "~" or text.startswith("~/"):
            text = text[2:]
        return self.home / text


def places(home: Path | None, env: Mapping[str, str], platform: str = sys.platform) -> Places:
    """Return where everything is.

    Parameters
    ----------
    home : Path or None
        What ``--home`` said: everything lies below it, in the default layout, and no variable
        counts. None: the user's own home, ``XDG_*`` variables and ``TMUXMETER_CONFIG`` count.
    env : Mapping[str, str]
        The process's environment.
    platform : str
        ``sys.platform``.

    Raises
    ------
    FolderError
        No home is known.
    """
    elsewhere = home is not None
    if home is not None:
        env = {}
        home = home.absolute()
    else:
        home = _own_home(env)
    mac = platform == "darwin"
    state = _xdg(env, "XDG_STATE_HOME") or home / (
        "Library/Application Support" if mac else ".local/state"
    )
    cache = _xdg(env, "XDG_CACHE_HOME") or home / ("Library/Caches" if mac else ".cache")
    # command-line programs are configured below ~/.config on macOS too
    config = _xdg(env, "XDG_CONFIG_HOME") or home / ".config"
    chosen = env.get(CONFIG_VARIABLE)
    return Places(
        home=home,
        state=state / NAME,
        config_file=home / chosen if chosen else config / NAME / "config.toml",
        config_named=bool(chosen),
        runtime=state / NAME / "run",
        cache=cache / NAME,
        agent_env=env,
        elsewhere=elsewhere,
    )


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter, or make sure that it is one; return it.

    Raises
    ------
    FolderError
        It can't be made, is a symbolic link, no folder, or belongs to somebody else.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            msg = f"{path} is a symbolic link; tmuxmeter needs a folder of its own there"
            raise FolderError(msg)
        if not stat.S_ISDIR(found.st_mode):
            msg = f"{path} is in the way: it is not a folder"
            raise FolderError(msg)
        if found.st_uid != os.geteuid():
            msg = f"{path} belongs to user {found.st_uid}, not to you; not using it"
            raise FolderError(msg)
        if stat.S_IMODE(found.st_mode) != 0o700:
            path.chmod(0o700)
    except OSError as error:
        msg = f"can't make the folder {path}: {error.strerror or error}"
        raise FolderError(msg) from error
    return path


def _own_home(env: Mapping[str, str]) -> Path:
    home = env.get("HOME", "")
    if not home:
        import pwd

        try:
            home = pwd.getpwuid(os.geteuid()).pw_dir
        except KeyError as error:
            msg = "no home folder is known: set HOME or use --home DIR"
            raise FolderError(msg) from error
    return Path(home).absolute()


def _xdg(env: Mapping[str, str], name: str) -> Path | None:
    """Return the folder that an XDG variable names; the standard says to ignore relative ones."""
    value = env.get(name, "")
    return Path(value) if value.startswith("/") else None
