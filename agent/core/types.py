"""The nouns that travel and the Protocols that handle them.

Every frame has an absolute index, counted by its source from 0. Time is `anchor + index /
rate`, a gap is a difference of two indices: nothing downstream looks at a clock.
"""

import enum
from collections.abc import Callable
from typing import Literal, Protocol, runtime_checkable

import msgspec
import numpy as np
import numpy.typing as npt

from agent.core.conditions import Conditions
from agent.core.errors import DamagedError as DamagedError
from agent.core.errors import SourceError as SourceError
from agent.core.model_contract import Contract

Samples = npt.NDArray[np.float32]
Marks = npt.NDArray[np.uint8]
Decision = Literal["normal", "fault", "detected", "unknown", "abstain", "sensor_fault", "stopped"]
Commissioned = Literal["none", "provisional", "whole", "elsewhere", "lost"]


class Mark(enum.IntFlag):
    """What is wrong with a frame; a window is flagged with the marks of all its frames."""

    GAP = 1  # never arrived
    OVERRUN = 2  # arrived, and was overwritten before it was read
    CLIPPED = 4  # the sensor was at full scale
    INVALID = 8  # arrived as NaN or infinity
    SLOW = 16  # the source delivered too few samples per second about then
    FAST = 32  # too many
    # Never of one frame:
    FLAT = 64  # the signal stands still, or counts
    SILENT = 128  # nothing comes
    BROKEN = 256  # the source failed, or its end came where there should be none


class Format(msgspec.Struct, frozen=True):
    """What a source delivers."""

    rate_hz: float
    channels: int
    full_scale: float | None = None  # |sample| at which the converter clips, where it has one
    started_s: float | None = None  # Unix time of frame 0; None: the moment it arrives
    patient: bool = False  # may be kept waiting without losing samples (a file, a pipe)
    live: bool = False  # what the clock expects and is not delivered is lost
    counted: bool = False  # live, and what is lost on its way shows in `Block.lost`
    step: float | None = None  # what one count is, where samples are whole counts
    frames: int | None = None  # that it holds; None: unknown
    names: tuple[str, ...] = ()  # of its channels; empty: they have none
    counting: tuple[int, ...] = ()  # channels that count frames or time
    still: tuple[int, ...] = ()  # channels that do not change at first


class Block(msgspec.Struct, frozen=True):
    """Consecutive frames as a source delivers them, of any length, empty too."""

    samples: Samples  # [frames, channels]
    lost: int = 0  # frames known to have been lost right before them


class Window(msgspec.Struct, frozen=True):
    """Consecutive frames at the model's rate, and what is wrong with them."""

    first: int  # absolute index of its first frame, at the model's rate
    samples: Samples  # [channels, window]
    dropped: int  # frames of it that are missing
    marks: Mark
    arrived_s: float  # monotonic time at which its last frame came in
    rpm: float | None = None  # of the shaft, where it was measured or published
    condition: str | None = None  # of the machine, where it is published
    missing: str | None = None  # why speed or condition, which are published, are not known
    conditions: Conditions | None = None  # beside the vibration; None: none are configured
    stopped: str | None = None  # why the machine stands still; None: it runs, as far as is known

    @property
    def flags(self) -> list[str]:
        if not self.marks:
            return []
        return [mark.name.lower() for mark in Mark if mark in self.marks and mark.name]


class FaultLine(msgspec.Struct, frozen=True, kw_only=True):
    """How far the bearing's lines stand out of the envelope's spectrum around them, in dB."""

    bpfo: float
    bpfi: float
    bsf: float  # of the lines at twice the spin
    ftf: float


class Physics(msgspec.Struct, frozen=True, kw_only=True):
    """What the signal before a change of state shows without any network; of one channel."""

    seconds: float  # of signal behind it, up to the window's end
    rms: float  # without the mean, in the source's unit
    peak: float  # without the mean, in the source's unit
    crest: float | None  # peak over rms
    kurtosis: float | None  # 3 for noise of a normal distribution
    velocity_mm_s: float | None  # RMS over the band
    velocity_band_hz: tuple[float, float] | None
    zone: str | None  # ISO 20816-3: A to D
    envelope_band_hz: tuple[float, float] | None  # that was demodulated
    evidence_db: FaultLine | None
    shows: str | None  # the line of evidence that is strong enough: bpfo, bpfi, bsf, ftf
    healthy_db: FaultLine | None = None  # the commissioned machine's own, which `shows` leaves out
    contrast_db: FaultLine | None = None  # evidence_db less healthy_db
    periodicity_hz: float | None = None  # first line of the strongest series in the envelope
    periodicity_db: float | None = None  # how far that series stands out, whatever its cause


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """Which part said what before a change of state: baseline, network, and the bearing's lines."""

    sentence: str  # for a person
    baseline: Commissioned  # elsewhere: commissioned, but not at this speed or condition
    anomaly: float | None  # of the window; above 1: unlike the machine when commissioned
    anomaly_slow: float | None  # the same of the median over up to 18 s
    network: str | None  # its most likely label over `network_s`
    network_probability: float | None  # of that label: the normalized geometric mean
    network_s: float  # of windows since the last that was flagged, about 3 s at most
    line: str | None  # bpfo, bpfi or bsf: the strongest; None: not asked, or not to be told
    line_db: float | None  # above the spectrum around it, less the healthy machine's own


