"""Chromium without a window: what a person sees, hears read out and can do, on a page."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest

WITHIN_S = 20


class Browser:
    """On one page; at the end nothing may be on its console (`logged`)."""

    def __init__(self, driver: Any, port: int) -> None:
        self.driver = driver
        self.port = port

    def open(self, address: str = "") -> None:
        """Loads the page anew; `address` is what comes after the host."""
        self.driver.get("about:blank")  # else another `#` alone loads nothing
        self.driver.get(f"http://127.0.0.1:{self.port}/{address}")

    def emulate(self, width: int = 1280, height: int = 1000, **features: str) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        media = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})

    def find(self, selector: str) -> Any:
        """The first such element; None: there is none."""
        elements = self.driver.find_elements("css selector", selector)
        return elements[0] if elements else None

    def text(self, selector: str) -> str:
        element = self.find(selector)
        return "" if element is None else str(element.text)

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
        texts: list[str] = self.driver.execute_script(script, selector)
        return texts

    def run(self, script: str, *values: Any) -> Any:
        return self.driver.execute_script(script, *values)

    def press(self, selector: str, *keys: str) -> None:
        element = self.find(selector)
        assert element is not None, selector
        element.send_keys(*keys)

    def number(self, selector: str) -> float | None:
        word = self.text(selector).replace("−", "-").split(" ")[0]
        with contextlib.suppress(ValueError):
            return float(word)
        return None

    def until(self, happened: Callable[[], Any], what: str) -> None:
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.driver, WITHIN_S, 0.05).until(lambda _: happened(), what)

    def logged(self, kind: str = "browser") -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log(kind)
        return entries

    def low_contrast(self) -> tuple[int, list[Any]]:
        """How many texts are shown, and those below WCAG 2.2, 1.4.3: a contrast of 4.5."""
        ratios = self.run(CONTRAST)
        return len(ratios), [item for item in ratios if item[0] < 4.5]

    def faults(self) -> list[str]:
        """What axe-core finds that is serious or worse, one line each."""
        script = (files("axe_core_python") / "axe.min.js").read_text()
        self.run(f"if (!window.axe) {{ {script} }}")
        result = self.driver.execute_async_script(
            "axe.run(document, {resultTypes: ['violations']}).then(arguments[0])"
        )
        return [
            f"{item['id']}: {node['html'][:120]}"
            for item in result["violations"]
            if item["impact"] in ("serious", "critical")
            for node in item["nodes"]
        ]


@contextlib.contextmanager
def fresh(driver: Any, port: int) -> Iterator[Browser]:
    """The page with nothing remembered; at the end nothing may be on its console."""
    browser = Browser(driver, port)
    browser.emulate()
    browser.open()
    browser.run("localStorage.clear()")
    browser.logged()
    yield browser
    assert browser.logged() == []


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A driver; a skip where there is no browser, which in CI is a failure."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs the test extra")
    program, service = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or service is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed: see the Makefile's target `packages`")
        pytest.skip("needs a browser (apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(service))
    try:
        yield driver
    finally:
        driver.quit()


CONTRAST = """
const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((v) => {
  const c = v / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
const light = (text) => {
  const [r, g, b] = rgb(text);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const ground = (e) => { for (; e; e = e.parentElement) {
  const found = getComputedStyle(e).backgroundColor;
  if (!/, 0\\)|transparent/.test(found)) return found; } };
const all = "h1, h2, h3, p, th, td, dt, dd, label, button, figcaption, caption, output, li *";
const shown = (e) => e.offsetWidth && e.textContent.trim();
return [...document.querySelectorAll(all)].filter(shown).map((e) => {
  const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
  return [(a + 0.05) / (b + 0.05), e.tagName + " " + e.textContent.trim().slice(0, 30)]; });
"""
