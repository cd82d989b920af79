"""Names of output files, from which one sees what has been scored already.

A key is `<place>-<state>`. The place is a hash of the recording, the model and the options; the
state is a hash of what may change about them. A file with the same place and another state is out
of date.
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


def key(job: Job, file: ArchiveFile) -> str:
    source = recorded(job.source, file.recording, job.start)
    place = (job.sha256, job.config.agent.id, source.common, source.options)
    columns = parquet.schema().serialize().to_pybytes()
    state = (file.state, __version__, columns, _baseline(job))
    return f"{_hash(place)}-{_hash(state)}"


def files(out: Path, key: str) -> dict[Topic, Path]:
    """The files of that recording's records, present or future."""
    return {topic: out / folder / f"{key}.parquet" for topic, folder in FOLDERS.items()}


def outdated(out: Path, key: str) -> list[Path]:
    """Files of the same recording, model and options in an earlier state."""
    place = key.partition("-")[0]
    current = files(out, key).values()
    present = [
        file for folder in FOLDERS.values() for file in (out / folder).glob(f"{place}-*.parquet")
    ]
    return [file for file in present if file not in current]


def _baseline(job: Job) -> str:
    if not job.commissioned:
        return ""
    file = record.path(Path(job.config.agent.state_dir), job.source.common.name)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _hash(parts: tuple[object, ...]) -> str:
    """A hash of the parts' `repr`, which tells infinity from null, unlike JSON."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:DIGITS]
