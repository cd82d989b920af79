"""What is published on which topic: one table, from which messages and documents are made."""

from typing import Literal

import msgspec

from agent.messages import announcement, command, records
from agent.messages.machine import MachineState
from agent.messages.measurement import Measurement


class Published(msgspec.Struct, frozen=True):
    """One kind of message, by the last level of its topic."""

    last: str
    record: type[msgspec.Struct] | None  # None: plain text
    qos: Literal[0, 1]
    retained: bool
    when: str
    below: str = ""  # what stands between `<base>/<agent>/` and the last level
    name: str = ""  # of the kind, where another one's topics end in the same level

    @property
    def key(self) -> str:
        """The name of the kind."""
        return self.name or self.last

    @property
    def schema(self) -> str | None:
        """As in the payload; the number changes when a subscriber would have to."""
        return None if self.record is None else schema(self.key)

    @property
    def address(self) -> str:
        return f"{{base}}/{{agent}}/{self.below}{self.last}"


class Subscribed(msgspec.Struct, frozen=True):
    """A kind of message that the agent subscribes to, below its own name."""

    last: str
    record: type[msgspec.Struct]
    when: str
    address: str

    @property
    def key(self) -> str:
        """The name of the kind."""
        return self.last


def schema(kind: str) -> str:
    """The field `schema` of that kind of messages: mostly the last level of their topics."""
    return f"drsn-{kind}/1"


def kind_of(topic: str, payload: bytes) -> str:
    """The kind of a message of this agent."""
    return "machine" if payload.startswith(_MACHINE) else topic.rpartition("/")[2]


ANNOUNCEMENT = Subscribed(
    "announce",
    announcement.Announcement,
    "a bundle to roll out, retained",
    "{base}/{agent}/models/{model}/announce",
)
COMMAND = Subscribed(
    "command", command.Command, "a command, never retained", "{base}/{agent}/cmd/{verb}"
)
SOURCE = "{source}/"
PUBLISHED = {
    kind.key: kind
    for kind in (
        Published(
            "status",
            None,
            0,
            True,
            "`online` after every connect; `offline` at the end, with QoS 1, and as the last will",
        ),
        Published(
            "info", records.Info, 0, True, "after every connect: version, sources, their models"
        ),
        Published(
            "gap", records.GapMarker, 1, False, "in the place of messages that had to be dropped"
        ),
        Published(
            "health", records.Health, 0, False, "every `agent.health_s` seconds while connected"
        ),
        Published(
            "state",
            records.Observation,
            1,
            True,
            "when the source's decision or alarm changes, at the start, after every connect",
            SOURCE,
        ),
        Published(
            "event",
            records.Observation,
            1,
            False,
            "when the source's decision changes, and once at the start",
            SOURCE,
        ),
        Published(
            "window",
            records.Observation,
            1,
            False,
            "every window, with `publish_windows: true`",
            SOURCE,
        ),
        Published(
            "measurement",
            Measurement,
            1,
            True,
            "every `measure_s` seconds of sound signal, whatever the decision",
            SOURCE,
        ),
        Published(
            "state",
            MachineState,
            1,
            True,
            "when the state or the alarm of one of its points changes, and after every connect",
            "{machine}/",
            "machine",
        ),
        Published(
            "result",
            records.Result,
            1,
            False,
            "in answer to a command",
            "cmd/{verb}/",
        ),
        Published(
            "rollout",
            records.Rollout,
            1,
            True,
            "when a model's roll-out moves on, at the start, and again after every connect",
            "models/{model}/",
        ),
    )
}
_MACHINE = b'{"schema":"drsn-machine/'
OBSERVATIONS = tuple(kind.last for kind in PUBLISHED.values() if kind.record is records.Observation)
OF_SOURCES = tuple(kind.last for kind in PUBLISHED.values() if kind.below == SOURCE)
ALL: tuple[Published | Subscribed, ...] = (*PUBLISHED.values(), COMMAND, ANNOUNCEMENT)
ADDRESSES = {kind.key: kind.address for kind in ALL}
