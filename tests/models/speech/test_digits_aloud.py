"""A person's digits, played into a microphone in a noisy room: what is told over MQTT, and when.

`pytest -s tests/models/speech/test_digits_aloud.py` prints what was heard and how long it took.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import paho.mqtt.client as paho
import pytest
import soundfile
from paho.mqtt.enums import CallbackAPIVersion

from agent.messages.records import Observation
from models import zoo
from models.data import recipe
from models.speech import sentences
from tests.conftest import Agent, Broker, eventually
from tests.support import subscribing
from tests.support.paths import DATA
from tests.support.soundcard import SoundCard

RATE_HZ = 16_000
RECIPE = recipe.load(Path(zoo.__file__).parent / "digits.yaml")
SETS = ("fsdd", "speech_commands_mini", "noise")
LATE_S = 1.5  # an event comes before the next digit, which is a second away

pytestmark = pytest.mark.skipif(
    not all((DATA / name).is_dir() for name in SETS),
    reason=f"needs the data sets {', '.join(SETS)}, which do not come with the project",
)
Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]


class Clocked:
    """A subscriber that notes when each event comes: Unix time and the record."""

    def __init__(self, port: int) -> None:
        self.received: list[tuple[float, Observation]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = subscribing.to("drsn/+/+/event")
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _note(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.received.append((time.time(), msgspec.json.decode(message.payload, type=Observation)))

    @property
    def decisions(self) -> list[str]:
        return [event.decision for _, event in self.received]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.mark.parametrize(("snr_db", "least"), [(20, 6), (10, 5)])
def test_a_spoken_digit_is_an_event_before_the_next_one_is_spoken(
    card: SoundCard,
    broker: Broker,
    run_agent: Start,
    settings: Settings,
    tmp_path: Path,
    snr_db: int,
    least: int,
) -> None:
    """By a speaker, and in a background, that no training has heard; out of ten."""
    sentence = sentences.sentences(RECIPE, DATA, float(snr_db), 1)[0]
    file = tmp_path / "sentence.wav"
    level = 0.8 / np.abs(sentence.samples).max()
    soundfile.write(file, level * sentence.samples, round(RECIPE.rate_hz), subtype="PCM_16")
    listener = Clocked(broker.port)
    tree = settings(broker.port, kind="mic", device="vmic", rate_hz=RATE_HZ, model="digits")
    agent = run_agent(tree)
    eventually(lambda: "sensor_fault" in listener.decisions, 20, "a microphone that hears nothing")
    player = card.play("vmic", file)
    began_s = time.time()
    assert player.wait(60) == 0
    assert agent.stop() == 0
    listener.close()
    told = [(came_s - began_s, e) for came_s, e in listener.received if e.decision == "detected"]
    found = [(round(at_s * RECIPE.rate_hz), str(event.label)) for at_s, event in told]
    heard = sentences.score(sentence, found)
    late_s = [
        at_s - end / RECIPE.rate_hz
        for at_s, event in told
        for label, end in zip(sentence.labels, sentence.ends, strict=True)
        if event.label == label and abs(at_s - end / RECIPE.rate_hz) < LATE_S
    ]
    print(f"\n{snr_db} dB: {heard}; event after the word's end: {_spread(late_s)}")
    assert heard.right >= least
    assert max(late_s) < LATE_S


def _spread(late_s: list[float]) -> str:
    return f"median {statistics.median(late_s):.2f} s, at most {max(late_s):.2f} s"
