from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from logs_agent import TINY, line

from tmuxmeter.agents.base import Root
from tmuxmeter.logs.discover import Catalog, discover

NOW = 4_000_000_000 * 10**9


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "logs").mkdir(parents=True)
    return root


def catalog_of(*roots: Path) -> Catalog:
    return discover([(TINY, Root("tiny", root)) for root in roots], now_ns=NOW)


def put(path: Path, content: bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content or line("a"))
    return path


def found(catalog: Catalog) -> dict[str, str]:
    """Canonical names and the paths that stand for them, below the root."""
    logs = [entry.log for entry in catalog.entries()]
    return {log.name: log.path[len(log.root) + 1 :] for log in logs if log}


def problems(catalog: Catalog) -> dict[str, str]:
    return {Path(problem.path).name: problem.reason for problem in catalog.problems()}


def test_logs_below_the_log_folders_only(root: Path) -> None:
    put(root / "logs/a/b/c/x.jsonl")
    put(root / "logs/y.jsonl")
    put(root / "logs/notes.txt")
    put(root / "other/z.jsonl")
    catalog = catalog_of(root)
    assert found(catalog) == {"a/b/c/x.jsonl": "logs/a/b/c/x.jsonl", "y.jsonl": "logs/y.jsonl"}
    assert str(root / "other") not in catalog.folders()
    assert not catalog.problems()


def test_facts_of_an_entry(root: Path) -> None:
    path = put(root / "logs/x.jsonl")
    [entry] = catalog_of(root).entries()
    facts = path.stat()
    assert (entry.device, entry.inode, entry.size, entry.mtime_ns) == (
        facts.st_dev,
        facts.st_ino,
        facts.st_size,
        facts.st_mtime_ns,
    )


def test_plain_hides_compressed_and_active_hides_archived(root: Path) -> None:
    put(root / "archive/d+x.jsonl")
    put(root / "logs/d/x.jsonl.zst")
    catalog = catalog_of(root)
    assert found(catalog) == {"d/x.jsonl": "archive/d+x.jsonl"}
    plain = put(root / "logs/d/x.jsonl")
    catalog.check_folders(NOW)
    assert found(catalog) == {"d/x.jsonl": "logs/d/x.jsonl"}
    assert [log.path for log in catalog.take().logs] == [str(plain)]
    plain.unlink()
    catalog.check_folders(NOW)
    assert found(catalog) == {"d/x.jsonl": "archive/d+x.jsonl"}
    (root / "archive/d+x.jsonl").unlink()
    catalog.check_folders(NOW)
    assert found(catalog) == {"d/x.jsonl": "logs/d/x.jsonl.zst"}
    assert [log.path for log in catalog.take().logs] == [str(root / "logs/d/x.jsonl.zst")]


def test_hidden_file_that_changes_is_no_change(root: Path) -> None:
    put(root / "logs/x.jsonl")
    hidden = put(root / "logs/x.jsonl.zst")
    catalog = catalog_of(root)
    catalog.take()
    hidden.write_bytes(b"longer than before")
    catalog.check_path(str(hidden), NOW)
    assert not catalog.take().logs


def test_links_below_a_root_are_refused(root: Path, tmp_path: Path) -> None:
    target = put(tmp_path / "elsewhere/x.jsonl")
    (root / "logs/link.jsonl").symlink_to(target)
    (root / "logs/folder").symlink_to(target.parent)
    (root / "logs/loop").symlink_to(root / "logs")
    (root / "logs/readme").symlink_to(tmp_path / "nowhere")
    (root / "logs/itself").symlink_to(root / "logs/itself")
    catalog = catalog_of(root)
    assert not found(catalog)
    assert problems(catalog) == {
        "link.jsonl": "is a symbolic link, not read",
        "folder": "is a symbolic link to a folder, not followed",
        "loop": "is a symbolic link to a folder, not followed",
        "itself": "Too many levels of symbolic links",
    }
    (root / "logs/link.jsonl").unlink()
    catalog.check_folders(NOW)
    assert "link.jsonl" not in problems(catalog)


