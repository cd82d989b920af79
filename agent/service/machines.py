"""The state of every configured machine, from the states of its points."""

import functools
import time
from collections.abc import Callable, Iterator

import msgspec

from agent.config import machines
from agent.config.load import Config
from agent.config.machines import Machine
from agent.core.time import iso
from agent.core.types import Decision, Message, Scored, Verdict
from agent.diagnosis import severity
from agent.messages import machine as records
from agent.messages import payloads
from agent.messages.machine import PointState
from agent.messages.machine_info import MachineHealth, MachineInfo
from agent.messages.topics import schema
from agent.pipeline.source_pipeline import SourcePipeline

MakeMessage = Callable[[str, int], Message]  # epoch, seq


class MachineStates:
    """Used by the main thread; others may read `states` and `infos`, replaced as a whole."""

    def __init__(self, config: Config) -> None:
        self.states: dict[str, MachineHealth] = {}  # by machine; those that were published
        self.infos: list[MachineInfo] = []
        self._topics = payloads.Topics(config.mqtt.base, config.agent.id)
        self._points: dict[str, PointState] = {}  # by name, since their last event
        self._machines: dict[str, Machine] = {}  # by the name of each of its points
        self._directions: dict[str, str | None] = {}  # that the points measure in
        self._take(config)

    def see(
        self, scored: Scored, event: Verdict, pipeline: SourcePipeline
    ) -> Iterator[MakeMessage]:
        """The message about the machine of a point whose state has changed, if it has one."""
        end_s = pipeline.timeline.unix_s(scored.window.first + scored.window.samples.shape[1])
        place, alarm = pipeline.settings.place, pipeline.standing.alarm
        state = records.point_state(scored, event, place, alarm, iso(end_s))
        self._points[scored.source] = state
        if (machine := self._machines.get(scored.source)) is not None:
            yield self._change(machine, iso(end_s))

    def see_alarm(self, pipeline: SourcePipeline) -> Iterator[MakeMessage]:
        """The message about the machine of a point whose alarm has changed, if it has one."""
        name, alarm = pipeline.name, pipeline.standing.alarm
        state, machine = self._points.get(name), self._machines.get(name)
        if state is None or state.alarm == alarm:
            return
        self._points[name] = msgspec.structs.replace(state, alarm=alarm)
        if machine is not None:
            yield self._change(machine, iso(time.time()))

    def renew(self, config: Config) -> Iterator[MakeMessage]:
        """Takes over the machines of a new configuration; messages about those that differ."""
        before, directions = {info.name: info for info in self.infos}, self._directions
        self._take(config)
        names = {info.name for info in self.infos}
        self.states = {name: state for name, state in self.states.items() if name in names}
        turned = {name for name, now in self._directions.items() if directions.get(name) != now}
        changed = [
            info.name
            for info in self.infos
            if before.get(info.name) != info or turned & set(info.points)
        ]
        for name in changed:
            machine = next(item for item in self._machines.values() if item.name == name)
            yield self._change(machine, iso(time.time()))

    def _take(self, config: Config) -> None:
        points = {item.name: machines.points_of(item, config.sources) for item in config.machines}
        self._machines = {point: item for item in config.machines for point in points[item.name]}
        self.infos = [
            MachineInfo(name=item.name, site=item.site, area=item.area, points=points[item.name])
            for item in config.machines
        ]
        self._directions = {item.common.name: item.direction for item in config.sources}
        self._points = {
            name: state for name, state in self._points.items() if name in self._directions
        }

    def _change(self, machine: Machine, t_end: str) -> MakeMessage:
        """The message about a machine as it is now."""
        info = next(item for item in self.infos if item.name == machine.name)
        points = tuple(map(self._point, info.points))
        before = self.states.get(machine.name)
        decision = severity.worst(point.decision for point in points)
        state = MachineHealth(decision=decision, alarm=records.worst_alarm(points))
        self.states = self.states | {machine.name: state}
        previous = None if before is None else before.decision
        return functools.partial(self._message, info, points, previous, t_end)

    def _point(self, name: str) -> PointState:
        """Its state, with the direction that the present configuration says."""
        direction, state = self._directions[name], self._points.get(name)
        if state is None:
            return records.not_yet(name, direction)
        return msgspec.structs.replace(state, direction=direction)

    def _message(
        self,
        info: MachineInfo,
        points: tuple[PointState, ...],
        previous: Decision | None,
        t_end: str,
        epoch: str,
        seq: int,
    ) -> Message:
        published = records.PublishedAt(
            schema=schema("machine"),
            epoch=epoch,
            seq=seq,
            agent=self._topics.agent,
            t_end=t_end,
            t_published=iso(time.time()),
        )
        record = records.record(published, info, points, previous)
        topic = self._topics.of("machine", machine=info.name)
        return payloads.message("machine", topic, record, seq)
