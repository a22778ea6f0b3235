"""The page with a live chart asks what the schema answers, and loads nothing from anywhere."""

import json
import re
from pathlib import Path

from graphql import OperationDefinitionNode, build_schema, parse
from graphql.execution.values import get_variable_values

_ROOT = Path(__file__).resolve().parents[2]
PAGE = (_ROOT / "examples" / "live.html").read_text(encoding="utf-8")


def test_the_page_follows_a_known_operation_with_variables_that_fit_it() -> None:
    found = re.search(r"const query = (\{.*?\n {4}\});", PAGE, re.DOTALL)
    assert found is not None
    as_json = re.sub(r",(\s*\})", r"\1", re.sub(r"(\w+):", r'"\1":', found[1]))
    assert 'searchParams.set("id", "LiveMetrics")' in PAGE
    document = parse((_ROOT / "graphql" / "operations" / "live_metrics.graphql").read_text())
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert operation.name is not None
    assert operation.name.value == "LiveMetrics"
    schema = build_schema((_ROOT / "graphql" / "schema.graphql").read_text())
    values = get_variable_values(
        schema, list(operation.variable_definitions or ()), {"query": json.loads(as_json)}
    )
    assert not isinstance(values, list), values


def test_the_page_loads_nothing_from_anywhere() -> None:
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=\"(?!data:)", PAGE)
    assert set(re.findall(r"https?://[^\"'\s`,]+", PAGE)) <= {"http://127.0.0.1:8600", "http://…"}


def test_the_page_tells_a_refusal_from_a_connection_that_is_tried_again() -> None:
    # HTML standard, 9.2: a request that CORS fails is closed and never tried again
    assert "readyState === EventSource.CLOSED" in PAGE
    assert "${location.origin}" in PAGE


def test_the_documentation_names_every_operation_with_its_variables() -> None:
    text = (_ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z]\w+)` \| [^|]+ \|([^|]*)\|$", text, re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", variables)) for name, variables in rows}
    known = {}
    for file in (_ROOT / "graphql" / "operations").glob("*.graphql"):
        for node in parse(file.read_text(encoding="utf-8")).definitions:
            if isinstance(node, OperationDefinitionNode) and node.name:
                variables = node.variable_definitions or ()
                known[node.name.value] = {one.variable.name.value for one in variables}
    assert told == known
