"""The soft threshold does what the paper says, in torch and in an exported graph."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")

from models.networks.shrinkage import Shrinkage, soft_threshold

WIDTH = 8
# What comes out of a batch norm; far beyond, float32 rounds the sigmoid itself to 0 or 1.
FINITE = st.floats(-16, 16, width=32)
MAPS = arrays.arrays(np.float32, (3, WIDTH, 1, 16), elements=FINITE)
TAUS = arrays.arrays(np.float32, (3, WIDTH, 1, 1), elements=st.floats(2**-10, 16, width=32))


def gate(shared: bool, alpha_start: float = 0.5) -> Shrinkage:
    """A sub-network as training might leave it: alphas that differ by channel and sample."""
    torch.manual_seed(0)
    made = Shrinkage(WIDTH, shared, alpha_start)
    assert made.norm.running_mean is not None
    torch.nn.init.normal_(made.norm.running_mean, std=0.1)
    torch.nn.init.normal_(made.excite.weight, std=0.3)
    return made.eval()


def paper(x: np.ndarray, tau: np.ndarray) -> np.ndarray:
    shrunk: np.ndarray = np.sign(x) * np.maximum(np.abs(x) - tau, 0)
    return shrunk


def tau_of(made: Shrinkage, x: torch.Tensor) -> torch.Tensor:
    """The thresholds, from the alphas that the module returns and the paper's means."""
    mean = x.abs().mean((2, 3))
    alpha: torch.Tensor = made(x)[1]
    return alpha * (mean.mean(1, keepdim=True) if made.shared else mean)


@pytest.fixture(scope="module", params=[False, True], ids=["cw", "cs"])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Shrinkage, onnxruntime.InferenceSession]:
    """A gate and its ONNX graph."""
    made = gate(request.param)
    path: Path = tmp_path_factory.mktemp("gate") / "gate.onnx"
    torch.onnx.export(
        made,
        (torch.ones(2, WIDTH, 1, 16),),
        path,
        input_names=["x"],
        output_names=["y", "alpha"],
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    return made, onnxruntime.InferenceSession(path)


@given(MAPS, TAUS)
@settings(deadline=None, max_examples=40)
def test_it_is_sign_times_what_exceeds_the_threshold(x: np.ndarray, tau: np.ndarray) -> None:
    found = soft_threshold(torch.from_numpy(x), torch.from_numpy(tau)).numpy()
    np.testing.assert_allclose(found, paper(x, tau), rtol=1e-6, atol=1e-5)
    assert np.all(found[np.abs(x) <= tau] == 0)


@given(MAPS, TAUS)
@settings(deadline=None, max_examples=40)
def test_its_derivative_is_exactly_zero_or_one(x: np.ndarray, tau: np.ndarray) -> None:
    free = torch.from_numpy(x).requires_grad_()
    torch.autograd.backward(soft_threshold(free, torch.from_numpy(tau)).sum())
    edge = np.abs(x) == tau  # there it has none
    expected = (np.abs(x) > tau).astype(np.float32)
    assert free.grad is not None
    assert np.array_equal(free.grad.numpy()[~edge], expected[~edge])


@given(MAPS, st.booleans(), st.sampled_from([0.05, 0.5]))
@settings(deadline=None, max_examples=40)
def test_the_threshold_is_above_zero_and_never_above_the_largest(
    x: np.ndarray, shared: bool, alpha_start: float
) -> None:
    made = gate(shared, alpha_start)
    with torch.no_grad():
        tau = tau_of(made, torch.from_numpy(x)).numpy()
    largest = np.abs(x).max((1, 2, 3) if shared else (2, 3)).reshape(3, -1)
    heard = largest > 1e-30
    assert np.all(tau[heard] > 0)
    assert np.all(tau <= largest * (1 + 1e-5))


@pytest.mark.parametrize("shared", [False, True])
@given(x=MAPS)
@settings(deadline=None, max_examples=40)
def test_samples_of_a_batch_do_not_touch_each_other(shared: bool, x: np.ndarray) -> None:
    made = gate(shared)
    changed = x.copy()
    changed[1:] = 7.0
    with torch.no_grad():
        one, other = made(torch.from_numpy(x)), made(torch.from_numpy(changed))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(one, other, strict=True))


def test_channel_wise_has_a_threshold_a_channel_and_shared_has_one() -> None:
    x = torch.randn(3, WIDTH, 1, 16) * torch.arange(1, WIDTH + 1).reshape(1, -1, 1, 1)
    wise, shared = tau_of(gate(False), x), tau_of(gate(True), x)
    assert wise.shape == (3, WIDTH)
    assert shared.shape == (3, 1)
    assert len(set(wise[0].tolist())) == WIDTH
    assert len(set(shared[:, 0].tolist())) == 3  # per sample always


@given(x=MAPS)
@settings(deadline=None, max_examples=40)
def test_the_exported_graph_shrinks_by_the_same_formula(
    exported: tuple[Shrinkage, onnxruntime.InferenceSession], x: np.ndarray
) -> None:
    made, session = exported
    y, alpha = session.run(None, {"x": x})
    with torch.no_grad():
        tau = tau_of(made, torch.from_numpy(x)).numpy()[:, :, None, None]
    assert np.all((alpha > 0) & (alpha < 1))
    np.testing.assert_allclose(y, paper(x, tau), rtol=1e-5, atol=1e-4)


def test_the_exported_graph_has_the_derivative_zero_or_one() -> None:
    """By finite differences where they are exact: a power of two, a threshold held fixed."""
    x = np.array([-4, -2, -0.5, 0, 0.5, 2, 4], np.float32).reshape(1, 1, 1, -1)
    step = np.float32(2**-4)
    one = np.ones(1, np.float32)
    slope = (paper(x + step, one) - paper(x, one)) / step
    found = [soft_threshold(torch.from_numpy(v), torch.ones(1)).numpy() for v in (x + step, x)]
    assert np.array_equal((found[0] - found[1]) / step, slope)
    assert set(slope.ravel().tolist()) <= {0.0, 1.0}
