"""A stretch of one source's signal, at the model's rate, and its FLAC file."""

import io
import json
import math
from dataclasses import dataclass

import numpy as np

from agent.core.time import iso
from agent.core.types import Mark, Samples
from agent.pipeline.source_pipeline import SourcePipeline

MOST_CHANNELS = 8  # of a FLAC file
GONE = Mark.GAP | Mark.OVERRUN


@dataclass(frozen=True)
class Clip:
    """What is to be kept, and under which name."""

    name: str
    samples: Samples  # [frames, channels], in the source's unit; zero where they are missing
    missing: int  # frames that never arrived, or had gone
    source: str
    unit: str
    rate_hz: float
    first_sample: int  # absolute index at rate_hz
    t_start: str


def name(source: str, t_start: str, why: str) -> str:
    """Sorted by time within a source; the time without what some file systems do not take."""
    return f"{source}-{t_start.translate({ord(each): None for each in '-:.'})}-{why}.flac"


def cut(pipeline: SourcePipeline, first: int, end: int, called: str) -> Clip:
    """Frames `first` to `end` of what the ring still has."""
    contract = pipeline.origin.contract
    first = max(first, end - pipeline.ring.size)
    samples, marks, _ = pipeline.ring.read(first, end - first)
    return Clip(
        name=called,
        samples=samples[:, : contract.channels],
        missing=int(np.count_nonzero(marks & GONE)),
        source=pipeline.name,
        unit=pipeline.origin.unit,
        rate_hz=contract.rate_hz,
        first_sample=first,
        t_start=iso(pipeline.timeline.unix_s(first)),
    )


def encode(clip: Clip) -> bytes:
    """FLAC, 24 bit. Full scale is `scale` of the comment, a power of two, in `unit`."""
    import soundfile  # only for those who keep something

    samples = clip.samples[:, :MOST_CHANNELS]
    peak = float(np.max(np.abs(samples), initial=0.0))
    scale = 2.0 ** math.ceil(math.log2(peak) + 1e-6) if math.isfinite(peak) and peak > 0 else 1.0
    told = {
        "source": clip.source,
        "scale": scale,
        "unit": clip.unit,
        "rate_hz": clip.rate_hz,
        "t_start": clip.t_start,
        "first_sample": clip.first_sample,
        "missing": clip.missing,
    }
    file, channels = io.BytesIO(), samples.shape[1]
    rate_hz = round(clip.rate_hz)
    with soundfile.SoundFile(file, "w", rate_hz, channels, "PCM_24", format="FLAC") as out:
        out.comment = json.dumps(told)
        out.write(np.nan_to_num(samples / scale, nan=0.0, posinf=1.0, neginf=-1.0))
    return file.getvalue()
