"""The dashboards that ship, and what they ask: SQL with Grafana's macros, and PromQL."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.support.paths import PROJECT

FOLDER = PROJECT / "deploy" / "dashboards"
MACROS = (  # as Grafana writes them for PostgreSQL
    (r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN '1970-01-01T00:00:00Z' AND '2100-01-01T00:00:00Z'"),
    (
        r"\$__timeGroupAlias\((\w+), \$__interval\)",
        r'floor(extract(epoch from \1)/60)*60 AS "time"',
    ),
)


def queries(name: str, field: str) -> Iterator[tuple[str, str]]:
    """Each panel's title and a query of it; of the variables too."""
    board: dict[str, Any] = json.loads((FOLDER / name).read_text())
    for variable in board["templating"]["list"]:
        yield f"variable {variable['name']}", variable["query"]
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target[field]


def expanded(sql: str, **variables: str) -> str:
    """The query as Grafana sends it for these values of variables."""
    for macro, text in MACROS:
        sql = re.sub(macro, text, sql)
    for name, value in variables.items():
        sql = sql.replace(f"${{{name}:sqlstring}}", f"'{value}'")
    return sql
