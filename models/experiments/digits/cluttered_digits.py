"""Digits at random places on larger canvases, among fragments of others, in noise of a known SNR.

The digits are scikit-learn's `load_digits` (UCI "Optical Recognition of Handwritten Digits",
1797 images of 8 x 8). SNR in dB is 10 log10(P_digit / P_noise) a canvas: P_digit is the variance
of the digit's own 64 pixels, so that neither the canvas nor what else lies on it counts as
signal, and P_noise that of the noise over the whole canvas. Free of torch.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

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
    """One side of the split: pixels [n, 8, 8] in 0 to 1, what they show and their index [n]."""

    pixels: Array
    targets: Indices
    index: Indices


@dataclass(frozen=True)
class ClutteredDigits:
    """Pixels [n, 1, 28, 28]; of each digit what it is [n], its corner [n, 2] and P_digit [n].

    The corner is the top left one: row, column.
    """

    pixels: Array
    targets: Indices
    corners: Indices
    power: Array


def sides() -> dict[str, Digits]:
    """The images split before anything is made of them; no image is on two sides."""
    found = load_digits()
    pixels, targets = (found.images / 16).astype(np.float32), found.target.astype(np.int64)
    rest, test = _cut(np.arange(len(targets)), targets, 0.2)
    train, validation = _cut(rest, targets[rest], 0.25)
    parts = zip(SIDES, (train, validation, test), strict=True)
    return {name: Digits(pixels[own], targets[own], own) for name, own in parts}


def place(digits: Digits, chosen: Indices, fragments: Indices, rng: Generator) -> ClutteredDigits:
    """The chosen digits [n] on canvases of their own, each with so many fragments [n].

    A fragment is 4 x 4 pixels of a digit of another class and the same side. None covers the
    digit: fragments are laid first.
    """
    pixels = np.zeros((len(chosen), CANVAS, CANVAS), np.float32)
    corners = rng.integers(CANVAS - DIGIT + 1, size=(len(chosen), 2))
    others = [digits.pixels[digits.targets != target] for target in range(CLASSES)]
    for canvas, which, corner, count in zip(pixels, chosen, corners, fragments, strict=True):
        for _ in range(count):
            _scatter(canvas, others[digits.targets[which]], rng)
        _box(canvas, corner, DIGIT)[:] = digits.pixels[which]
    power = digits.pixels[chosen].var((1, 2))
    return ClutteredDigits(pixels[:, None], digits.targets[chosen], corners, power)


def add(clean: ClutteredDigits, snr_db: float | Array, draw: Draw, rng: Generator) -> Array:
    """Pixels [n, 1, 28, 28] plus noise at exactly `snr_db` (a number, or [n]; inf adds none)."""
    drawn = draw(clean.pixels.shape, rng)
    drawn = drawn - drawn.mean((1, 2, 3), keepdims=True)
    ratio = 10.0 ** (-np.asarray(snr_db, np.float32) / 10)
    scale = np.sqrt(clean.power * ratio / drawn.var((1, 2, 3)))
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
    """Pulses of one height, up or down alike, on a share of the pixels; nothing elsewhere.

    Added, not put in the pixel's place, so that it too has an SNR.
    """
    hit = rng.random(shape) < PULSES
    return np.where(hit, rng.choice(np.array([-1, 1], np.float32), shape), np.float32(0))


def mixed(shape: tuple[int, ...], rng: Generator) -> Array:
    """Each canvas in one of the noises that training shows, in equal parts."""
    kinds = rng.integers(len(SHOWN), size=shape[0])
    draws = list(SHOWN.values())
    return np.stack([draws[kind](shape[1:], rng) for kind in kinds])


SHOWN: dict[str, Draw] = {
    "gaussian": noise.PLAIN["gaussian"],
    "laplacian": noise.PLAIN["laplacian"],
    "pink": pink,
}
UNSEEN: dict[str, Draw] = {"salt-and-pepper": salt_and_pepper}  # training never shows it
NOISES = SHOWN | UNSEEN


def _cut(index: Indices, targets: Indices, share: float) -> tuple[Indices, Indices]:
    kept, cut = train_test_split(index, test_size=share, random_state=SPLIT_SEED, stratify=targets)
    return kept, cut


def _scatter(canvas: Array, others: Array, rng: Generator) -> None:
    """Lays a piece of another digit somewhere, none of its outermost columns: mostly blank."""
    source = others[rng.integers(len(others))]
    row, column = rng.integers(DIGIT - FRAGMENT + 1), rng.integers(1, DIGIT - FRAGMENT)
    box = _box(canvas, rng.integers(CANVAS - FRAGMENT + 1, size=2), FRAGMENT)
    np.maximum(box, _box(source, np.array([row, column]), FRAGMENT), out=box)


def _box(canvas: Array, corner: Indices, side: int) -> Array:
    row, column = corner
    return canvas[row : row + side, column : column + side]
