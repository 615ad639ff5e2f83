"""From a configuration file to checked settings; without a file this costs next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.config.settings import Config
from tmuxmeter.errors import ConfigError
from tmuxmeter.regular import read_regular

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 16 << 20
"""A file larger than this is no configuration."""


def read(path: Path, *, must_exist: bool = False) -> str | None:
    """Return the text of a configuration file, None if there is none.

    Raises
    ------
    ConfigError
        It can't be read, or ``must_exist`` and it doesn't.
    """
    try:
        return read_regular(path, MOST_BYTES).decode("utf-8-sig")
    except FileNotFoundError as error:
        if must_exist:
            msg = f"{path}: there is no such file"
            raise ConfigError(msg) from error
        return None
    except UnicodeDecodeError as error:
        msg = f"{path}: not UTF-8 text (byte {error.start})"
        raise ConfigError(msg) from error
    except OSError as error:
        msg = f"{path}: can't be read: {error.strerror or error}"
        raise ConfigError(msg) from error


def parse(path: Path, text: str | None) -> Config:
    """Return the settings that a configuration file's text holds; without a text, the defaults.

    Raises
    ------
    ConfigError
        All that is wrong with it, a line each: ``FILE:LINE: what``.
    """
    if text is None:
        return Config()
    from tmuxmeter.config.parsing import Parsing

    config, problems = Parsing(path, text).result()
    if problems:
        raise ConfigError("\n".join(problems))
    return config


def load(path: Path, *, must_exist: bool = False) -> Config:
    """Read and check a configuration file; where there is none, return the defaults.

    Raises
    ------
    ConfigError
        It can't be read or parsed, or ``must_exist`` and it doesn't.
    """
    return parse(path, read(path, must_exist=must_exist))


def try_load(path: Path, old: Config, *, must_exist: bool = False) -> tuple[Config, list[str]]:
    """Read the file anew; where anything is wrong, ``old`` stays in force. Return the problems too.

    Parameters
    ----------
    path : Path
        The configuration file.
    old : Config
        The settings in force.
    must_exist : bool
        Whether a missing file is a problem.
    """
    try:
        return load(path, must_exist=must_exist), []
    except ConfigError as error:
        return old, str(error).split("\n")
