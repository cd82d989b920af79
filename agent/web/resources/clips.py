"""`/api/clip/...`: the signal around an event as a picture, as sound, and as the file itself."""

import io
import json
import re
from pathlib import Path

import msgspec
import numpy as np
import soundfile

from agent.acquisition.resampling import resample
from agent.core import files, json_input
from agent.core.types import Samples
from agent.pipeline import clip_picture
from agent.pipeline.clip import Clip
from agent.pipeline.clip_picture import ClipPicture
from agent.pipeline.fault_clips import FOLDER
from agent.web.http.request import Content, RefusedError, Request, Route

NAME = re.compile(r"[^/\\\x00-\x1f.][^/\\\x00-\x1f]{0,150}\.(flac|json)")
MAX_BYTES = 512 * 2**20
MAX_SAMPLES = 6_000_000  # that are looked at in memory: a minute of two channels at 48 kHz
LOWEST_HZ = 8000.0  # that every browser plays
PLAYED_HZ = 16_000.0
LOUDEST = 0.9  # of full scale


def routes(state_dir: Path) -> list[Route]:
    folder = state_dir / FOLDER
    return [
        Route("GET", "/api/clip/picture", lambda request: _spectrogram(folder, request)),
        Route("GET", "/api/clip/sound", lambda request: _sound(folder, request)),
        Route("GET", "/api/clip/file", lambda request: _file(folder, request)),
    ]


def load(path: Path) -> Clip:
    """The clip in a FLAC file, in its unit; `OSError`, `ValueError`, `RefusedError`."""
    with files.open_regular(path) as stream, soundfile.SoundFile(stream) as sound:
        if sound.frames * sound.channels > MAX_SAMPLES:
            raise RefusedError(422, f"{path.name}: too long to be shown here: download it")
        samples = sound.read(dtype="float32", always_2d=True)
        comment, file_rate_hz = json.loads(sound.comment or "{}"), float(sound.samplerate)
    return Clip(
        name=path.name,
        samples=samples * np.float32(comment.get("scale", 1.0)),
        missing=int(comment.get("missing", 0)),
        source=str(comment.get("source", "")),
        unit=str(comment.get("unit", "")),
        rate_hz=float(comment.get("rate_hz", file_rate_hz)),
        first_sample=int(comment.get("first_sample", 0)),
        t_start=str(comment.get("t_start", "")),
    )


def _spectrogram(folder: Path, request: Request) -> ClipPicture:
    path = _path(folder, request)
    if path.suffix == ".json":
        return json_input.decode(_read(path), ClipPicture)
    return clip_picture.of(_load(path))


def _sound(folder: Path, request: Request) -> Content:
    """WAV of the first two channels, as loud as can be, at a rate that every browser plays."""
    path = _path(folder, request)
    if path.suffix != ".flac":
        raise RefusedError(404, "no sound was kept: evidence.audio is false")
    clip = _load(path)
    samples, rate_hz = np.nan_to_num(clip.samples[:, :2]), clip.rate_hz
    if rate_hz < LOWEST_HZ:
        samples, rate_hz = resample(samples, rate_hz, PLAYED_HZ), PLAYED_HZ
    return Content("audio/wav", _wav(samples, rate_hz))


def _wav(samples: Samples, rate_hz: float) -> bytes:
    peak = float(np.max(np.abs(samples), initial=0.0)) or 1.0
    out = io.BytesIO()
    soundfile.write(out, samples * (LOUDEST / peak), round(rate_hz), "PCM_16", format="WAV")
    return out.getvalue()


def _file(folder: Path, request: Request) -> Content:
    path = _path(folder, request)
    kind = "audio/flac" if path.suffix == ".flac" else "application/json"
    name = path.name.encode("ascii", "replace").decode().replace("?", "-").replace('"', "-")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Content(kind, _read(path), headers)


def _path(folder: Path, request: Request) -> Path:
    name = request.query.get("name", "")
    if not NAME.fullmatch(name):
        raise RefusedError(400, f"name: found {name[:80]!r}, expected a clip's file name")
    return folder / name


def _load(path: Path) -> Clip:
    try:
        return load(path)
    except OSError as error:
        raise _gone(path, error) from None
    except (ValueError, TypeError, msgspec.MsgspecError, soundfile.SoundFileError):
        raise RefusedError(422, f"{path.name}: not a clip that can be read") from None


def _read(path: Path) -> bytes:
    try:
        return files.read(path, MAX_BYTES)
    except OSError as error:
        raise _gone(path, error) from None


def _gone(path: Path, error: OSError) -> RefusedError:
    """Older clips are removed to make room."""
    return RefusedError(404, f"{path.name}: is no longer there: {error.strerror}")
