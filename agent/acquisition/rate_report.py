"""Says how the rate of a live source differs from what is configured, and what to write."""

import logging
import math

from agent.acquisition.sample_clock import CLOCK_ERROR, SampleClock
from agent.core.types import Format

NEGLIGIBLE = 0.005  # relative
CERTAIN_S = 30.0  # measured for so long, a clock's rate is good to about 0.01 %
MOST_CHANNELS = 8  # that are tried as the reason of a multiple
MULTIPLE = 0.03  # relative: so near, a rate is a multiple

log = logging.getLogger("drsn.source")


class RateReport:
    """Logs what is amiss with one source's rate: each kind of deviation once."""

    def __init__(self, name: str, rate_is_set: bool) -> None:
        """`rate_is_set`: `rate_hz` sets the device's rate, so that its error cannot be written."""
        self._name = name
        self._rate_is_set = rate_is_set
        self._logged: set[str] = set()
        self._seconds = 0.0  # of measuring, when it was last looked at

    def look(self, clock: SampleClock, source: Format) -> None:
        """Called for every block; does nothing until another measurement is there."""
        if clock.meter.seconds == self._seconds:
            return
        self._seconds = clock.meter.seconds
        kind = "fast" if clock.fast else "slow" if clock.slow else "clock"
        if kind in self._logged or (kind == "clock" and self._seconds < CERTAIN_S):
            return
        if (text := self.text(clock, source)) is not None:
            self._logged.add(kind)
            log.warning("%s: %s", self._name, text)

    def text(self, clock: SampleClock, source: Format) -> str | None:
        """One line; None where the rate is as configured or not known yet."""
        measured_hz, nominal_hz = clock.meter.measured_hz, clock.nominal_hz
        if measured_hz is None or abs(measured_hz / nominal_hz - 1) <= NEGLIGIBLE:
            return None
        if not (clock.slow or clock.fast):
            return self._clock_text(measured_hz, nominal_hz)
        ratio = measured_hz / nominal_hz
        arrives = f"{measured_hz:,.0f} frames/s arrive, {ratio:.0%} of rate_hz: {nominal_hz:g}"
        if self._rate_is_set:
            return f"{arrives}: the device or its connection does not keep the rate"
        write = f"rate_hz: {_rounded(measured_hz):g}"
        channels = _channels(ratio, source.channels)
        if channels is not None:
            frame = f"a frame has {channels} channel{'s' if channels > 1 else ''}"
            return f"{arrives}: write interleaved: {channels} if {frame}, else {write}"
        lost = "" if ratio > 1 or abs(ratio - 1) > 4 * CLOCK_ERROR else "; else it loses samples"
        return f"{arrives}: write {write} if that is the sensor's rate{lost}"

    def _clock_text(self, measured_hz: float, nominal_hz: float) -> str:
        error = measured_hz / nominal_hz - 1
        side = "above" if error > 0 else "below"
        text = f"its clock runs at {measured_hz:g} Hz, {abs(error):.2%} {side} rate_hz"
        if self._rate_is_set:
            return f"{text}: time stamps follow it, frequencies are off by as much"
        return f"{text}: write rate_hz: {measured_hz:g}"


def _channels(ratio: float, configured: int) -> int | None:
    """How many channels a frame would have, if that is why the rate is a multiple."""
    if ratio < 1:
        fits = configured > 1 and _is_whole(ratio * configured)
        return round(ratio * configured) if fits else None
    wanted = round(ratio) * configured
    return wanted if _is_whole(ratio) and round(ratio) > 1 and wanted <= MOST_CHANNELS else None


def _is_whole(number: float) -> bool:
    return round(number) > 0 and abs(number / round(number) - 1) <= MULTIPLE


def _rounded(rate_hz: float) -> float:
    """To three digits, as a rate that is far off is measured over seconds."""
    return round(rate_hz, 2 - math.floor(math.log10(rate_hz)))
