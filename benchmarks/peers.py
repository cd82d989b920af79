"""`python -m benchmarks.peers [--write]`: the released networks in other engines, one thread each.

Ratios of interleaved runs on the same windows, as many in one call as the column says; above 1 the
agent's own form (INT8, ONNX Runtime) is faster.
"""

from collections.abc import Callable, Iterator
from functools import partial

from agent.inference import zoo
from benchmarks import document, engines, options
from benchmarks.engines import MissingError, Network, Run
from benchmarks.interleaved import compare

BATCHES = (1, 4, 16)
ROUNDS = 150
COMPILED = ("bearing",)  # torch.compile takes a minute for each batch size
ENGINES: dict[str, Callable[[Network], Run]] = {
    "ours, float": partial(engines.ours, form="float"),
    "stock export, float": engines.stock,
    "stock export, `quantize_dynamic`": engines.stock_dynamic,
    "stock export, `quantize_static`": engines.stock_static,
    "OpenVINO, our float file": partial(engines.openvino, form="float"),
    "OpenVINO, our INT8 file": partial(engines.openvino, form="int8"),
    "LiteRT, float": engines.litert,
    "torch, eager": engines.torch_eager,
    "torch.jit, frozen": engines.torch_jit,
    "torch.compile": engines.torch_compile,
}
HEADS = ("network", "engine", *(f"batch {batch}" for batch in BATCHES))


def main() -> None:
    arguments = options.parse("peers", __doc__)
    print(document.table(HEADS, []), flush=True)
    rows = []
    for row in _rows(arguments.quick):
        rows.append(row)
        print(f"| {' | '.join(row)} |", flush=True)
    if arguments.write:
        document.put("peers", document.table(HEADS, rows))


def _rows(quick: bool) -> Iterator[tuple[str, ...]]:
    compiled, rounds = () if quick else COMPILED, options.rounds(ROUNDS, quick)
    for name in options.first(list(zoo.released()), quick):
        with engines.network(name) as network:
            for engine, build in ENGINES.items():
                if engine != "torch.compile" or name in compiled:
                    yield name, engine, *_cells(network, build, rounds)


def _cells(network: Network, build: Callable[[Network], Run], rounds: int) -> list[str]:
    """The ratio and its quartiles for each batch, or why there is none."""
    try:
        theirs = build(network)
        return [_cell(network, theirs, batch, rounds) for batch in BATCHES]
    except MissingError as why:
        return [f"not measured: {why}", *[""] * (len(BATCHES) - 1)]
    except Exception as error:  # noqa: BLE001 - whatever another engine raises is its answer
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return [f"cannot: {reason[:100]}", *[""] * (len(BATCHES) - 1)]


def _cell(network: Network, theirs: Run, batch: int, rounds: int) -> str:
    windows = network.samples[:batch], network.running[:batch]
    ours = partial(network.ours.classify, *windows)
    return compare(network.name, partial(theirs, *windows), ours, rounds).cell()


if __name__ == "__main__":
    main()
