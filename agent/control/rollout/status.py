"""How the roll-out of a model stands, as text for a person."""

from pathlib import Path

from agent.inference import model_store, registry
from agent.inference.model_store import Standing


def describe(state_dir: Path, model: str) -> str:
    """The file that runs, and the roll-out of that name; `ConfigError` for an unknown name."""
    file = registry.find(state_dir, model)
    version = registry.version_of(file.read_bytes())
    rollout = describe_rollout(state_dir, model)
    return f"{model} {version}: {file}" + ("" if rollout is None else f"\n{rollout}")


def describe_rollout(state_dir: Path, model: str) -> str | None:
    """In one line; None where nothing was ever installed under that name."""
    standing = model_store.standing(state_dir, model)
    if standing == Standing(name=model):
        return None
    present, candidate = standing.present, standing.candidate
    runs = "the zoo's" if present is None else f"{present.version} since {present.since}"
    phase = ", on probation" if standing.phase == "probation" else ""
    trial = "" if candidate is None else f", {candidate.version} is tried beside it"
    last = "" if standing.why is None else f"; the last one was {standing.state}: {standing.why}"
    return f"{runs}{phase}{trial}{last}"