def test_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    put(root / "logs/x.jsonl")
    link = tmp_path / "link"
    link.symlink_to(root)
    catalog = catalog_of(link)
    assert [entry.path for entry in catalog.entries()] == [f"{link}/logs/x.jsonl"]


def test_a_log_folder_may_be_a_link_and_point_elsewhere_later(root: Path, tmp_path: Path) -> None:
    first, second = put(tmp_path / "first/d/x.jsonl"), put(tmp_path / "second/y.jsonl")
    (first.parent / "more").symlink_to(second.parent)
    (root / "archive").symlink_to(tmp_path / "first")
    catalog = catalog_of(root)
    assert found(catalog) == {"d/x.jsonl": "archive/d/x.jsonl"}
    assert problems(catalog) == {"more": "is a symbolic link to a folder, not followed"}
    (root / "archive").unlink()
    (root / "archive").symlink_to(second.parent)
    catalog.check_folders(NOW)
    assert found(catalog) == {"y.jsonl": "archive/y.jsonl"}
    assert not problems(catalog)
    (root / "archive").unlink()
    catalog.check_folders(NOW)
    assert not found(catalog)
    (root / "archive").symlink_to(tmp_path / "nowhere")
    catalog.check_roots(NOW)
    assert not found(catalog)
    (root / "archive").unlink()
    (root / "archive").symlink_to(root / "archive")
    catalog.check_roots(NOW)
    assert not found(catalog)


def test_a_log_folder_that_two_roots_share_is_read_once(root: Path, tmp_path: Path) -> None:
    put(root / "logs/x.jsonl")
    other = tmp_path / "other"
    put(other / "archive/z.jsonl")
    (other / "logs").symlink_to(root / "logs")
    catalog = catalog_of(root, other)
    paths = sorted(entry.path for entry in catalog.entries())
    assert paths == [f"{other}/archive/z.jsonl", f"{root}/logs/x.jsonl"]
    catalog.check_roots(NOW)
    assert sorted(entry.path for entry in catalog.entries()) == paths


def test_one_folder_under_two_roots_is_read_once(root: Path, tmp_path: Path) -> None:
    put(root / "logs/x.jsonl")
    link = tmp_path / "link"
    link.symlink_to(root)
    catalog = catalog_of(root, link, root)
    assert [entry.path for entry in catalog.entries()] == [f"{root}/logs/x.jsonl"]


def test_pipes_sockets_and_folders_are_no_logs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "logs/pipe.jsonl")
    (root / "logs/folder.jsonl").mkdir()
    monkeypatch.chdir(root / "logs")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jsonl")
        catalog = catalog_of(root)
    assert not found(catalog)
    assert problems(catalog) == {
        "pipe.jsonl": "is a named pipe, not read",
        "socket.jsonl": "is a socket, not read",
    }


def test_a_log_that_becomes_a_pipe_is_forgotten(root: Path) -> None:
    path = put(root / "logs/x.jsonl")
    catalog = catalog_of(root)
    path.unlink()
    os.mkfifo(path)
    catalog.check_files(list(catalog.entries()))
    assert not found(catalog)
    assert problems(catalog) == {"x.jsonl": "is a named pipe, not read"}


def test_names_that_are_no_text_are_refused(root: Path) -> None:
    name = os.fsencode(root) + b"/logs/\xff.jsonl"
    folder = os.fsencode(root) + b"/logs/d\xfe"
    try:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
        os.mkdir(folder)  # noqa: PTH102
    except OSError:
        pytest.skip("this file system refuses them itself")
    catalog = catalog_of(root)
    assert not found(catalog)
    assert sorted(problems(catalog).values()) == ["name is not valid UTF-8, not read"] * 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folder_is_a_problem_and_the_rest_goes_on(root: Path) -> None:
    put(root / "logs/x.jsonl")
    closed = put(root / "logs/closed/y.jsonl").parent
    closed.chmod(0)
    try:
        catalog = catalog_of(root)
        assert found(catalog) == {"x.jsonl": "logs/x.jsonl"}
        assert problems(catalog) == {"closed": "Permission denied"}
    finally:
        closed.chmod(0o700)
    catalog.check_folders(NOW)
    assert "closed/y.jsonl" in found(catalog)


