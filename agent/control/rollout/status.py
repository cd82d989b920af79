"""How things stand with a model, in words for a person."""

from pathlib import Path

from agent.inference import model_store, registry
from agent.inference.model_store import Standing


def installed(state_dir: Path, name: str) -> str | None:
    """In one line; None where nothing was ever installed under that name."""
    known = model_store.standing(state_dir, name)
    if known == Standing(name=name):
        return None
    runs = "the zoo's" if known.present is None else f"{known.present.version}"
    since = "" if known.present is None else f" since {known.present.since}"
    tried = "" if known.candidate is None else f", {known.candidate.version} is tried beside it"
    phase = ", on probation" if known.phase == "probation" else ""
    why = "" if known.why is None else f"; the last one was {known.state}: {known.why}"
    return f"{runs}{since}{phase}{tried}{why}"


def standing(state_dir: Path, name: str) -> str:
    """With the file; `ConfigError` for a name that nobody knows."""
    file = registry.find(state_dir, name)
    version = registry.version_of(file.read_bytes())
    told = installed(state_dir, name)
    return f"{name} {version}: {file}" + ("" if told is None else f"\n{told}")
