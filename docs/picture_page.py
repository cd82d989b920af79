"""Takes the pictures of the live page from the real thing: agent, network, Chromium.

    python docs/picture_page.py [FOLDER]        (needs chromium, chromium-driver and the test extra)

The machine is broken and the noise turned up by the page's own controls, as a person would.
"""

import subprocess
import sys
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

PORT = 8097
SIZES = {"desktop": (1140, 1100), "phone": (390, 1500)}
PICTURES = (
    ("page", "desktop", "light"),
    ("page-dark", "desktop", "dark"),
    ("page-phone", "phone", "dark"),
)


def main(folder: Path) -> None:
    command = [sys.executable, "-m", "agent", "demo", "--page", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as demo:
        try:
            assert demo.stdout is not None
            demo.stdout.readline()
            for name, size, scheme in PICTURES:
                _take(folder / f"{name}.png", *SIZES[size], scheme)
        finally:
            demo.terminate()


def _take(file: Path, width: int, height: int, scheme: str) -> None:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for each in (
        "--headless=new",
        "--no-sandbox",
        "--hide-scrollbars",
        f"--window-size={width},{height}",
    ):
        options.add_argument(each)
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        driver.get(f"http://127.0.0.1:{PORT}/")
        WebDriverWait(driver, 20).until(
            lambda page: page.find_elements(By.CSS_SELECTOR, "#machine input")
        )
        for state, snr_db, seconds in (
            ("normal", -10, 3),
            ("outer", -10, 4),
            ("outer", 4, 3),
            ("outer", 11, 3),
        ):
            _turn(driver, state, snr_db)
            time.sleep(seconds)
        driver.execute_script("document.activeElement.blur()")
        driver.save_screenshot(str(file))
        _turn(driver, "normal", -31)
    finally:
        driver.quit()


def _turn(driver: webdriver.Chrome, state: str, level: int) -> None:
    driver.find_element(By.CSS_SELECTOR, f"input[value={state}]").send_keys(Keys.SPACE)
    slider = driver.find_element(By.ID, "snr")
    steps = level - int(str(slider.get_property("value")))
    slider.send_keys((Keys.ARROW_RIGHT if steps > 0 else Keys.ARROW_LEFT) * abs(steps))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent))
