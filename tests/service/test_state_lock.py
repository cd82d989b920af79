"""One process at a time uses a state directory, whatever the sink."""

from pathlib import Path

import pytest

from agent.config import load
from agent.core.errors import ConditionError
from agent.messages.payloads import Topics
from agent.service.publishing import open_outbox


def config(folder: Path, **sections: object) -> load.Config:
    source = {"name": "m", "kind": "synth"}
    agent = {"sink": "stdout", "state_dir": str(folder / "state")}
    return load.parse({"agent": agent, "sources": [source], **sections})


def test_clips_beside_the_stdout_sink_need_the_state_directory(tmp_path: Path) -> None:
    with_clips = config(tmp_path, evidence={})
    open_outbox(with_clips, Topics("drsn", "a"))
    with pytest.raises(ConditionError, match="is in use by another agent"):
        open_outbox(with_clips, Topics("drsn", "a"))


def test_the_stdout_sink_alone_writes_nothing_there(tmp_path: Path) -> None:
    open_outbox(config(tmp_path), Topics("drsn", "a"))
    open_outbox(config(tmp_path), Topics("drsn", "a"))
    assert not (tmp_path / "state").exists()
