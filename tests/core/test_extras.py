"""What is missing is installed by a command that works on this system."""

import sys
from types import SimpleNamespace

import pytest

from agent.core import extras


def test_in_an_environment_of_pip_it_is_pips_command() -> None:
    assert extras.install("score") == "pip install 'drsn-agent[score]'"


def test_in_the_debian_package_it_is_an_environment_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "flags", SimpleNamespace(isolated=1))
    monkeypatch.setattr(extras, "__file__", str(extras.PACKAGED / "agent/core/extras.py"))
    assert "python3 -m venv venv && venv/bin/pip install 'drsn-agent[score]'" in extras.install(
        "score"
    )
