"""A recipe names a bearing as the configuration does."""

import pytest

from agent.core.bearing_table import ROWS
from agent.core.errors import UserError
from models.data import recipe


def fields(bearing: object) -> dict[str, object]:
    data = [{"folder": "fan", "bearing": bearing}]
    return {
        "name": "fan",
        "labels": ["a", "b"],
        "normal": ["a"],
        "rate_hz": 1000,
        "window": 512,
        "data": data,
    }


@pytest.mark.parametrize("bearing", [6205, "SKF 6205-2RS", "balls=9 ball_mm=7.94 pitch_mm=39.04"])
def test_a_recipe_takes_a_bearing_by_its_name(bearing: object) -> None:
    assert recipe.checked(fields(bearing), "r.yaml").data[0].bearing == ROWS["6205"].bearing


def test_an_unknown_name_is_one_line_with_near_ones() -> None:
    with pytest.raises(UserError, match=r"^r.yaml: data.bearing: found 6208, .*\(6207, 6206"):
        recipe.checked(fields(6208), "r.yaml")
