"""Names that the project has left behind: the field's words took their place.

Looks at what `agent` and `models` define: modules, classes, functions, parameters, attributes and
names of a module. Local variables are free.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]

OLD_WORDS = """
lane lanes lineup alone post desk hearing ears door answers stage knobs ledger hub mixed bench
picture shelf letters errand places steer telling trying under_way waker pump dial rival reasons
intake feed cadence pace nodes watch colour twin world zeroed canvases teller wording held_back
survey learner deliver told said found chosen each known own given heard
"""
OLD = frozenset(OLD_WORDS.split())

# Names that stay: where, the name, and why.
EXEMPT = {
    ("agent/sources/file.py", "pace"): "a configuration key",
    ("agent/sources/synthetic.py", "pace"): "a configuration key",
    ("agent/cli/demo_page.py", "rival"): "the option --rival",
    ("agent/web/demo_harness.py", "rival"): "the network of --rival",
    ("agent/web/frames.py", "rival"): "the network of --rival",
    ("agent/web/frames.py", "_rival"): "the network of --rival",
    ("agent/web/records.py", "rival"): "the network of --rival",
    ("agent/service/daemon.py", "_deliver"): "delivery of the outbox",
    ("agent/diagnosis/baseline/noise_states.py", "colour"): "the colour of noise: pink, brown",
    ("agent/cli/watch.py", "watch"): "the verb",
    ("agent/config/yaml_bounds.py", "_Nodes"): "the nodes of a YAML document",
    ("agent/config/yaml_bounds.py", "nodes"): "the nodes of a YAML document",
    ("models/experiments/digits/report.py", "canvases"): "the images of that trial",
    ("models/experiments/trials/extra_trees.py", "nodes"): "the nodes of a decision tree",
    ("models/experiments/unseen/changes.py", "colour"): "the colour of noise: pink, brown",
    ("models/export/weight_compression.py", "nodes"): "the nodes of an ONNX graph",
    ("models/networks/residual.py", "_stage"): "the ResNet paper's word for blocks of one width",
}


def test_no_old_name_is_left() -> None:
    left = [use for use in _old_names() if (use[0], use[2]) not in EXEMPT]
    assert [f"{file}:{line} {name}" for file, line, name in left] == []


def test_every_exemption_is_still_needed() -> None:
    assert EXEMPT.keys() <= {(file, name) for file, _, name in _old_names()}


@pytest.mark.parametrize(
    "text",
    [
        "class Lane: ...",
        "class HeldBack: ...",
        "def told(): ...",
        "def _told(): ...",
        "def show(*, chosen): ...",
        "def show(*each): ...",
        "class Source:\n    found: int",
        "class Source:\n    FOUND = 1",
        "def show(self):\n    self._known = 1",
        "def show(self):\n    self.known: int = 1",
        "HELD_BACK = 1",
        "own: int = 1",
    ],
)
def test_an_old_name_is_seen_wherever_it_is_defined(text: str) -> None:
    assert len([name for _, name in _defined(ast.parse(text)) if _is_old(name)]) == 1


@pytest.mark.parametrize(
    "text", ["def show():\n    found = 1\n    return found", "graph.nodes", "show(known=1)"]
)
def test_locals_and_the_names_of_others_are_free(text: str) -> None:
    assert not any(_is_old(name) for _, name in _defined(ast.parse(text)))


def _old_names() -> Iterator[tuple[str, int, str]]:
    for root in ("agent", "models"):
        for path in sorted((PROJECT / root).rglob("*.py")):
            file = str(path.relative_to(PROJECT))
            defined = [
                (1, path.parent.name),
                (1, path.stem),
                *_defined(ast.parse(path.read_text())),
            ]
            yield from ((file, line, name) for line, name in defined if _is_old(name))


def _is_old(name: str) -> bool:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).strip("_").lower() in OLD


def _defined(module: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        if isinstance(node, ast.ClassDef | ast.Module):
            yield from _assigned(node)


def _assigned(scope: ast.ClassDef | ast.Module) -> Iterator[tuple[int, str]]:
    for node in scope.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        for target in targets:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            yield from ((name.lineno, name.id) for name in names if isinstance(name, ast.Name))