class Prediction(msgspec.Struct, frozen=True):
    """What a network says of one window; None where it has no such output."""

    probabilities: tuple[float, ...]  # one per label, in the contract's order
    shrinkage: float | None = None  # mean threshold over mean |x|
    snr_db: float | None = None
    distance: float | None = None


class Verdict(msgspec.Struct, frozen=True):
    """What is held to be so: of one window, or of a source after many."""

    decision: Decision
    label: str | None = None
    probability: float | None = None


class Measured(msgspec.Struct, frozen=True):
    """What the signal up to a window's end shows, where it was time to measure the source."""

    physics: tuple[Physics, ...]  # a channel each, of the last `Physics.seconds` of signal
    verdict: Verdict  # the source's state after the window
    rpm: float | None  # of the shaft, measured or configured; 0: it stands; None: not known
    anomaly: float | None  # of the window, over its threshold; None: there is no baseline
    anomaly_slow: float | None  # of the median over up to 18 s
    drift: float | None  # of the average over the last 1000 windows
    condition: str | None = None  # of the machine
    conditions: Conditions | None = None
    running: bool | None = None  # None: not known


class Scored(msgspec.Struct, frozen=True):
    """A window at the end of the pipeline."""

    source: str
    window: Window
    prediction: Prediction | None  # None: flagged, so never shown to the network
    verdict: Verdict  # of this window alone
    event: Verdict | None  # the source's new state, where this window changed it
    previous: Verdict  # the state that held before
    physics: tuple[Physics, ...] | None = None  # a channel each, where the state has changed
    anomaly: float | None = None  # distance to the baseline over its threshold; None: has none
    basis: Basis | None = None  # of the event, where this window made one
    # Every `measure_s` of a source's signal: measures it, which takes milliseconds, so that no
    # message of a window waits for it. It gives None where the signal was overwritten since.
    measure: Callable[[], Measured | None] | None = None


class Message(msgspec.Struct, frozen=True):
    """What a sink delivers."""

    seq: int  # place in the outbox; 0: nobody waits for its acknowledgement; below 0: coalesced
    topic: str
    payload: bytes
    retain: bool = False
    qos: Literal[0, 1] = 1


class Receipt(msgspec.Struct, frozen=True):
    """A sink's last word on a message."""

    seq: int
    refused: str | None = None  # why; None: acknowledged
    passing: bool = False  # refused for a reason that may pass, e.g. a quota


class Gap(msgspec.Struct, frozen=True):
    """Messages that were dropped or set aside: `first` to `last` by sequence number."""

    first: int
    last: int
    messages: int
    why: str
    seq: int | None = None  # of the marker, where it is not `last`


class Source(Protocol):
    """Where samples come from. Opened, read and closed by the source thread alone."""

    @property
    def format(self) -> Format: ...

    def read(self) -> Block | None:
        """The next frames, None when there will be no more; `SourceError` when it breaks.

        Returns within about 0.25 s, if need be with an empty block, so that a stop is heard.
        """

    def close(self) -> None: ...


@runtime_checkable
class Pollable(Source, Protocol):
    """A source whose frames wait outside, in a socket or a pipe: one thread may read many."""

    more: bool  # the last `take` left something behind that a poll may not show
    gathers_s: float  # for so long its frames may wait outside

    def fileno(self) -> int: ...

    def take(self) -> Block | None:
        """What is there now, without waiting; otherwise as `read`."""


@runtime_checkable
class Refusing(Protocol):
    """A source that may hear something and take nothing of it."""

    @property
    def refusal(self) -> str | None:
        """What came last and why it was refused, quoted; None while samples are taken."""


class Classifier(Protocol):
    """A network behind its contract."""

    @property
    def contract(self) -> Contract: ...

    def classify(self, samples: Samples, running: Samples | None = None) -> list[Prediction]:
        """A prediction for each window of `samples` [batch, channels, window].

        `running` [batch, 5] is what is known of the machine; see `agent.core.model_contract`.
        """


class Sink(Protocol):
    """Where messages go. Handled by the sender thread alone, but for `wake`."""

    @property
    def state(self) -> str:
        """One of a few words, e.g. connected, unreachable, refused."""

    @property
    def why(self) -> str | None:
        """What a person should know about the state."""

    @property
    def session(self) -> int:
        """Counts connections; 0 before the first. A new one has forgotten what was in flight."""

    @property
    def in_flight_limit(self) -> int:
        """How many messages may be in flight at once; 0 while there is no connection."""

    @property
    def most_bytes(self) -> int:
        """The largest message, topic and all, that the other side takes."""

    def send(self, message: Message) -> None:
        """Puts a message in flight; never waits for its acknowledgement."""

    def poll(self, timeout_s: float) -> list[Receipt]:
        """Works for up to `timeout_s`; what was acknowledged or refused since the last call."""

    def wake(self) -> None:
        """Ends a `poll` at once; from any thread."""

    def close(self) -> None: ...
