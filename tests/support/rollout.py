"""What the tests of roll-outs share: installing bundles, and what the agent publishes of them."""

from pathlib import Path
from typing import Any

import yaml

from agent.inference import bundle, registry
from tests.conftest import Subscriber, eventually
from tests.support import bundles

Tree = dict[str, Any]


def config(tmp_path: Path, tree: Tree) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(tree))
    return file


def install(tmp_path: Path, tree: Tree, *arguments: object) -> str:
    done = bundles.agent("install", "--config", config(tmp_path, tree), *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def versions(subscriber: Subscriber) -> list[str]:
    return [each["model"]["version"] for each in subscriber.records("window")]


def states(subscriber: Subscriber) -> list[str]:
    return [each["state"] for each in subscriber.records("rollout")]


def until(subscriber: Subscriber, state: str) -> dict[str, Any]:
    """`kept` is that of version 2."""

    def matching() -> list[dict[str, Any]]:
        said = [each for each in subscriber.records("rollout") if each["state"] == state]
        return [each for each in said if state != "kept" or each["present"]["version"] == "2"]

    eventually(lambda: bool(matching()), 20, state)
    return matching()[-1]


def switched(tmp_path: Path, tree: Tree) -> Path:
    """The state directory, version 2 on probation there after 1."""
    state_dir = tmp_path / "state"
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    made = bundles.bundle(tmp_path, "2")
    registry.admit(state_dir, bundle.unpack(made.read_bytes(), [], "x"), False)
    registry.switch(state_dir, "tiny")
    return state_dir
