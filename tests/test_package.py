"""What an index and a user of it get: metadata, links that work, a source that can be tested."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from agent import __version__
from tests.support.paths import PROJECT

OMITTED = shutil.ignore_patterns(
    ".git", ".venv*", "build", "dist", "*.egg-info", ".*_cache", "runs"
)
BUILD = "import sys; from setuptools import build_meta as b; b.build_sdist('.'); b.build_wheel('.')"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# Some of every kind, which need neither a broker nor training.
SAMPLE = (
    "acquisition/test_windows.py",
    "deploy/test_deploy.py",
    "diagnosis/test_decision.py",
    "messages/test_messages.py",
    "test_architecture.py",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution and the wheel, built from a copy of this tree."""
    tree = tmp_path_factory.mktemp("built") / "tree"
    shutil.copytree(PROJECT, tree, ignore=OMITTED, symlinks=True)
    done = subprocess.run(
        [sys.executable, "-c", BUILD], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return tree


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(built.glob("*.whl")))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(wheel.read(name))


def test_every_link_of_the_long_description_leads_to_a_file_of_this_version(
    metadata: Message,
) -> None:
    source = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["urls"]["Source"]
    payload = metadata.get_payload(decode=True)
    assert isinstance(payload, bytes)
    description = payload.decode()
    links = LINK.findall(description)
    assert len(links) > 20
    relative = [link for link in links if not link.startswith(("https://", "http://", "#"))]
    assert relative == []
    ours = re.compile(rf"{re.escape(source)}/(?:blob|raw)/v{re.escape(__version__)}/([^#]+)")
    paths = [found[1] for link in links if (found := ours.match(link))]
    assert [path for path in paths if not (PROJECT / path).exists()] == []
    assert len(paths) > 20


def test_the_metadata_say_what_it_is_for_whom_and_where(metadata: Message) -> None:
    assert metadata["Version"] == __version__
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["Keywords"]
    labels = {url.partition(",")[0] for url in metadata.get_all("Project-URL", [])}
    assert labels == {"Source", "Documentation", "Changelog", "Issues"}
    assert "Operating System :: POSIX :: Linux" in metadata.get_all("Classifier", [])


def test_the_wheel_has_the_example_configuration_the_page_and_the_released_models(
    wheel: zipfile.ZipFile,
) -> None:
    example = wheel.read("agent/config/config.example.yaml")
    assert example == (PROJECT / "config.example.yaml").read_bytes()
    needed = {"agent/web/static/index.html", "agent/py.typed", "models/zoo/bearing.onnx"}
    assert needed <= set(wheel.namelist())
    assert not [name for name in wheel.namelist() if name.startswith(("tests/", "benchmarks/"))]


def test_the_source_distribution_has_every_tracked_file(built: Path) -> None:
    if not (PROJECT / ".git").exists():
        pytest.skip("needs a checkout with git")
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True)
    tracked = set(listed.stdout.splitlines())
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert sorted(tracked - packed) == []


def test_the_source_distribution_can_run_its_tests(built: Path, tmp_path: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    tests = [f"tests/{name}" for name in SAMPLE]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=tree,
        env={name: value for name, value in os.environ.items() if "PYTEST" not in name}
        | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
