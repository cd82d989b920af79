"""The page of `replay --html`: complete in itself, true to the signal, safe from names."""

import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import soundfile

from agent.cli import main
from agent.core.types import Decision, Mark, Scored, Verdict, Window
from agent.jobs.replay.report import charts
from agent.jobs.replay.report.axes import Axis
from agent.jobs.replay.report.overview import MOST, Overview
from agent.jobs.replay.report.page import STYLE
from agent.jobs.replay.report.png import png
from agent.jobs.replay.report.signal_log import SignalLog
from agent.jobs.replay.verdict import SEVERITY
from agent.sources.machine_simulator import Machine, Spec

RATE_HZ = 10_000
MACHINE = ("--rpm", "1797", "--bearing", "6205", "--unit", "g", "--scale", "40")
NAME = 'a <script>alert(1)</script> & "b".wav'


class Elements(HTMLParser):
    """The elements of a page, each with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a machine with a fault of its outer race, whose file has a hostile name; two channels."""
    folder = tmp_path_factory.mktemp("page")
    rng = np.random.default_rng(1)
    signal = Machine(Spec(rate_hz=RATE_HZ), rng).render(8 * RATE_HZ, "outer", 1.0)
    noisy = (signal + 0.3 * rng.standard_normal(len(signal))) / 40
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        soundfile.write(NAME.replace("/", "_"), noisy, RATE_HZ, subtype="FLOAT")
        file = NAME.replace("/", "_")
        assert main.main(["replay", file, *MACHINE, "--html", "page.html"]) == 0
        return Path("page.html").read_text()


def test_the_page_has_every_chart_and_the_verdict(page: str) -> None:
    labels = [attrs["aria-label"] for tag, attrs in Elements(page).found if tag == "svg"]
    assert labels == ["Decisions over time", "Waveform", "Spectrogram", "Spectrum of the envelope"]
    assert re.search(r"<strong>fault outer (throughout|from [\d:.]+ to the end) \(", page)
    assert "BPFO, outer race: 107.3" in page
    assert "1 x bpfo: 107.3" in page
    assert "<td>fault outer</td>" in page


def test_the_page_needs_no_network_and_runs_no_script(page: str) -> None:
    found = Elements(page).found
    links = [attrs.get(key) for _, attrs in found for key in ("href", "src") if key in attrs]
    assert links
    assert all(link is not None and link.startswith("data:image/png;base64,") for link in links)
    assert {"script", "link", "iframe", "object"}.isdisjoint(tag for tag, _ in found)
    assert "url(" not in page
    assert "@import" not in page


def test_a_name_is_text_whatever_it_holds(page: str) -> None:
    assert "&lt;script&gt;alert(1)&lt;_script&gt; &amp; &quot;b&quot;.wav" in page


def test_a_page_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).standard_normal(5000) / 9, 1000)
    file = str(tmp_path / "a.wav")
    assert main.main(["replay", file, "--model", "none", "--html", "/proc/no/page.html"]) == 75
    assert capsys.readouterr().err.startswith("drsn-agent: --html: /proc/no/page.html cannot be")


@pytest.mark.parametrize("piece", [7, 1000, 65_536])
def test_an_overview_keeps_every_peak_in_a_bounded_number_of_columns(piece: int) -> None:
    signal = np.random.default_rng(0).normal(0, 0.1, 300_000).astype(np.float32)
    signal[123_456], signal[200_001] = 9, -8
    overview = Overview(rate_hz=1000)
    for start in range(0, len(signal), piece):
        overview.add(signal[start : start + piece])
    columns = overview.waveform()
    assert MOST // 2 <= len(columns) <= MOST
    assert len(columns) * overview.column_s == pytest.approx(300, rel=0.01)
    assert np.argmax(columns[:, 1]) == int(123.456 / overview.column_s)
    assert np.argmin(columns[:, 0]) == int(200.001 / overview.column_s)
    assert (columns.max(), columns.min()) == (9, -8)


def test_a_tone_is_in_its_band_of_the_spectrogram() -> None:
    for rate_hz in (500, 1000, 10_000, 51_200):
        overview = Overview(rate_hz)
        overview.add(np.sin(2 * np.pi * 0.305 * np.arange(5 * rate_hz)).astype(np.float32))
        power = overview.spectrogram()
        assert np.abs(power.argmax(axis=1) - 0.61 * power.shape[1] + 0.5).max() <= 1


def window(first: int, samples: list[float], state: Verdict | None = None) -> Scored:
    block = np.array([samples], np.float32)
    ready = Window(first, block, 0, Mark(0), 0.0)
    return Scored("s", ready, None, Verdict("normal"), state, Verdict("normal"))


def test_the_page_has_each_frame_of_overlapping_windows_once() -> None:
    log = SignalLog()
    log.see(window(0, [1, 2, 3, 4], Verdict("normal")), 1.0)
    log.see(window(2, [3, 4, 5, 6]), 1.0)
    log.see(window(4, [5, 6, 7, 8], Verdict("fault", "outer")), 1.0)
    fault, normal = log.piece(("fault", "outer")), log.piece(("normal", None))
    assert fault is not None
    assert normal is not None
    assert normal.tolist() == [[2, 3, 4, 5, 6]]  # five seconds
    assert fault.tolist() == [[7, 8]]
    assert log.piece(("unknown", None)) is None


def test_a_picture_is_a_png_of_its_points() -> None:
    points = np.arange(6, dtype=np.uint8).reshape(2, 3)
    data = png(points, charts.palette())
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    rows = zlib.decompress(data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8])
    assert rows == b"\0\0\1\2\0\3\4\5"


def test_ticks_are_round_and_times_are_of_a_clock() -> None:
    assert list(Axis(0, 5000, "Hz", steps=5).ticks()) == [0, 1000, 2000, 3000, 4000, 5000]
    assert list(charts.time_axis(240).ticks()) == [0, 30, 60, 90, 120, 150, 180, 210, 240]
    assert list(charts.time_axis(400_000).ticks())[1] == 50_000


def test_every_decision_has_a_colour_and_a_rank() -> None:
    for decision in get_args(Decision):
        assert f"--{decision}:" in STYLE
        assert f".{decision}{{fill:" in STYLE
        assert decision in SEVERITY
