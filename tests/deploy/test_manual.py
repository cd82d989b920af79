"""The manual page names every verb and every option of the command that it comes with."""

import re

import pytest

from agent import cli
from agent.cli import main
from deploy.deb import manual

PAGE = manual.page()
OTHERS = ("train", "evaluate", "export", "quantize")


@pytest.mark.parametrize("verb", [*cli.SUMMARIES, *OTHERS])
def test_a_verb_stands_in_the_page_with_all_its_options(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (entry,) = re.findall(rf"^\.TP\n\.BR {verb} (.*)\n(.+)$", PAGE, re.MULTILINE)
    usage, summary = (text.replace("\\-", "-") for text in entry)
    assert summary.endswith(".")
    with pytest.raises(SystemExit):
        main.main([verb, "--help"])
    options = re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.MULTILINE)
    assert [option for option in options if not re.search(rf"{option}\b", usage)] == []


def test_every_hyphen_of_an_option_can_be_searched_for() -> None:
    assert not re.findall(r"(?<!\\)--", PAGE)


def test_the_page_has_all_its_sections() -> None:
    sections = re.findall(r"^\.SH (.+)$", PAGE, re.MULTILINE)
    assert sections[0] == "NAME"
    assert {"SYNOPSIS", "VERBS", "FILES", "EXIT STATUS", "SIGNALS"} <= set(sections)
