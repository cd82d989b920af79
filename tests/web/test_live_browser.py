"""The live view in a real browser: what a person sees, hears read out, and can do by keyboard."""

import base64
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.sources.machine_simulator import Machine, Spec
from tests.conftest import free_port
from tests.support.browser import Browser

webdriver = pytest.importorskip("selenium.webdriver", reason="needs the test extra")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

SETTLED = 1.5  # dB


class Page(Browser):
    """On the page of a demonstration that runs as its own process."""

    def open(self, address: str = "") -> None:
        super().open(address)
        self.until(lambda: self.find("#machine input") is not None, "the controls")
        self.until(lambda: self.text("#why") != "no window yet", "a window")

    def slide(self, snr_db: int | None) -> None:
        """By keyboard: Home is without noise."""
        right = 0 if snr_db is None else 31 - snr_db
        self.press("#snr", Keys.HOME, *[Keys.ARROW_RIGHT] * right)


@pytest.fixture(scope="module")
def demonstration() -> Iterator[int]:
    pytest.importorskip("iotcore", reason="needs the demo extra")
    port = free_port()
    command = [sys.executable, "-m", "agent", "demo", "--page", str(port)]
    command += ["--port", str(free_port())]
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/" in process.stdout.readline().decode()
        yield port
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.fixture
def page(driver: Any, demonstration: int) -> Iterator[Page]:
    """Opened, everything as at the beginning; at the end nothing may be on the console."""
    page = Page(driver, demonstration)
    page.emulate()
    page.logged("browser")
    if not driver.current_url.endswith(f":{demonstration}/"):
        page.open()
    page.press("input[value=normal]", Keys.SPACE)
    page.press("input[value=gaussian]", Keys.SPACE)
    page.slide(None)
    page.until(lambda: page.text("#decision") == "normal", "a normal machine")
    page.until(lambda: page.text("#mixed") == "nothing mixed in", "no noise")
    yield page
    assert page.logged("browser") == []


def layers(page: Page) -> list[float]:
    return [float(text.removesuffix(" %")) for text in page.texts("#layers dd") if text != "–"]


def test_breaking_the_machine_shows_the_fault_its_probabilities_and_an_event(page: Page) -> None:
    before = len(page.texts("#events li"))
    page.press("input[value=outer]", Keys.SPACE)
    page.until(lambda: page.text("#decision") == "fault: outer", "the decision")
    page.until(lambda: len(page.texts("#events li")) > before, "an event")
    assert "fault: outer" in page.texts("#events li")[0]
    rows = page.driver.find_elements(By.CSS_SELECTOR, "#classes tbody tr")
    assert [row.find_element(By.TAG_NAME, "th").text for row in rows] == [
        "normal",
        "inner",
        "outer",
        "ball",
    ]
    page.until(lambda: int(rows[2].find_elements(By.TAG_NAME, "td")[0].text) > 90, "probabilities")
    page.until(lambda: any(text.startswith("outer") for text in page.texts("#tried td")), "counts")


def test_noise_turned_up_moves_the_thresholds_the_estimate_and_the_truth(page: Page) -> None:
    page.press("input[value=outer]", Keys.SPACE)
    page.until(lambda: page.text("#decision") == "fault: outer", "the decision")
    quiet, quiet_db = layers(page), page.number("#estimated")
    assert len(quiet) == 4
    page.slide(-8)
    assert page.text("#snr-value") == "SNR −8 dB"
    page.until(lambda: abs((page.number("#mixed") or 99) + 8) < SETTLED, "the noise that is told")
    page.until(
        lambda: max(abs(a - b) for a, b in zip(layers(page), quiet, strict=True)) > 5, "thresholds"
    )
    assert quiet_db is not None
    page.until(lambda: (page.number("#estimated") or 99) < quiet_db - 5, "the estimate")
    page.press("input[value=pink]", Keys.SPACE)
    page.until(lambda: any("pink −8 dB" in text for text in page.texts("#tried td")), "pink noise")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    machine = Machine(Spec(), np.random.default_rng(0))
    parts = [machine.render(30_000, "normal", 1.0), machine.render(80_000, "outer", 1.0)]
    noise = 0.05 * np.random.default_rng(1).standard_normal(110_000)
    file = tmp_path_factory.mktemp("recording") / "broken <b>.flac"
    soundfile.write(file, 0.05 * (np.concatenate(parts) + noise), 10_000)
    return file


DROP = """
const data = Uint8Array.from(atob(arguments[1]), (letter) => letter.charCodeAt(0));
const held = new DataTransfer();
held.items.add(new File([data], arguments[0]));
const how = { dataTransfer: held, bubbles: true, cancelable: true };
for (const type of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, how));
"""


def test_a_dropped_recording_shows_the_timeline_of_its_decisions(
    page: Page, recording: Path
) -> None:
    data = base64.b64encode(recording.read_bytes()).decode()
    page.driver.execute_script(DROP, recording.name, data)
    page.until(lambda: "windows" in page.text("#file-result"), "the answer")
    assert page.text("#file-result").startswith("broken <b>.flac: 11.0 s")
    decisions = page.texts("#spans td:nth-child(3)")
    assert decisions[-1] == "fault: outer"
    assert "normal" in decisions
    overview = page.find("#overview")
    assert overview is not None
    assert overview.is_displayed()
    assert not page.find("#drop").is_displayed()


