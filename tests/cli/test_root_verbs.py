"""Verbs that root runs follow no link of the service's user, and wait for no FIFO."""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from tests.support import archives, bundles, tiny

OWNER = 54321  # the service's user
SECRET = b"root's own\n"
VERBS: dict[str, tuple[str, ...]] = {
    "doctor --bench": ("variants.json", "variants.json.new", "lock"),
    "commission": ("lock", "baseline-a.json", "baseline-a.json.new"),
    "install, the first": (
        "lock",
        "models",
        "models/tiny",
        "models/tiny/standing.json",
        "models/tiny/standing.json.new",
    ),
    "install": (
        "models",
        "models/incoming",
        "models/incoming/bearing.install",
        "models/incoming/bearing.install.new",
    ),
    "backup": ("baseline-a.json", "outbox.sqlite"),
    "restore": ("restoring.new", "baseline-a.json"),
}
CASES = [(verb, name) for verb, names in VERBS.items() for name in names]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Plant:
    """A state directory of the service's user, and what root has elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.sentinel, self.place = folder / "sentinel", folder / "place"
        self.sentinel.write_bytes(SECRET)
        self.sentinel.chmod(0o600)
        self.place.mkdir(mode=0o755)
        self.state.mkdir()
        os.chown(self.state, OWNER, OWNER)

    def put(self, name: str, kind: str) -> None:
        path = self.state / name
        for parent in reversed([p for p in path.parents if p.is_relative_to(self.state)]):
            parent.mkdir(exist_ok=True)
            os.chown(parent, OWNER, OWNER)
        if kind == "link":
            is_folder = name in ("models", "models/tiny", "models/incoming")
            path.symlink_to(self.place if is_folder else self.sentinel)
        elif kind == "new link":
            path.symlink_to(self.place / "made-by-root")
        elif kind == "hard link":
            path.hardlink_to(self.sentinel)
        else:
            os.mkfifo(path, 0o666)
        if kind != "hard link":
            os.chown(path, OWNER, OWNER, follow_symlinks=False)

    def check(self) -> None:
        status = self.sentinel.stat()
        assert self.sentinel.read_bytes() == SECRET
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (0, 0, 0o600)
        assert list(self.place.iterdir()) == []
        assert self.place.stat().st_uid == 0


@pytest.fixture
def plant() -> Iterator[Plant]:
    with tempfile.TemporaryDirectory() as folder:  # the folders of pytest are root's alone
        Path(folder).chmod(0o755)
        yield Plant(Path(folder))


def archive(folder: Path) -> bytes:
    """Of an agent that has its state in the same folder."""
    config = f"agent: {{state_dir: {folder}/state}}\nsources: [{{name: a, kind: synth}}]\n"
    files = {"config.yaml": config.encode(), "state/baseline-a.json": b"restored"}
    return archives.packed(files)


def run(folder: Path, verb: str) -> subprocess.CompletedProcess[str]:
    """The verb with what it needs; fails where it does not end."""
    source: dict[str, Any] = {"name": "a", "kind": "file", "path": "noise.wav", "model": "tiny"}
    more: tuple[str, ...] = ()
    if verb == "doctor --bench":
        tiny.write(folder / "m.onnx")
        tiny.write(folder / "m.float.onnx")
        source["model"], more = "./m.onnx", ("doctor", "--bench")
    elif verb == "commission":
        tiny.write(folder / "m.onnx")
        noise = 0.1 * np.random.default_rng(0).standard_normal(60_000)
        soundfile.write(folder / "noise.wav", noise, 1000, subtype="PCM_16")
        source["model"] = "./m.onnx"
        more = ("commission", "--source", "a", "--recordings", "noise.wav")
    elif verb == "backup":
        source = {"name": "a", "kind": "synth"}
        more = ("backup", str(folder / "b.zip"))
    elif verb == "restore":
        source = {"name": "a", "kind": "synth"}
        (folder / "b.zip").write_bytes(archive(folder))
        more = ("restore", str(folder / "b.zip"))
    else:
        source["model"] = "bearing" if verb == "install" else "tiny"  # the zoo has no tiny
        file = bundles.bundle(folder, "99", signed=False, name=source["model"])
        more = ("install", str(file))
    tree = {"agent": {"id": "a", "state_dir": str(folder / "state")}, "sources": [source]}
    (folder / "c.yaml").write_text(yaml.safe_dump(tree))
    line = [sys.executable, "-m", "agent", *more, "--config", "c.yaml"]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=folder)


@pytest.mark.parametrize("kind", ["link", "new link", "hard link", "FIFO"])
@pytest.mark.parametrize(("verb", "name"), CASES)
def test_what_the_services_user_has_put_there_is_neither_written_nor_given_away(
    plant: Plant, verb: str, name: str, kind: str
) -> None:
    if kind == "hard link" and name in ("models", "models/tiny", "models/incoming"):
        pytest.skip("a folder has none")
    plant.put(name, kind)
    done = run(plant.folder, verb)
    assert "Traceback" not in done.stderr + done.stdout
    plant.check()
    if verb == "backup" and done.returncode == 0:
        with zipfile.ZipFile(plant.folder / "b.zip") as made:
            assert all(SECRET not in made.read(file) for file in made.namelist())


@pytest.mark.parametrize("verb", VERBS)
def test_what_root_writes_belongs_to_the_directorys_owner(plant: Plant, verb: str) -> None:
    done = run(plant.folder, verb)
    assert done.returncode in (0, 1), done  # 1: doctor also finds what is wrong
    written = list(plant.state.rglob("*"))
    assert written
    assert {path.lstat().st_uid for path in written} == {OWNER}


def test_a_directory_that_is_a_link_of_the_services_user_is_written_as_that_user(
    plant: Plant,
) -> None:
    plant.state.rmdir()
    plant.state.symlink_to(plant.place)
    os.chown(plant.state, OWNER, OWNER, follow_symlinks=False)
    done = run(plant.folder, "commission")
    assert done.returncode == 75, done
    assert done.stderr.count("\n") == 1
    plant.check()
