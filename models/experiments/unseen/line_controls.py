"""Classifiers of lines beside the network: the same machines, the same seconds, the same judge.

Each is trained without the rig that it judges, as the network is. Its probabilities are averaged
over 3 s (`agent.diagnosis.accumulation`) and decided in three ways: the most likely label; a label
only where it is at least 0.9 sure, else `unknown`; and behind a baseline, where what the agent
calls normal is normal, and a fault is named where it is at least 0.6 sure, else `unknown`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.inference import classifier, zoo
from agent.inference.classifier import OnnxClassifier
from models.data import recipe as recipes
from models.experiments.unseen import changes, left_out, line_classifiers, opinions, runs
from models.experiments.unseen.left_out import Training
from models.experiments.unseen.line_classifiers import FRAMES, NO_LEARNING, Classifier
from models.experiments.unseen.line_features import features
from models.experiments.unseen.machines import Clip, Condition
from models.experiments.unseen.opinions import NETWORK_HOP_S, RATE_HZ, Opinion
from models.experiments.unseen.rows import OWN_DB, OWN_VIBRATION, WITH, Row, Say, changed
from models.experiments.unseen.runs import ClipResult, WindowResult
from models.training.train import training_recordings

LINES_HOP_S = 0.5
NETWORK = "network (`drsn-order`)"
SURE, NAMED = 0.9, 0.6


@dataclass(frozen=True)
class Panel:
    """All that look at one machine; none of them was trained on it."""

    labels: Sequence[str]
    lines: Mapping[str, Classifier]
    network: OnnxClassifier

    def opinions(self, clip: Clip, condition: Condition) -> Iterator[Opinion]:
        assert clip.rpm is not None
        orders, signal = opinions.orders(condition), opinions.signal(clip, condition)
        ends_s, pieces = opinions.cut(signal, FRAMES, LINES_HOP_S)
        rows = np.stack([features(piece, RATE_HZ, clip.rpm, orders) for piece in pieces])
        for name, lines in self.lines.items():
            yield opinions.averaged(name, LINES_HOP_S, ends_s, lines.predict_proba(rows))
        looks = opinions.windows(self.network, signal, clip.rpm, orders, NETWORK_HOP_S)
        yield opinions.averaged(NETWORK, NETWORK_HOP_S, *looks)


def panels(data: Path, cache: Path, training: Training) -> Callable[[str, str], Panel]:
    """A function from a machine and its network's file or name to what looks at it."""
    recipe = recipes.load(left_out.RECIPE)
    whole = training_recordings(recipe, data)

    def panel(machine: str, model: str) -> Panel:
        recordings = whole
        rig = next((each for each in left_out.RIGS if each.rig == machine), None)
        if rig is not None:
            recordings = left_out.recordings(rig, data, cache, training)
        lines = line_classifiers.trained(recipe, recordings)
        return Panel(recipe.labels, lines, classifier.load(zoo.find(model)))

    return panel


def measure(
    conditions: Sequence[Condition], panel: Callable[[str, str], Panel], say: Say
) -> Iterator[Row]:
    """Row after row, of each machine whose bearing and speed are known."""
    known = [each for each in conditions if each.bearing is not None]
    for machine in dict.fromkeys(each.machine for each in known):
        say(f"classifiers of lines, {machine}")
        own = [each for each in known if each.machine == machine]
        yield from _machine(own, panel(machine, own[0].model))


def _machine(conditions: Sequence[Condition], judges: Panel) -> Iterator[Row]:
    for condition in conditions:
        whole = (*condition.uncommissioned, *condition.faulty)
        yield from _rows(condition, judges, whole, "")
        if condition.machine in OWN_VIBRATION:
            for snr_db in OWN_DB:
                change = changes.own_vibration(condition.healthy[0], snr_db)
                covered = changed(condition.faulty, change, condition)
                note = f", own healthy vibration at {snr_db:g} dB"
                yield from _rows(condition, judges, covered, note)
        yield from _behind_baseline(condition, judges)


def _rows(condition: Condition, judges: Panel, clips: Sequence[Clip], note: str) -> Iterator[Row]:
    for clip in clips:
        for opinion in judges.opinions(clip, condition):
            name = f"{opinion.name}{note}"
            yield _row(f"{name}: most likely", condition, clip, opinion, judges, _likeliest)
            if opinion.name != NO_LEARNING:
                yield _row(f"{name}: {SURE:g} sure", condition, clip, opinion, judges, _sure)


def _behind_baseline(condition: Condition, judges: Panel) -> Iterator[Row]:
    clips = (*condition.healthy, *condition.faulty)
    with runs.commissioned(condition) as machine:
        results = machine.results(clips)
    for clip, result in zip(clips, results, strict=True):
        for opinion in judges.opinions(clip, condition):
            decide = _after(result)
            yield _row(f"{opinion.name}: {WITH}", condition, clip, opinion, judges, decide)


Decide = Callable[[float, str, float], str]  # end in s, likeliest label, its probability


def _likeliest(_end_s: float, label: str, _probability: float) -> str:
    return "normal" if label == "normal" else "fault"


def _sure(end_s: float, label: str, probability: float) -> str:
    return _likeliest(end_s, label, probability) if probability >= SURE else "unknown"


def _after(result: ClipResult) -> Decide:
    """Normal where the commissioned agent said so; else a fault that is sure enough."""

    def decide(end_s: float, label: str, probability: float) -> str:
        before = [window for window in result.windows if window.end_s <= end_s + 1e-6]
        if before and before[-1].decision == "normal":
            return "normal"
        return "fault" if label != "normal" and probability >= NAMED else "unknown"

    return decide


def _row(
    name: str, condition: Condition, clip: Clip, opinion: Opinion, judges: Panel, decide: Decide
) -> Row:
    windows = []
    for end_s, probabilities in zip(opinion.ends_s, opinion.probabilities, strict=True):
        label = judges.labels[int(probabilities.argmax())]
        sure = float(probabilities.max())
        decision = decide(end_s, label, sure)
        windows.append(WindowResult(end_s, decision, label, label, sure, None, None))
    result = ClipResult(condition.machine, condition.name, clip.name, clip.label, tuple(windows))
    return Row(name, (result,))
