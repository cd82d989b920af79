"""A file is the old or the new one, whatever happens, and durable when the writer returns."""

import os
from pathlib import Path

import pytest

from agent.core import files
from agent.core.errors import UserError


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was synced, in order."""
    names: list[str] = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        names.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return names


def test_a_written_file_is_synced_before_it_takes_its_name_and_its_folder_after(
    tmp_path: Path, synced: list[str]
) -> None:
    files.write(tmp_path / "a.json", b"one")
    assert (tmp_path / "a.json").read_bytes() == b"one"
    assert synced == ["a.json.new", tmp_path.name]


def test_a_finished_file_is_synced_before_it_takes_its_name_and_its_folder_after(
    tmp_path: Path, synced: list[str]
) -> None:
    (tmp_path / "part").write_bytes(b"one")
    files.move_into_place(tmp_path / "part", tmp_path / "a.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    assert synced == ["part", tmp_path.name]


def test_a_write_that_fails_leaves_the_old_content_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write(tmp_path / "a.json", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write(tmp_path / "a.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"old"


def test_folders_are_made_with_their_parents_and_each_is_synced(
    tmp_path: Path, synced: list[str]
) -> None:
    files.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert synced == [tmp_path.name, "a"]


def test_a_file_from_outside_is_read_up_to_its_limit_and_no_link_is_followed(
    tmp_path: Path,
) -> None:
    link = tmp_path / "tiny.install"
    link.symlink_to("/etc/hostname")
    with pytest.raises(UserError, match="cannot be read"):
        files.read_bounded(link, 1000, "rollout.max_mib")
    link.unlink()
    link.write_bytes(b"x" * 1001)
    with pytest.raises(UserError, match=r"more than 1000 bytes \(rollout.max_mib\)"):
        files.read_bounded(link, 1000, "rollout.max_mib")
    link.write_bytes(b"x" * 1000)
    assert files.read_bounded(link, 1000, "rollout.max_mib") == b"x" * 1000
