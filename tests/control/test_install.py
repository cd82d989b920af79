"""Installing and going back by hand: which bundles are taken, and which versions."""

from pathlib import Path
from typing import Any

import pytest

from agent.core.errors import UserError
from agent.inference import registry
from tests.support import bundles
from tests.support.rollout import config, install

Tree = dict[str, Any]


def test_there_is_no_going_back_to_nothing(tmp_path: Path, tree: Tree) -> None:
    install(tmp_path, tree, bundles.bundle(tmp_path, "1"))
    with pytest.raises(UserError, match="found nothing before 1 to go back to"):
        registry.go_back(tmp_path / "state", "tiny")
    install(tmp_path, tree, "--rollback", "tiny")
    registry.count_start(tmp_path / "state", 3)
    assert registry.find(tmp_path / "state", "tiny").is_file()


def test_an_older_version_needs_leave_and_the_same_is_refused(tmp_path: Path, tree: Tree) -> None:
    one, two = (bundles.bundle(tmp_path, version) for version in "12")
    install(tmp_path, tree, two)
    for made, why in ((one, "expected one above 2"), (two, "runs already")):
        done = bundles.agent("install", made, "--config", config(tmp_path, tree))
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert why in done.stderr
    assert "tried beside" in install(tmp_path, tree, one, "--allow-downgrade")


def test_unsigned_bundles_are_taken_by_hand_where_no_key_is_configured(
    tmp_path: Path, tree: Tree
) -> None:
    plain = bundles.bundle(tmp_path, "1", signed=False)
    done = bundles.agent("install", plain, "--config", config(tmp_path, tree))
    assert done.returncode == 1
    assert "found no signature" in done.stderr
    del tree["rollout"]["keys"]
    assert "not verified: rollout.keys names no key" in install(tmp_path, tree, plain)
