"""The user's commits, from real repositories."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tmuxmeter.commits import commits

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = 1_783_512_000
HOUR = 3600


@pytest.fixture(autouse=True)
def own_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


def git(folder: Path, *arguments: str, at: int = BEGIN, who: str = "me@example.org") -> None:
    when = f"@{at} +0000"
    names = {"GIT_AUTHOR_NAME": "N", "GIT_COMMITTER_NAME": "N", "GIT_COMMITTER_EMAIL": who}
    dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_EMAIL": who}
    subprocess.run(
        ["git", "-C", folder, *arguments],
        env={**os.environ, **names, **dates},
        check=True,
        capture_output=True,
    )


def repository(folder: Path, email: str | None = "me@example.org") -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    if email:
        git(folder, "config", "user.email", email)
    return folder


def commit(folder: Path, at: int, who: str = "me@example.org") -> None:
    git(folder, "commit", "-q", "--allow-empty", "-m", "x", at=at, who=who)


def found(*folders: Path) -> tuple[list[int], list[str]]:
    times, problems = commits(map(str, folders), BEGIN * 1000, (BEGIN + 10 * HOUR) * 1000)
    return [time // 1000 - BEGIN for time in times], problems


def test_only_the_users_own_commits_of_the_span_count(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo", "Me@Example.org")
    for at, who in ((-1, "me"), (0, "me"), (5, "you"), (10 * HOUR - 1, "me"), (10 * HOUR, "me")):
        commit(repo, BEGIN + at, f"{who}@example.org")
    assert found(repo) == ([0, 10 * HOUR - 1], [])


def test_merges_do_not_count_and_other_branches_do(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    commit(repo, BEGIN + 1)
    git(repo, "checkout", "-q", "-b", "topic")
    commit(repo, BEGIN + 2)
    git(repo, "checkout", "-q", "main")
    commit(repo, BEGIN + 3)
    git(repo, "merge", "-q", "--no-ff", "-m", "m", "topic", at=BEGIN + 4)
    git(repo, "checkout", "-q", "-b", "open")
    commit(repo, BEGIN + 5)
    git(repo, "checkout", "-q", "main")
    assert found(repo) == ([1, 2, 3, 5], [])


def test_a_stash_and_a_note_are_no_tasks(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    (repo / "a").write_text("1")
    git(repo, "add", "a")
    commit(repo, BEGIN + 1)
    (repo / "a").write_text("2")
    (repo / "new").write_text("3")
    git(repo, "stash", "-u", at=BEGIN + 2)
    git(repo, "notes", "add", "-m", "n", at=BEGIN + 3)
    git(repo, "checkout", "-q", "--detach")
    commit(repo, BEGIN + 4)
    assert found(repo) == ([1, 4], [])


def test_work_trees_clones_and_subfolders_count_a_commit_once(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    commit(repo, BEGIN + 1)
    git(repo, "worktree", "add", "-q", str(tmp_path / "tree"))
    git(tmp_path, "clone", "-q", str(repo), str(tmp_path / "clone"))
    git(tmp_path / "clone", "config", "user.email", "me@example.org")
    (repo / "deep").mkdir()
    assert found(repo, repo / "deep", tmp_path / "tree", tmp_path / "clone") == ([1], [])


def test_what_cannot_be_read_is_left_out_and_said(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    commit(repo, BEGIN + 1)
    plain = tmp_path / "plain"
    plain.mkdir()
    nobody = repository(tmp_path / "nobody", None)
    times, problems = found(repo, tmp_path / "gone", plain, nobody)
    assert times == [1]
    assert [problem.removeprefix(f"{tmp_path}/").split(":")[0] for problem in problems] == [
        "gone",
        "nobody",
        "plain",
    ]
    assert "no longer there" in problems[0]
    assert "user.email" in problems[1]


def test_a_repository_without_commits_has_none(tmp_path: Path) -> None:
    assert found(repository(tmp_path / "repo")) == ([], [])
