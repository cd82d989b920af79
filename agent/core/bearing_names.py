"""A bearing as a user writes it: a name, four orders, or a geometry; in files and on command lines.

A name is a designation, with or without a maker before it, and with seals, cage and clearance
behind it, none of which changes the balls: `6205`, `SKF 6205-2RS1/C3`, `NSK 6205ZZ`.
"""

import difflib
import re
from typing import Any

from agent.core.bearing import BY_GEOMETRY, BY_ORDERS, Bearing
from agent.core.bearing_table import ROWS

KEYS = (*BY_ORDERS, *BY_GEOMETRY, "angle_deg")
FORMS = (
    f"a name, e.g. 6205, four numbers ({', '.join(BY_ORDERS)}), "
    f"or a geometry ({', '.join(BY_GEOMETRY)}, angle_deg)"
)
MOST_NEAR = 4  # names that an error offers
MAKER = (
    "(?:SKF|FAG|NSK|NTN|SNR|NACHI|KOYO|JTEKT|TIMKEN|FAFNIR|RHP|INA|NKE|ZKL|ZWZ|LYC|HRB|FBJ|MRC|MB"
    "|LDK|REXNORD)"
)
BREAK = r"[\s_./-]*"
SUFFIX = (  # what changes no ball: seals and shields, cages, snap rings, clearance
    r"(?:[12]?(?:RS\s?JEM|RSH2?|RSL|RSR|RS[12]?|RZ|ZZ?|LS)|DDU?|VV|LL[UBHC]|UU|TN9|TVP|TVH|MA|M|J"
    "|NR?|C[1-5]|CN|CM)(?![A-Z0-9])"
)


def bearing(value: object) -> Bearing:
    """The bearing in a value of YAML or of a command line; `ValueError` says what was expected."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | list | tuple):
        raise ValueError(FORMS)
    if isinstance(value, list | tuple):
        return _of_numbers([str(number) for number in value])
    words = [word for word in re.split(r"[,;\s]+", str(value).strip()) if word]
    if words and all("=" in word for word in words):
        return _of_pairs([word.partition("=")[::2] for word in words])
    if len(words) == len(BY_ORDERS) and all(map(_is_number, words)):
        return _of_numbers(words)
    return named(" ".join(words))


def named(name: str) -> Bearing:
    """The bearing of that name; `ValueError` with near names where the table has none."""
    designation = find(name)
    if designation is None:
        raise ValueError(f"a name that is known ({_near(name)}); else write {FORMS}")
    return ROWS[designation].bearing


def find(name: str) -> str | None:
    """The table's designation for that name; None: it has none.

    All of the name must be understood: `6205 ETN9`, e.g., has another set of balls than `6205`.
    """
    for designation in ROWS:
        digits = re.escape(designation).replace("\\-", "-?")
        if re.fullmatch(rf"(?:{MAKER}[\s_-]*)?{digits}(?:{BREAK}{SUFFIX})*", name.upper().strip()):
            return designation
    return None


def _near(name: str) -> str:
    digits = "".join(re.findall(r"\d+", name)) or name
    near = difflib.get_close_matches(digits, ROWS, MOST_NEAR, 0.5)
    return ", ".join(near or sorted(ROWS)[:MOST_NEAR])


def _is_number(word: str) -> bool:
    return re.fullmatch(r"\d+(\.\d*)?|\.\d+", word) is not None


def _of_numbers(words: list[str]) -> Bearing:
    if len(words) != len(BY_ORDERS) or not all(map(_is_number, words)):
        raise ValueError(f"four numbers: {', '.join(BY_ORDERS)}")
    bpfo, bpfi, bsf, ftf = map(float, words)
    return Bearing(bpfo=bpfo, bpfi=bpfi, bsf=bsf, ftf=ftf)


def _of_pairs(pairs: list[tuple[str, str]]) -> Bearing:
    keys: dict[str, Any] = {}
    for key, number in pairs:
        if key not in KEYS or not _is_number(number):
            raise ValueError(FORMS)
        keys[key] = int(float(number)) if key == "balls" else float(number)
    return Bearing(**keys)
