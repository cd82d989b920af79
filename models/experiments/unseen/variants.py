"""What a trial changes in the released recipe, key by key of its YAML."""

from collections.abc import Mapping
from typing import Any

RELEASED = "released"
KINDS = ("gaussian", "laplacian", "pink", "tilted", "band", "knocks")
MANY = {"machines": 48, "random": 400, "seconds": 2, "share": 0.5}
HIDDEN = {"kinds": [*KINDS, "healthy", "healthy"], "snr_db": [-10, 10], "clean": 0.2}
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    RELEASED: {},
    "random": {"simulated": MANY},
    "healthy": {"noise": HIDDEN},
    "random-healthy": {"simulated": MANY, "noise": HIDDEN},
}
