"""The payload on `<source>/measurement`: what a source's signal shows at regular intervals."""

import msgspec

from agent.core.alarms import Alarm
from agent.core.annotated import Count
from agent.core.place import Place
from agent.core.types import Decision, Physics
from agent.messages.records import Epoch, Time


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """Levels of a source at regular intervals, whatever its decision; retained.

    It comes every `measure_s` seconds of sound signal and is of the last 5 s of it, or less where
    there is less without a gap. `physics` has one entry a channel: `rms` and `peak` in `unit`,
    `crest` and `kurtosis` without a unit, `velocity_mm_s` in mm/s RMS (None unless `unit` is m/s2
    or g) with its `zone` (A to D; None unless `machine_class` is configured), the bearing's lines
    `evidence_db` in dB above the spectrum around them, and `contrast_db`, those in dB above the
    healthy machine's own (None without a bearing, a speed or a baseline).

    It has no `seq`: (agent, source, `t_end`) identifies it. Of those that are not delivered yet,
    only the newest of a source waits, in memory; what was missed is not delivered later.
    """

    schema: str
    epoch: Epoch  # of the outbox, as in other messages
    agent: str
    source: str
    t_start: Time  # of the signal that was measured; ISO 8601, UTC, milliseconds
    t_end: Time  # of the signal that was measured
    t_published: Time  # when it was put in the outbox
    end_sample: Count  # absolute index at rate_hz behind the last frame that was measured
    rate_hz: float  # the model's
    unit: str  # of the samples
    decision: Decision  # the source's state at t_end
    label: str | None  # of that state; None: it has none
    rpm: float | None  # of the shaft, measured or configured; 0: it stands; None: not known
    anomaly: float | None  # of the last window; above 1: unlike the commissioned machine
    anomaly_slow: float | None  # the same of the median over up to 18 s
    drift: float | None  # the same of the average over the last 1000 windows
    physics: tuple[Physics, ...]  # a channel each
    place: Place | None = None  # site, area, machine and direction; None: none is configured
    alarm: Alarm = "none"  # of the source at t_end
    condition: str | None = None  # of the machine, as published or configured
    load_percent: float | None = None  # of the machine; None: not known
    temperature_c: float | None = None  # of the machine; None: not known
    running: bool | None = None  # false: it stands, and its levels say nothing; None: not known
