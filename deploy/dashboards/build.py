"""Writes the Grafana dashboards of this folder from `panels.yaml`.

    python deploy/dashboards/build.py

A dashboard asks for its data source when it is imported.
"""

import json
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
WIDTH, HEIGHT = 12, 8  # of a panel, in Grafana's grid of 24 columns
PLACE = "${DS_DRSN}"  # Grafana puts the chosen data source here
TREND = (  # the mean of an interval, a line a channel
    "SELECT $__timeGroupAlias(t_end, $__interval), source || ' ' || channel || ' {column}' "
    "AS metric, avg({column}) AS value FROM drsn.measurement WHERE $__timeFilter(t_end) "
    "AND agent IN (${{agent:sqlstring}}) AND source IN (${{source:sqlstring}}) "
    "GROUP BY 1, 2 ORDER BY 1"
)

Json = dict[str, Any]


def documents() -> dict[str, str]:
    """The text of each dashboard by the name of its file."""
    boards = yaml.safe_load((FOLDER / "panels.yaml").read_text())
    return {board["file"]: json.dumps(_dashboard(board), indent=1) + "\n" for board in boards}


def _dashboard(board: Json) -> Json:
    plugin, name = board["plugin"], board["name"]
    source = {"name": "DS_DRSN", "label": name, "type": "datasource"}
    variables = board["variables"].items()
    return {
        "__inputs": [{**source, "pluginId": plugin, "pluginName": name}],
        "title": f"Machines ({name})",
        "uid": f"drsn-{plugin}",
        "tags": ["drsn-agent"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-7d", "to": "now"},
        "templating": {"list": [_variable(plugin, *variable) for variable in variables]},
        "panels": [_panel(plugin, i, panel) for i, panel in enumerate(board["panels"])],
    }


def _variable(plugin: str, name: str, query: str) -> Json:
    everything = {"text": ["All"], "value": ["$__all"]}
    return {
        "name": name,
        "type": "query",
        "datasource": _place(plugin),
        "query": query,
        "refresh": 2,  # whenever the time range changes
        "multi": True,
        "includeAll": True,
        "current": everything,
    }


def _panel(plugin: str, index: int, panel: Json) -> Json:
    queries = panel.get("queries") or {c: TREND.format(column=c) for c in panel["columns"]}
    kind = panel.get("kind", "timeseries")
    row, column = divmod(index, 2)
    return {
        "id": index + 1,
        "title": panel["title"],
        "description": panel.get("words", ""),
        "type": kind,
        "datasource": _place(plugin),
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": _field(panel, kind), "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + i), "datasource": _place(plugin)}
            | (_sql(text, kind) if plugin == "postgres" else {"expr": text, "legendFormat": name})
            for i, (name, text) in enumerate(queries.items())
        ],
    }


def _field(panel: Json, kind: str) -> Json:
    limit = panel.get("limit")
    steps = [{"color": "green", "value": None}]
    if limit is not None:
        steps.append({"color": "red", "value": limit})
    field: Json = {"thresholds": {"mode": "absolute", "steps": steps}}
    if "unit" in panel:
        field["unit"] = panel["unit"]
    if kind == "timeseries":
        field["custom"] = {"thresholdsStyle": {"mode": "off" if limit is None else "line"}}
    return field


def _sql(text: str, kind: str) -> Json:
    return {
        "rawQuery": True,
        "rawSql": text,
        "format": "table" if kind == "table" else "time_series",
    }


def _place(plugin: str) -> Json:
    return {"type": plugin, "uid": PLACE}


if __name__ == "__main__":
    for name, text in documents().items():
        (FOLDER / name).write_text(text)
