"""What the signal shows without a network is right: levels, velocity, zones, lines of a bearing."""

import numpy as np
import pytest
import soundfile
from msgspec.structs import replace

from agent.acquisition.resampling import resample
from agent.acquisition.ring_buffer import Ring
from agent.core.bearing import MachineClass, Orders
from agent.core.types import FaultLine, Mark, Window
from agent.diagnosis import bearing_lines, levels
from agent.diagnosis.measurements import MachineInfo, examine, measure, shown
from agent.sources.machine_simulator import Fault, Machine, Spec
from agent.sources.noise import scale_for
from tests.conftest import recording

RATE_HZ = 10_000.0
SPEC = Spec()
ORDERS = SPEC.bearing.orders
KNOWN = MachineInfo(RATE_HZ, "m/s2", SPEC.rpm, ORDERS)
LINE: dict[Fault, str] = {"outer": "bpfo", "inner": "bpfi", "ball": "bsf"}


def sine(hz: float, amplitude: float, rate_hz: float = RATE_HZ, seconds: float = 5.0) -> np.ndarray:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    signal: np.ndarray = amplitude * np.sin(2 * np.pi * hz * time_s)
    return signal


def machine(fault: Fault, snr_db: float | None, seed: int, seconds: float = 5.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    made = Machine(SPEC, rng)
    signal = made.render(round(seconds * RATE_HZ), fault, 1.0)
    if snr_db is None:
        return signal
    sigma = scale_for(made.power(fault, 1.0), snr_db)
    return signal + sigma * rng.standard_normal(len(signal))


@pytest.mark.parametrize(("unit", "in_mm_s2"), [("m/s2", 1e3), ("g", 9806.65)])
@pytest.mark.parametrize("hz", [12.0, 50.0, 159.155, 990.0])
def test_a_sines_levels_and_velocity_are_right_to_one_per_cent(
    unit: str, in_mm_s2: float, hz: float
) -> None:
    found = measure(7.0 + sine(hz, 3.0), MachineInfo(RATE_HZ, unit))
    assert found.rms == pytest.approx(3 / 2**0.5, rel=0.01)
    assert found.peak == pytest.approx(3.0, rel=0.01)
    assert found.crest == pytest.approx(2**0.5, rel=0.01)
    assert found.kurtosis == pytest.approx(1.5, rel=0.01)
    assert found.velocity_mm_s == pytest.approx(3 / 2**0.5 * in_mm_s2 / (2 * np.pi * hz), rel=0.01)


def test_velocity_leaves_out_what_lies_outside_the_standards_band() -> None:
    inside, outside = sine(100.0, 1.0), sine(4.0, 1.0) + sine(1500.0, 30.0)
    alone = measure(inside, MachineInfo(RATE_HZ, "m/s2")).velocity_mm_s
    assert measure(inside + outside, MachineInfo(RATE_HZ, "m/s2")).velocity_mm_s == pytest.approx(
        alone, rel=0.01
    )


def test_a_slow_shafts_velocity_begins_at_two_hertz() -> None:
    found = measure(sine(4.0, 1.0), MachineInfo(RATE_HZ, "m/s2", rpm=300))
    assert found.velocity_band_hz == (2.0, 1000.0)
    assert found.velocity_mm_s == pytest.approx(1e3 / 2**0.5 / (2 * np.pi * 4), rel=0.01)


ZONES = [
    ("group1-rigid", ((2.2, "A"), (2.4, "B"), (4.6, "C"), (7.2, "D"))),
    ("group1-flexible", ((3.4, "A"), (3.6, "B"), (7.2, "C"), (11.1, "D"))),
    ("group2-rigid", ((1.3, "A"), (1.5, "B"), (2.9, "C"), (4.6, "D"))),
    ("group2-flexible", ((2.2, "A"), (2.4, "B"), (4.6, "C"), (7.2, "D"))),
]


@pytest.mark.parametrize(("machine_class", "cases"), ZONES)
def test_a_velocity_has_the_zone_of_its_class(
    machine_class: MachineClass, cases: tuple[tuple[float, str], ...]
) -> None:
    for mm_s, zone in cases:
        amplitude = mm_s * 2**0.5 * 2 * np.pi * 80 / 1e3
        known = MachineInfo(RATE_HZ, "m/s2", machine_class=machine_class)
        assert measure(sine(80.0, amplitude), known).zone == zone


def test_a_rate_too_low_for_the_standard_tells_its_band_and_no_zone() -> None:
    known = MachineInfo(1000.0, "m/s2", machine_class="group2-rigid")
    found = measure(sine(80.0, 1.0, rate_hz=1000.0), known)
    assert found.velocity_band_hz == (10.0, 450.0)
    assert found.velocity_mm_s == pytest.approx(1e3 / 2**0.5 / (2 * np.pi * 80), rel=0.01)
    assert found.zone is None


@pytest.mark.parametrize(
    "machine_info", [MachineInfo(RATE_HZ, "V"), MachineInfo(15.0, "g"), MachineInfo(RATE_HZ, "any")]
)
def test_no_velocity_is_told_where_there_is_none(machine_info: MachineInfo) -> None:
    found = measure(sine(2.0, 1.0, machine_info.rate_hz), machine_info)
    assert (found.velocity_mm_s, found.velocity_band_hz, found.zone) == (None, None, None)


def test_no_velocity_is_told_of_less_than_ten_cycles() -> None:
    assert measure(sine(50.0, 1.0, seconds=0.9), MachineInfo(RATE_HZ, "g")).velocity_mm_s is None


def test_a_signal_that_stands_still_has_no_crest_and_no_lines() -> None:
    found = measure(np.full(50_000, 0.25), KNOWN)
    assert (found.rms, found.crest, found.kurtosis) == (0.0, None, None)
    assert found.evidence_db is None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", LINE)
def test_at_equal_noise_the_damaged_parts_line_stands_out_most(fault: Fault, seed: int) -> None:
    assert measure(machine(fault, 0.0, seed), KNOWN).shows == LINE[fault]


@pytest.mark.parametrize("error", [0.98, 1.02])
@pytest.mark.parametrize("fault", LINE)
def test_a_speed_that_is_two_per_cent_wrong_changes_no_name(fault: Fault, error: float) -> None:
    known = MachineInfo(RATE_HZ, "m/s2", error * SPEC.rpm, ORDERS)
    assert measure(machine(fault, 0.0, 5), known).shows == LINE[fault]


@pytest.mark.parametrize("snr_db", [None, 10.0, 0.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_healthy_machine_shows_no_line(seed: int, snr_db: float | None) -> None:
    found = measure(machine("normal", snr_db, seed), KNOWN)
    assert found.evidence_db is not None
    assert found.shows is None


def test_another_bearings_orders_are_not_shown() -> None:
    other = Orders(bpfo=3.05, bpfi=4.95, bsf=1.99, ftf=0.381)  # none within 3 % of the 6205's
    known = MachineInfo(RATE_HZ, "m/s2", SPEC.rpm, other)
    assert measure(machine("outer", 0.0, 1), known).shows is None


@pytest.mark.parametrize(
    "machine_info",
    [
        MachineInfo(RATE_HZ, "g", rpm=1797.0),
        MachineInfo(RATE_HZ, "g", orders=ORDERS),
        MachineInfo(RATE_HZ, "g", rpm=60.0, orders=ORDERS),  # five turns
        MachineInfo(RATE_HZ, "g", rpm=60_000.0, orders=ORDERS),  # lines beyond every band
    ],
)
def test_lines_that_cannot_be_told_are_not_told(machine_info: MachineInfo) -> None:
    found = measure(machine("outer", 0.0, 1), machine_info)
    assert (found.evidence_db, found.shows) == (None, None)


@pytest.mark.parametrize(
    ("file", "rpm", "line"),
    [
        ("DE12k_outer_7mil_at6_2hp.flac", 1750, "bpfo"),
        ("DE12k_outer_21mil_at3_2hp.flac", 1747, "bpfo"),
        ("DE12k_inner_14mil_2hp.flac", 1752, "bpfi"),
        ("DE12k_inner_21mil_2hp.flac", 1752, "bpfi"),
    ],
)
def test_real_races_show_their_line(file: str, rpm: float, line: str) -> None:
    samples, rate_hz = soundfile.read(recording("cwru", "12k_DE", file), always_2d=True)
    signal = resample(samples[: 5 * rate_hz, 0], rate_hz, RATE_HZ).astype(np.float64)
    assert measure(signal, MachineInfo(RATE_HZ, "any", rpm, ORDERS)).shows == line


def test_what_lies_before_a_gap_or_after_the_window_is_not_measured() -> None:
    ring = Ring(60_000, 2, lambda: None)
    loud, quiet = np.full((10_000, 2), 50.0, np.float32), np.zeros((30_000, 2), np.float32)
    quiet[:] = machine("outer", None, 2, seconds=3.0)[:, None] * [1.0, 2.0]
    ring.write(loud, np.zeros(10_000, np.uint8))
    ring.skip(5)
    ring.write(quiet, np.zeros(30_000, np.uint8))
    ring.write(loud, np.zeros(10_000, np.uint8))
    window = Window(36_005, np.zeros((2, 4000), np.float32), 0, Mark(0), 0.0)
    found = examine(ring, KNOWN, window)
    assert found is not None
    assert [each.seconds for each in found] == [3.0, 3.0]
    assert [each.shows for each in found] == ["bpfo", "bpfo"]
    assert found[1].rms == pytest.approx(2 * found[0].rms, rel=1e-3)
    assert found[0].peak < 20


def test_a_flagged_window_is_not_measured() -> None:
    assert examine(*turning(Mark(0))) is not None
    assert examine(*turning(Mark.CLIPPED)) is None


def turning(marks: Mark, rpm: float | None = None) -> tuple[Ring, MachineInfo, Window]:
    """A ring with a broken bearing's signal, its machine, and the window at the end of it."""
    ring = Ring(60_000, 1, lambda: None)
    signal = machine("outer", None, 0).astype(np.float32)[:, None]
    ring.write(signal, np.zeros(len(signal), np.uint8))
    last = signal[-4000:].T
    return ring, KNOWN, Window(len(signal) - 4000, last, 0, marks, 0.0, rpm)


def test_a_measured_speed_takes_the_place_of_the_configured_one() -> None:
    ring, info, window = turning(Mark(0), SPEC.rpm)
    wrong = replace(info, rpm=1.2 * SPEC.rpm)
    (measured,) = examine(ring, wrong, window) or ()
    assert measured.shows == "bpfo"
    (configured,) = examine(ring, wrong, replace(window, rpm=None)) or ()
    assert configured.shows != "bpfo"


@pytest.mark.parametrize(("line_db", "name"), [(10.0, "bpfo"), (9.9, None)])
def test_a_line_is_shown_from_ten_decibels_on(line_db: float, name: str | None) -> None:
    assert shown(FaultLine(bpfo=line_db, bpfi=3.0, bsf=0.0, ftf=0.0)) == name


def test_the_limits_of_the_zones_rise() -> None:
    for limits in levels.LIMITS_MM_S.values():
        assert list(limits) == sorted(limits)


EIGHT_BALLS = Orders(bpfo=3.05, bpfi=4.95, bsf=1.99, ftf=0.381)  # beside 3, 5 and 4 turns


@pytest.mark.parametrize("harmonic", range(1, 7))
def test_a_level_that_swings_with_the_shaft_is_no_line_of_a_bearing(harmonic: int) -> None:
    time_s = np.arange(50_000) / 10_000
    swing = 1 + 0.6 * np.sin(2 * np.pi * harmonic * 1797 / 60 * time_s)
    signal = swing * np.random.default_rng(harmonic).standard_normal(len(time_s))
    machine = MachineInfo(10_000.0, "any", 1797.0, EIGHT_BALLS)
    assert measure(signal, machine).shows is None


def test_the_healthy_machines_own_lines_are_not_shown() -> None:
    evidence = FaultLine(bpfo=21.0, bpfi=12.0, bsf=3.0, ftf=3.0)
    own = FaultLine(bpfo=20.0, bpfi=6.0, bsf=6.0, ftf=6.0)
    assert shown(evidence) == "bpfo"
    assert shown(evidence, own) == "bpfi"


def test_noise_alone_reaches_the_limit_of_a_name_in_about_one_of_a_hundred_measurements() -> None:
    rng = np.random.default_rng(0)
    machine = MachineInfo(10_000.0, "any", 1797.0, EIGHT_BALLS)
    found = [measure(rng.standard_normal(50_000), machine) for _ in range(60)]
    lines = [bearing_lines.strongest([each]) for each in found]
    assert sum(line is not None and line.db >= bearing_lines.NAMES_DB for line in lines) <= 6
