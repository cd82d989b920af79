"""A device that is read once: what its points hear, say and get wrong, each by itself."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from agent.config import load
from agent.core.errors import UserError
from agent.core.types import Scored
from agent.pipeline import build, window_scorer
from agent.pipeline.source_pipeline import SourcePipeline
from tests.conftest import quiet_then_loud
from tests.support import tiny

RATE_HZ = 1200  # of the recording; the model has 1000
AXES = ("motor-x", "motor-y", "motor-z")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a model of one channel, and a recording of three: y becomes loud, z stands still."""
    folder = tmp_path_factory.mktemp("points")
    tiny.write(folder / "tiny.onnx")
    noise = np.random.default_rng(1).standard_normal((8 * RATE_HZ, 3)) * 0.1
    noise[:, 1] = quiet_then_loud(len(noise))
    noise[3 * RATE_HZ :, 2] = 0.25
    np.save(folder / "axes.npy", noise.astype(np.float32))
    return folder


def device(folder: Path, **keys: Any) -> dict[str, Any]:
    source = {"name": "motor", "kind": "file", "pace": "fast", "rate_hz": RATE_HZ, "block": 333}
    source |= {"path": str(folder / "axes.npy"), "model": str(folder / "tiny.onnx")}
    return source | {"start": "2026-01-31T12:00:00Z"} | keys


def points(**keys: Any) -> list[dict[str, Any]]:
    return [{"name": name, "channels": [at]} | keys for at, name in enumerate(AXES)]


def turns(tree: dict[str, Any]) -> Iterator[list[tuple[SourcePipeline, Scored]]]:
    """Scores every source of the configuration to its end, step by step."""
    pipelines = build.build_pipelines(load.parse(tree), commissioned=False)
    by_name = {pipeline.name: pipeline for pipeline in pipelines}
    readers = {id(pipeline.reader): pipeline for pipeline in pipelines}
    for pipeline in readers.values():
        threading.Thread(target=pipeline.reader.run, args=(pipeline.stopping,)).start()
    while not all(pipeline.drained for pipeline in pipelines):
        step = window_scorer.step([pipeline.scorer for pipeline in pipelines])
        if not step:
            time.sleep(0.001)
        yield [(by_name[scored.source], scored) for scored in step]


def spoken(tree: dict[str, Any]) -> dict[str, list[Any]]:
    """All that each source says of its windows: bits of the signal, times, numbers, decisions."""
    records: dict[str, list[Any]] = {}
    for turn in turns(tree):
        for pipeline, scored in turn:
            window = scored.window
            measured = None if scored.measure is None else scored.measure()
            records.setdefault(scored.source, []).append(
                (
                    *(window.first, window.samples.tobytes(), window.flags),
                    *(pipeline.timeline.unix_s(window.first), scored.prediction, scored.verdict),
                    *(scored.event, scored.previous, scored.basis, scored.physics, measured),
                )
            )
    return records


def test_a_point_says_bit_by_bit_what_a_source_of_its_channel_alone_says(folder: Path) -> None:
    keys = {"measure_s": 1.0, "hop_s": 0.05}
    together = spoken({"sources": [device(folder, **keys, points=points())]})
    assert set(together) == set(AXES)
    for at, name in enumerate(AXES):
        alone = spoken({"sources": [device(folder, **keys) | {"name": name, "channels": [at]}]})
        assert len(alone[name]) > 100
        assert together[name] == alone[name]


def test_a_dead_axis_and_a_loud_one_are_matters_of_that_point_alone(folder: Path) -> None:
    last: dict[str, Scored] = {}
    for turn in turns({"sources": [device(folder, points=points())]}):
        last |= {scored.source: scored for _, scored in turn}
    assert [last[name].verdict.decision for name in AXES] == ["normal", "fault", "sensor_fault"]
    assert [last[name].window.flags for name in AXES] == [[], [], ["flat"]]


