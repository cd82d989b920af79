"""An archive of a stranger is refused in one line, and nothing is touched."""

import io
import os
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.cli import main
from tests.support.archives import manifest, packed

CONFIG = b"agent: {id: a, state_dir: state}\nsources: [{name: a, kind: synth}]\n"


def named(name: str) -> bytes:
    return packed({"config.yaml": CONFIG, name: b"data"})


def larger() -> bytes:
    """One that unpacks to more than it says."""
    data = bytes(64 << 20)
    listed = {"config.yaml": CONFIG, "state/a.json": b""}
    return packed({"config.yaml": CONFIG, "state/a.json": data}, manifest(listed))


def twice() -> bytes:
    out = io.BytesIO()
    files = {"config.yaml": CONFIG, "state/a.json": b"1"}
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in [*files.items(), ("state/a.json", b"2")]:
            archive.writestr(name, data)
        archive.writestr("manifest.json", manifest(files))
    return out.getvalue()


def of_other_content() -> bytes:
    files = {"config.yaml": CONFIG, "state/a.json": b"1"}
    return packed(files | {"state/a.json": b"2"}, manifest(files))


def cases() -> Iterator[tuple[str, bytes]]:
    whole = named("state/baseline-a.json")
    yield "empty", b""
    yield "no archive", os.urandom(4096)
    yield "cut", whole[:-30]
    yield "bytes in front", b"#!/bin/sh\n" * 100 + whole[:-22] + b"\0" * 22
    for name in (
        "../a.json",
        "/etc/a.json",
        "state/../../a.json",
        "state//a.json",
        "state/./a.json",
        "state\\..\\a.json",
        "state/.a.json",
        "state/authorized_keys",
        "state/lock",
        "state/incoming/a.json",
        "state/" + "a" * 300 + ".json",
        "secrets/../../a",
        "secrets/a/b",
        "other/a.json",
    ):
        yield name[:30], named(name)
    yield "a link", packed({"config.yaml": CONFIG, "state/a.json": b"/etc"}, mode=0o120777)
    yield "other content", of_other_content()
    yield "no table", packed({"config.yaml": CONFIG}, b"[]")
    yield "no list", packed({"config.yaml": CONFIG}, manifest({}, files=5))
    yield "another schema", packed({}, manifest({}, schema="other"))
    yield "no configuration", packed({"state/a.json": b"1"})
    yield "another file", packed({"config.yaml": CONFIG, "state/b.json": b""}, manifest({}))
    yield "no YAML", packed({"config.yaml": b"\x00\xff"})
    yield "no SQLite file", packed({"config.yaml": CONFIG, "state/outbox.sqlite": b"0" * 5000})
    yield "no outbox", packed({"config.yaml": CONFIG, "state/outbox.sqlite": other_database()})


def other_database() -> bytes:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE message (other)")
    return db.serialize()


MADE: dict[str, Callable[[], bytes]] = {"larger": larger, "twice": twice}
CASES = dict(cases())
Restore = Callable[[bytes], tuple[int, str, str]]


@pytest.fixture
def restore(folder: Path, capsys: pytest.CaptureFixture[str]) -> Restore:
    """Runs the verb on an archive of those bytes; exit code, output and errors."""

    def run(data: bytes) -> tuple[int, str, str]:
        (folder / "b.zip").write_bytes(data)
        code = main.main(["restore", "b.zip", "--config", "config.yaml"])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "lock").touch()
    (tmp_path / "state" / "baseline-a.json").write_text("mine")
    (tmp_path / "config.yaml").write_text("mine")
    return tmp_path


def everything(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "b.zip")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", [*CASES, *MADE])
def test_it_is_refused_and_nothing_is_touched(folder: Path, restore: Restore, case: str) -> None:
    before = everything(folder)
    code, out, err = restore(MADE[case]() if case in MADE else CASES[case])
    assert code == 65, err
    assert (out, err.count("\n")) == ("", 1), err
    assert len(err) < 400
    assert everything(folder) == before


def test_a_state_directory_that_is_none_is_left_alone(folder: Path, restore: Restore) -> None:
    other = folder / "etc"
    other.mkdir()
    (other / "passwd").write_text("a")
    (folder / "config.yaml").unlink()
    code, _, err = restore(packed({"config.yaml": CONFIG.replace(b": state", b": etc")}))
    assert (code, err.count("\n")) == (75, 1)
    assert [path.name for path in other.iterdir()] == ["passwd"]
    assert not (folder / "config.yaml").exists()


def test_a_whole_archive_is_taken(folder: Path, restore: Restore) -> None:
    code, _, err = restore(named("state/baseline-a.json"))
    assert (code, err) == (0, "")
    assert (folder / "state" / "baseline-a.json").read_bytes() == b"data"
