"""Names of files by what is in them: by its name alone one sees what has been scored already.

A key is `<place>-<state>`: the recording, the model and the options; and what may change about
them. A file of the same place and another state is out of date.
"""

import hashlib
from pathlib import Path

from agent import __version__
from agent.diagnosis.baseline import file as record
from agent.jobs.archive import parquet
from agent.jobs.archive.job import Job
from agent.jobs.archive.paths import ArchiveFile
from agent.messages.payloads import Topic
from agent.pipeline.offline import recorded

FOLDERS: dict[Topic, str] = {"window": "windows", "event": "events"}
DIGITS = 16


def key(job: Job, found: ArchiveFile) -> str:
    source = recorded(job.source, found.recording, job.start)
    place = (job.sha256, job.chosen.agent.id, source.common, source.options)
    columns = parquet.schema().serialize().to_pybytes()
    state = (found.state, __version__, columns, _baseline(job))
    return f"{_hash(place)}-{_hash(state)}"


def files(out: Path, key: str) -> dict[Topic, Path]:
    """Where that recording's records are, or will be."""
    return {topic: out / folder / f"{key}.parquet" for topic, folder in FOLDERS.items()}


def outdated(out: Path, key: str) -> list[Path]:
    """Files of the same recording, model and options as it was before."""
    place = key.partition("-")[0]
    current = files(out, key).values()
    found = [
        each for folder in FOLDERS.values() for each in (out / folder).glob(f"{place}-*.parquet")
    ]
    return [each for each in found if each not in current]


def _baseline(job: Job) -> str:
    if not job.commissioned:
        return ""
    file = record.path(Path(job.chosen.agent.state_dir), job.source.common.name)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _hash(parts: tuple[object, ...]) -> str:
    """Of what the parts look like: unlike JSON, it tells infinity from nothing."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:DIGITS]
