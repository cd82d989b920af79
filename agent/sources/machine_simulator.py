"""A simulated rotating machine: shaft, gear mesh and a rolling bearing that may be damaged.

A defect on a race or a ball is struck at the bearing's frequencies (`agent.core.bearing`). Each
strike comes a little early or late because the rollers slip, and makes a structural resonance
ring. An inner race turns through the load zone, so its strikes swell once per revolution of the
shaft; those of a ball swell once per revolution of the cage; those of an outer race are even.
"""

import math
from typing import Literal, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.bearing import Orders, of_geometry

Fault = Literal["normal", "inner", "outer", "ball"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
Signal = npt.NDArray[np.float64]


class Bearing(msgspec.Struct, frozen=True):
    """Geometry of a rolling bearing; the default is a 6205 deep-groove ball bearing."""

    balls: int = 9
    ball_mm: float = 7.94
    pitch_mm: float = 39.04
    contact_deg: float = 0.0

    def order(self, fault: Fault) -> float:
        """Strikes per revolution of the shaft (a damaged ball strikes both races)."""
        orders = self.orders
        return {
            "normal": 0.0,
            "inner": orders.bpfi,
            "outer": orders.bpfo,
            "ball": 2 * orders.bsf,
        }[fault]

    @property
    def orders(self) -> Orders:
        return of_geometry(self.balls, self.ball_mm, self.pitch_mm, self.contact_deg)


class Spec(msgspec.Struct, frozen=True):
    """The machine's constants. Amplitudes are in the unit of the signal, e.g. m/s2."""

    rate_hz: float = 10_000.0
    rpm: float = 1797.0
    bearing: Bearing = msgspec.field(default_factory=Bearing)
    teeth: int = 23
    shaft_amplitude: float = 0.3
    mesh_amplitude: float = 0.4
    strike_amplitude: float = 4.0  # of a fault at severity 1
    resonance_hz: float = 3000.0
    damping: float = 0.04  # of critical
    slip: float = 0.01  # standard deviation of a strike's interval, relative


class Machine:
    """Renders the signal step by step; the same seed gives the same machine."""

    def __init__(self, spec: Spec, rng: np.random.Generator) -> None:
        self.spec = spec
        self._rng = rng
        self._phase = rng.uniform(0, 2 * np.pi, 6)
        self._frame = 0
        self._next_strike = 0.0  # in frames
        decay = 2 * math.pi * spec.damping * spec.resonance_hz / spec.rate_hz  # per frame
        self._ring_frames = math.ceil(math.log(1000.0) / decay)
        self._decay = decay
        self._tail = np.zeros(self._ring_frames + 1)

    def render(self, frames: int, fault: Fault, severity: float) -> Signal:
        """The next `frames` samples, without noise; `severity` 0 (none) to 1 (grown)."""
        turn = self._turns(np.arange(self._frame, self._frame + frames))
        signal = self._shaft(turn) + self._mesh(turn) + self._strikes(frames, fault, severity)
        self._frame += frames
        return signal

    def power(self, fault: Fault, severity: float) -> float:
        """Expected variance of the signal, to which an SNR refers."""
        spec = self.spec
        steady = spec.shaft_amplitude**2 / 2 * (1 + 0.25 + 0.0625)
        steady += spec.mesh_amplitude**2 / 2 * (1 + 0.25) * 1.045  # with its modulation
        strikes_per_frame = spec.bearing.order(fault) * spec.rpm / 60 / spec.rate_hz
        swell = 1.0 if fault == "outer" else 0.375  # mean of ((1 + cos) / 2)^2
        ring = 1 / (4 * self._decay)
        return steady + strikes_per_frame * (severity * spec.strike_amplitude) ** 2 * swell * ring

    def _turns(self, frame: npt.ArrayLike) -> Signal:
        """Angle of the shaft in radians at those frames."""
        spec = self.spec
        return 2 * np.pi * spec.rpm / 60 / spec.rate_hz * np.asarray(frame, np.float64)

    def _shaft(self, turn: Signal) -> Signal:
        harmonics = (np.sin(k * turn + self._phase[k]) / k for k in (1, 2))
        fourth = np.sin(4 * turn + self._phase[3]) / 4
        shaft: Signal = self.spec.shaft_amplitude * (sum(harmonics) + fourth)
        return shaft

    def _mesh(self, turn: Signal) -> Signal:
        angle = self.spec.teeth * turn
        tone = np.sin(angle + self._phase[4]) + 0.5 * np.sin(2 * angle + self._phase[5])
        mesh: Signal = self.spec.mesh_amplitude * (1 + 0.3 * np.cos(turn)) * tone
        return mesh

    def _strikes(self, frames: int, fault: Fault, severity: float) -> Signal:
        """The strikes of this step; their ringing continues in the next step (`_tail`)."""
        spec = self.spec
        ringing = np.concatenate([self._tail, np.zeros(frames)])
        end = self._frame + frames
        order = spec.bearing.order(fault)
        interval = spec.rate_hz * 60 / spec.rpm / order if order else math.inf
        self._next_strike = max(self._next_strike, float(self._frame))
        while order and self._next_strike < end:
            first = math.ceil(self._next_strike)
            age = np.arange(self._ring_frames) + (first - self._next_strike)
            angle = 2 * np.pi * spec.resonance_hz / spec.rate_hz * age
            at = first - self._frame
            force = severity * spec.strike_amplitude * self._swell(fault, self._next_strike)
            ringing[at : at + len(age)] += force * np.exp(-self._decay * age) * np.sin(angle)
            self._next_strike += interval * (1 + spec.slip * self._rng.standard_normal())
        self._tail = ringing[frames:]
        return ringing[:frames]

    def _swell(self, fault: Fault, frame: float) -> float:
        """The load on the defect at that frame, 0 to 1: how hard the strike is."""
        order = {"inner": 1.0, "ball": self.spec.bearing.orders.ftf}.get(fault)
        if order is None:
            return 1.0
        return float(1 + math.cos(order * self._turns(frame) + self._phase[0])) / 2
