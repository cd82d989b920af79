"""A clip: some seconds of one source's signal at the model's rate, and its FLAC file."""

import io
import json
import math

import msgspec
import numpy as np

from agent.core.time import iso
from agent.core.types import Mark, Samples
from agent.pipeline.source_pipeline import SourcePipeline

MAX_CHANNELS = 8  # of a FLAC file
MISSING = Mark.GAP | Mark.OVERRUN


class Clip(msgspec.Struct, frozen=True):
    """A clip to keep, and its file name."""

    name: str
    samples: Samples  # [frames, channels], in the source's unit; zero where they are missing
    missing: int  # frames that never arrived or were overwritten
    source: str
    unit: str
    rate_hz: float
    first_sample: int  # absolute index at rate_hz
    t_start: str


def file_name(source: str, t_start: str, why: str, suffix: str) -> str:
    """A file name that sorts by time within a source, valid on every file system."""
    return f"{source}-{t_start.translate({ord(sign): None for sign in '-:.'})}-{why}{suffix}"


def cut(pipeline: SourcePipeline, first: int, end: int, name: str) -> Clip:
    """Cuts frames `first` to `end`, as far as the ring still has them."""
    contract = pipeline.origin.contract
    first = max(first, end - pipeline.ring.size)
    samples, marks, _ = pipeline.ring.read(first, end - first)
    return Clip(
        name=name,
        samples=samples[:, : contract.channels],
        missing=int(np.count_nonzero(marks & MISSING)),
        source=pipeline.name,
        unit=pipeline.origin.unit,
        rate_hz=contract.rate_hz,
        first_sample=first,
        t_start=iso(pipeline.timeline.unix_s(first)),
    )


def encode(clip: Clip) -> bytes:
    """FLAC, 24 bit. Full scale is the comment's `scale`, a power of two, in `unit`."""
    import soundfile  # loaded only where clips are kept

    samples = clip.samples[:, :MAX_CHANNELS]
    peak = float(np.max(np.abs(samples), initial=0.0))
    scale = 2.0 ** math.ceil(math.log2(peak) + 1e-6) if math.isfinite(peak) and peak > 0 else 1.0
    comment = {
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
        out.comment = json.dumps(comment)
        out.write(np.nan_to_num(samples / scale, nan=0.0, posinf=1.0, neginf=-1.0))
    return file.getvalue()
