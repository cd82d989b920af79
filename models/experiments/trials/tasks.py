"""What a trial trains on and what it judges: whole recordings, a speed, a rig or a bearing apart.

`ten`         cwru, ten classes (three faults at three severities, and normal), cut by time: the
              first 70 % of each recording trains, the rest is judged
`leave-14mil` cwru, four classes, the severity left out is judged; so 7mil and 21mil
`speed`       uestc, 800 and 1200 rpm train, 1000 rpm is judged
`rig-mfs`     hit_sm, normal, inner, outer: the self-built rig trains, the other is judged; and
`rig-self`    the other way round
`bearing`     normal, inner, outer: cwru and hit_sm train (both have bearings like a 6205), uestc
              is judged, whose bearing has eight balls instead of nine
`unknown-ball` cwru without one fault, which is then judged beside the others; so inner, outer

Everything is brought to 10 kHz: above 5 kHz the anti-alias filters give the class away. 28 mil
of cwru is left away: it is a bearing of another make. Free of torch.
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
    """`labels` are what the network learns; `judged` are those of the windows that it is shown."""

    name: str
    labels: tuple[str, ...]
    judged: tuple[str, ...]
    sides: Callable[[Path], tuple[list[Recording], list[Recording]]]  # training, judging

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(label for label in self.judged if label not in self.labels)


def _of(root: Path, name: str, labels: Sequence[str] = TYPES) -> list[Recording]:
    """Both visible sides of a data set; the severities that are judged."""
    source = Source(name, bearing=BEARINGS[name])
    found = recordings.load(root, source, ["train", "val"], TYPES, RATE_HZ)
    return [r for r in found if r.label in labels and r.severity != "28mil"]


def _ten(root: Path) -> tuple[list[Recording], list[Recording]]:
    faults = [r for r in _of(root, "cwru") if r.label != "normal"]
    named = [replace(r, label=f"{r.label}-{r.severity}") for r in faults]
    training, judging = _normal(root)
    first = [_part(r, 0.0, TRAINED_SHARE) for r in named]
    return first + training, [_part(r, TRAINED_SHARE, 1.0) for r in named] + judging


def loads(root: Path) -> tuple[list[Recording], list[Recording]]:
    """cwru in ten classes, cut by load: 0 and 1 HP train, 2 HP is judged; the paper's protocol."""
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


def _rig(judged: str) -> Callable[[Path], tuple[list[Recording], list[Recording]]]:
    def sides(root: Path) -> tuple[list[Recording], list[Recording]]:
        every = _of(root, "hit_sm")
        on = [r.file.startswith(judged) for r in every]
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
