"""What pyproject.toml cannot say: the README with links that work on an index page.

Links in README.md are relative, for readers of a checkout. In the package's long description they
lead to the files of this version below the address `Source` of pyproject.toml.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


def long_description() -> str:
    """README.md with absolute links."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    version = re.search(r'^__version__ = "(.+)"', (HERE / "agent/__init__.py").read_text(), re.M)
    assert version is not None
    return absolute((HERE / "README.md").read_text(), project["urls"]["Source"], version[1])


def absolute(text: str, source: str, version: str) -> str:
    """Markdown with its relative links and images led to the tag `v<version>` below `source`."""

    def replace(link: re.Match[str]) -> str:
        image, label, target = link["image"], link["text"], link["target"]
        if target.startswith(("#", "http://", "https://", "mailto:")):
            return link[0]
        kind = "raw" if image else "blob"
        return f"{image}[{label}]({source}/{kind}/v{version}/{target})"

    return LINK.sub(replace, text)


if __name__ == "__main__":
    setup(long_description=long_description(), long_description_content_type="text/markdown")
