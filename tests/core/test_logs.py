"""Nobody can forge, hide or reorder lines of the log, whatever a message contains."""

import logging
import unicodedata

import pytest

from agent.core.logs import OneLine, escape

CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]  # C0, DEL, C1
SEPARATORS = [0x2028, 0x2029]
BIDIRECTIONAL = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
INVISIBLE = [0xAD, 0x200B, 0x2060, 0xFEFF, 0xE0041, 0xD800]


def line(message: str, *arguments: object) -> str:
    record = logging.LogRecord("drsn", logging.INFO, "", 0, message, arguments, None)
    return OneLine("%(levelname)s %(name)s: %(message)s").format(record)


@pytest.mark.parametrize("point", [*CONTROLS, *SEPARATORS, *BIDIRECTIONAL, *INVISIBLE], ids=hex)
def test_a_character_that_is_not_printable_reaches_the_log_as_its_escape(point: int) -> None:
    written = line("source %s", f"a{chr(point)}b")
    assert chr(point) not in written
    assert written.isprintable()
    assert written.startswith("INFO drsn: source a\\")
    assert written.encode().decode("unicode_escape").endswith(f"a{chr(point)}b")


def test_every_control_and_format_character_of_unicode_is_escaped() -> None:
    every = [chr(point) for point in range(0x110000)]
    unsafe = [each for each in every if unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp")]
    assert len(unsafe) > 200
    assert all(escape(each).isascii() and len(escape(each)) > 1 for each in unsafe)


@pytest.mark.parametrize("text", ["Lager 3, 5 µm/s", "轴承 °C", "a\\b 'c' \"d\""])
def test_printable_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert escape(text) == text
