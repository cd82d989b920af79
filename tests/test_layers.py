"""The rule of imports. Its data are the tables of packages in docs/ARCHITECTURE.md."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.imports import Import, folder, imports
from tests.support.paths import PROJECT

ROOTS = ("agent", "models")

# Imports inside functions, and why each is there: importer, imported.
LATE = {
    # Optional dependencies: the extra may not be installed.
    ("agent.sources.iio", "iio"),
    ("agent.sources.portaudio", "sounddevice"),
    ("agent.sources.serial", "serial"),
    ("agent.inference.signing", "cryptography"),
    ("agent.jobs.archive.engines.ray", "ray"),
    ("agent.service.metrics.server", "prometheus_client"),
    ("agent.service.metrics.server", "agent.service.metrics.families"),
    ("agent.cli.demo_agent", "iotcore"),
    # Verbs: `--help` and the other verbs do not load what one verb needs.
    ("agent.cli.commission", "agent.jobs.commission"),
    ("agent.cli.config", "agent.config.json_schema"),
    ("agent.cli.demo", "agent.cli"),
    ("agent.cli.doctor", "agent.jobs"),
    ("agent.cli.ingest", "agent.jobs.ingest"),
    ("agent.cli.score", "agent.jobs.archive"),
    ("agent.cli.score", "agent.pipeline.offline"),
    ("models.cli.evaluate", "agent.inference"),
    ("models.cli.evaluate", "models"),
    ("models.cli.export", "models"),
    ("models.cli.forms", "agent.inference"),
    ("models.cli.forms", "models"),
    ("models.cli.quantize", "models"),
    ("models.cli.recalibrate", "agent.inference"),
    ("models.cli.recalibrate", "models"),
    ("models.cli.recalibrate", "onnx"),
    ("models.cli.release", "models"),
    ("models.cli.train", "models"),
    # Start time and memory: a daemon loads what its configuration asks for.
    ("agent.pipeline.clip", "soundfile"),
    ("agent.sources", "agent.sources.recordings"),
    ("agent.cli.main", "importlib.metadata"),  # it loads `email`; only others' verbs need it
    ("agent.cli.run", "agent.web.site"),
    ("agent.control.rollout.requests", "agent.control.rollout.download"),
    ("agent.service.notifications", "agent.delivery.notify"),
    ("agent.service.publishing", "agent.service.metrics"),
    ("agent.service.publishing", "agent.delivery"),
}


def table(document: str, root: str) -> list[str]:
    """The packages of a root, in the order of the document's table."""
    section = document.partition(f"## {root}/")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)/` \|", section, re.MULTILINE)


def test_a_package_imports_only_those_above_it_in_the_architectures_table() -> None:
    assert [str(found) for root in ROOTS for found in upward(PROJECT, root, _table(root))] == []


def test_no_two_folders_of_a_package_import_each_other() -> None:
    assert [pair for root in ROOTS for pair in mutual(PROJECT, root)] == []


def test_an_import_inside_a_function_stands_in_the_list_with_its_reason() -> None:
    late = [found for root in ROOTS for found in imports(PROJECT, root) if found.late]
    assert [str(found) for found in late if not any(_listed(found))] == []
    assert {entry for found in late for entry in _listed(found)} == LATE, "the list names no more"


@pytest.mark.parametrize("root", ROOTS)
def test_the_architectures_table_names_every_package_once(root: str) -> None:
    on_disk = sorted(path.parent.name for path in (PROJECT / root).glob("*/__init__.py"))
    assert sorted(_table(root)) == on_disk


# -- the rule itself, on a made tree ------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two packages: `service` imports `core`, which is the right way round."""
    _write(tmp_path, "agent/core/types.py", "")
    _write(tmp_path, "agent/core/deep/part.py", "from agent.core import types\n")
    _write(tmp_path, "agent/service/daemon.py", "from agent.core import types\n")
    return tmp_path


def test_the_rule_passes_a_tree_that_keeps_it(tree: Path) -> None:
    assert upward(tree, "agent", ["core", "service"]) == []
    assert mutual(tree, "agent") == []


@pytest.mark.parametrize(
    "line",
    [
        "from agent.service import daemon",
        "from agent.service.daemon import Daemon",
        "import agent.service.daemon",
        "def start():\n    from agent.service import daemon",
        "if TYPE_CHECKING:\n    from agent.service.daemon import Daemon",
    ],
)
def test_the_rule_turns_red_when_one_import_is_turned_round(tree: Path, line: str) -> None:
    _write(tree, "agent/service/daemon.py", "")
    _write(tree, "agent/core/types.py", f"{line}\n")
    assert [found.importer for found in upward(tree, "agent", ["core", "service"])] == [
        "agent.core.types"
    ]


def test_the_rule_turns_red_when_a_folder_imports_its_importer(tree: Path) -> None:
    _write(tree, "agent/core/types.py", "from agent.core.deep import part\n")
    assert mutual(tree, "agent") == [("agent.core", "agent.core.deep")]


def test_a_module_beside_the_packages_may_import_none_of_them(tree: Path) -> None:
    _write(tree, "agent/guard.py", "from agent.core import types\n")
    assert [found.importer for found in upward(tree, "agent", ["core", "service"])] == [
        "agent.guard"
    ]


# -- the rule -----------------------------------------------------------------------------


def upward(tree: Path, root: str, order: list[str]) -> list[Import]:
    """Imports of a package by one above it. Modules beside the packages count as the first."""
    rank = {f"{root}.{name}": at for at, name in enumerate(order)}

    def height(module: str) -> int:
        return rank.get(".".join(module.split(".")[:2]), -1)

    return [
        found
        for found in imports(tree, root)
        if found.importer != f"{root}.__main__" and height(found.imported) > height(found.importer)
    ]


def mutual(tree: Path, root: str) -> list[tuple[str, str]]:
    """Pairs of folders of one package that import each other."""
    arrows = {
        (folder(found.importer, tree), folder(found.imported, tree))
        for found in imports(tree, root)
        if _package(found.importer) == _package(found.imported)
    }
    return sorted((a, b) for a, b in arrows if a < b and (b, a) in arrows)


def _listed(pair: Import) -> Iterator[tuple[str, str]]:
    for importer, imported in LATE:
        if importer == pair.importer and f"{pair.imported}.".startswith(f"{imported}."):
            yield importer, imported


def _table(root: str) -> list[str]:
    return table((PROJECT / "docs" / "ARCHITECTURE.md").read_text(), root)


def _package(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _write(tree: Path, name: str, text: str) -> None:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
