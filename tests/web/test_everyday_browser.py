"""Events and set-up in a real browser: label, acknowledge, play, commission, back up."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import workshop
from tests.support.browser import Browser, fresh
from tests.support.workshop import BROKEN, RUNNING, Workshop

pytest.importorskip("selenium.webdriver", reason="needs the test extra")

from selenium.webdriver.common.keys import Keys

LOOKS = [("en", 1280, "light"), ("es", 390, "dark")]
WORDS = {"en": ("Events", "Set up"), "es": ("Eventos", "Ajustes")}
ALARM = "#event-list li[data-decision=fault]"
CLEAR = Keys.CONTROL + "a" + Keys.NULL
PANEL = f"[data-source={RUNNING}]"
PLAYED = """
const audio = document.querySelector("audio"), done = arguments[0];
audio.addEventListener("ended", () => done(audio.duration));
audio.addEventListener("error", () => done(`error ${audio.error.message}`));
audio.muted = true;
audio.playbackRate = 4;
audio.play();
"""
DRAWN = """
const canvas = document.querySelector(".clip canvas");
const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
return new Set(data.filter((_, at) => at % 4 === 1)).size;
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    alarms = {"delay_s": 0.5}
    with workshop.running(tmp_path_factory.mktemp("workshop"), alarms=alarms) as running:
        yield running


@pytest.fixture
def browser(driver: Any, agent: Workshop) -> Iterator[Browser]:
    with fresh(driver, agent.port) as browser:
        yield browser


def show_events(browser: Browser, source: str = "") -> None:
    browser.open(f"#/events/{source}")
    browser.until(lambda: browser.texts("#event-list .what"), "events")


def show_setup(browser: Browser) -> None:
    browser.open("#/setup")
    browser.until(lambda: browser.texts("#setup-sources .level"), "levels")
    browser.until(lambda: browser.text("#configuration-state"), "the configuration")


def open_event(browser: Browser, what: str) -> str:
    """Opens the newest event with that title; its place."""
    titles = browser.texts("#event-list .what")
    place = f"#event-list > li:nth-child({titles.index(what) + 1})"
    browser.press(f"{place} summary", Keys.ENTER)
    browser.until(lambda: browser.find(f"{place} form"), "what is inside")
    return place


@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
def test_both_views_read_well(browser: Browser, language: str, width: int, scheme: str) -> None:
    browser.run("localStorage.setItem('drsn-language', arguments[0])", language)
    browser.emulate(width=width, height=900, prefers_color_scheme=scheme)
    for show, word in zip((show_events, show_setup), WORDS[language], strict=True):
        show(browser)
        if show is show_events:
            browser.press("#event-list summary", Keys.ENTER)
            browser.until(lambda: browser.find("#event-list form"), "what is inside")
        assert word in browser.texts("h2")
        assert browser.run("return document.documentElement.scrollWidth") <= width
        texts, low = browser.low_contrast()
        assert texts > 10
        assert low == []
        assert browser.faults() == []


def test_a_clip_is_seen_and_played(browser: Browser) -> None:
    show_events(browser, BROKEN)
    open_event(browser, "fault: loud")
    browser.until(lambda: browser.find("audio"), "the player")
    browser.until(lambda: browser.run(DRAWN) > 20, "the spectrogram")
    assert "largest sample" in browser.text(".clip figcaption")
    assert browser.driver.execute_async_script(PLAYED) == pytest.approx(3.5, abs=0.05)
    assert browser.find(".clip a").get_attribute("download").endswith("-fault.flac")


def test_an_event_is_labelled_commented_and_its_clip_is_in_the_data_set(
    browser: Browser, agent: Workshop
) -> None:
    show_events(browser, BROKEN)
    place = open_event(browser, "fault: loud")
    browser.press(f"{place} input[list]", "imbalance")
    browser.press(f"{place} form input:not([list])", "belt slips", Keys.ENTER)
    browser.until(lambda: "data set" in browser.text(f"{place} .result"), "the answer")
    browser.until(lambda: "belt slips" in browser.text(f"{place} .marks"), "the marks")
    assert "Label: imbalance" in browser.text(f"{place} .marks")
    assert len(list((agent.state_dir / "dataset" / BROKEN / "imbalance").glob("*.flac"))) == 1
    browser.press(f"{place} .false-alarm", Keys.SPACE)
    browser.until(lambda: "false alarm" in browser.text(f"{place} .marks"), "the label")
    assert len(list((agent.state_dir / "dataset" / BROKEN / "normal").glob("*.flac"))) == 1


def test_an_alarm_is_acknowledged_and_leaves_the_list_of_open_ones(browser: Browser) -> None:
    show_events(browser, BROKEN)
    browser.press("#events-open", Keys.SPACE)
    browser.until(lambda: set(browser.texts("#event-list .what")) == {"alarm"}, "alarms alone")
    place = open_event(browser, "alarm")
    browser.press(f"{place} .acknowledge", Keys.SPACE)
    browser.until(lambda: browser.find("#events-none").is_displayed(), "none is left")
    browser.press("#events-open", Keys.SPACE)
    marks = "#event-list .marks"
    browser.until(lambda: any("acknowledged" in text for text in browser.texts(marks)), "the mark")


def test_a_source_is_commissioned_watched_and_stopped(browser: Browser) -> None:
    show_setup(browser)
    browser.press(f"{PANEL} .start input[type=number]", CLEAR, "20", Keys.ENTER)
    browser.until(lambda: "of 1,200 s" in browser.text(f"{PANEL} .heard"), "the progress")
    browser.until(lambda: "left" in browser.text(f"{PANEL} .heard"), "the time that is left")
    browser.until(lambda: "state(s)" in browser.text(f"{PANEL} .points"), "a preview")
    assert browser.text(f"{PANEL} .network") == "The network: loud 100 %"
    assert "is it healthy?" in browser.text(f"{PANEL} .warnings")
    browser.press(f"{PANEL} .stop", Keys.SPACE)
    browser.until(lambda: "is in use" in browser.text(f"{PANEL} .ended"), "the baseline")
    assert "provisional" in browser.text(f"{PANEL} .stands")


def test_signal_is_kept_for_training(browser: Browser, agent: Workshop) -> None:
    show_setup(browser)
    browser.press(f"{PANEL} .signal input[type=number]", CLEAR, "1")
    browser.press(f"{PANEL} .signal input:not([type=number])", CLEAR, "idle", Keys.ENTER)
    browser.until(lambda: "idle: 1" in browser.text(f"{PANEL} .counts"), "the count")
    assert len(list((agent.state_dir / "dataset" / RUNNING / "idle").glob("*.flac"))) == 1


def test_a_mistake_is_shown_in_its_line_and_a_backup_can_be_downloaded(
    browser: Browser, agent: Workshop
) -> None:
    text = agent.configuration.read_text()
    agent.configuration.write_text(text.replace("kind: synth", "kind: sinth"))
    show_setup(browser)
    agent.configuration.write_text(text)
    assert "found 'sinth'" in browser.text("#configuration-state")
    assert "kind: sinth" in browser.text("#configuration-text .wrong")
    assert len(browser.driver.find_elements("css selector", ".wrong")) == 1
    show_setup(browser)
    assert browser.text("#configuration-state") == "The file has no mistake."
    length = "return fetch('api/backup').then((a) => a.arrayBuffer()).then((b) => b.byteLength)"
    assert browser.run(length) > 1000
    assert json.dumps(browser.find("#backup").get_attribute("href")).endswith('/api/backup"')