def test_missing_roots_are_no_problem_and_seen_when_they_appear(tmp_path: Path) -> None:
    root = tmp_path / "later"
    catalog = catalog_of(root)
    assert not catalog.problems()
    put(root / "logs/x.jsonl")
    catalog.check_roots(NOW)
    assert [log.name for log in catalog.take().logs] == ["x.jsonl"]
    catalog.check_roots(NOW)
    assert not catalog.take().logs


def test_removed_folders_are_forgotten(root: Path) -> None:
    entered: list[str] = []
    left: list[str] = []
    put(root / "logs/a/b/x.jsonl")
    catalog = Catalog([(TINY, Root("tiny", root))], entering=entered.append, leaving=left.append)
    catalog.check_roots(NOW)
    assert sorted(entered) == [f"{root}/logs", f"{root}/logs/a", f"{root}/logs/a/b"]
    (root / "logs/a").rename(root / "moved")
    catalog.check_folders(NOW)
    assert not found(catalog)
    assert sorted(left) == [f"{root}/logs/a", f"{root}/logs/a/b"]
    (root / "moved").rename(root / "logs/a")
    catalog.check_folders(NOW)
    assert "a/b/x.jsonl" in found(catalog)
    (root / "logs").rename(root / "gone")
    catalog.check_folders(NOW)
    assert not found(catalog)
    assert not catalog.folders()


def test_replaced_file_is_noticed_by_its_number(root: Path) -> None:
    path = put(root / "logs/x.jsonl")
    catalog = catalog_of(root)
    catalog.take()
    fresh = put(root / "fresh")
    fresh.replace(path)
    catalog.check_folders(NOW)
    assert [log.name for log in catalog.take().logs] == ["x.jsonl"]


def test_unmoved_folders_are_not_listed_again(root: Path) -> None:
    put(root / "logs/x.jsonl")
    catalog = catalog_of(root)
    catalog.take()
    times = (root / "logs").stat()
    put(root / "logs/y.jsonl")
    os.utime(root / "logs", ns=(times.st_atime_ns, times.st_mtime_ns))
    catalog.check_folders(NOW)
    assert not catalog.take().logs


def test_folder_changed_just_before_it_was_listed_is_listed_again(root: Path) -> None:
    put(root / "logs/x.jsonl")
    times = (root / "logs").stat()
    catalog = discover([(TINY, Root("tiny", root))], now_ns=times.st_mtime_ns + 10**9)
    catalog.take()
    # Within the same tick of a coarse clock.
    put(root / "logs/y.jsonl")
    os.utime(root / "logs", ns=(times.st_atime_ns, times.st_mtime_ns))
    catalog.check_folders(NOW)
    assert [log.name for log in catalog.take().logs] == ["y.jsonl"]


def test_files_of_running_processes(root: Path) -> None:
    path = put(root / "live/1.json", b"idle")
    put(root / "live/1.tmp")
    put(root / "live/below/2.json")
    catalog = catalog_of(root)
    assert [live.path for live in catalog.take().live] == [str(path)]
    assert not found(catalog)
    before = path.stat().st_mtime_ns
    path.write_bytes(b"busy")
    # As within one tick of a coarse clock.
    os.utime(path, ns=(0, before))
    catalog.check_path(str(path), NOW)
    assert [(live.agent, live.root) for live in catalog.take().live] == [("tiny", str(root))]
    path.unlink()
    catalog.check_files(list(catalog.live_entries()))
    assert [live.path for live in catalog.take().live] == [str(path)]
    assert not list(catalog.live_entries())


def test_very_deep_folders(root: Path) -> None:
    deep = root / "logs"
    for _ in range(400):
        deep /= "d"
        deep.mkdir()
    put(deep / "x.jsonl")
    catalog = catalog_of(root)
    assert len(found(catalog)) == 1
    (root / "logs/d").rename(root / "away")
    catalog.check_folders(NOW)
    assert not found(catalog)
    assert catalog.folders() == [str(root / "logs")]
