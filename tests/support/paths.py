"""Where things are: this project, its documents, and the real recordings beside it."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DOCS = PROJECT / "docs"
DATA = PROJECT.parent / "shared" / "data"  # does not come with the project
