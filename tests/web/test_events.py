"""The journal on the page: clips as picture, sound and file; labels that become a data set."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.web.http.request import RefusedError
from agent.web.resources import clips
from models.data import listing, recordings
from models.data.recipe import Source
from tests.conftest import eventually
from tests.support import workshop
from tests.support.page_client import get, request
from tests.support.workshop import BROKEN, RUNNING, Workshop


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop.running(tmp_path_factory.mktemp("workshop")) as running:
        yield running


def post(port: int, path: str, **record: Any) -> tuple[int, Any]:
    """Status, and the decoded JSON or the line of a refusal."""
    answer = request(port, path, "POST", json.dumps(record).encode())
    body = answer.read().decode()
    return answer.status, json.loads(body) if answer.status == 200 else body


def fetched(port: int, what: str, name: str) -> tuple[int, bytes, Any]:
    answer = request(port, f"/api/clip/{what}?name={name}")
    return answer.status, answer.read(), answer.headers


def test_events_are_filtered_by_source_kind_and_page(agent: Workshop) -> None:
    eventually(lambda: bool(agent.events(source=RUNNING)), 10, "its first event")
    every = agent.events()
    assert {shown["event"]["source"] for shown in every} == {BROKEN, RUNNING}
    assert {shown["event"]["source"] for shown in agent.events(source=BROKEN)} == {BROKEN}
    assert agent.events(kind="maintenance") == []
    newest = every[0]["event"]["id"]
    assert [shown["event"]["id"] for shown in agent.events(before=newest)] == [
        shown["event"]["id"] for shown in every[1:]
    ]
    answer = get(agent.port, "/api/events?most=1")
    assert (len(answer["events"]), answer["more"]) == (1, True)
    assert request(agent.port, "/api/events?kind=other").status == 400


def test_a_clip_is_a_picture_a_sound_that_browsers_play_and_its_file(agent: Workshop) -> None:
    name = agent.fault()["clip"]
    _, file, headers = fetched(agent.port, "file", name)
    assert file == (agent.state_dir / "evidence" / name).read_bytes()
    assert headers["Content-Disposition"] == f'attachment; filename="{name}"'
    signal, _ = soundfile.read(io.BytesIO(file))
    picture = json.loads(fetched(agent.port, "picture", name)[1])
    assert (picture["source"], picture["unit"], picture["sound"]) == (BROKEN, "g", True)
    assert picture["seconds"] == len(signal) / 1000
    levels = np.frombuffer(base64.b64decode(picture["levels"]), np.uint8)
    levels = levels.reshape(-1, picture["bands"])
    assert len(levels) * picture["column_s"] == pytest.approx(picture["seconds"], rel=0.02)
    quiet, loud = levels[:20].mean(), levels[-20:].mean()
    assert (loud - quiet) * picture["step_db"] == pytest.approx(14, abs=3)  # five times
    sound, rate_hz = soundfile.read(io.BytesIO(fetched(agent.port, "sound", name)[1]))
    assert rate_hz == 16_000
    assert len(sound) / rate_hz == pytest.approx(picture["seconds"], abs=0.01)
    assert np.abs(sound).max() == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    "name",
    ["", "../config.yaml", "../state/lock", "a.flac/../../x.flac", ".flac", "lock", "%00.flac"],
)
def test_no_other_file_is_a_clip(agent: Workshop, name: str) -> None:
    for what in ("file", "picture", "sound"):
        assert fetched(agent.port, what, name)[0] == 400
    assert fetched(agent.port, "file", "gone.flac")[0] == 404


def test_a_link_among_the_clips_is_not_followed(agent: Workshop) -> None:
    link = agent.state_dir / "evidence" / "link.flac"
    link.symlink_to(agent.configuration)
    assert fetched(agent.port, "file", "link.flac")[0] == 404
    link.unlink()


def test_a_labelled_clip_is_in_a_data_set_that_training_reads_in_its_unit(agent: Workshop) -> None:
    shown = agent.fault()
    id, name = shown["event"]["id"], shown["clip"]
    folder = agent.state_dir / "dataset" / BROKEN
    status, judged = post(agent.port, "/api/event", id=id, label="imbalance", comment="belt slips")
    assert (status, judged) == (200, {"dataset": str(folder), "why": None})
    (entry,) = listing.entries(folder)
    assert (entry.label, entry.split, entry.path) == (
        "imbalance",
        "train",
        folder / "imbalance" / name,
    )
    read = recordings.read(entry, Source(folder=BROKEN), 1000)
    with soundfile.SoundFile(agent.state_dir / "evidence" / name) as file:
        scale = json.loads(file.comment)["scale"]
        expected = file.read() * scale
    np.testing.assert_allclose(read[0], expected, atol=scale * 2**-22)
    eventually(lambda: agent.fault()["event"]["label"] == "imbalance", 10, "the label is kept")
    assert agent.fault()["event"]["comment"] == "belt slips"
    assert agent.source(BROKEN)["labels"] == {"imbalance": 1}

    post(agent.port, "/api/event", id=id, label="false_alarm")
    (entry,) = listing.entries(folder)
    assert (entry.label, entry.path) == ("normal", folder / "normal" / name)
    assert list((folder / "imbalance").iterdir()) == []


@pytest.mark.parametrize("label", ["../x", "a/b", ".hidden", "\n"])
def test_a_label_that_is_no_folders_name_is_refused(agent: Workshop, label: str) -> None:
    status, why = post(agent.port, "/api/event", id=agent.fault()["event"]["id"], label=label)
    assert status in (400, 422)
    assert why.count("\n") == 1
    assert not (agent.state_dir.parent / "x").exists()


def test_what_is_no_event_or_no_judgement_is_refused(agent: Workshop) -> None:
    assert post(agent.port, "/api/event", id=10**6, comment="a")[0] == 404
    assert post(agent.port, "/api/event", id="one")[0] == 400
    assert post(agent.port, "/api/event", id=1, colour="red")[0] == 400
    healthy = agent.events(source=RUNNING)[0]["event"]["id"]
    status, why = post(agent.port, "/api/event", id=healthy, acknowledge=True)
    assert (status, why) == (422, "the source has neither a warning nor an alarm\n")


def test_the_last_seconds_of_a_source_are_kept_with_a_label(agent: Workshop) -> None:
    eventually(lambda: agent.source()["samples"] > 1500, 10, "a second of signal")
    for label in ("normal", "rubbing"):
        status, kept = post(agent.port, "/api/dataset", source=RUNNING, seconds=1, label=label)
        assert (status, kept["seconds"]) == (200, 1.0)
    folder = Path(kept["dataset"])
    with (folder / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["label"] for row in rows] == ["normal", "rubbing"]
    assert {row["unit"] for row in rows} == {"g"}
    assert all(soundfile.info(folder / row["file"]).frames == 1000 for row in rows)
    assert post(agent.port, "/api/dataset", source="none", seconds=1, label="a")[0] == 404
    assert post(agent.port, "/api/dataset", source=RUNNING, seconds=1, label="../a")[0] == 422


def test_where_no_sound_may_be_kept_a_coarse_picture_is(tmp_path: Path) -> None:
    evidence = {"before_s": 2.0, "after_s": 1.5, "min_free_mib": 0, "audio": False}
    with workshop.running(tmp_path, evidence=evidence) as silent:
        shown = silent.fault()
        assert [path.suffix for path in (silent.state_dir / "evidence").iterdir()] == [".json"]
        picture = json.loads(fetched(silent.port, "picture", shown["clip"])[1])
        assert (picture["column_s"], picture["sound"]) == (0.2, False)
        assert fetched(silent.port, "sound", shown["clip"])[0] == 404
        status, judged = post(silent.port, "/api/event", id=shown["event"]["id"], label="rubbing")
        assert (status, judged["dataset"]) == (200, None)
        assert post(silent.port, "/api/dataset", source=RUNNING, seconds=1, label="a")[0] == 422
        assert not list(silent.state_dir.rglob("*.flac"))


def test_a_clip_that_would_fill_the_memory_is_only_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "long.flac", np.zeros((1000, 2)), 1000)
    assert len(clips.load(tmp_path / "long.flac").samples) == 1000
    monkeypatch.setattr(clips, "MAX_SAMPLES", 1999)
    with pytest.raises(RefusedError, match="too long to be shown here: download it"):
        clips.load(tmp_path / "long.flac")
