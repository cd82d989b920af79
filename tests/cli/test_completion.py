"""Real shells complete the command: its verbs, their options, their choices and names of files."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from agent import cli
from agent.cli import completion
from tests.conftest import needed

# An interactive shell that reads nothing of its user's, and where its script is looked for.
START = {
    "bash": ("bash --norc --noprofile -i", "drsn-agent", "source drsn-agent"),
    "zsh": ("zsh -f -i", "_drsn-agent", "fpath=($PWD $fpath); autoload -U compinit; compinit -uD"),
    "fish": ("fish --no-config -i", "drsn-agent.fish", "set -p fish_complete_path $PWD"),
}
SHOW = {  # the command, as a function that shows its arguments
    "bash": """drsn-agent() { printf 'GOT'; printf '<%s>' "$@"; echo END; }""",
    "zsh": """drsn-agent() { printf 'GOT'; printf '<%s>' "$@"; echo END; }""",
    "fish": """function drsn-agent; printf 'GOT'; printf '<%s>' $argv; echo END; end""",
}
TYPED = {
    "drsn-agent repl\t rec\t--log-l\tDEB\t": "<replay><recording.wav><--log-level><DEBUG>",
    "drsn-agent check --con\tmach\t": "<check><--config><machine.yaml>",
    "drsn-agent tra\t rec\t --pre\tmine": "<train><recording.wav><--preset><mine>",
}
WITHIN_S = 20.0
QUIET_S = 0.2


class Terminal:
    """A shell on a pseudo terminal."""

    def __init__(self, command: str, folder: Path) -> None:
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb"}
        self._child, self._master = pty.fork()
        if self._child == 0:
            os.chdir(folder)
            os.execvpe(command.split()[0], command.split(), environment)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", 24, 200, 0, 0))

    def run(self, line: str) -> str:
        """What a line prints; each tab has time to complete what stands before it."""
        for piece in line.replace("\t", "\t\0").split("\0"):
            self.type(piece)
            self._read_until_quiet()
        self.type("\n")
        return self.read_until("END\r").rpartition("GOT")[2].partition("END")[0]

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def _read_until_quiet(self) -> None:
        while select.select([self._master], [], [], QUIET_S)[0]:
            os.read(self._master, 4096)

    def read_until(self, mark: str) -> str:
        """What came until the mark; fails after some time, with what came instead."""
        deadline_s, text = time.monotonic() + WITHIN_S, ""
        while mark not in text:
            ready, _, _ = select.select([self._master], [], [], deadline_s - time.monotonic())
            assert ready, f"no {mark} in {text!r}"
            text += os.read(self._master, 4096).decode(errors="replace")
        return text

    def close(self) -> None:
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)
        os.close(self._master)


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_shell_completes_verbs_options_choices_and_files(shell: str, tmp_path: Path) -> None:
    needed(shell, shell)
    pytest.importorskip("torch", reason="verbs of training need the train extra")
    for name in ("recording.wav", "machine.yaml"):
        (tmp_path / name).touch()
    command, name, begin = START[shell]
    (tmp_path / name).write_text(completion.script(shell))
    terminal = Terminal(command, tmp_path)
    try:
        terminal.type(f"{begin}\n{SHOW[shell]}\n")
        got = {line: terminal.run(line) for line in TYPED}
    finally:
        terminal.close()
    assert got == TYPED


def test_the_verb_prints_a_script_with_every_verb_and_its_summary() -> None:
    command = [sys.executable, "-m", "agent", "completion", "zsh"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [verb for verb in cli.SUMMARIES if f" {verb}:" not in printed] == []
    summaries = [text.partition("'")[0] for text in cli.SUMMARIES.values()]
    assert [text for text in summaries if text not in printed] == []
