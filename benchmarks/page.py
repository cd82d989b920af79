"""What the live page costs: the agent's CPU time at 16 kHz without it, with it, and looked at.

    python -m benchmarks.page [SECONDS [RIVAL]]     (needs chromium and chromium-driver)

A recording is played as a microphone would deliver it, ten windows a second, white noise mixed in,
a second network beside the first: all that the page can show. Percent of one core.
"""

import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from selenium import webdriver

from agent.config import load
from agent.inference import classifier, zoo
from agent.service.daemon import Daemon
from agent.web.demo_harness import DemoHarness, rival

RATE_HZ = 16_000
PORT = 8098
MODEL = "bearing"
WARM_UP_S = 4.0


def main(seconds: float, beside: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "noise.wav"
        noise = np.random.default_rng(0).standard_normal(round((4 * seconds + 60) * RATE_HZ))
        soundfile.write(recording, 0.05 * noise, RATE_HZ)
        print(f"without a page      {_measured(recording, None, False, seconds):5.1f} %")
        print(f"page, nobody looks  {_measured(recording, beside, False, seconds):5.1f} %")
        print(f"page, a browser     {_measured(recording, beside, True, seconds):5.1f} %")


def _measured(recording: Path, beside: str | None, looked_at: bool, seconds: float) -> float:
    """`beside` is the second network; None: no page."""
    agent = multiprocessing.get_context("spawn").Process(target=_run, args=(recording, beside))
    agent.start()
    driver = None
    try:
        time.sleep(WARM_UP_S)
        driver = _browser() if looked_at else None
        time.sleep(WARM_UP_S)
        assert agent.pid is not None
        before_s, began_s = _cpu_s(agent.pid), time.monotonic()
        time.sleep(seconds)
        return 100 * (_cpu_s(agent.pid) - before_s) / (time.monotonic() - began_s)
    finally:
        if driver is not None:
            driver.quit()
        agent.terminate()
        agent.join()


def _run(recording: Path, beside: str | None) -> None:
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        _serve(recording, beside)


def _serve(recording: Path, beside: str | None) -> None:
    source = {"name": "a", "kind": "file", "path": str(recording), "model": MODEL}
    tree: dict[str, object] = {"agent": {"sink": "stdout"}, "sources": [source]}
    if beside is None:
        Daemon(load.parse(tree)).run()
        return
    model = classifier.load(zoo.find(MODEL))
    second = rival(model, zoo.find(beside))
    stage = DemoHarness(rate_hz=model.contract.rate_hz, simulated=False, rival=second)
    stage.controls.turn({"snr_db": 5})
    Daemon(load.parse(tree | {"page": {"port": PORT}}), stage=stage).run()


def _browser() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for each in ("--headless=new", "--no-sandbox"):
        options.add_argument(each)
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.get(f"http://127.0.0.1:{PORT}/")
    return driver


def _cpu_s(pid: int) -> float:
    """User and system time of the process, all of its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    given = dict(enumerate(sys.argv))
    main(float(given.get(1, 30)), given.get(2, "bearing-resnet"))
