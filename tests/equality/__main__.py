"""`python -m tests.equality --data FOLDER [SET ...]`: every recording of these sets, in every way.

Live by the real daemon through a real broker, several sources at once, at both paces; replayed;
out of an archive by either engine. Needs mosquitto.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .compare import OF_DELIVERY, OF_NAMES, difference
from .ways import Records, Setting, archived, live, replayed

AT_ONCE = {"fast": 10, "realtime": 4}  # sources of one agent


def main() -> int:
    given = _arguments()
    setting = Setting(given.model)
    failed = 0
    for name in given.sets:
        paths = sorted((given.data / name).rglob("*.flac"))
        with tempfile.TemporaryDirectory(prefix="drsn-") as folder:
            failed += _compare(setting, name, paths, Path(folder))
    return 1 if failed or not given.sets else 0


def _compare(setting: Setting, name: str, paths: list[Path], folder: Path) -> int:
    began_s = time.monotonic()
    stored = archived(setting, paths, folder)
    windows, events = sum(len(r.windows) for r in stored), sum(len(r.events) for r in stored)
    took_s = time.monotonic() - began_s
    print(f"{name}: {len(paths)} recordings, {windows} windows, {events} events", flush=True)
    print(f"  score ({took_s:.0f} s), against which are held:", flush=True)
    failed = 0
    for way, told, ignored in _ways(setting, paths, folder):
        found = [
            f"{path.name}: {where}"
            for path, one, other in zip(paths, told, stored, strict=True)
            if (where := difference(one, other, ignored)) is not None
        ]
        failed += len(found)
        print(f"  {way}: {len(told) - len(found)} the same, {len(found)} not", flush=True)
        print("".join(f"    {each}\n" for each in found[:10]), end="", flush=True)
    return failed if windows else 1


def _ways(
    setting: Setting, paths: list[Path], folder: Path
) -> Iterator[tuple[str, list[Records], frozenset[str]]]:
    yield "score, by Ray", archived(setting, paths, folder, "--engine", "ray"), OF_DELIVERY
    yield "replay", [replayed(setting, path) for path in paths], OF_NAMES
    for pace, at_once in AT_ONCE.items():
        told = [
            each
            for first in range(0, len(paths), at_once)
            for each in live(setting, paths[first : first + at_once], folder, pace)
        ]
        yield f"live, pace {pace}", told, OF_DELIVERY | {"source"}


def _arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.equality", description=__doc__)
    parser.add_argument("sets", nargs="*", default=["cwru", "uestc"], metavar="SET")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--model", default="bearing")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
