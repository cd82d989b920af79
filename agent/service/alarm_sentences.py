"""What has changed about a source's alarm, in one English sentence."""

from agent.core.alarms import AlarmEvent, Maintenance, Standing


def of(event: AlarmEvent, previous: Standing, standing: Standing) -> str:
    """For a person; `previous` is how the source stood before."""
    basis = standing.basis
    if event == "maintenance":
        return _maintenance(standing.maintenance)
    if event == "ended" or basis is None:
        return f"The {previous.alarm} is over: {_seen(previous)}its cause has gone."
    words = {
        "raised": basis.sentence,
        "eased": f"The alarm is now a warning. {basis.sentence}",
        "acknowledged": f"The {standing.alarm} is acknowledged{_by(basis.acknowledged_by)}.",
        "inactive": f"The cause of the {standing.alarm} has gone: it waits to be acknowledged.",
        "active": f"The cause of the {standing.alarm} is there again.",
    }
    return words[event]


def _maintenance(maintenance: Maintenance | None) -> str:
    if maintenance is None:
        return "Maintenance is over."
    until = "" if maintenance.until is None else f" until {maintenance.until}"
    return f"Maintenance{_by(maintenance.by)}{until}: no alarm is raised."


def _seen(previous: Standing) -> str:
    """One that waited to be acknowledged is over because somebody did."""
    waited = previous.basis is not None and not previous.basis.active
    return "it is acknowledged, and " if previous.acknowledged or waited else ""


def _by(name: str | None) -> str:
    return "" if name is None else f" by {name}"
