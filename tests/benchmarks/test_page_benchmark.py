"""The page that is measured has all that it can show: the noise and the second network are on."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("selenium")

from benchmarks import page
from tests.conftest import eventually, free_port
from tests.support.page_client import listens, stream


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of the page of an agent as the benchmark starts it."""
    recording, port = tmp_path / "noise.wav", free_port()
    noise = 0.05 * np.random.default_rng(0).standard_normal(60 * page.RATE_HZ)
    soundfile.write(recording, noise, page.RATE_HZ)
    arguments = (recording, "bearing-resnet", port)
    agent = multiprocessing.get_context("spawn").Process(target=page.run, args=arguments)
    agent.start()
    eventually(lambda: listens(port), 30, "the page listens")
    yield port
    agent.terminate()
    agent.join()


def test_the_noise_is_mixed_in_and_the_second_network_scores_every_window(port: int) -> None:
    events = stream(port, 5)
    (source,) = events["state"][0]["sources"]
    assert source["rival"] == "bearing-resnet"
    assert events["state"][0]["setting"]["snr_db"] == page.SNR_DB
    for frame in events["frame"]:
        assert len(frame["rival"]) == len(frame["probabilities"])
    assert events["frame"][-1]["mixed_db"] == pytest.approx(page.SNR_DB, abs=1)
