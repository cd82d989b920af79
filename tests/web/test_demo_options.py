"""Mistakes in the demonstration's options are one line."""

from pathlib import Path

import pytest

from agent.cli import demo_page as demo
from agent.core.errors import ConfigError, UserError
from agent.inference import classifier, zoo
from agent.web.demo_harness import rival


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (demo.DemoOptions(address="0.0.0.0"), "--address: found 0.0.0.0 and no --token"),
        (demo.DemoOptions(address="0.0.0.0", token="1234"), "--token: found 4 characters"),
        (demo.DemoOptions(port=70000), "--page: found 70000, expected 1 to 65535"),
        (demo.DemoOptions(model="bearings"), "did you mean bearing?"),
        (demo.DemoOptions(background="gone.wav"), "gone.wav: found no such recording"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(wish: demo.DemoOptions, expected: str) -> None:
    pytest.importorskip("iotcore", reason="needs the demo extra")
    with pytest.raises(UserError) as caught:
        demo.demo(wish)
    assert expected in str(caught.value)


def test_a_rival_that_answers_another_question_is_refused(tiny_model: Path) -> None:
    ours = classifier.load(zoo.find("bearing"))
    with pytest.raises(ConfigError, match=r"labels: found \('normal', 'loud'\), expected"):
        rival(ours, tiny_model)
