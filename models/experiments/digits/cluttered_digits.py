"""Digits at random places on larger canvases, among fragments of other digits, in noise.

The digits are scikit-learn's `load_digits` (UCI "Optical Recognition of Handwritten Digits",
1797 images of 8 x 8). SNR in dB is 10 log10(P_digit / P_noise) of a canvas. P_digit is the variance
of the digit's own 64 pixels, so that neither the canvas nor the fragments count as signal; P_noise
is the variance of the noise over the whole canvas. Free of torch.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from agent.sources.noise import gain
from models.data import noise
from models.data.noise import Draw

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

CANVAS, DIGIT, FRAGMENT = 28, 8, 4  # pixels along a side
CLASSES = 10
PULSES = 0.1  # share of pixels that salt or pepper hits
SPLIT_SEED = 20
SIDES = ("train", "validation", "test")  # 60, 20 and 20 % of the images, of each class


@dataclass(frozen=True)
class Digits:
    """One side of the split: pixels [n, 8, 8] in 0 to 1, their digits and indices [n]."""

    pixels: Array
    targets: Indices
    index: Indices


@dataclass(frozen=True)
class ClutteredDigits:
    """Pixels [n, 1, 28, 28]; the digits [n], their top left corners [n, 2] and P_digit [n].

    A corner is (row, column).
    """

    pixels: Array
    targets: Indices
    corners: Indices
    power: Array


def sides() -> dict[str, Digits]:
    """The sides of the split, made before any canvas; no image is on two sides."""
    bunch = load_digits()
    pixels, targets = (bunch.images / 16).astype(np.float32), bunch.target.astype(np.int64)
    rest, test = _cut(np.arange(len(targets)), targets, 0.2)
    train, validation = _cut(rest, targets[rest], 0.25)
    parts = zip(SIDES, (train, validation, test), strict=True)
    return {name: Digits(pixels[rows], targets[rows], rows) for name, rows in parts}


def place(digits: Digits, index: Indices, fragments: Indices, rng: Generator) -> ClutteredDigits:
    """The digits at `index` [n], each on its own canvas with a number of fragments [n].

    A fragment is 4 x 4 pixels of a digit of another class and the same side. Fragments are placed
    first, so that none covers the digit.
    """
    pixels = np.zeros((len(index), CANVAS, CANVAS), np.float32)
    corners = rng.integers(CANVAS - DIGIT + 1, size=(len(index), 2))
    others = [digits.pixels[digits.targets != target] for target in range(CLASSES)]
    for canvas, which, corner, count in zip(pixels, index, corners, fragments, strict=True):
        for _ in range(count):
            _scatter(canvas, others[digits.targets[which]], rng)
        _box(canvas, corner, DIGIT)[:] = digits.pixels[which]
    power = digits.pixels[index].var((1, 2))
    return ClutteredDigits(pixels[:, None], digits.targets[index], corners, power)


def add(clean: ClutteredDigits, snr_db: float | Array, draw: Draw, rng: Generator) -> Array:
    """Pixels [n, 1, 28, 28] plus noise at exactly `snr_db` (a number, or [n]; inf adds none)."""
    drawn = draw(clean.pixels.shape, rng)
    drawn = drawn - drawn.mean((1, 2, 3), keepdims=True)
    scale = gain(clean.power, drawn.var((1, 2, 3)), np.asarray(snr_db, np.float32))
    noisy: Array = (clean.pixels + scale[:, None, None, None] * drawn).astype(np.float32)
    return noisy


def pink(shape: tuple[int, ...], rng: Generator) -> Array:
    """Gaussian noise whose power falls with 1/f, f being the radial frequency."""
    rows, columns = shape[-2:]
    radial = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns))
    radial[0, 0] = np.inf  # no mean
    spectrum = np.fft.rfft2(rng.standard_normal(shape, dtype=np.float32)) / np.sqrt(radial)
    return np.fft.irfft2(spectrum, s=shape[-2:]).astype(np.float32)


def salt_and_pepper(shape: tuple[int, ...], rng: Generator) -> Array:
    """Pulses of one height, up or down equally often, on a share of the pixels.

    They are added to the pixels instead of replacing them, so that this noise has an SNR too.
    """
    hit = rng.random(shape) < PULSES
    return np.where(hit, rng.choice(np.array([-1, 1], np.float32), shape), np.float32(0))


def any_noise(shape: tuple[int, ...], rng: Generator) -> Array:
    """Each canvas in a random one of the noises used in training."""
    kinds = rng.integers(len(TRAINED), size=shape[0])
    draws = list(TRAINED.values())
    return np.stack([draws[kind](shape[1:], rng) for kind in kinds])


TRAINED: dict[str, Draw] = {
    "gaussian": noise.PLAIN["gaussian"],
    "laplacian": noise.PLAIN["laplacian"],
    "pink": pink,
}
UNSEEN: dict[str, Draw] = {"salt-and-pepper": salt_and_pepper}  # not used in training
NOISES = TRAINED | UNSEEN


def _cut(index: Indices, targets: Indices, share: float) -> tuple[Indices, Indices]:
    kept, cut = train_test_split(index, test_size=share, random_state=SPLIT_SEED, stratify=targets)
    return kept, cut


def _scatter(canvas: Array, others: Array, rng: Generator) -> None:
    """Places a piece of another digit at random, without its outer columns, mostly blank."""
    source = others[rng.integers(len(others))]
    row, column = rng.integers(DIGIT - FRAGMENT + 1), rng.integers(1, DIGIT - FRAGMENT)
    box = _box(canvas, rng.integers(CANVAS - FRAGMENT + 1, size=2), FRAGMENT)
    np.maximum(box, _box(source, np.array([row, column]), FRAGMENT), out=box)


def _box(canvas: Array, corner: Indices, side: int) -> Array:
    row, column = corner
    return canvas[row : row + side, column : column + side]
