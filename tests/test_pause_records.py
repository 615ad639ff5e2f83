"""Pauses and hold flags as files: private, whole, never through links, broken ones told."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tmuxmeter.errors import FolderError, PauseError
from tmuxmeter.pause.hold import Flag, HoldFlags, flag_name
from tmuxmeter.pause.records import UNWATCHED, Pause, PauseStore, new_id

if TYPE_CHECKING:
    from pathlib import Path


def pause(**changes: object) -> Pause:
    made = Pause(
        id=new_id(),
        agent="claude",
        session="s",
        socket="/tmp/socket",
        server_pid=10,
        server_started=1000,
        pane_id="%1",
        pane_pid=11,
        pane_pid_start="5",
        pid=12,
        pid_start="6",
        since_ms=1,
        who="you",
        way="freeze",
        method="subtree",
        seen="2 processes stopped",
        undo={"stopped": [[12, "6"]]},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> PauseStore:
    return PauseStore(tmp_path / "state" / "pauses")


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o777


def test_a_pause_comes_back_as_it_was_written(store: PauseStore) -> None:
    second, first = pause(since_ms=2), pause(since_ms=1)
    store.add(second)
    store.add(first)
    assert PauseStore(store.folder).all() == [first, second]
    assert mode(store.folder) == 0o700
    assert {mode(path) for path in store.folder.iterdir()} == {0o600}


def test_nothing_was_ever_paused(store: PauseStore) -> None:
    assert store.all() == []
    assert store.broken == []
    assert not store.folder.exists()
    assert not store.remove(new_id())


def test_replaced_and_removed(store: PauseStore) -> None:
    made = pause()
    store.add(made)
    store.replace(replace(made, spent_after=3))
    assert [one.spent_after for one in store.all()] == [3]
    assert store.remove(made.id)
    assert store.all() == []


def test_the_pauses_of_a_pane(store: PauseStore) -> None:
    here = pause()
    store.add(here)
    store.add(pause(pane_id="%2"))
    store.add(pause(server_pid=99))
    assert store.of_pane("/tmp/socket", 10, "%1") == [here]


def test_who_can_not_be_watched_is_told() -> None:
    made = pause(way="interrupt", session="a", seen="turn ended")
    assert made.told == "turn ended"
    assert replace(made, session="").told == f"turn ended; {UNWATCHED}"
    assert replace(made, session="", seen="").told == ""
    # its processes tell whether it stands still
    assert replace(made, session="", way="freeze").told == "turn ended"


def damage(path: Path, how: str) -> None:
    text = path.read_text()
    path.unlink()
    if how == "cut":
        path.write_text(text[: len(text) // 2])
    elif how == "no text":
        path.write_bytes(b"\xff\xfe\x00")
    elif how == "wrong type":
        path.write_text(text.replace('"pid": 12', '"pid": "12"'))
    elif how == "wrong way":
        path.write_text(text.replace('"freeze"', '"kill"'))
    elif how == "field missing":
        path.write_text(json.dumps({"id": path.stem}))
    elif how == "another's name":
        path.write_text(text.replace(path.stem, "0" * 16))
    elif how == "link":
        other = path.with_name("elsewhere")
        other.write_text(text)
        path.symlink_to(other)
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    elif how == "huge":
        path.write_text(text + " " * (1 << 21))


@pytest.mark.parametrize(
    "how",
    [
        *("cut", "no text", "wrong type", "wrong way", "field missing", "another's name"),
        *("link", "pipe", "folder", "huge"),
    ],
)
def test_a_broken_file_is_left_out_and_told(store: PauseStore, how: str) -> None:
    bad, good = pause(), pause(since_ms=2)
    store.add(bad)
    store.add(good)
    damage(store.folder / f"{bad.id}.json", how)
    assert store.all() == [good]
    assert len(store.broken) == 1
    assert bad.id in store.broken[0]


def test_what_a_newer_version_adds_is_no_damage(store: PauseStore) -> None:
    made = pause()
    store.add(made)
    path = store.folder / f"{made.id}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"mood": "calm"}))
    assert store.all() == [made]


def test_a_link_in_a_file_s_place_is_replaced_not_followed(
    store: PauseStore, tmp_path: Path
) -> None:
    made = pause()
    store.add(made)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path = store.folder / f"{made.id}.json"
    path.unlink()
    path.symlink_to(victim)
    store.replace(made)
    assert victim.read_text() == "precious"
    assert store.all() == [made]


def test_a_link_in_the_folder_s_place_is_refused(store: PauseStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    store.folder.parent.mkdir()
    store.folder.symlink_to(elsewhere)
    with pytest.raises(FolderError):
        store.add(pause())
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("name", ["../../escape", "", "x" * 16, "/etc/passwd"])
def test_only_ids_become_names(store: PauseStore, name: str) -> None:
    with pytest.raises(ValueError, match="no id"):
        store.add(pause(id=name))


# flags


@pytest.fixture
def flags(tmp_path: Path) -> HoldFlags:
    return HoldFlags(tmp_path / "run" / "hold")


def test_flags_are_set_and_cleared(flags: HoldFlags) -> None:
    assert flags.active() == []
    path = flags.set("claude", "s1", "you", 5)
    flags.set("codex", "s1", "guard: over", 6)
    assert flags.active() == [Flag("claude", "s1", "you", 5), Flag("codex", "s1", "guard: over", 6)]
    assert (mode(flags.folder), mode(path)) == (0o700, 0o600)
    assert flags.clear("claude", "s1")
    assert not flags.clear("claude", "s1")
    assert [flag.agent for flag in flags.active()] == ["codex"]


def test_names_can_t_be_steered(flags: HoldFlags) -> None:
    path = flags.set("claude", "../../../tmp/evil\n$(reboot)", "you", 5)
    assert path.parent == flags.folder
    assert len(path.name) == 32
    assert set(path.name) <= set("0123456789abcdef")
    # agent and session can't be shifted into each other
    assert flag_name("a", "bc") != flag_name("ab", "c")


def test_a_flag_for_nobody_is_refused(flags: HoldFlags) -> None:
    with pytest.raises(ValueError, match="session"):
        flags.set("claude", "", "you", 5)


def test_a_link_in_the_folder_s_place_holds_nobody(flags: HoldFlags, tmp_path: Path) -> None:
    flags.set("claude", "s1", "you", 5)
    elsewhere = flags.folder.rename(tmp_path / "elsewhere")
    flags.folder.symlink_to(elsewhere)
    assert flags.active() == []
    assert flags.get("claude", "s1") is None
    assert not flags.is_set("claude", "s1")
    assert not flags.clear("claude", "s1")
    with pytest.raises(FolderError):
        flags.set("claude", "s2", "you", 5)
    assert [path.name for path in elsewhere.iterdir()] == [flag_name("claude", "s1")]


def test_what_is_no_flag_of_ours_is_left_out(flags: HoldFlags) -> None:
    flags.set("claude", "s1", "you", 5)
    (flags.folder / "stray").write_text("{}")
    (flags.folder / ".draft").write_text("{}")
    copied = flags.folder / flag_name("claude", "s2")
    copied.write_text(flags.path("claude", "s1").read_text())
    assert [flag.session for flag in flags.active()] == ["s1"]
    assert flags.get("claude", "s2") is None


def test_two_that_act_on_one_pane_take_turns(store: PauseStore) -> None:
    other = PauseStore(store.folder)
    with store.alone("/tmp/socket", "%1"):
        with store.alone("/tmp/socket", "%1"):
            pass  # its own turn already
        with (
            pytest.raises(PauseError, match="somebody else is at it"),
            other.alone("/tmp/socket", "%1", 0.05),
        ):
            pytest.fail("two at once")
    with other.alone("/tmp/socket", "%1", 0):
        pass
    assert (other.all(), other.broken) == ([], [])


def test_panes_that_come_and_go_leave_few_files(store: PauseStore) -> None:
    for number in range(100):
        with store.alone("/tmp/socket", f"%{number}"):
            pass
    assert len(list(store.folder.iterdir())) <= 8


def test_without_a_lock_there_is_no_wait(tmp_path: Path) -> None:
    (tmp_path / "pauses").write_text("in the way")
    with PauseStore(tmp_path / "pauses").alone("/tmp/socket", "%1"):
        pass
