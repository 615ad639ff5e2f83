"""The user's own commits in repositories where agents ran, read with git."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tmuxmeter.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

PATIENCE_S = 20
"""A git that takes longer is given up on: a network file system that hangs."""


class Commits(NamedTuple):
    """When commits were made (author's time, epoch ms, sorted), and which folders were left out."""

    times_ms: list[int]
    problems: list[str]


class _GitError(Exception):
    """Git said no."""


def commits(folders: Iterable[str], since_ms: int, until_ms: int) -> Commits:
    """Return the user's commits on any branch in a span, merges excluded.

    A folder that is gone or in no repository, and a repository that knows no ``user.email``, is
    left out and said. Work trees and clones of one repository count each commit once.

    Parameters
    ----------
    folders : iterable of str
        Where agents ran.
    since_ms, until_ms : int
        Epoch milliseconds, the end not included.
    """
    found: dict[str, int] = {}
    problems: list[str] = []
    seen: set[str] = set()
    for folder in sorted(set(folders)):
        if not Path(folder).is_dir():
            problems.append(f"{folder}: no longer there, its commits are not counted")
            continue
        try:
            shared = _git(folder, "rev-parse", "--path-format=absolute", "--git-common-dir").strip()
            if shared in seen:
                continue
            seen.add(shared)
            found |= _own(folder, since_ms, until_ms)
        except _GitError as error:
            problems.append(f"{folder}: {error}")
    return Commits(sorted(found.values()), problems)


def _own(folder: str, since_ms: int, until_ms: int) -> dict[str, int]:
    try:
        email = _git(folder, "config", "user.email").strip().casefold()
    except _GitError as error:
        msg = "git knows no user.email here, so nobody's commits are yours"
        raise _GitError(msg) from error
    # git's own filter goes by the committer's time, which comes after the author's
    lines = _git(
        # a stash and a note are commits, too, and nothing was finished with them
        *(folder, "log", "--exclude=refs/stash", "--exclude=refs/notes/*", "--all"),
        *("--no-merges", "--no-show-signature"),
        *(f"--since=@{since_ms // 1000 - 1}", "--format=%H %at %ae"),
    ).splitlines()
    times: dict[str, int] = {}
    for line in lines:
        name, seconds, author = line.split(" ", 2)
        if author.casefold() == email and since_ms <= int(seconds) * 1000 < until_ms:
            times[name] = int(seconds) * 1000
    return times


def _git(folder: str, *arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", folder, *arguments],
            capture_output=True,
            check=False,
            timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        msg = "git is not installed"
        raise _GitError(msg) from error
    except subprocess.TimeoutExpired as error:
        msg = f"git didn't answer within {PATIENCE_S} seconds"
        raise _GitError(msg) from error
    if answer.returncode:
        words = answer.stderr.decode(errors="replace").strip().splitlines()
        if words and "not a git repository" in words[-1]:
            msg = "in no git repository, so nothing there is a commit"
            raise _GitError(msg)
        raise _GitError(words[-1] if words else f"git failed ({answer.returncode})")
    return answer.stdout.decode(errors="replace")
