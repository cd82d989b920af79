"""The real process tells a web hook of an alarm; a section that cannot work is one line."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.config import load
from agent.config.notify import Notify, urls
from agent.core.errors import ConditionError, ConfigError, UserError
from tests.conftest import Agent, Broker, eventually

pytest.importorskip("apprise")
pytest.importorskip("aiosmtpd")

from tests.support.told import web_hook

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
FAULT = {"duration_s": 3600.0, "fault": "outer", "severity": [1.0, 1.0], "snr_db": [10.0, 10.0]}
MACHINE: dict[str, Any] = {"kind": "synth", "model": "bearing", "name": "fan", "unit": "m/s2"}
MACHINE |= {"rpm": 1797.0, "bearing": "6205", "measure_s": 1.0, "scenario": [FAULT]}


@pytest.mark.timeout(120)
def test_an_alarm_of_the_process_reaches_a_web_hook_once(
    broker: Broker, run_agent: Start, settings: Settings, tmp_path: Path
) -> None:
    received: list[dict[str, Any]] = []
    with web_hook(received) as url:
        urls = tmp_path / "urls"
        urls.write_text(f"{url}\n")
        tree = settings(broker.port, **MACHINE)
        tree |= {"alarms": {"delay_s": 1.0}, "notify": {"urls_file": str(urls)}}
        agent = run_agent(tree)
        eventually(lambda: bool(received), 60, "a message")
        assert agent.stop() == 0
    assert [item["title"] for item in received] == ["Alarm: press-04 fan"]
    assert received[0]["message"].startswith("Alarm: the decision is fault outer.")
    state = Path(tree["agent"]["state_dir"]) / "notifications.json"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (None, ConditionError, "urls cannot be read: No such file or directory"),
        ("", UserError, "found no URL in "),
        ("# nobody\n\n", UserError, "found no URL in "),
        ("json://a/b\nanna@plant.example\n", UserError, "line 2: found no URL, expected one as"),
        ("mailto://a b\n", UserError, "line 1: found no URL"),
        (b"\xff\xfe", UserError, "found no text in "),
        ("json://" + "x" * 70_000, UserError, "found more than 65536 bytes"),
        ("# " + "ü" * 40_000 + "\njson://a\n", UserError, "found more than 65536 bytes"),
        ("a://b\n" * 10_000, UserError, "found 10000 URLs in "),
    ],
)
def test_a_file_without_addresses_is_one_line_that_shows_none(
    tmp_path: Path, text: str | bytes | None, kind: type[UserError], message: str
) -> None:
    urls = tmp_path / "urls"
    if text is not None:
        urls.write_bytes(text.encode() if isinstance(text, str) else text)
    tree = {"notify": {"urls_file": str(urls)}, "sources": [{"name": "a", "kind": "synth"}]}
    with pytest.raises(kind) as caught:
        load.parse(tree)
    assert type(caught.value) is kind
    assert str(caught.value).startswith("notify.urls_file: ")
    assert message in str(caught.value)
    assert "anna" not in str(caught.value)


@pytest.mark.timeout(10)
def test_a_pipe_in_place_of_the_addresses_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "urls")
    for name in ("urls", "."):
        with pytest.raises(UserError, match=r"urls_file: "):
            urls(Notify(urls_file=str(tmp_path / name)))


def test_addresses_from_an_editor_on_windows_and_behind_a_link_are_read(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes("\ufeffjson://a/ü\r\n\r\n  # nobody\r\njson://b\r\n".encode())
    (tmp_path / "urls").symlink_to("data")
    assert urls(Notify(urls_file=str(tmp_path / "urls"))) == ["json://a/ü", "json://b"]


@pytest.mark.parametrize(
    "keys",
    [{}, {"quiet": "22-6"}, {"quiet": "24:00-06:00"}, {"weekly": "monday"}, {"per_hour": 0}],
)
def test_keys_that_mean_nothing_are_a_mistake_of_the_configuration(
    tmp_path: Path, keys: dict[str, Any]
) -> None:
    file = {"urls_file": str(tmp_path)} if keys else {}
    with pytest.raises(ConfigError, match="notify"):
        load.parse({"notify": file | keys, "sources": [{"name": "a", "kind": "synth"}]})


def test_without_a_journal_nobody_could_be_told(tmp_path: Path) -> None:
    tree = {"agent": {"sink": "stdout"}, "notify": {"urls_file": str(tmp_path)}}
    with pytest.raises(ConfigError, match=r"^notify: found agent.sink stdout"):
        load.parse(tree | {"sources": [{"name": "a", "kind": "synth"}]})
