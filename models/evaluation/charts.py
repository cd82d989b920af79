"""The charts of an evaluation as PNG files, for slides and papers; the page has its own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from models.evaluation.records import Condition, Evaluation

CLEAN, HARD = ("none", None), ("gaussian", -4)  # conditions shown one by one
THRESHOLDS = "mean threshold / mean |x|"
INCHES, DPI = (6.4, 4.4), 120


def write(evaluation: Evaluation, out: Path) -> list[Path]:
    """Writes `out`-accuracy.png, -thresholds (if there are any), -confusion and -reliability."""
    charts: dict[str, Callable[[Axes], None]] = {
        "accuracy": lambda axes: _curves(axes, evaluation, "macro-F1", lambda c: c.macro_f1.value)
    }
    if any(condition.shrinkage is not None for condition in evaluation.conditions):
        charts["thresholds"] = lambda axes: _curves(
            axes, evaluation, THRESHOLDS, lambda c: c.shrinkage
        )
    for name, key in (("clean", CLEAN), ("noisy", HARD)):
        conditions = [c for c in evaluation.conditions if (c.noise, c.snr_db) == key]
        for condition in conditions:
            charts[f"confusion-{name}"] = partial(
                _confusion, evaluation=evaluation, condition=condition
            )
            charts[f"reliability-{name}"] = partial(_reliability, condition=condition)
    return [_save(out.with_name(f"{out.stem}-{name}.png"), draw) for name, draw in charts.items()]


def _save(path: Path, draw: Callable[[Axes], None]) -> Path:
    canvas = Canvas(figsize=INCHES, dpi=DPI, layout="constrained")
    draw(canvas.subplots())
    canvas.savefig(path)
    return path


def _curves(
    axes: Axes, evaluation: Evaluation, what: str, of: Callable[[Condition], float | None]
) -> None:
    """One line for each noise over SNR, and a dotted line without noise."""
    for noise in dict.fromkeys(c.noise for c in evaluation.conditions if c.snr_db is not None):
        series = [c for c in evaluation.conditions if c.noise == noise]
        points = [(c.snr_db, of(c)) for c in series if c.snr_db is not None and of(c) is not None]
        axes.plot(*zip(*points, strict=True), marker="o", label=noise) if points else None
    for value in (of(c) for c in evaluation.conditions if c.snr_db is None):
        if value is not None:
            axes.axhline(value, linestyle=":", color="grey", label="clean")
    axes.set(xlabel="SNR (dB)", ylabel=what, title=_title(evaluation))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _confusion(axes: Axes, evaluation: Evaluation, condition: Condition) -> None:
    labels, counts = evaluation.labels, condition.confusion
    shares = [[n / max(sum(row), 1) for n in row] for row in counts]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for y, row in enumerate(counts):
        for x, n in enumerate(row):
            axes.text(x, y, str(n), ha="center", color="white" if shares[y][x] > 0.5 else "black")
    axes.set(xlabel="predicted", ylabel="true", title=_condition(condition))
    axes.set_xticks(range(len(labels)), labels, rotation=30)
    axes.set_yticks(range(len(labels)), labels)


def _reliability(axes: Axes, condition: Condition) -> None:
    confidence, right, windows = zip(*condition.reliability, strict=True)
    most = max(windows)
    axes.plot([0, 1], [0, 1], linestyle="--", color="grey")
    axes.scatter(confidence, right, s=[10 + 200 * n / most for n in windows], alpha=0.7)
    error = 100 * condition.calibration_error
    title = f"{_condition(condition)}: calibration error {error:.1f} points"
    axes.set(xlabel="mean confidence", ylabel="share right", title=title, xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)


def _condition(condition: Condition) -> str:
    return "clean" if condition.snr_db is None else f"{condition.noise} {condition.snr_db} dB"


def _title(evaluation: Evaluation) -> str:
    return f"{evaluation.model['name']} {evaluation.model['version']} on {evaluation.data}"
