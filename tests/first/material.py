"""What a new user has: a recording of a machine, and recordings in three folders to train on."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from scipy import signal

RECORDING = "cwru/12k_DE/DE12k_inner_28mil_0hp.flac"  # one channel, bearing 6205
RPM = 1797
TRAINED = "hit_sm/selfbuilt"
LABELS = {"normal": "normal", "inner": "ir5", "outer": "or5"}
SPEEDS = (600, 1200)
PARTS = 4
FACTOR = 8


def put(data: Path, folder: Path) -> None:
    """`recording.flac`, `recordings/LABEL/*.wav`, and `recording.wav` of the latter's machine."""
    (folder / "recording.flac").write_bytes((data / RECORDING).read_bytes())
    for label, name in LABELS.items():
        made = folder / "recordings" / label
        made.mkdir(parents=True)
        for rpm in SPEEDS:
            samples, rate_hz = _read(data / TRAINED / f"selfbuilt_{name}_{rpm}rpm.flac")
            frames = len(samples) // PARTS
            for part in range(PARTS):
                piece = samples[part * frames : (part + 1) * frames]
                soundfile.write(made / f"{rpm}rpm-{part + 1}.wav", piece, rate_hz)
    other, rate_hz = _read(data / TRAINED / "selfbuilt_or8_1200rpm.flac")
    soundfile.write(folder / "recording.wav", other, rate_hz)


def _read(path: Path) -> tuple[npt.NDArray[np.float64], int]:
    """The recording at an eighth of its rate, 6,400 Hz: shorter windows train in less time."""
    samples, rate_hz = soundfile.read(path)
    return signal.decimate(samples, FACTOR, ftype="fir"), rate_hz // FACTOR