def test_one_model_scores_the_points_of_an_instant_in_one_call(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    classify = window_scorer._classify

    def counted(due: Any) -> Any:
        batches.append(len(due))
        return classify(due)

    monkeypatch.setattr(window_scorer, "_classify", counted)
    tree = {"sources": [device(folder, points=points())]}
    pipelines = build.build_pipelines(load.parse(tree), commissioned=False)
    reader = pipelines[0].reader
    source = reader._opened()
    assert source is not None
    while pipelines[0].ring.end < 200:
        block = source.read()
        assert block is not None
        reader.write(block)
    scored = window_scorer.step([pipeline.scorer for pipeline in pipelines])
    assert {(item.source, item.window.first) for item in scored} >= {(name, 0) for name in AXES}
    assert batches == [len(scored)]


def test_a_point_may_have_keys_of_its_own(folder: Path) -> None:
    mine = points()
    mine[1] |= {"rpm": 1500, "scale": 2.0, "hop_s": 0.2, "direction": "vertical"}
    x, y, z = load.parse({"sources": [device(folder, rpm=900, points=mine)]}).sources
    assert (x.common.rpm, y.common.rpm, z.common.rpm) == (900, 1500, 900)
    assert (y.common.scale, y.common.hop_s, y.direction) == (2.0, 0.2, "vertical")
    assert {item.reads for item in (x, y, z)} == {"motor"}
    assert msgspec.structs.replace(x.common, name="", channels=None) == msgspec.structs.replace(
        z.common, name="", channels=None
    )


WRONG: dict[str, dict[str, Any]] = {
    "sources[0].points: found none, expected at least one": {"points": []},
    "sources[0].points: found 'x', expected a list": {"points": "x"},
    "sources[0].points[0]: found 1, expected a mapping": {"points": [1]},
    "sources[0].channels: found it beside points": {"channels": [0], "points": points()},
    "sources[0].points[0].channels: found nothing": {"points": [{"name": "a"}]},
    "sources[0].points[0].channels: found []": {"points": [{"name": "a", "channels": []}]},
    "sources[0].points[0].name: found nothing": {"points": [{"channels": [0]}]},
    "sources[0].points[0].name: found 'a/b'": {"points": [{"name": "a/b", "channels": [0]}]},
    "sources[0].points[0].path: found an unknown key": {"points": points(path="b.npy")},
    "sources[0].pionts: found an unknown key, did you mean points": {"pionts": points()},
    "sources[0].pionts: found an unknown key, did you mean points?": {"pionts": [], "points": None},
    "sources[0].rpn: found an unknown key, did you mean rpm": {"points": points(), "rpn": 1},
    "sources[0].points[0].rpn: found an unknown key, did you mean rpm": {"points": points(rpn=1)},
    "sources[0].points[0].rpm: found 'fast'": {"points": points(rpm="fast")},
    "sources[0].points[1].name: found 'a' twice": {
        "points": [{"name": "a", "channels": [0]}, {"name": "a", "channels": [1]}]
    },
    "sources[0].name: found 'motor' twice": {"points": [{"name": "motor", "channels": [0]}]},
    "sources[0] (motor): points[1] (b): channels: found [7]": {
        "points": [{"name": "a", "channels": [0]}, {"name": "b", "channels": [7]}]
    },
    "sources[0] (motor): points[0] (a): hop_s: found 0.0001": {
        "points": [{"name": "a", "channels": [0], "hop_s": 0.0001}]
    },
}


@pytest.mark.parametrize("words", WRONG)
def test_a_mistake_is_one_line_that_names_the_point(folder: Path, words: str) -> None:
    with pytest.raises(UserError) as error:
        build.build_pipelines(load.parse({"sources": [device(folder) | WRONG[words]]}))
    assert str(error.value).startswith(words)
    assert "expected" in str(error.value) or "did you mean" in str(error.value)
    assert "\n" not in str(error.value)
