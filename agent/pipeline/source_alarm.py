"""The alarm of one source, fed by its scored windows and its measurements. Reads no clock.

The rules are in `agent.diagnosis.alarm_causes` and `agent.diagnosis.alarm_latch`.
"""

from msgspec.structs import replace

from agent.config.alarms import Alarms
from agent.core.alarms import AlarmEvent, Maintenance, Standing
from agent.core.time import iso
from agent.core.types import Scored
from agent.diagnosis import alarm_causes
from agent.diagnosis.alarm_causes import AlarmCauses
from agent.diagnosis.alarm_latch import AlarmLatch
from agent.messages.measurement import Measurement
from agent.pipeline.source_pipeline import SourcePipeline

BLIND = ("sensor_fault", "stopped")  # decisions in which the signal shows no machine at work


class SourceAlarm:
    """Keeps `pipeline.standing`; methods return what has changed, or None."""

    def __init__(self, pipeline: SourcePipeline, defaults: Alarms, standing: Standing) -> None:
        """`standing` is that of an earlier run, or of the settings before."""
        common = pipeline.settings.common
        self.pipeline = pipeline
        self._keys = common.alarms.over(defaults)
        self._causes = AlarmCauses(self._keys, common.machine_class)
        if not self._keys.enabled:
            standing = replace(standing, alarm="none", basis=None)
        self._latch = AlarmLatch(self._keys, standing)
        self._measurement: Measurement | None = pipeline.measurement  # the last that was seen
        pipeline.standing = standing

    def see(self, scored: Scored) -> AlarmEvent | None:
        """Takes in a scored window, and the newest measurement if there is a new one."""
        pipeline, window = self.pipeline, scored.window
        state = scored.event or scored.previous
        if state.decision in BLIND or window.stopped or pipeline.scorer.rpm_of(window) == 0:
            self._causes.forget()
            self._latch.pass_blind()
            return None
        if window.marks or not self._keys.enabled:
            return None
        self._take_measurement()
        causes = self._causes.of(state, compared=scored.anomaly is not None)
        if pipeline.standing.maintenance is not None:
            causes = []
        end = window.first + window.samples.shape[1]
        now = iso(pipeline.timeline.unix_s(end))
        hop_s = pipeline.settings.common.hop_s
        return self._note(self._latch.pass_signal(hop_s, causes, now))

    def acknowledge(self, now: str, by: str | None) -> AlarmEvent | None:
        """Somebody has seen it."""
        return self._note(self._latch.acknowledge(now, by))

    def maintain(self, maintenance: Maintenance | None) -> AlarmEvent:
        """Maintenance begins, or ends with None."""
        self.keep(replace(self.pipeline.standing, maintenance=maintenance))
        return "maintenance"

    def keep(self, standing: Standing) -> None:
        """The same standing with something added to it."""
        self._latch.standing = self.pipeline.standing = standing

    def _note(self, event: AlarmEvent | None) -> AlarmEvent | None:
        self.pipeline.standing = self._latch.standing
        return event

    def _take_measurement(self) -> None:
        record = self.pipeline.measurement
        if record is not None and record is not self._measurement:
            self._measurement = record
            self._causes.measured(
                alarm_causes.values(
                    record.physics, record.anomaly, record.anomaly_slow, record.drift
                )
            )
