"""What the live page costs: the agent's CPU time at 16 kHz without it, with it, and looked at.

    python -m benchmarks.page [SECONDS [NETWORK]]     (needs chromium and chromium-driver)

A recording is played as a microphone would deliver it, ten windows a second, white noise mixed in,
NETWORK beside the first: all that the page can show. Percent of one core.
"""

import argparse
import contextlib
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from selenium import webdriver

from agent.config import load
from agent.config.page import Page
from agent.inference import classifier, zoo
from agent.service.daemon import Daemon
from agent.web.demo_harness import DemoHarness, rival
from agent.web.site import Site
from benchmarks.fleet.processes import cpu_s, free_port, listens, wait_for

RATE_HZ = 16_000
MODEL = "bearing"
SNR_DB = 5.0
START_S, WARM_UP_S = 30.0, 4.0


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.page", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=30.0)
    parser.add_argument("network", nargs="?", default="bearing-resnet")
    options = parser.parse_args()
    seconds, beside = options.seconds, options.network
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "noise.wav"
        noise = np.random.default_rng(0).standard_normal(round((4 * seconds + 60) * RATE_HZ))
        soundfile.write(recording, 0.05 * noise, RATE_HZ)
        print(f"without a page      {_measured(recording, None, False, seconds):5.1f} %")
        print(f"page, nobody looks  {_measured(recording, beside, False, seconds):5.1f} %")
        print(f"page, a browser     {_measured(recording, beside, True, seconds):5.1f} %")


def _measured(recording: Path, beside: str | None, looked_at: bool, seconds: float) -> float:
    """Percent of a core. `beside` is the second network; None: no page."""
    port, warm_up_s = free_port(), min(WARM_UP_S, seconds)
    agent = multiprocessing.get_context("spawn").Process(target=run, args=(recording, beside, port))
    agent.start()
    driver = None
    try:
        assert agent.pid is not None
        if beside is not None:
            wait_for(lambda: listens(port), START_S, "the page listens")
        time.sleep(warm_up_s)
        driver = _browser(port) if looked_at else None
        time.sleep(warm_up_s)
        before_s, began_s = cpu_s(agent.pid), time.monotonic()
        time.sleep(seconds)
        return 100 * (cpu_s(agent.pid) - before_s) / (time.monotonic() - began_s)
    finally:
        if driver is not None:
            driver.quit()
        agent.terminate()
        agent.join()


def run(recording: Path, beside: str | None, port: int) -> None:
    """The agent, in a process of its own: what it prints goes nowhere."""
    source = {"name": "a", "kind": "file", "path": str(recording), "model": MODEL}
    tree: dict[str, object] = {"agent": {"sink": "stdout"}, "sources": [source]}
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        if beside is None:
            Daemon(load.parse(tree)).run()
        else:
            config = load.parse(tree)
            harness = _harness(beside)
            state_dir = Path(config.agent.state_dir)
            site = Site(Page(port=port), config.agent.id, state_dir, harness=harness)
            Daemon(config, observers=(site,), wrap_source=harness.wrap).run()


def _harness(beside: str) -> DemoHarness:
    model = classifier.load(zoo.find(MODEL))
    second = rival(model, zoo.find(beside))
    harness = DemoHarness(rate_hz=model.contract.rate_hz, simulated=False, rival=second)
    harness.controls.change({"snr_db": SNR_DB})
    return harness


def _browser(port: int) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.get(f"http://127.0.0.1:{port}/")
    return driver


if __name__ == "__main__":
    main()
