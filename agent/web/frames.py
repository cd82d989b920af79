"""The record of one window for the browser, and how it is made."""

import base64
from pathlib import Path

import msgspec
import numpy as np

from agent.core.types import Prediction, Samples, Scored
from agent.pipeline.source_pipeline import SourcePipeline
from agent.web import activations
from agent.web.demo_harness import DemoHarness
from agent.web.demo_truth import UNKNOWN
from agent.web.spectrogram import Spectrogram


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One window. `wave` and `levels` are base64; see `agent.web.spectrogram`."""

    first: int  # absolute index of the window's first sample
    columns: int  # that are new in it
    wave: str  # float32 [columns, 2]
    levels: str  # uint8 [columns, bands]
    flags: list[str]
    decision: str  # of this window alone, as is the label
    label: str | None
    state: str  # the source's decision
    state_label: str | None
    probabilities: tuple[float, ...] | None
    shrinkage: float | None
    snr_db: float | None  # estimated
    removed: list[float] | None  # share of each layer's signal, by its threshold
    rival: tuple[float, ...] | None  # probabilities of the second network
    mixed_db: float | None  # SNR of the noise that was mixed in; None: no noise
    version: int | None  # of the setting; None: it changed within the window
    machine: str | None  # the true fault of the simulated machine


class FrameBuilder:
    """Makes the frames of one source in the page's thread, with its own copies of the networks."""

    def __init__(
        self, pipeline: SourcePipeline, harness: DemoHarness | None, file: Path | None
    ) -> None:
        """`file` is the model file that the source runs; None: it has no network."""
        self._pipeline = pipeline
        self._harness = harness
        rate_hz = pipeline.origin.contract.rate_hz
        self._spectrogram = Spectrogram(rate_hz, min(pipeline.hop, pipeline.origin.contract.window))
        self._activations = None if file is None else activations.load(file)
        self.layers = self._activations.count if self._activations else 0
        self.column_s = self._spectrogram.column / rate_hz

    def frame(self, scored: Scored, missing: int) -> Frame:
        """`missing`: frames that the source never delivered before; the ground truth lacks them."""
        window, prediction = scored.window, scored.prediction or Prediction(())
        signal = window.samples[0]
        state = scored.event or scored.previous
        truth = UNKNOWN
        if self._harness is not None:
            truth = self._harness.truth_log.of(window.first - missing, len(signal))
        return Frame(
            first=window.first,
            columns=self._spectrogram.columns,
            wave=_text(self._spectrogram.waveform(signal).tobytes()),
            levels=_text(self._spectrogram.spectrogram(signal)),
            flags=window.flags,
            decision=scored.verdict.decision,
            label=scored.verdict.label,
            state=state.decision,
            state_label=state.label,
            probabilities=_rounded(prediction),
            shrinkage=prediction.shrinkage,
            snr_db=prediction.snr_db,
            removed=self._removed(scored),
            rival=self._rival(scored),
            mixed_db=truth.snr_db,
            version=truth.version,
            machine=truth.machine,
        )

    def _removed(self, scored: Scored) -> list[float] | None:
        if self._activations is None or scored.prediction is None:
            return None
        return self._activations.removed(scored.window.samples, self._running(scored))

    def _rival(self, scored: Scored) -> tuple[float, ...] | None:
        rival = self._harness.rival if self._harness else None
        if rival is None or scored.prediction is None:
            return None
        predictions = rival.classify(scored.window.samples[None], self._running(scored)[None])
        return _rounded(predictions[0])

    def _running(self, scored: Scored) -> Samples:
        return np.asarray(self._pipeline.scorer.running(scored.window), np.float32)


def _rounded(prediction: Prediction) -> tuple[float, ...] | None:
    return tuple(round(p, 4) for p in prediction.probabilities) or None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
