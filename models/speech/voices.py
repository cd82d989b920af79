"""Synthetic speakers for training: espeak-ng's voices say the words. The audio is not stored.

espeak-ng (Debian package `espeak-ng`) is a formant synthesizer. Its voices resemble each other:
they widen the range of pitch and vowels in training but do not stand for real people.
"""

import io
import shutil
import subprocess
from collections.abc import Iterator, Sequence

import numpy as np
import soundfile

from agent.acquisition.resampling import resample
from agent.core.errors import UserError
from models.data.recordings import Array

PROGRAM = "espeak-ng"
ACCENTS = ("en-gb", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029")
TIMBRES = (
    *("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5"),
    *("Alex", "Alicia", "Andy", "Annie", "Denis", "Gene", "Lee", "Mario", "Michael", "Mike"),
    *("adam", "anika", "antonio", "belinda", "benjamin", "boris", "caleb", "david", "ed"),
    *("grandma", "grandpa", "john", "klatt", "klatt3", "linda", "max", "michel", "pablo", "paul"),
    *("quincy", "rob", "shelby", "steph", "travis", "victor", "zac"),
)


def spoken(word: str, count: int, rate_hz: float, rng: np.random.Generator) -> Iterator[Array]:
    """The word, [frames], from each of `count` random voices at a random pace and pitch."""
    if shutil.which(PROGRAM) is None:
        raise UserError(f"{PROGRAM}: found no such program, expected it for synthetic speakers")
    for _ in range(count):
        voice = f"{rng.choice(ACCENTS)}+{rng.choice(TIMBRES)}"
        words_per_min, pitch = int(rng.integers(120, 210)), int(rng.integers(20, 80))
        yield _say(word, voice, words_per_min, pitch, rate_hz)


def _say(word: str, voice: str, words_per_min: int, pitch: int, rate_hz: float) -> Array:
    """`pitch` is on the program's scale of 0 to 99."""
    command: Sequence[str] = (
        *(PROGRAM, "--stdout", "-v", voice, "-s", str(words_per_min), "-p", str(pitch)),
        word,
    )
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise UserError(f"{PROGRAM}: {done.stderr.decode().strip()}, expected audio of {word!r}")
    samples, voice_hz = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
    return resample(samples, voice_hz, rate_hz)
