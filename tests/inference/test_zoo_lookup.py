"""Where the zoos are is looked up once: it reads the metadata of every installed package."""

import pytest

from agent.inference import zoo


def test_the_installed_packages_are_searched_once_however_often_a_model_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = zoo.released()

    def searched(**_: str) -> None:
        pytest.fail("searched again")

    monkeypatch.setattr(zoo, "entry_points", searched)
    assert zoo.released() == before
    assert zoo.find("bearing") == before["bearing"]
