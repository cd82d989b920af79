"""A source that is scored by an installed model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Broker
from tests.support import bundles

Tree = dict[str, Any]


@pytest.fixture
def tree(settings: Callable[..., Tree], broker: Broker, tmp_path: Path) -> Tree:
    """A source that is scored by the installed model `tiny`."""
    synth = {"kind": "synth", "rate_hz": 1000, "repeat": True, "publish_windows": True}
    made = settings(broker.port, **synth, hop_s=0.02)
    made["sources"][0]["model"] = "tiny"
    public = bundles.key(tmp_path).with_suffix(".pub.pem")
    made["rollout"] = {"keys": [str(public)], "shadow_s": 0.5, "shadow_windows": 10}
    made["rollout"] |= {"probation_s": 0.5}
    return made
