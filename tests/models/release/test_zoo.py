"""The released network keeps what its contract and its card say."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from agent.core.types import Prediction
from agent.inference import classifier
from models import zoo
from models.data import recipe, validation
from models.data.recordings import Array
from models.evaluation import model_file
from tests.support.paths import DATA

FILE = Path(zoo.__file__).parent / "bearing.onnx"
RECIPE = recipe.load(FILE.with_suffix(".yaml"))


@pytest.fixture(scope="module")
def network() -> classifier.OnnxClassifier:
    return classifier.load(FILE)


@pytest.fixture(scope="module")
def simulated() -> validation.Labelled:
    return validation.simulated(RECIPE)


def test_the_file_is_what_its_recipe_makes(network: classifier.OnnxClassifier) -> None:
    contract = network.contract
    assert (contract.labels, contract.normal) == (RECIPE.labels, RECIPE.normal)
    assert (contract.rate_hz, contract.window) == (RECIPE.rate_hz, RECIPE.window)
    assert (contract.family, contract.precision) == (RECIPE.family, "int8")
    assert contract.decide == RECIPE.decide


def test_a_window_is_answered_alike_alone_and_in_any_batch(
    network: classifier.OnnxClassifier, simulated: validation.Labelled
) -> None:
    noisy, _ = validation.in_noise(simulated, RECIPE)
    windows = noisy.samples[::6]
    running = noisy.running[::6]
    alone = answers(network, windows, running, 1)
    for batch in (2, 3, 5, 8, 16, 31, 32):
        assert answers(network, windows, running, batch) == alone  # to the bit


def answers(
    network: classifier.OnnxClassifier, windows: Array, running: Array, batch: int
) -> list[Prediction]:
    parts = [slice(start, start + batch) for start in range(0, len(windows), batch)]
    return [p for part in parts for p in network.classify(windows[part], running[part])]


@pytest.mark.parametrize("level_db", [10.0, 5.0, 0.0])
def test_the_simulated_machine_is_recognised_in_gaussian_noise(
    network: classifier.OnnxClassifier, simulated: validation.Labelled, level_db: float
) -> None:
    noisy = model_file.conditions(simulated.samples, [level_db])[f"gaussian_{level_db:g}db"]
    right = model_file.labels_of(network, noisy, simulated.running) == simulated.targets
    for index in range(len(RECIPE.labels)):
        assert right[simulated.targets == index].mean() >= 0.95


def test_the_estimated_snr_follows_the_noise(
    network: classifier.OnnxClassifier, simulated: validation.Labelled
) -> None:
    def median_db(level_db: float) -> float:
        noisy = model_file.conditions(simulated.samples[::4], [level_db])[f"pink_{level_db:g}db"]
        said = network.classify(noisy, simulated.running[::4])
        return float(np.median([prediction.snr_db for prediction in said]))

    assert median_db(-5) < median_db(0) < median_db(5) < median_db(10)


@pytest.mark.parametrize("index", range(len(RECIPE.data)), ids=[s.folder for s in RECIPE.data])
def test_the_figures_of_the_contract_are_measured_again(
    network: classifier.OnnxClassifier, index: int
) -> None:
    source = RECIPE.data[index]
    if not (DATA / source.folder).is_dir():
        pytest.skip(f"needs the data set {source.folder}, which does not come with the project")
    clean = dict(validation.per_set(RECIPE, DATA))[source.folder]
    found = model_file.scores(network, source.folder, clean)
    assert len(found) == 7
    for name, figure in found.items():  # another processor rounds differently
        assert network.contract.figures[name] == pytest.approx(figure, abs=0.01), name


def test_the_file_tells_nothing_of_the_machine_that_wrote_it() -> None:
    data = FILE.read_bytes()
    assert b"File " not in data
    assert b".py" not in data


def test_int8_gives_the_same_label_as_float_did(network: classifier.OnnxClassifier) -> None:
    told = {n: f for n, f in network.contract.figures.items() if n.startswith("agreement_")}
    assert set(told) == {"agreement_clean", "agreement_noisy", "agreement_simulated"}
    assert min(told.values()) >= 0.99


def test_the_card_tells_the_figures_of_this_file(network: classifier.OnnxClassifier) -> None:
    card = FILE.with_suffix(".md").read_text()
    assert f"{FILE.stat().st_size:,} bytes" in card
    for source in RECIPE.data:
        conditions = [c for c in network.contract.figures if c.startswith(f"{source.folder}_")]
        cells = " | ".join(f"{100 * network.contract.figures[c]:.1f}" for c in conditions)
        assert f"| {source.folder} | {RECIPE.family} INT8 | {cells} |" in card
        assert source.terms in card


def test_zoo_verbs_and_data_are_free_of_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; "
        "import models, models.zoo, models.cli.main, models.data.recordings, models.data.validation"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


ORDERS, TWIN = FILE.with_name("bearing-orders.onnx"), FILE.with_name("bearing-twin.onnx")


@pytest.mark.parametrize("file", [ORDERS, TWIN], ids=lambda file: file.stem)
def test_a_network_along_orders_keeps_its_recipe_and_its_answers(file: Path) -> None:
    made = recipe.load(file.with_suffix(".yaml"))
    network = classifier.load(file)
    contract = network.contract
    assert (contract.name, contract.labels, contract.family) == (
        made.name,
        made.labels,
        made.family,
    )
    assert network.reads_running
    windows = validation.simulated(made)
    noisy = model_file.conditions(windows.samples, [5.0])["gaussian_5db"]
    right = model_file.labels_of(network, noisy, windows.running) == windows.targets
    for index in range(len(made.labels)):
        assert right[windows.targets == index].mean() >= 0.95
    few, running = noisy[::16], windows.running[::16]
    assert answers(network, few, running, 1) == answers(network, few, running, 32)


@pytest.mark.parametrize("file", [ORDERS, TWIN], ids=lambda file: file.stem)
def test_told_nothing_a_network_along_orders_still_answers(file: Path) -> None:
    network = classifier.load(file)
    windows = validation.simulated(recipe.load(file.with_suffix(".yaml")))
    said = network.classify(windows.samples)
    found = np.array([np.argmax(prediction.probabilities) for prediction in said])
    assert np.mean(found == windows.targets) >= 0.9
    assert all(prediction.distance is not None for prediction in said)


def test_the_twins_card_tells_its_figures_and_that_it_knows_its_own_machines() -> None:
    card = TWIN.with_suffix(".md").read_text()
    figures = classifier.load(TWIN).contract.figures
    assert "behind it from one rig to another" in " ".join(card.split())
    assert f"{TWIN.stat().st_size:,} bytes" in card
    for folder in ("cwru", "hit_sm", "uestc"):
        kept = [100 * found for name, found in figures.items() if name.startswith(f"{folder}_")]
        (row,) = [line for line in card.splitlines() if f"| {folder} | drsn-twin INT8 |" in line]
        told = [float(cell) for cell in row.strip("| ").split(" | ")[2:]]
        assert told == pytest.approx(kept, abs=0.06)  # both are rounded


CONTROL = FILE.with_name("bearing-resnet.onnx")


def test_the_control_differs_from_the_network_in_its_thresholds_and_in_nothing_else(
    network: classifier.OnnxClassifier,
) -> None:
    made = recipe.load(CONTROL.with_suffix(".yaml"))
    alike = {"name": RECIPE.name, "family": RECIPE.family, "controls": RECIPE.controls}
    assert msgspec.structs.replace(made, **alike) == RECIPE
    assert made.family == "resnet"
    control = classifier.load(CONTROL).contract
    for what in ("labels", "normal", "rate_hz", "window", "channels", "decide", "precision"):
        assert getattr(control, what) == getattr(network.contract, what)
    assert control.name == made.name == "bearing-resnet"


def test_the_controls_card_tells_what_it_is_for_and_its_own_figures() -> None:
    card = CONTROL.with_suffix(".md").read_text()
    contract = classifier.load(CONTROL).contract
    assert "It has no thresholds: it is there to be compared with `bearing`" in card
    assert f"{CONTROL.stat().st_size:,} bytes" in card
    for source in RECIPE.data:
        told = re.search(rf"(?m)^\| {source.folder} \| resnet INT8 \| (.*) \|$", card)
        found = [f for name, f in contract.figures.items() if name.startswith(f"{source.folder}_")]
        assert told is not None
        cells = [float(cell) / 100 for cell in told[1].split(" | ")]
        assert cells == pytest.approx(found, abs=0.0006)  # both are rounded


def test_the_control_recognises_the_simulated_machine(simulated: validation.Labelled) -> None:
    control = classifier.load(CONTROL)
    noisy = model_file.conditions(simulated.samples, [5.0])["gaussian_5db"]
    right = model_file.labels_of(control, noisy, simulated.running) == simulated.targets
    assert right.mean() >= 0.95
