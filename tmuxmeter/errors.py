"""The one exception hierarchy; each carries the exit code its user should see."""

from __future__ import annotations


class TmuxmeterError(Exception):
    """Anything that ends a command with one clear line instead of a traceback."""

    exit_code = 1


class UsageError(TmuxmeterError):
    """The command was called with something that makes no sense."""

    exit_code = 2


class ConfigError(TmuxmeterError):
    """The configuration file can't be read or holds a bad key or value."""

    exit_code = 2


class FolderError(TmuxmeterError):
    """A folder tmuxmeter keeps its own things in can't be made or isn't private."""

    exit_code = 5


class MissingProgramError(TmuxmeterError):
    """A program that is needed (tmux) is not installed."""

    exit_code = 127


class TmuxError(TmuxmeterError):
    """tmux answered with an error, or its server is gone."""

    exit_code = 4


class TmuxSilentError(TmuxError):
    """A tmux server didn't answer in time: it was stopped, or has too much to do."""

    def __init__(self, waited_s: float) -> None:
        super().__init__(f"tmux did not answer within {waited_s:g} s")


class PaneGoneError(TmuxError):
    """A tmux server has no such pane."""


class LedgerError(TmuxmeterError):
    """The ledger can't be opened, read or written."""

    exit_code = 5


class LedgerBusyError(LedgerError):
    """Another watcher holds the ledger's writer lock."""

    exit_code = 6


class LedgerNewerError(LedgerError):
    """The ledger was written by a newer tmuxmeter."""


class LedgerUnwritableError(LedgerError):
    """The ledger can't be written for now: the disk is full or the folder is read-only."""


class PauseError(TmuxmeterError):
    """An agent can't be paused, or let go, as it was asked for; nothing was changed."""

    exit_code = 7


class LogError(TmuxmeterError):
    """A log file can't be read; the rest goes on."""


class LogBusyError(LogError):
    """A log can't be read right now, because its owner is at it: try again soon."""
