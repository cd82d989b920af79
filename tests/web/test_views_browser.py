"""Overview and machine in a real browser: both languages, phone and desktop, light and dark."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import machine_hall
from tests.support.browser import Browser, fresh
from tests.support.machine_hall import AWAY, HEALTHY, WORN, Hall

pytest.importorskip("selenium.webdriver", reason="needs the test extra")

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

LOOKS = [
    ("en", 1280, "light"),
    ("es", 390, "dark"),
    ("en", 390, "light"),
    ("es", 1280, "dark"),
]
WORDS = {"en": ("Overview", "fault: outer"), "es": ("Resumen", "fallo: pista exterior")}
COLOUR = "return getComputedStyle(document.querySelector(arguments[0])).color"


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with machine_hall.running(tmp_path_factory.mktemp("hall")) as hall:
        yield hall


@pytest.fixture
def browser(driver: Any, hall: Hall) -> Iterator[Browser]:
    with fresh(driver, hall.port) as browser:
        yield browser


def show_overview(browser: Browser) -> None:
    browser.open("#/overview")
    browser.until(lambda: len(browser.texts("#cards .state")) == 3, "three cards")
    browser.until(lambda: browser.find("#cards svg") is not None, "a week")


def show_machine(browser: Browser, name: str = WORN) -> None:
    browser.open(f"#/machine/{name}")
    browser.until(lambda: browser.text("#machine-trend-text"), "the trend")
    browser.until(lambda: browser.text("#machine-waterfall-text"), "the last hour")


def expect(browser: Browser, place: str, text: str) -> None:
    browser.until(lambda: browser.text(place) == text, f"{text} at {place}")


@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
def test_every_view_reads_well(browser: Browser, language: str, width: int, scheme: str) -> None:
    browser.run("localStorage.setItem('drsn-language', arguments[0])", language)
    browser.emulate(width=width, height=900, prefers_color_scheme=scheme)
    for show, place in ((show_overview, "#cards .state"), (show_machine, "#machine-state")):
        show(browser)
        assert browser.text("#nav-overview") == WORDS[language][0]
        expect(browser, place, WORDS[language][1])
        assert browser.run("return document.documentElement.lang") == language
        assert browser.run("return document.documentElement.dataset.theme") == scheme
        assert browser.run("return document.documentElement.scrollWidth") <= width
        texts, low = browser.low_contrast()
        assert texts > 20
        assert low == []
        assert browser.faults() == []


def test_the_worst_source_is_first_and_one_without_a_signal_is_grey(browser: Browser) -> None:
    show_overview(browser)
    expect(browser, "#overview-counts", "1 fault · 1 sensor fault · 1 normal")
    assert browser.texts("#cards h3") == [WORN, AWAY, HEALTHY]
    card = f"#cards [data-source={AWAY}]"
    dim = browser.run("return getComputedStyle(document.querySelector('.dim')).color")
    assert browser.run(COLOUR, f"{card} .state") == dim
    assert "broken" in browser.text(f"{card} .note")
    assert browser.run(COLOUR, f"#cards [data-source={WORN}] .state") != dim


def test_a_card_leads_to_its_machine_by_keyboard(browser: Browser) -> None:
    show_overview(browser)
    browser.press(f"#cards [data-source={HEALTHY}] a", Keys.ENTER)
    browser.until(lambda: browser.text("#machine-title") == HEALTHY, "the machine")
    browser.until(lambda: browser.text("#machine-state") == "normal", "its state")
    assert browser.find("#nav-machine").get_attribute("aria-current") == "page"
    browser.press("#nav-live", Keys.ENTER)
    browser.until(lambda: browser.text("#decision") == "fault: outer", "the live view")
    browser.until(lambda: browser.text("#why") != "no window yet", "a window")


def test_the_decisions_parts_are_told_with_their_numbers(browser: Browser) -> None:
    show_machine(browser)
    baseline, network, physics = browser.texts("#machine-reasons p")
    assert "unlike the healthy machine (limit 1)" in baseline
    assert network.startswith("It says “outer” with")
    assert "outer race (BPFO) stands" in physics
    assert "evidence from 10 dB on" in physics
    assert {"inner", "abstain", "unknown"} <= {
        text.rpartition(": ")[2] for text in browser.texts("#machine-words dt")
    }


def test_a_trend_zooms_by_keyboard_mouse_and_button_and_tells_its_values(browser: Browser) -> None:
    show_machine(browser)
    assert "mean of each hour" in browser.text("#machine-trend-text")
    browser.press("#machine-trend", Keys.ARROW_RIGHT)
    assert "(from " in browser.text("#machine-trend-read")
    browser.press("#machine-range input[value=year]", Keys.SPACE)
    browser.until(lambda: "mean of each day" in browser.text("#machine-trend-text"), "days")
    assert "fault: outer" in browser.texts("#machine-events span")
    chart = browser.find("#machine-trend")
    width = chart.size["width"]
    drag = ActionChains(browser.driver).move_to_element_with_offset(chart, width // 2 - 40, 0)
    drag.click_and_hold().move_by_offset(-60, 0).release().perform()
    browser.until(lambda: "mean of each hour" in browser.text("#machine-trend-text"), "hours")
    browser.press("#machine-trend", *"+++++++")
    browser.until(lambda: "minute" in browser.text("#machine-trend-text"), "minutes")
    browser.press("#machine-trend", Keys.ESCAPE)
    browser.until(lambda: "mean of each day" in browser.text("#machine-trend-text"), "the year")
    assert not browser.find("#machine-whole").is_displayed()


def test_spectra_are_in_hertz_or_in_turns_of_the_shaft(browser: Browser) -> None:
    show_machine(browser)
    browser.press("#machine-envelope", Keys.ARROW_RIGHT)
    assert "turns)" in browser.text("#machine-envelope-read")
    assert "(axis: Hz)" in browser.text("#machine-spectrum-text")
    assert "grey steps are the healthy machine" in browser.text("#machine-spectrum-text")
    browser.press("#machine-unit input[value=orders]", Keys.SPACE)
    browser.until(lambda: "turns of the shaft" in browser.text("#machine-spectrum-text"), "orders")
    rows = browser.texts("#machine-lines tbody th")
    assert rows[:2] == ["shaft", "outer race (BPFO)"]
    assert len(rows) == 5


def test_language_and_colours_are_remembered(browser: Browser) -> None:
    show_overview(browser)
    browser.press("#theme", "dark")
    browser.press("#language", "Esp")
    browser.until(lambda: browser.text("#nav-overview") == "Resumen", "Spanish")
    show_overview(browser)
    assert browser.run("return document.documentElement.lang") == "es"
    assert browser.run("return document.documentElement.dataset.theme") == "dark"


def test_no_request_of_a_view_leaves_this_machine(browser: Browser) -> None:
    browser.logged("performance")
    show_overview(browser)
    show_machine(browser)
    messages = [json.loads(item["message"])["message"] for item in browser.logged("performance")]
    urls = [
        item["params"]["request"]["url"]
        for item in messages
        if item["method"] == "Network.requestWillBeSent"
    ]
    own = f"http://127.0.0.1:{browser.port}/"
    assert f"{own}api/week" in urls
    assert [url for url in urls if not url.startswith((own, "data:", "about:"))] == []


def test_what_was_shown_turns_grey_with_the_time_when_the_agent_is_gone(
    browser: Browser, hall: Hall
) -> None:
    """The last of the module: it ends the agent."""
    show_machine(browser)
    alive = browser.run(COLOUR, "#machine-state")
    hall.process.terminate()
    hall.process.wait(20)
    browser.until(lambda: "has not answered since" in browser.text("#link"), "the line")
    dim = browser.run("return getComputedStyle(document.querySelector('.dim')).color")
    assert browser.run(COLOUR, "#machine-state") == dim != alive
    browser.run("location.hash = '#/live'")
    browser.until(lambda: browser.find("#nav-live[aria-current]") is None, "the view is not there")
    refused = browser.logged()
    assert [item for item in refused if "REFUSED" not in item["message"]] == []
