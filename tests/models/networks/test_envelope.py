"""The envelope networks: three forms of one skeleton, and checkpoints that keep loading."""

import pytest

torch = pytest.importorskip("torch")

from models.networks.dimensions import Dimensions  # noqa: E402 (torch may be missing)
from models.networks.registry import build  # noqa: E402

SIZE = Dimensions(1, 1024, 4, 10_000)


def test_weights_saved_before_version_0_2_still_load() -> None:
    torch.manual_seed(0)
    network = build("drsn-twin", "small", SIZE)
    state = {
        name.replace("spectrum_branch.", "colour."): value
        for name, value in network.state_dict().items()
    }
    assert any(name.startswith("colour.") for name in state)
    loaded = build("drsn-twin", "small", SIZE)
    loaded.load_state_dict(state)
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_only_the_two_branch_form_sees_the_windows_own_spectrum() -> None:
    names = {family: dict(build(family, "small", SIZE).named_parameters()) for family in FORMS}
    branches = {
        family: any(name.startswith("spectrum_branch") for name in parameters)
        for family, parameters in names.items()
    }
    assert branches == {"drsn-env": False, "drsn-order": False, "drsn-twin": True}


FORMS = ("drsn-env", "drsn-order", "drsn-twin")
