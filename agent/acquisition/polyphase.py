"""The resampling filter: a windowed sinc at the phases that a ratio of rates needs.

Relative to the lower rate's Nyquist frequency it is flat to 1e-5 up to 0.87, at -6 dB at 0.9565
(where soxr HQ is, by which the first networks were trained), and below -100 dB from 1.043. So what
folds back stays above the pass band. The window is Kaiser's: J. F. Kaiser, "Nonrecursive digital
filter design using the I0-sinh window function", Proc. IEEE ISCAS 1974.

Every output is a dot product whose summation order depends on the filter alone. Therefore the
way that a signal is cut into blocks changes no bit.
"""

import functools
from fractions import Fraction
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.types import Samples

CUTOFF = 0.9565  # of the lower Nyquist frequency
HALF_PERIODS = 37.5  # of the lower rate, on each side of an output: 3.75 ms at 10 kHz
BETA = 10.06  # Kaiser's, for 100 dB
LONGEST_CYCLE = 128  # outputs after which the phases repeat; beyond it they are interpolated
CYCLE_OUTPUTS = 24  # shorter cycles are repeated up to this many outputs: fewer, larger products
ONE_THREAD = 9000  # coefficients in a product: from 9216 on OpenBLAS starts threads
PHASES = 512  # of the interpolated filter: its error is below 2e-6
SOME = 32  # of them are computed at once
AT_ONCE = 1 << 18  # coefficients of the interpolated filter: bounds the memory of a long block
FINEST = 1 << 20  # the largest denominator of a ratio

Array = npt.NDArray[np.floating[Any]]


class Polyphase(Protocol):
    """A filter for one ratio of rates."""

    @property
    def step(self) -> Fraction:
        """Input frames from one output to the next."""

    @property
    def ahead(self) -> int:
        """Input frames that an output needs behind the frame that it falls on."""

    @property
    def width(self) -> int:
        """How many zeros `outputs` wants behind the signal."""

    def first_frame(self, output: int) -> int:
        """The first input frame that this output and later ones need."""

    def outputs(self, signal: Samples, first: int, begin: int, end: int) -> Samples:
        """Outputs `begin` to `end` [outputs, channels] of `signal` [channels, frames].

        `signal` begins at input frame `first` and ends with `width` zeros.
        """


class Cyclic(msgspec.Struct, frozen=True):
    """For ratios whose phases soon repeat: a cycle of outputs is one product of fixed shape."""

    step: Fraction
    ahead: int
    width: int  # input frames that a cycle of outputs needs
    span: int  # outputs of a cycle
    parts: tuple[Samples, ...]  # coefficients [outputs, width], together `span` outputs

    @property
    def advance(self) -> int:
        """Input frames from one cycle to the next."""
        return int(self.span * self.step)

    def first_frame(self, output: int) -> int:
        return output // self.span * self.advance - self.ahead

    def outputs(self, signal: Samples, first: int, begin: int, end: int) -> Samples:
        cycles = -(-end // self.span) - begin // self.span
        offset = self.first_frame(begin) - first
        windows = _windows(signal[:, offset:], cycles, self.advance, self.width)
        products = [windows[:, :, None, :] @ part.T for part in self.parts]
        all_outputs = np.concatenate(products, axis=-1) if len(products) > 1 else products[0]
        skipped = begin % self.span
        return all_outputs.reshape(len(signal), -1)[:, skipped : skipped + end - begin].T


class Interpolated(msgspec.Struct, frozen=True):
    """For any ratio: coefficients linearly between those of two neighbouring phases."""

    step: Fraction
    ahead: int
    width: int
    rows: Samples  # [phases + 1, width]; the last row is phase 0 of the next input frame

    def first_frame(self, output: int) -> int:
        return output * self.step.numerator // self.step.denominator - self.ahead

    def outputs(self, signal: Samples, first: int, begin: int, end: int) -> Samples:
        some = max(1, AT_ONCE // self.width)
        pieces = [
            self._some(signal, first, at, min(at + some, end)) for at in range(begin, end, some)
        ]
        return np.concatenate(pieces)

    def _some(self, signal: Samples, first: int, begin: int, end: int) -> Samples:
        numerator, denominator = self.step.numerator, self.step.denominator
        start, remainder = divmod(begin * numerator, denominator)
        position = remainder + np.arange(end - begin) * numerator
        place = position % denominator * (PHASES / denominator)
        phase = place.astype(np.int64)
        share = (place - phase).astype(np.float32)[:, None]
        rows = self.rows[phase] * (1 - share) + self.rows[phase + 1] * share
        windows = _windows(signal, signal.shape[1] - self.width + 1, 1, self.width)
        inputs = windows[:, position // denominator + start - self.ahead - first]
        products: Samples = (inputs[:, :, None, :] @ rows[:, :, None])[:, :, 0, 0]
        return products.T


@functools.lru_cache(maxsize=16)
def design(from_hz: float, to_hz: float) -> Polyphase:
    """The filter from one rate to another; all channels and sources of a ratio share it."""
    step = (Fraction(from_hz) / Fraction(to_hz)).limit_denominator(FINEST)
    scale = max(1.0, from_hz / to_hz)  # input frames in a period of the lower rate
    ahead = int(np.ceil(HALF_PERIODS * scale))
    if step.denominator > LONGEST_CYCLE:
        width = 2 * ahead + 1
        rows = np.zeros((PHASES + 1, width), np.float32)
        for at in range(0, PHASES, SOME):  # the steps between take ten times the memory
            delays = np.arange(at, at + SOME) / PHASES
            rows[at : at + SOME] = _rows(delays, width, ahead, scale)
        rows[PHASES, 1:] = rows[0, :-1]
        return Interpolated(step, ahead, width, rows)
    span = step.denominator * max(1, CYCLE_OUTPUTS // step.denominator)
    cycle: Array = np.arange(span) * float(step)
    width = int(cycle[-1]) + 2 * ahead + 1
    rows = _rows(cycle, width, ahead, scale).astype(np.float32)
    share = max(1, ONE_THREAD // width)
    parts = tuple(rows[at : at + share] for at in range(0, span, share))
    return Cyclic(step, ahead, width, span, parts)


def _rows(delays: Array, width: int, ahead: int, scale: float) -> Array:
    """Coefficients [outputs, width] for outputs so many input frames after frame `ahead`."""
    periods = (np.arange(width) - ahead - delays[:, None]) / scale
    inside = np.sqrt(np.maximum(0.0, 1 - (periods / HALF_PERIODS) ** 2))
    window = np.where(abs(periods) <= HALF_PERIODS, np.i0(BETA * inside), 0.0)
    rows: Array = np.sinc(CUTOFF * periods) * window
    rows /= rows.sum(axis=1, keepdims=True)  # a constant stays what it is
    return rows


def _windows(signal: Samples, count: int, advance: int, width: int) -> Samples:
    """A view [channels, count, width] of `signal` [channels, frames], without a copy."""
    channel, frame = signal.strides
    return np.ndarray(
        (len(signal), count, width),
        signal.dtype,
        signal,
        strides=(channel, advance * frame, frame),
    )
