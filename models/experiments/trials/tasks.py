"""The tasks of the trials: training and test recordings differ in time, severity, speed or rig.

`ten`         cwru, ten classes (three faults at three severities, and normal), cut by time: the
              first 70 % of each recording for training, the rest for testing
`leave-14mil` cwru, four classes, tested on the severity left out; so 7mil and 21mil
`speed`       uestc, trained at 800 and 1200 rpm, tested at 1000 rpm
`rig-mfs`     hit_sm, normal, inner, outer: trained on the self-built rig, tested on the other
`rig-self`    the other way round
`bearing`     normal, inner, outer: trained on cwru and hit_sm (bearings like a 6205), tested on
              uestc, whose bearing has eight balls instead of nine
`unknown-ball` trained on cwru without one fault, tested with it; so inner, outer

Everything is resampled to 10 kHz: above 5 kHz the anti-alias filters would reveal the class. 28 mil
of cwru is omitted: it is a bearing of another make. Free of torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.core.bearing import Bearing
from models.data import recordings
from models.data.recipe import Source
from models.data.recordings import Recording

RATE_HZ = 10_000
SEVERITIES = ("7mil", "14mil", "21mil")
TYPES = ("normal", "inner", "outer", "ball")
TEN = ("normal", *(f"{fault}-{severity}" for fault in TYPES[1:] for severity in SEVERITIES))
TRAINED_SHARE = 0.7
NINE_BALLS = Bearing(bpfo=3.585, bpfi=5.415, bsf=2.357, ftf=0.398)
EIGHT_BALLS = Bearing(bpfo=3.05, bpfi=4.95, bsf=1.99, ftf=0.381)
BEARINGS = {"cwru": NINE_BALLS, "hit_sm": NINE_BALLS, "uestc": EIGHT_BALLS}


@dataclass(frozen=True)
class Task:
    """The network learns `labels`; the test windows have `test_labels`."""

    name: str
    labels: tuple[str, ...]
    test_labels: tuple[str, ...]
    sides: Callable[[Path], tuple[list[Recording], list[Recording]]]  # training, test

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(label for label in self.test_labels if label not in self.labels)


def _of(root: Path, name: str, labels: Sequence[str] = TYPES) -> list[Recording]:
    """The recordings of `labels` in the splits train and val, without 28 mil."""
    source = Source(name, bearing=BEARINGS[name])
    selected = recordings.load(root, source, ["train", "val"], TYPES, RATE_HZ)
    return [r for r in selected if r.label in labels and r.severity != "28mil"]


def _ten(root: Path) -> tuple[list[Recording], list[Recording]]:
    faults = [r for r in _of(root, "cwru") if r.label != "normal"]
    named = [replace(r, label=f"{r.label}-{r.severity}") for r in faults]
    training, judging = _normal(root)
    first = [_part(r, 0.0, TRAINED_SHARE) for r in named]
    return first + training, [_part(r, TRAINED_SHARE, 1.0) for r in named] + judging


def loads(root: Path) -> tuple[list[Recording], list[Recording]]:
    """cwru in ten classes, trained at 0 and 1 HP, tested at 2 HP, as in the paper."""
    source = Source("cwru", bearing=NINE_BALLS)
    training, judging = (
        [
            r if r.label == "normal" else replace(r, label=f"{r.label}-{r.severity}")
            for r in recordings.load(root, source, [side], TYPES, RATE_HZ)
            if r.severity != "28mil"
        ]
        for side in ("train", "val")
    )
    return training, judging


def _normal(root: Path) -> tuple[list[Recording], list[Recording]]:
    """The healthy recording of cwru is cut by time already."""
    source = Source("cwru", bearing=NINE_BALLS)
    sides = [recordings.load(root, source, [side], TYPES, RATE_HZ) for side in ("train", "val")]
    training, judging = ([r for r in side if r.label == "normal"] for side in sides)
    return training, judging


def _part(recording: Recording, start: float, end: float) -> Recording:
    frames = recording.samples.shape[-1]
    samples = recording.samples[:, round(start * frames) : round(end * frames)]
    return replace(recording, samples=samples)


def _leave(severity: str) -> Callable[[Path], tuple[list[Recording], list[Recording]]]:
    def sides(root: Path) -> tuple[list[Recording], list[Recording]]:
        faults = _of(root, "cwru", TYPES[1:])
        training, judging = _normal(root)
        left_out = [r for r in faults if r.severity == severity]
        return [r for r in faults if r.severity != severity] + training, left_out + judging

    return sides


def _speed(root: Path) -> tuple[list[Recording], list[Recording]]:
    every = _of(root, "uestc")
    return [r for r in every if r.running[0] != 1000], [r for r in every if r.running[0] == 1000]


def _rig(test_rig: str) -> Callable[[Path], tuple[list[Recording], list[Recording]]]:
    def sides(root: Path) -> tuple[list[Recording], list[Recording]]:
        every = _of(root, "hit_sm")
        on = [r.file.startswith(test_rig) for r in every]
        return (
            [r for r, here in zip(every, on, strict=True) if not here],
            [r for r, here in zip(every, on, strict=True) if here],
        )

    return sides


def _bearing(root: Path) -> tuple[list[Recording], list[Recording]]:
    three = TYPES[:3]
    return _of(root, "cwru", three) + _of(root, "hit_sm", three), _of(root, "uestc", three)


def _unknown(fault: str) -> Callable[[Path], tuple[list[Recording], list[Recording]]]:
    def sides(root: Path) -> tuple[list[Recording], list[Recording]]:
        source = Source("cwru", bearing=NINE_BALLS)
        training, judging = (
            [
                r
                for r in recordings.load(root, source, [side], TYPES, RATE_HZ)
                if r.severity != "28mil"
            ]
            for side in ("train", "val")
        )
        return [r for r in training if r.label != fault], judging

    return sides


def _without(fault: str) -> tuple[str, ...]:
    return tuple(label for label in TYPES if label != fault)


TASKS = {
    task.name: task
    for task in (
        Task("ten", TEN, TEN, _ten),
        *(Task(f"leave-{each}", TYPES, TYPES, _leave(each)) for each in SEVERITIES),
        Task("speed", TYPES, TYPES, _speed),
        Task("rig-mfs", TYPES[:3], TYPES[:3], _rig("mfs")),
        Task("rig-self", TYPES[:3], TYPES[:3], _rig("selfbuilt")),
        Task("bearing", TYPES[:3], TYPES[:3], _bearing),
        *(Task(f"unknown-{each}", _without(each), TYPES, _unknown(each)) for each in TYPES[1:]),
    )
}
