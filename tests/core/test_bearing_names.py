"""A bearing by its name, its orders or its geometry; the table agrees with published factors."""

import msgspec
import pytest

from agent.core import bearing_names
from agent.core.bearing import Orders
from agent.core.bearing_table import ROWS

PUBLISHED = {  # BPFO, BPFI, BSF, FTF: of CWRU, of Timken's table, and of MB
    "6203": (3.0530, 4.9469, 1.9937, 0.3817),
    "6204": (3.052, 4.948, 1.992, 0.382),
    "6205": (3.5848, 5.4152, 2.3568, 0.39828),
    "6206": (3.568, 5.432, 2.311, 0.396),
    "6207": (3.565, 5.435, 2.303, 0.396),
    "6309": (3.037, 4.963, 1.955, 0.380),
    "6310": (3.047, 4.953, 1.981, 0.381),
    "6312": (3.064, 4.936, 2.020, 0.383),
    "6314": (3.076, 4.924, 2.050, 0.385),
    "6316": (3.086, 4.914, 2.073, 0.386),
    "ER-10K": (3.053, 4.947, 1.994, 0.382),
    "ER-16K": (3.572, 5.428, 2.322, 0.3969),
}
ORDERS = Orders(bpfo=3.585, bpfi=5.415, bsf=2.357, ftf=0.398)


@pytest.mark.parametrize("name", ROWS)
def test_the_orders_of_every_row_are_the_published_ones(name: str) -> None:
    found = msgspec.structs.astuple(ROWS[name].bearing.orders)
    assert found == pytest.approx(PUBLISHED[name], rel=1.5e-3)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_names_two_sources(name: str) -> None:
    first, second = ROWS[name].sources
    assert first != second


@pytest.mark.parametrize(
    ("text", "designation"),
    [
        (6205, "6205"),
        ("6205", "6205"),
        ("SKF 6205-2RS1/C3", "6205"),
        ("NSK 6205ZZ", "6205"),
        ("fag 6203 2z c3", "6203"),
        ("6206-2Z", "6206"),
        ("6205-2RS JEM", "6205"),
        ("6310.2RSR.C3", "6310"),
        ("MB ER16K", "ER-16K"),
        ("er-16k", "ER-16K"),
        ("MB ER10K", "ER-10K"),
    ],
)
def test_makers_seals_and_clearances_do_not_change_the_bearing(
    text: object, designation: str
) -> None:
    assert bearing_names.bearing(text) == ROWS[designation].bearing


UNSURE = ("62053", "16205", "NU6205", "XY6205", "W6205", "6205 ETN9", "6205 7", "6208", "2115")


@pytest.mark.parametrize("text", [*UNSURE, "16K", "UC204", "", "SKF"])
def test_a_name_that_is_not_known_for_sure_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"a name that is known \(.+\); else write .*balls"):
        bearing_names.bearing(text)


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(ValueError, match=r"6207, 6206, 6205, 6204"):
        bearing_names.bearing("SKF 6208-2Z")


@pytest.mark.parametrize(
    "value",
    [
        [3.585, 5.415, 2.357, 0.398],
        "3.585 5.415 2.357 0.398",
        "3.585,5.415,2.357,0.398",
        "bpfo=3.585 bpfi=5.415 bsf=2.357 ftf=0.398",
    ],
)
def test_four_numbers_are_orders(value: object) -> None:
    assert bearing_names.bearing(value).orders == ORDERS


def test_a_geometry_may_be_written_on_a_command_line() -> None:
    text = "balls=9,ball_mm=7.94,pitch_mm=39.04"
    assert bearing_names.bearing(text) == ROWS["6205"].bearing


@pytest.mark.parametrize(
    "value", [True, None, {}, [1, 2, 3], ["a", "b", "c", "d"], "balls=x", "3.5 5.4 2.3 nan", [6205]]
)
def test_what_describes_no_bearing_is_refused_in_words(value: object) -> None:
    with pytest.raises(ValueError, match=r"four numbers|a name"):
        bearing_names.bearing(value)


def test_orders_that_no_bearing_has_are_refused() -> None:
    with pytest.raises(ValueError, match="bsf of at most"):
        bearing_names.bearing("3.585 5.415 4.714 0.398")
