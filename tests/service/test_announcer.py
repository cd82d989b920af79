"""The agent recognizes its own `info` by its outbox, whatever else comes on that topic."""

from pathlib import Path

import msgspec
import pytest

from agent.config.load import Config
from agent.delivery.discovery import Discovery
from agent.messages import payloads
from agent.mqtt.negotiation import Negotiation
from agent.mqtt.settings import Mqtt
from agent.service.announcer import Announcer
from agent.service.machines import MachineStates


@pytest.fixture
def announcer(tmp_path: Path) -> Announcer:
    topics = payloads.Topics("drsn", "press-04")
    discovery = Discovery(tmp_path, [])
    return Announcer(
        topics=topics,
        epoch="e-1",
        pipelines=[],
        machines=MachineStates(Config()),
        discovery=discovery,
        negotiation=Negotiation(Mqtt()),
    )


def test_its_own_info_is_not_anothers(announcer: Announcer) -> None:
    (info,) = [each for each in announcer.births() if each.topic.endswith("/info")]
    assert not announcer.is_other(info.payload)


def test_an_info_of_another_outbox_is_anothers(announcer: Announcer) -> None:
    assert announcer.is_other(msgspec.json.encode({"epoch": "e-2"}))


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"7", b"{}", b"\xff"])
def test_what_is_no_info_is_nobodys(announcer: Announcer, payload: bytes) -> None:
    assert not announcer.is_other(payload)


def test_the_first_birth_is_online_and_the_will_is_offline(announcer: Announcer) -> None:
    assert announcer.births()[0].payload == payloads.ONLINE
    assert announcer.will().payload == payloads.OFFLINE
    assert announcer.will().topic == announcer.births()[0].topic == "drsn/press-04/status"
