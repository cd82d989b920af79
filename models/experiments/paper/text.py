"""The text of `docs/PAPER.md` around its tables."""

TEXT = """# The paper's protocol on public data

    make reproduce DATA=DATA

trains, judges and writes this file (`python -m models.experiments.paper run --data DATA`, then
`python -m models.experiments.paper table`): every figure below, and every sentence under "What this
says", is made from `runs/paper.jsonl`. `make reproduce DATA=DATA ARGS=--quick` trains one cell
anew, seed 0, and tells which of its figures lie where one more training of the last table would.

Zhao, Zhong, Fu, Tang, Pecht (*Deep Residual Shrinkage Networks for Fault Diagnosis*, IEEE TII
16(7), 2020) train a model for **one kind of noise at one SNR and judge it in the same**: the SNR is
known in advance. The agent's networks are trained and judged otherwise, see
[NETWORKS.md](NETWORKS.md); this is the control that keeps to the paper.

As in the paper: windows of 2048 samples; Gaussian, Laplacian and pink noise; a model for each
noise and SNR; noise drawn once and fixed to its window for good; SGD with momentum 0.9, L2 0.0001,
batches of 128, learning rate 0.1, 0.01, 0.001 for 40, 40, 20 % of the epochs; the paper's networks
(`paper` preset, alpha starting at 0.5).

Not as in the paper:

- Its recordings are not public. Here: `cwru` at 10 kHz, ten classes (ball, inner, outer at 7, 14
  and 21 mil, and normal), trained at 0 and 1 HP and judged at 2 HP, about 100 windows a class. No
  recording is on both sides, but normal, a single recording that is cut by time. The same bearings
  are on both sides: this says nothing of other bearings.
- {windows} training windows for {epochs} epochs, not its whole set for 100: in so little time a
  network may not be done learning. Its accuracy on its own training windows stands in the table;
  compare that before comparing networks. Two models have also been trained for longer, see below.
- {levels} dB, not all of -5 to 5: the two levels whose mean and spread stand for those eleven
  where accuracy over SNR is a smooth curve.
- Windows are standardized. Two controls that the paper has not: `wdcnn` (Zhang et al., Sensors
  17(2):425, 2017) in the same training, and extra trees on spectra of signal and envelope, from
  the same noisy windows (their "parameters" are nodes).

The runs of version 0.1 resampled recordings by soxr HQ. The agent's own resampler, which came after
it, changes the macro-F1 of the released networks by at most 0.4 points on clean validation windows
and by -0.7 to +1.4 points, +0.1 on average, at Gaussian -5 dB
([PERFORMANCE.md](PERFORMANCE.md#the-resampler), `python -m benchmarks.resampling`).

## Accuracy in the noise of training

Per cent of unseen windows. Mean ± standard deviation over SNRs, as in the paper's table III, of
the means over seeds ({seeds} a cell). The 95 % interval is that of the mean over all cells,
Student's, from what seeds of one cell differ by; where too few cells have two seeds, from what
cells differ by, which is wider, since noises and SNRs differ too. A seed decides windows, noise
and weights, anew in each cell, the same for all models. No interval knows of other machines.

{accuracy}

Paired by cell and seed, with 95 % intervals:

{differences}

## The control: the same models without noise

Each model above, judged on the same windows before noise was added to them.

{clean}

## Trained for longer

One cell, the same windows, rates changed at the same shares of the epochs:

{longer}

## What this says

{verdicts}

## Every cell

Mean over seeds in per cent; the last column is how far a single further training may lie from it
(95 %; empty where there are too few seeds to tell).

{cells}
"""
