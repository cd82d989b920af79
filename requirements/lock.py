"""`python requirements/lock.py`: writes the lock files beside it. Needs uv (pip install uv).

A lock holds one version of each package, for every Python from 3.11 and every platform (by
markers), with the hashes of all its files and without the address of an index. torch stands
outside: which build of it fits depends on the machine. The project is installed by --no-deps.
"""

import subprocess
import tempfile
import tomllib
from pathlib import Path

FOLDER = Path(__file__).parent
OUTSIDE = ("torch", "drsn-agent")
BUILD = ("setuptools>=77,<85",)
TOOLS = ("build>=1.2,<2", "cyclonedx-bom>=5,<8")
BOX = ("mic", "serial", "iio", "metrics", "sparkplug", "rollout", "notify")
LOCKS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # extras, and what is in none
    "build": ((), BUILD),
    "box": (BOX, ()),
    "demo": (("demo",), BUILD),
    "dev": ((*BOX, "demo", "score", "ray", "ingest", "train", "formats", "test"), (*BUILD, *TOOLS)),
}


def main() -> None:
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text())["project"]
    for name, (extras, more) in LOCKS.items():
        wanted = [] if name == "build" else list(project["dependencies"])
        for extra in extras:
            wanted += project["optional-dependencies"][extra]
        inside = [line for line in wanted if not line.startswith(OUTSIDE)]
        _compile(name, [*inside, *more])


def _compile(name: str, wanted: list[str]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".in") as source:
        source.write("\n".join(wanted))
        source.flush()
        options = ("--universal", "--fork-strategy", "fewest", "--python-version", "3.11")
        quiet = (
            "--generate-hashes",
            "--no-header",
            "--no-annotate",
            "--no-emit-index-url",
            "--quiet",
        )
        out = ("--output-file", str(FOLDER / f"{name}.lock"))
        subprocess.run(["uv", "pip", "compile", *options, *quiet, *out, source.name], check=True)


if __name__ == "__main__":
    main()
