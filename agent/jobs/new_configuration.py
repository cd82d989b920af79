"""The text of a first configuration, with comments: what `drsn-agent init` writes."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

FIRST_LINE = "# yaml-language-server: $schema={schema}"
HEAD = """\
# Written by `drsn-agent init`. Every key with its default: `drsn-agent config`.
#     drsn-agent doctor --config {file}    sensor, broker and disk: what to do
#     drsn-agent run --config {file}
"""
UNTOLD = {  # keys worth knowing -> the line that shows how they are written
    "rpm": "# rpm: 1480              # the shaft's speed: faults have frequencies by it",
    "bearing": "# bearing: 6205          # its name, or its geometry: `drsn-agent bearing 6205`",
    "unit": "# unit: m/s2             # of the samples times `scale`: levels in mm/s need it",
}


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What `init` was told or has found."""

    source: dict[str, Any]  # its keys
    broker: str | None  # HOST or HOST:PORT; None: results go to standard output
    state_dir: Path
    page: bool


def text(choices: Choices, file: Path, schema: Path) -> str:
    """The file's text; the same choices give the same text."""
    parts = [FIRST_LINE.format(schema=schema), HEAD.format(file=file), _agent(choices)]
    if choices.broker is not None:
        parts.append(_mqtt(choices.broker))
    if choices.page:
        parts.append("page: {}  # http://127.0.0.1:8080\n")
    return "\n".join([*parts, _sources(choices.source)])


def _agent(choices: Choices) -> str:
    lines = ["agent:", f"  state_dir: {_plain(str(choices.state_dir))}  # outbox and baselines"]
    if choices.broker is None:
        lines.append("  sink: stdout  # JSON lines; with a broker: mqtt, and the section mqtt")
    return "\n".join(lines) + "\n"


def _mqtt(broker: str) -> str:
    host, _, port = broker.rpartition(":") if broker.count(":") == 1 else (broker, "", "")
    lines = ["mqtt:", f"  host: {_plain(host)}"]
    if port:
        lines.append(f"  port: {port}")
    lines += [
        "  # username: agent",
        "  # password_file: /etc/drsn-agent/secrets/password",
        "  # home_assistant: true",
    ]
    return "\n".join(lines) + "\n"


def _sources(keys: dict[str, Any]) -> str:
    lines = [f"    {key}: {_plain(value)}" for key, value in keys.items()]
    lines[0] = "  - " + lines[0].lstrip()
    lines += [f"    {line}" for key, line in UNTOLD.items() if key not in keys]
    return "\n".join(["sources:", *lines]) + "\n"


def _plain(value: Any) -> str:
    """One value as YAML writes it."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()
