"""Model files that are broken."""

from .mutants import survey
from .outcome import Check, injection, none
from .world import World


@injection("600 mutated model files", "0 crashes", short=True)
def mutated_models(world: World) -> list[Check]:
    count = world.size(600, 40)
    fates, crashes = survey(count)
    tracebacks = [fate for fate in fates if fate.startswith("traceback")]
    return [
        Check("files", sum(fates.values()) + len(crashes), sum(fates.values()) == count),
        Check("refused in one line", fates["refused"]),
        Check("loaded and served", fates["loaded"]),
        none("refused in many lines", fates["verbose"]),
        none(f"tracebacks {tracebacks}" if tracebacks else "tracebacks", tracebacks),
        none(f"crashes {crashes[:5]}" if crashes else "crashes", crashes),
    ]
