"""What benchmarks write into documents, also of an engine that is not installed."""

import importlib.util
from pathlib import Path

import pytest

from benchmarks import document, engines, peers


def test_a_table_takes_the_place_of_the_last_one_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "doc.md"
    file.write_text("before\n<!-- a: begin -->\nold\n<!-- a: end -->\nafter\n")
    document.put("a", document.table(("x", "y"), [("1", "2")]), file)
    table = "| x | y |\n| --- | ---: |\n| 1 | 2 |"
    assert file.read_text() == f"before\n<!-- a: begin -->\n{table}\n<!-- a: end -->\nafter\n"
    with pytest.raises(SystemExit, match="found no place for b"):
        document.put("b", "", file)


def test_every_table_has_its_place_in_the_document() -> None:
    text = document.PERFORMANCE.read_text()
    blocks = ("table", "variants", "peers", "growth", "resampled networks", "resampling")
    for block in (*blocks, "latency", "start", "endurance", "shrinkage"):
        assert text.count(f"<!-- {block}: begin -->\n") == 1
        assert text.count(f"<!-- {block}: end -->\n") == 1


def test_an_engine_that_is_not_installed_has_its_reason_in_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with engines.network("bearing-resnet") as network:
        for engine in ("OpenVINO, our INT8 file", "LiteRT, float", "torch, eager"):
            cell, *rest = peers._cells(network, peers.ENGINES[engine], 2)
            assert cell.startswith("not measured: ")
            assert "is not installed: " in cell
            assert rest == ["", ""]


def test_an_engine_that_fails_on_a_network_has_its_error_in_the_table() -> None:
    def broken(network: engines.Network) -> engines.Run:
        raise RuntimeError("no such\noperator")

    with engines.network("bearing-resnet") as network:
        assert peers._cells(network, broken, 2)[0] == "cannot: RuntimeError: no such operator"


def test_the_forms_are_timed_on_the_same_windows_as_ours() -> None:
    with engines.network("bearing-resnet") as network:
        run = engines.ours(network, "float")
        assert peers._cell(network, run, 1, 2).count("[") == 1
