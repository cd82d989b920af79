"""What an archive holds: a ZIP file with `manifest.json`, `state/...`, the configuration, secrets.

The names of its files are checked here alone. They are relative, visible, and of the kinds that a
state directory holds, so that no archive can put a file where it would have another meaning.
"""

import re
from pathlib import PurePosixPath
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.core.annotated import Count, Name, Sha256

SCHEMA = "drsn-backup/1"
MANIFEST, CONFIGURATION = "manifest.json", "config.yaml"  # names in the archive
STATE, SECRETS = "state", "secrets"  # folders in it
MAX_FILES = 10_000
MAX_MANIFEST_BYTES = 4 * 2**20
MAX_NAME = 200  # characters

PLAIN_NAMES = ("short-id", "agent-id", "bdseq")  # files of the state directory without a suffix
SUFFIXES = (".json", ".jsonl", ".sqlite", ".onnx", ".md", ".csv", ".flac", ".wav")
PART = re.compile(r"\w[\w .,@=~-]*")  # of a path: no hidden file, no slash of another system
# Means nothing to another process: orders that are on their way, what a restore replaced.
RUNNING_STATE = ("incoming", "commands", "lock", "reserve", "restoring", "restoring.new")
BEFORE = "before-restore-"  # and a time: a folder with what was there


class ArchivedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the archive."""

    name: Annotated[str, Meta(max_length=MAX_NAME)]
    bytes: Count
    sha256: Sha256


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The archive's table of contents; `json_input` checks it."""

    schema: str = SCHEMA
    made: str  # ISO 8601
    version: str  # of the agent that made it
    agent: Name  # the agent's id
    files: Annotated[tuple[ArchivedFile, ...], Meta(max_length=MAX_FILES)]

    def state_files(self) -> list[ArchivedFile]:
        return [file for file in self.files if file.name.startswith(f"{STATE}/")]

    def secret_files(self) -> list[ArchivedFile]:
        return [file for file in self.files if file.name.startswith(f"{SECRETS}/")]


def is_state_name(name: str) -> bool:
    """Whether a file of that name, relative to the state directory, belongs in an archive."""
    path = PurePosixPath(name)
    plain = all(PART.fullmatch(part) and part not in RUNNING_STATE for part in path.parts)
    plain = plain and not name.startswith(BEFORE)
    kind = path.suffix in SUFFIXES or name in PLAIN_NAMES
    return plain and kind and str(path) == name and len(name) + len(STATE) < MAX_NAME


def is_archive_name(name: str) -> bool:
    """Whether an archive may hold a file of that name."""
    folder, _, rest = name.partition("/")
    if folder == SECRETS:
        return bool(PART.fullmatch(rest))
    return name == CONFIGURATION or (folder == STATE and is_state_name(rest))
