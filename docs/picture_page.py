"""Takes the pictures of the page from the real thing: agent, network, history, Chromium.

    python -m docs.picture_page [FOLDER]        (needs chromium, chromium-driver and the test extra)

In the live view the machine is broken and the noise turned up by the page's own controls, as
a person would. The other views show the two simulated machines of `tests.support.machine_hall`.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from tests.support import browser, machine_hall
from tests.support.browser import Browser
from tests.support.machine_hall import WORN

PORT = 8097
DESKTOP, PHONE = (1180, 0), (390, 844)  # a height of 0: the whole page
ALARM_S = 75.0  # until the fault has raised its alarm
PICTURES = (
    ("page-overview", "#/overview", (1180, 560), "light", "en"),
    ("page-machine", f"#/machine/{WORN}", DESKTOP, "light", "en"),
    ("page-machine-dark", f"#/machine/{WORN}", (1180, 860), "dark", "en"),
    ("page-phone", f"#/machine/{WORN}", PHONE, "dark", "es"),
)
STEPS = (("normal", -10, 3), ("outer", -10, 4), ("outer", 4, 3), ("outer", 11, 3))


def main(folder: Path) -> None:
    with browser.chromium() as driver:
        _take_live(Browser(driver, PORT), folder / "page.png")
        with tempfile.TemporaryDirectory() as work, machine_hall.running(Path(work)) as hall:
            time.sleep(ALARM_S)
            page = Browser(driver, hall.port)
            for name, address, size, scheme, language in PICTURES:
                _take(page, folder / f"{name}.png", address, size, scheme, language)


def _take(
    page: Browser, file: Path, address: str, size: tuple[int, int], scheme: str, language: str
) -> None:
    page.emulate(width=size[0], height=size[1] or 1000, prefers_color_scheme=scheme)
    page.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    page.open()
    page.run("localStorage.setItem('drsn-language', arguments[0])", language)
    page.open(address)
    time.sleep(8)  # state, levels and spectra
    if not size[1]:
        height = page.run("return document.documentElement.scrollHeight")
        page.emulate(width=size[0], height=height, prefers_color_scheme=scheme)
        time.sleep(1)
    page.driver.save_screenshot(str(file))


def _take_live(page: Browser, file: Path) -> None:
    command = [sys.executable, "-m", "agent", "demo", "--page", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as demo:
        try:
            assert demo.stdout is not None
            demo.stdout.readline()
            page.emulate(width=1180, height=1120, prefers_color_scheme="light")
            page.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
            page.open()
            page.until(lambda: page.find("#machine input"), "the controls")
            for state, snr_db, seconds in STEPS:
                _turn(page, state, snr_db)
                time.sleep(seconds)
            page.run("document.activeElement.blur()")
            page.driver.save_screenshot(str(file))
        finally:
            demo.terminate()


def _turn(page: Browser, state: str, level: int) -> None:
    page.press(f"input[value={state}]", Keys.SPACE)
    steps = level - int(page.find("#snr").get_property("value"))
    page.press("#snr", *[Keys.ARROW_RIGHT if steps > 0 else Keys.ARROW_LEFT] * abs(steps))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent))
