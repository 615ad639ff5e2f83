from __future__ import annotations

from typing import TYPE_CHECKING

from tmuxmeter.agents import agent_named
from tmuxmeter.panes.folders import log_name

if TYPE_CHECKING:
    from pathlib import Path

ROLLOUT = "2026/11/30/rollout-2026-11-30T09-00-00-0199c0de-0000-7000-8000-000000000001.jsonl"


def test_a_log_is_known_by_where_it_really_lies(tmp_path: Path) -> None:
    codex = agent_named("codex")
    account, disk, link = tmp_path / "codex", tmp_path / "disk", tmp_path / "link"
    (account / "archived_sessions").mkdir(parents=True)
    (account / "sessions").symlink_to(disk)
    link.symlink_to(account)
    disk.mkdir()
    name = codex.log_name(f"sessions/{ROLLOUT}")
    assert name
    for folder in (account, link):
        assert log_name(codex, str(folder), f"{disk}/{ROLLOUT}") == name
        assert log_name(codex, str(folder), f"{disk}/notes.txt") is None
        assert log_name(codex, str(folder), f"{tmp_path}/other/sessions/{ROLLOUT}") is None
        assert log_name(codex, str(folder), f"{disk}else/{ROLLOUT}") is None
    archived = f"{account}/archived_sessions/{ROLLOUT.rpartition('/')[2]}"
    assert log_name(codex, str(link), archived) == name
