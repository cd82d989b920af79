"""`python -m benchmarks.variants [--write]`: each released network's forms: figures, size, speed.

Macro-F1 is that of the files' contracts, the mean over data sets and noises, as measured by the
release and by `python -m models forms`. Speed is in interleaved runs at a batch of 1, as one source
gives it, and of 4; ratios are to the INT8 file, above 1 is slower than it.
"""

from collections.abc import Iterator

import numpy as np

from agent.core.model_contract import Contract
from agent.inference import classifier, variant_files, variant_trial, zoo
from benchmarks import document, options

BATCHES = (1, 4)
HEADS = (
    *("network", "form", "macro-F1, %", "INT8 loses, points", "bytes", "to INT8"),
    *(f"time to INT8, batch {batch}" for batch in BATCHES),
    *("same label, %", "`doctor --bench`"),
)


def main() -> None:
    arguments = options.parse("variants", __doc__)
    names = options.first(list(zoo.released()), arguments.quick)
    rows = [row for name in names for row in _rows(name)]
    text = document.table(HEADS, rows)
    print(text, flush=True)
    if arguments.write:
        document.put("variants", text)


def _rows(name: str) -> Iterator[tuple[str, ...]]:
    file = zoo.find(name)
    own, size = classifier.load(file), file.stat().st_size
    forms = {form: classifier.load(path) for form, path in variant_files.existing(file).items()}
    runs = [variant_trial.run(own, forms, batch)[1] for batch in BATCHES]
    fastest = variant_trial.fastest(runs[0]) or "int8"
    score, scored = macro_f1(own.contract, own.contract), forms["float"].contract
    of_float = macro_f1(scored, own.contract)
    mark = {fastest: "runs"}
    first = (f"{100 * score:.2f}", f"{100 * (of_float - score):.2f}", f"{size:,}", "1.00")
    yield name, "int8", *first, "1.00", "1.00", "", mark.get("int8", "")
    for form, path in variant_files.existing(file).items():
        bytes_ = path.stat().st_size
        percent = f"{100 * of_float:.2f}" if form == "float" else ""
        times = [f"{run[form].ratio:.2f}" for run in runs]
        same = f"{100 * runs[0][form].agreement:.1f}"
        sizes = f"{bytes_:,}", f"{bytes_ / size:.2f}"
        refused = "" if runs[0][form].agrees else "refused"
        yield name, form, percent, "", *sizes, *times, same, mark.get(form, refused)


def macro_f1(contract: Contract, like: Contract) -> float:
    """The mean of the figures that both files have: of data sets told all that can be told."""
    skipped = ("agreement_", "simulated_", "untold_", "snr_")
    names = [name for name in like.figures if not name.startswith(skipped)]
    return float(np.mean([contract.figures[name] for name in names]))


if __name__ == "__main__":
    main()
