"""The machines that are judged: what is commissioned, what is then heard, what a user configures.

A `Condition` is one machine in one way of running. Where it has one healthy recording, its first
half is commissioned and its second half is judged. Sets that nobody trains on are judged by the
released networks, the rigs of training by networks that were trained without them.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from agent.acquisition import resampling
from models.data import listing, recordings
from models.data.listing import Entry
from models.data.recordings import Array
from models.experiments.unseen.left_out import RIGS

NINE_BALLS = {"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398}
EIGHT_BALLS = {"bpfo": 3.05, "bpfi": 4.95, "bsf": 1.99, "ftf": 0.381}
ER_12K = {"bpfo": 3.048, "bpfi": 4.952, "bsf": 1.992, "ftf": 0.381}
ZA_2115 = {"balls": 16, "ball_mm": 8.407, "pitch_mm": 71.501, "angle_deg": 15.17}
ORDERS, PLAIN, NO_NETWORK = "bearing-orders", "bearing", "none"  # 200 Hz carry no network
FAN_HZ = 200.0


@dataclass(frozen=True)
class Clip:
    """A recording or a part of one: `samples` [frames, 1] at its condition's rate."""

    name: str
    label: str
    samples: Array
    rpm: float | None = None

    def half(self, second: bool) -> "Clip":
        middle = len(self.samples) // 2
        part = slice(middle, None) if second else slice(0, middle)
        return replace(self, name=f"{self.name} ({1 + second}/2)", samples=self.samples[part])


@dataclass(frozen=True)
class Condition:
    """One machine in one way of running, and what its owner writes into the configuration."""

    machine: str
    name: str
    rate_hz: float
    model: str
    learned: tuple[Clip, ...]
    healthy: tuple[Clip, ...]
    faulty: tuple[Clip, ...]
    bearing: Mapping[str, float] | None = None
    hop_s: float = 0.1
    whole: tuple[Clip, ...] = ()  # healthy recordings, where no baseline needs a part of them

    @property
    def uncommissioned(self) -> tuple[Clip, ...]:
        """The healthy clips that are judged where nothing is commissioned."""
        return self.whole or self.healthy


def conditions(data: Path, left_out: Mapping[str, Path]) -> Iterator[Condition]:
    """Every condition whose set is there; of the rigs left out, those that have a network."""
    makers: dict[str, Callable[[Path], Iterator[Condition]]] = {
        "mfs_compound": _mfs_compound,
        "ims_run_in": _ims,
        "uav_propeller": _quadrotor,
        "air_compressor": _compressor,
        "gearbox_gfd": _gearbox,
        "ceiling_fan": _fan,
    }
    for folder, make in makers.items():
        if (data / folder).is_dir():
            yield from make(data / folder)
    for rig in (left.rig for left in RIGS if left.rig in left_out):
        yield from of_rig(data, rig, left_out[rig])


def of_rig(data: Path, rig: str, network: Path) -> Iterator[Condition]:
    """Those of one rig of training, where its set is there."""
    if (data / rig.split()[0]).is_dir():
        yield from _left_out(data, rig, str(network))


def trained_on(data: Path) -> Iterator[Condition]:
    """The validation side of the rigs that the released network is trained on: a load or a speed.

    Their bearings are in training; the machines are no unseen ones.
    """
    for rig in (left.rig for left in RIGS):
        folder = data / rig.split()[0]
        if not folder.is_dir():
            continue
        judged = {entry.path.stem for entry in listing.entries(folder) if entry.split == "val"}
        for condition in _left_out(data, rig, ORDERS):
            faulty = tuple(clip for clip in condition.faulty if clip.name in judged)
            if faulty:
                yield replace(condition, faulty=faulty)


def halves(clips: list[Clip]) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """First and second halves."""
    return tuple(c.half(False) for c in clips), tuple(c.half(True) for c in clips)


def _clips(folder: Path, channel: int = 0) -> list[tuple[Entry, Clip]]:
    """Every recording of a set with its place in the manifest."""
    pairs = []
    for entry in listing.entries(folder):
        samples, _ = recordings.stored(entry)
        scaled = samples[:, [channel]] * (entry.scale[channel] * 2.0**15)
        clip = Clip(entry.path.stem, entry.label, scaled.astype(np.float32), entry.rpm or None)
        pairs.append((entry, clip))
    return pairs


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / listing.MANIFEST).open(newline="") as file:
        return {Path(row["file"]).stem: row for row in csv.DictReader(file)}


def _split(clips: list[Clip]) -> tuple[list[Clip], list[Clip]]:
    return [c for c in clips if c.label == "normal"], [c for c in clips if c.label != "normal"]


def _one_healthy(
    machine: str, name: str, rate_hz: float, model: str, clips: list[Clip]
) -> Condition:
    """Its healthy recordings halved."""
    healthy, faulty = _split(clips)
    learned, judged = halves(healthy)
    base = Condition(machine, name, rate_hz, model, learned, judged, tuple(faulty))
    return replace(base, whole=tuple(healthy))


def _mfs_compound(folder: Path) -> Iterator[Condition]:
    clips = [clip for _, clip in _clips(folder)]
    condition = _one_healthy("mfs_compound", "2387 rpm", 25_600.0, ORDERS, clips)
    yield replace(condition, bearing=ER_12K)


