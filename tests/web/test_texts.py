"""The page's words: complete in each language, and each of them used."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import PROJECT

STATIC = PROJECT / "agent" / "web" / "static"
LANGUAGES = sorted(file.stem for file in (STATIC / "texts").glob("*.json"))
KEY = re.compile(r"""["'](\w+\.\w+)["']""")
BY_NAME = re.compile(r"\bt\(`(\w+)\.\$\{|\bword\(\"(\w+)\"")  # any of a section's words


def words(language: str) -> dict[str, str]:
    """Each text by its key, `section.name`."""
    tree: dict[str, dict[str, Any]] = json.loads((STATIC / f"texts/{language}.json").read_text())
    return {f"{section}.{name}": text for section, by in tree.items() for name, text in by.items()}


def sources() -> str:
    files = [file for kind in ("html", "js") for file in STATIC.rglob(f"*.{kind}")]
    return "\n".join(Path(file).read_text() for file in files)


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


def test_there_are_english_and_spanish() -> None:
    assert {"en", "es"} <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_values(language: str) -> None:
    english, other = words("en"), words(language)
    assert other.keys() == english.keys()
    assert all(text.strip() for text in other.values())
    assert {key: placeholders(text) for key, text in other.items()} == {
        key: placeholders(text) for key, text in english.items()
    }


def test_every_text_that_the_page_names_exists_and_is_used() -> None:
    code = sources()
    keys = set(words("en"))
    sections = {key.partition(".")[0] for key in keys}
    named = {key for key in KEY.findall(code) if key.partition(".")[0] in sections}
    by_name = {name for pair in BY_NAME.findall(code) for name in pair if name}
    assert named - keys == set()
    assert {key for key in keys - named if key.partition(".")[0] not in by_name} == set()


def test_no_language_is_written_in_the_markup() -> None:
    for file in STATIC.rglob("*.html"):
        texts = [text.strip() for text in re.findall(r">([^<>]+)<", file.read_text())]
        allowed = {"drsn-agent", "DRSN", "ResNet", "SNR", "0 dB", "Hz", "–"}
        assert {text for text in texts if text} <= allowed, file
