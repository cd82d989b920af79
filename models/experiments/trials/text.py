"""The document of the trials: method, tables and limits."""

from collections.abc import Sequence

from models.experiments.trials.table import TrialFigures, calibrations, named, table

HEAD = """# Trials

    make reproduce DATA=DATA

trains, judges and writes this file (`python -m models.experiments.trials run --data DATA`, then
`python -m models.experiments.trials table`): every figure below is made from `runs/trials.jsonl`,
which is kept as [TRIALS.jsonl](TRIALS.jsonl). What they say is in [NETWORKS.md](NETWORKS.md).
`make reproduce DATA=DATA ARGS=--quick` trains two of these networks anew and tells which of their
figures lie where one more training would.

Each task (`models/experiments/trials/tasks.py`) leaves something out of training: the end of every
recording (`ten`), a severity, a speed, a rig, a bearing, a fault. `cwru`, `hit_sm` and `uestc` at
10 kHz, windows of 4096, one recipe for all: `small` preset, AdamW 0.003, 400 steps of 128, noise
Gaussian, Laplacian, pink, tilted, in random bands and knocks without a rhythm at -10 to 10 dB,
a tenth clean. 100 windows a class, the same noisy ones for every network, through ONNX Runtime.
Brown, blue, impulsive and recorded noise are never trained on (tilted noise comes near the
first two). Macro recall in per cent, mean ± standard deviation over seeds; `an unknown fault`
is 100 times the AUROC of `distance`. "33 cells": Gaussian, Laplacian, pink at -5 to 5 dB. 28
mil is left away: it is a bearing of another make.

`drsn-order`, `se-order` and `res-order` are one network with thresholds, with a gain and with
neither, its spectra read along orders of the shaft and of the bearing; `drsn-twin`, `se-twin` and
`res-twin` are these with the window's spectrum in hertz beside, hidden from half of the training
windows. All six are told speed and bearing, in the trials always. The others are not, so these
tables compare what is known of the machine as much as networks. `extra-trees` are 200 on spectra
of signal and envelope, from 12,800 windows of the same noise. Orders of the bearings are SKF
6205's for `cwru`; for `hit_sm` and `uestc` they were read off envelope spectra of recordings on
both sides (`python -m models.experiments.lines --data DATA` shows how well they fit). Those of
`hit_sm` are a 6205's too; an ASAHI UC204 (8 balls of 7.938 mm on 33.5 mm) has those of `uestc`
within 0.2 %.

The intervals are Student's over paired seeds: they know the chance of training, not that of
other machines. Many were looked at and none corrected for that. Settings were chosen with seed
0 on these tasks.

The runs of version 0.1 resampled recordings by soxr HQ. The agent's own resampler, which came after
it, changes the macro-F1 of the released networks by at most 0.4 points on clean validation windows
and by -0.7 to +1.4 points, +0.1 on average, at Gaussian -5 dB
([PERFORMANCE.md](PERFORMANCE.md#the-resampler), `python -m benchmarks.resampling`).
"""


def document(runs: Sequence[TrialFigures]) -> str:
    """The whole document in Markdown."""
    ten = [run for run in runs if run.task == "ten"]
    sizes = {next(iter(named(run))): (run.parameters, run.macs) for run in ten}
    cost = [f"`{name}` {parameters:,} and {macs:,}" for name, (parameters, macs) in sizes.items()]
    parts = [HEAD, f"Parameters and multiply-accumulates in ten classes: {'; '.join(cost)}.\n"]
    parts.append(table(runs) + "\n")
    if off := calibrations(runs):
        parts.append(
            "## Calibration\n\nExpected calibration error in points (15 bins), of INT8 where there "
            "is such a file; the temperature is of training windows. A severity left out, another "
            f"rig and another bearing are shifts that it does not know.\n\n{off}\n"
        )
    return "\n".join(parts)