def _ims(folder: Path) -> Iterator[Condition]:
    """Snapshots of a second, joined; a hop of 0.5 s puts no window across a seam."""
    for channel in range(4):
        clips = [clip for _, clip in _clips(folder, channel)]
        joined = [
            Clip(f"bearing {channel + 1}, {part} snapshots", "normal", np.concatenate(own), 2000.0)
            for part, own in (
                ("first 8", [c.samples for c in clips[:8]]),
                ("other", [c.samples for c in clips[8:]]),
            )
        ]
        yield Condition(
            *(
                "ims_run_in",
                f"bearing {channel + 1}",
                20_480.0,
                ORDERS,
                (joined[0],),
                (joined[1],),
            ),
            faulty=(),
            bearing=ZA_2115,
            hop_s=0.5,
            whole=tuple(joined),
        )


def _quadrotor(folder: Path) -> Iterator[Condition]:
    """Each healthy flight is judged by what the others teach, the broken ones by six of them."""
    healthy, faulty = _split([clip for _, clip in _clips(folder)])
    for at, flight in enumerate(healthy):
        others = tuple(healthy[:at] + healthy[at + 1 :])
        broken = () if at else tuple(faulty)
        name = f"without {flight.name}"
        yield Condition("uav_propeller", name, 16_000.0, PLAIN, others, (flight,), broken)


def _compressor(folder: Path) -> Iterator[Condition]:
    """Off, resting and running on several days: every other piece is commissioned."""
    clips = [clip for _, clip in sorted(_clips(folder), key=lambda pair: pair[1].name)]
    learned, judged = tuple(clips[::2]), tuple(clips[1::2])
    yield Condition(
        *("air_compressor", "all states", 16_000.0, PLAIN, learned, judged, ()),
        whole=tuple(clips),
    )


def _gearbox(folder: Path) -> Iterator[Condition]:
    """A condition a load."""
    rows = _rows(folder)
    clips = [clip for _, clip in _clips(folder)]
    for load in sorted({row["load"] for row in rows.values()}, key=lambda text: int(text[:-1])):
        own = [clip for clip in clips if rows[clip.name]["load"] == load]
        if {clip.label for clip in own} == {"normal", "broken_tooth"}:
            yield _one_healthy("gearbox_gfd", f"load {load}", 12_800.0, PLAIN, own)


def _fan(folder: Path) -> Iterator[Condition]:
    """A condition a speed; a minute of each file, its third axis."""
    clips: dict[str, list[tuple[str, Clip]]] = {}
    for row in _rows(folder).values():
        windows = np.load(folder / row["file"])["x"][:60, :, 2].reshape(-1, 1)
        samples = (windows * float(row["scale"].split("|")[0])).astype(np.float32)
        clip = Clip(row["file"].removesuffix(".npz"), row["label"], samples)
        clips.setdefault(row["load"], []).append((row["split"], clip))
    for speed in ("low", "med", "high"):
        own = clips[speed]
        healthy = {split: clip for split, clip in own if clip.label == "normal"}
        faulty = tuple(clip for _, clip in own if clip.label != "normal")
        yield Condition(
            *(
                "ceiling_fan",
                speed,
                FAN_HZ,
                NO_NETWORK,
                (healthy["train"],),
                (healthy["val"],),
                faulty,
            ),
            hop_s=0.2,
        )


def _left_out(data: Path, rig: str, model: str) -> Iterator[Condition]:
    """A condition a speed; cwru's one healthy recording is commissioned for its three loads."""
    folder, _, part = rig.partition(" ")
    pairs = _clips(data / folder)
    if folder == "cwru":
        yield _cwru(rig, model, pairs)
        return
    own = [clip for entry, clip in pairs if part in entry.path.parts or not part]
    rate_hz = pairs[0][0].rate_hz
    bearing = NINE_BALLS if folder == "hit_sm" else EIGHT_BALLS
    for rpm in sorted({clip.rpm or 0 for clip in own}):
        same = [clip for clip in own if clip.rpm == rpm]
        yield replace(_one_healthy(rig, f"{rpm:g} rpm", rate_hz, model, same), bearing=bearing)


def _cwru(rig: str, model: str, pairs: list[tuple[Entry, Clip]]) -> Condition:
    """The 12 kHz faults; the healthy recording is brought from 48 kHz to their rate."""
    rate_hz = 12_000.0
    faulty = tuple(c for e, c in pairs if c.label != "normal" and e.rate_hz == rate_hz)
    healthy = {e.split: replace(c, samples=c.samples) for e, c in pairs if c.label == "normal"}
    at_rate = {split: _resampled(clip, 48_000.0, rate_hz) for split, clip in healthy.items()}
    learned, judged = (at_rate["train"],), (at_rate["val"],)
    base = Condition(rig, "0 HP", rate_hz, model, learned, judged, faulty)
    return replace(base, bearing=NINE_BALLS, whole=(*learned, *judged))


def _resampled(clip: Clip, rate_hz: float, wanted_hz: float) -> Clip:
    return replace(clip, samples=resampling.resample(clip.samples, rate_hz, wanted_hz))