def test_a_file_that_is_no_recording_is_one_clear_line(page: Page, tmp_path: Path) -> None:
    bad = tmp_path / "notes.wav"
    bad.write_text("no sound at all")
    page.press("#recording", str(bad))
    page.until(lambda: "not a recording" in page.text("#file-result"), "the line")
    assert page.text("#file-result").startswith("notes.wav: not a recording that can be read")
    assert not page.find("#scored").is_displayed()
    refused = page.logged("browser")  # the browser itself notes the status 422
    assert [each for each in refused if "422" not in each["message"]] == []


FOCUSED = """
const e = document.activeElement;
const shown = e.matches("fieldset input, .button input") ? e.closest("label") : e;
const style = getComputedStyle(shown);
return [e.id || e.value || e.className, style.outlineStyle, parseFloat(style.outlineWidth)];
"""


def test_everything_is_done_by_keyboard_and_focus_is_seen(page: Page) -> None:
    page.open()
    reached: list[str] = []
    for _ in range(24):
        webdriver.ActionChains(page.driver).send_keys(Keys.TAB).perform()
        name, style, width = page.driver.execute_script(FOCUSED)
        if name == "" or (reached and name == reached[0]):
            break
        assert style != "none", name
        assert width >= 2, name
        assert page.driver.switch_to.active_element.accessible_name, name
        reached.append(name)
        if name == "normal":
            webdriver.ActionChains(page.driver).send_keys(Keys.ARROW_RIGHT).perform()
            page.until(lambda: page.text("#decision") == "fault: inner", "the next machine")
    assert reached[:1] == ["skip"]
    assert {"snr", "gaussian", "events", "pause", "recording"} <= set(reached)


def test_pause_holds_the_picture_still(page: Page) -> None:
    page.press("#pause", Keys.SPACE)
    assert page.find("#pause").get_attribute("aria-pressed") == "true"
    before = page.find("#wave").screenshot_as_base64
    page.press("input[value=ball]", Keys.SPACE)
    page.until(lambda: "ball" in page.texts("#events li")[0], "an event goes on being told")
    assert page.find("#wave").screenshot_as_base64 == before
    page.press("#pause", Keys.SPACE)
    page.until(lambda: page.text("#decision") == "fault: ball", "the picture goes on")


def test_a_screen_reader_is_told_names_roles_and_news(page: Page) -> None:
    def has(selector: str, name: str, value: str) -> bool:
        element = page.find(selector)
        return element is not None and element.get_attribute(name) == value

    assert has("html", "lang", "en")
    assert has("#decision", "role", "status")
    assert has("#events", "role", "log")
    assert has("#events", "aria-live", "polite")
    assert has("#snr", "aria-valuetext", "none")
    for canvas in page.driver.find_elements(By.TAG_NAME, "canvas"):
        assert canvas.get_attribute("role") == "img"
        assert canvas.get_attribute("aria-label")
    for control in page.driver.find_elements(By.CSS_SELECTOR, "input, button, select"):
        if control.is_enabled() and page.driver.execute_script(
            "return !arguments[0].closest('[hidden]')", control
        ):
            assert control.accessible_name, control.get_attribute("outerHTML")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_in_dark(page: Page, scheme: str) -> None:
    page.emulate(prefers_color_scheme=scheme)
    page.press("input[value=inner]", Keys.SPACE)
    page.until(lambda: page.text("#decision") == "fault: inner", "a fault")
    texts, low = page.low_contrast()
    assert texts > 40
    assert low == []
    dark = page.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(13, 18, 24)") == (scheme == "dark")


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_nothing_is_cut_off_or_overlaps_on_any_screen(page: Page, width: int) -> None:
    page.emulate(width=width, height=800)
    wide = "return document.documentElement.scrollWidth"
    assert page.driver.execute_script(wide) <= width
    boxes = page.driver.execute_script(
        "return [...document.querySelectorAll('section')].filter((e) => e.offsetWidth)"
        ".map((e) => { const b = e.getBoundingClientRect();"
        " return [b.left, b.top, b.right, b.bottom]; })"
    )
    assert len(boxes) == 6
    for (l1, t1, r1, b1), (l2, t2, r2, b2) in itertools.combinations(boxes, 2):
        assert l1 >= r2 or l2 >= r1 or t1 >= b2 or t2 >= b1
    widths = (
        "return [...document.querySelectorAll('canvas')].map((e) => e.offsetWidth).filter(Boolean)"
    )
    assert min(page.driver.execute_script(widths)) > width / 2 - 60


def test_who_wants_less_motion_sees_a_picture_a_second(page: Page) -> None:
    page.emulate(prefers_reduced_motion="reduce")
    page.driver.execute_script(
        "window.painted = []; const put = CanvasRenderingContext2D.prototype.putImageData;"
        "CanvasRenderingContext2D.prototype.putImageData = function (...given) {"
        " window.painted.push(performance.now()); return put.apply(this, given); };"
    )
    page.until(lambda: len(page.driver.execute_script("return painted")) >= 3, "three pictures")
    times = page.driver.execute_script("return painted")
    assert all(b - a > 950 for a, b in itertools.pairwise(times))


def test_no_request_leaves_this_machine(page: Page) -> None:
    page.logged("performance")
    page.open()
    messages = [json.loads(each["message"])["message"] for each in page.logged("performance")]
    asked = [
        each["params"]["request"]["url"]
        for each in messages
        if each["method"] == "Network.requestWillBeSent"
    ]
    own = f"http://127.0.0.1:{page.port}/"
    assert f"{own}app/main.js" in asked
    assert [url for url in asked if not url.startswith((own, "data:"))] == []
