"""A recording dropped on the page is scored as `replay` scores it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from agent.config import load
from agent.core.errors import UserError
from agent.pipeline import build
from agent.sources.machine_simulator import Machine, Spec
from agent.web import recording_scoring


def test_a_dropped_recording_is_scored_as_replay_scores_it(tmp_path: Path) -> None:
    machine = Machine(Spec(rate_hz=16_000.0), np.random.default_rng(0))
    parts = [machine.render(48_000, fault, 1.0) for fault in ("normal", "outer")]
    noise = 0.2 * np.random.default_rng(1).standard_normal(96_000)
    file = tmp_path / "broken.flac"
    soundfile.write(file, 0.05 * (np.concatenate(parts) + noise), 16_000)
    source = {"name": "a", "kind": "synth", "model": "bearing"}
    chosen = load.parse({"sources": [source]})
    (pipeline,) = build.build_pipelines(chosen, commissioned=False)
    told = recording_scoring.score(file, "broken.flac", pipeline)
    command = [sys.executable, "-m", "agent", "replay", str(file), "--model", "bearing"]
    lines = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    events = [r for r in records if r["schema"] == "drsn-event/1"]
    spans = [(span.decision, span.label, round(span.start_s, 4)) for span in told.spans]
    expected = [
        (e["decision"], e["label"], round((e["first_sample"] + e["n_samples"]) / 10_000, 4))
        for e in events
    ]
    assert spans == expected
    # `rpm` and `bearing` are not configured, so no fault is named.
    assert {span[0] for span in spans} >= {"normal", "unknown"}
    assert told.windows == sum(r["schema"] == "drsn-window/1" for r in records)
    assert told.duration_s == 6.0
    assert max(told.peaks) == 1.0


def test_a_recording_that_is_none_is_one_line_in_its_own_name(tmp_path: Path) -> None:
    source = {"name": "a", "kind": "synth", "model": "bearing"}
    (pipeline,) = build.build_pipelines(load.parse({"sources": [source]}), commissioned=False)
    bad = tmp_path / "recording.sound"
    whole = tmp_path / "whole.wav"
    soundfile.write(whole, np.zeros(16_000), 16_000)
    long = tmp_path / "long.flac"
    soundfile.write(long, np.zeros(3_700_000), 1000)
    cut = whole.read_bytes()[:5000]
    cases = {
        b"hello": "bad.wav: not a recording that can be read",
        b"": "bad.wav: not a recording that can be read",
        cut: "bad.wav: the recording is too short: found 2478 frames, 0.155 s",
        long.read_bytes(): "bad.wav: found 3700 s, expected more than none and at most 3600 s",
    }
    for content, expected in cases.items():
        bad.write_bytes(content)
        with pytest.raises(UserError) as caught:
            recording_scoring.score(bad, "bad.wav", pipeline)
        assert str(caught.value).startswith(expected)
        assert str(tmp_path) not in str(caught.value)
