"""The Grafana dashboard asks what the schema answers, in the form that the Infinity data source reads."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

_ROOT = Path(__file__).resolve().parents[2]
BOARD: dict[str, Any] = json.loads((_ROOT / "deploy" / "grafana" / "tidemark.json").read_text())
SCHEMA: GraphQLSchema = build_schema((_ROOT / "graphql" / "schema.graphql").read_text())
TARGETS = [(panel["title"], target) for panel in BOARD["panels"] for target in panel["targets"]]
# what Grafana puts in; :doublequote quotes and escapes
FILLED = {
    "${__from:date:iso}": "2026-11-22T12:00:00.000Z",
    "${__to:date:iso}": "2026-11-23T12:00:00.000Z",
    "${grain}": "HOUR",
    "${timezone}": "Europe/Berlin",
    "${campaign:doublequote}": '"su\\"m"',
}


def filled(text: str) -> str:
    for name, value in FILLED.items():
        text = text.replace(name, value)
    assert "${" not in text, text
    return text


def paths(selected: SelectionSetNode, before: str = "") -> Iterator[str]:
    for field in selected.selections:
        assert isinstance(field, FieldNode)
        path = f"{before}{field.name.value}"
        if field.selection_set:
            yield from paths(field.selection_set, f"{path}.")
        else:
            yield path


@pytest.mark.parametrize(("title", "target"), TARGETS, ids=[title for title, _ in TARGETS])
def test_each_panel_asks_by_post_with_the_backend_parser_what_the_schema_answers(
    title: str, target: dict[str, Any]
) -> None:
    assert title
    assert target["datasource"] == {"type": "yesoreyeram-infinity-datasource", "uid": "${datasource}"}
    assert (target["type"], target["source"], target["parser"]) == ("graphql", "url", "backend")
    options = target["url_options"]
    assert (target["url"], options["method"], options["body_type"]) == ("/graphql", "POST", "graphql")
    document = parse(options["body_graphql_query"])
    assert validate(SCHEMA, document) == []
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    given = json.loads(filled(options["body_graphql_variables"]))
    values = get_variable_values(SCHEMA, list(operation.variable_definitions or ()), given)
    assert not isinstance(values, list), values
    answered = {f"data.{path}" for path in paths(operation.selection_set)}
    assert {f"{target['root_selector']}.{column['selector']}" for column in target["columns"]} == answered


def test_every_variable_that_a_panel_uses_is_there() -> None:
    known = {variable["name"] for variable in BOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{([a-z]+)[:}]", json.dumps(BOARD)))
    assert used == known == {"datasource", "grain", "timezone", "campaign"}


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    assert BOARD["schemaVersion"] >= 39  # Grafana 11's
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    cells: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in taken) < 24
        assert not cells & taken, panel["title"]
        cells |= taken
