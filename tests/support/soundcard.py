"""A sound card without hardware: a pulseaudio of our own; null sinks' monitors are microphones.

What is played into one is what its microphone hears. `unplug` takes a microphone away while it is
recorded, `plug` brings it back.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

NEEDED = ("pulseaudio", "paplay", "pactl")
MISSING = [name for name in NEEDED if shutil.which(name) is None]
_PCM = (
    'pcm.{0} {{\n type pulse\n device "{0}.monitor"\n hint {{ show on\n description "{0}" }}\n}}\n'
)


class SoundCard:
    """`microphones`: name -> (rate_hz, channels); `environment` is what its users must have."""

    def __init__(self, folder: Path, **microphones: tuple[int, int]) -> None:
        self._microphones = microphones
        run = folder / "run"
        run.mkdir(parents=True, mode=0o700)
        pcms = "".join(map(_PCM.format, microphones))
        (folder / ".asoundrc").write_text(f"pcm.!default {{ type pulse }}\n{pcms}")
        self.environment = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(run)}
        options = ("-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no")
        with (folder / "pulseaudio.log").open("wb") as log:
            self._server = subprocess.Popen(
                ["pulseaudio", *options, "-L", "module-native-protocol-unix"],
                stdout=log,
                stderr=log,
                env=os.environ | self.environment,
            )
        give_up_s = time.monotonic() + 10
        while self._pactl("info").returncode:
            assert time.monotonic() < give_up_s, "pulseaudio does not start"
            time.sleep(0.02)
        self._modules: dict[str, str] = {}
        for name in microphones:
            self.plug(name)

    def plug(self, name: str) -> None:
        rate_hz, channels = self._microphones[name]
        sink = f"sink_name={name} rate={rate_hz} channels={channels} format=s16le"
        done = self._pactl("load-module", "module-null-sink", *sink.split())
        assert done.returncode == 0, done.stderr
        self._modules[name] = done.stdout.strip()

    def unplug(self, name: str) -> None:
        assert self._pactl("unload-module", self._modules.pop(name)).returncode == 0

    def play(self, name: str, recording: Path) -> "subprocess.Popen[bytes]":
        """Plays the file into it, in the background."""
        command = ["paplay", f"--device={name}", "--latency-msec=50", str(recording)]
        return subprocess.Popen(command, env=os.environ | self.environment)

    def close(self) -> None:
        self._server.terminate()
        self._server.wait()

    def _pactl(self, *command: str) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | self.environment
        return subprocess.run(
            ["pactl", *command], env=environment, capture_output=True, text=True, check=False
        )
