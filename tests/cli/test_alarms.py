"""`alarms` beside no agent: what would be refused later is refused at once."""

import json
from pathlib import Path

import pytest

from agent.cli import main
from agent.control.local_commands import FOLDER
from agent.delivery.journal.journal import Journal
from tests.delivery.journal.test_journal import event


@pytest.fixture
def config(tmp_path: Path) -> Path:
    tree = {"agent": {"state_dir": str(tmp_path)}, "sources": [{"name": "fan", "kind": "synth"}]}
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(tree))
    return file


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("comment", "fan", ""), "text"),
        (("comment", "fan", "a\x1b[2J"), "text"),
        (("comment", "fan", "x" * 10_000), "text"),
        (("comment", "fan", "x", "--event", "0"), "event_id"),
        (("label", "fan", "x", "--event", "9" * 30), "event_id"),
        (("label", "fan", "x" * 65), "label"),
        (("acknowledge", "fan", "--by", ""), "by"),
        (("maintenance", "fan", "on", "--by", "a\nb"), "by"),
    ],
)
def test_what_an_agent_would_refuse_is_one_line_and_is_not_kept_for_it(
    config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], named: str
) -> None:
    assert main.main(["alarms", *words, "--config", str(config)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"drsn-agent: alarms {words[0]}: arguments: ")
    assert named in line
    assert not (config.parent / FOLDER).exists()


@pytest.mark.parametrize("most", ["-1", "0", "9" * 30, "1.5", "\u0663"])
def test_a_number_of_events_that_means_nothing_is_a_mistake(
    config: Path, capsys: pytest.CaptureFixture[str], most: str
) -> None:
    journal = Journal(config.parent / "events.sqlite", 32 << 20)
    journal.add(event("an alarm", kind="alarm", alarm="alarm", source="fan"))
    journal.close()
    with pytest.raises(SystemExit) as ended:
        main.main(["alarms", "list", f"--most={most}", "--config", str(config)])
    assert ended.value.code == 2
    assert "--most: found" in capsys.readouterr().err
    assert main.main(["alarms", "list", "--most=1", "--config", str(config)]) == 0
