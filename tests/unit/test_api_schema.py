"""The schema: equal to the committed one, and to the contract for what it covers."""

from collections.abc import Iterator
from pathlib import Path

import graphql
import pytest
from graphql import DocumentNode, parse, print_ast, validate
from graphql.language import (
    EnumTypeDefinitionNode,
    EnumValueDefinitionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    ObjectTypeDefinitionNode,
    ScalarTypeDefinitionNode,
)

from tidemark.api import schema as api
from tidemark.api.sdl import FILE, sdl
from tidemark.query.catalogue import load
from tidemark.settings import Settings

SCHEMA = api.build_schema(load(Settings().catalogue))
OPERATIONS = sorted((FILE.parent / "operations").glob("*.graphql"))
# what dashboards are written against, as it was agreed: names, nullability, defaults, descriptions, order
CONTRACT = parse((Path(__file__).parents[1] / "support" / "contract.graphql").read_text(encoding="utf-8"))

# what people say about alerts, and what of them lies dead
ADDED_TYPES = {"Mutation", "Silence", "DeadNotification"}
# of the catalogue, which may have more than the contract's, and what experiments and alerts tell beyond it
ADDED_MEMBERS = {
    *("Dimension.UTM_SOURCE", "Row.utmSource", "Experiment.isRebuilding", "Remaining.reasons"),
    "Alert.id",  # by which it is acknowledged
    *("Query.silences", "Query.deadNotifications"),
}
ADDED_ARGUMENTS = {"Experiment.sampleRatio": " (at: DateTime)", "Experiment.remaining": " (at: DateTime)"}

Definition = (
    EnumTypeDefinitionNode
    | InputObjectTypeDefinitionNode
    | ObjectTypeDefinitionNode
    | ScalarTypeDefinitionNode
)


def definitions(document: DocumentNode) -> dict[str, Definition]:
    return {node.name.value: node for node in document.definitions if isinstance(node, Definition)}


def members(definition: Definition) -> dict[str, tuple[str, str | None]]:
    """By name: type, default and arguments, and the description."""
    if isinstance(definition, ScalarTypeDefinitionNode):
        return {}
    nodes = (definition.values if isinstance(definition, EnumTypeDefinitionNode) else definition.fields) or ()
    return {
        node.name.value: (written(node), node.description.value if node.description else None)
        for node in nodes
    }


def written(node: EnumValueDefinitionNode | FieldDefinitionNode | InputValueDefinitionNode) -> str:
    if isinstance(node, EnumValueDefinitionNode):
        return node.name.value
    text = f"{node.name.value}: {print_ast(node.type)}"
    if isinstance(node, FieldDefinitionNode):
        return text + "".join(f" ({written(argument)})" for argument in node.arguments or ())
    return text + (f" = {print_ast(node.default_value)}" if node.default_value else "")


OURS, THEIRS = definitions(parse(SCHEMA.as_str())), definitions(CONTRACT)
COVERED = sorted(OURS.keys() & THEIRS.keys())


def differing(left: dict[str, Definition], right: dict[str, Definition]) -> Iterator[str]:
    """The members that types of both have on the left alone."""
    for name in COVERED:
        for member in members(left[name]).keys() - members(right[name]).keys():
            yield f"{name}.{member}"


def test_the_library_graphql_is_not_hidden_by_our_folder() -> None:
    assert graphql.__file__ is not None
    assert "site-packages" in Path(graphql.__file__).parts
    assert graphql.version_info.major == 3


def test_no_script_is_called_like_the_library() -> None:
    # a script's own folder comes first in sys.path, so bench/graphql.py would be what it imports
    assert not list(Path(__file__).parents[2].glob("*/graphql.py"))


def test_the_committed_schema_is_the_running_one() -> None:
    assert FILE.read_text(encoding="utf-8") == sdl(SCHEMA), (
        "run `python -m tidemark.api.sdl` and commit the file"
    )


def test_nothing_of_the_contract_is_absent() -> None:
    assert OURS.keys() - THEIRS.keys() == ADDED_TYPES
    assert not THEIRS.keys() - OURS.keys()
    assert set(differing(THEIRS, OURS)) == set()


def test_nothing_is_added_to_the_contract_but_what_is_named_here() -> None:
    assert set(differing(OURS, THEIRS)) == ADDED_MEMBERS


@pytest.mark.parametrize("name", COVERED)
def test_a_type_is_that_of_the_contract(name: str) -> None:
    ours, theirs = OURS[name], THEIRS[name]
    assert type(ours) is type(theirs)
    if theirs.description:
        assert ours.description is not None
        assert ours.description.value == theirs.description.value
    have, agreed = members(ours), members(theirs)
    assert [member for member in have if member in agreed] == [member for member in agreed if member in have]
    for member in have.keys() & agreed.keys():
        assert have[member][0] == agreed[member][0] + ADDED_ARGUMENTS.get(f"{name}.{member}", "")
        assert agreed[member][1] in (None, have[member][1])


def test_a_metric_and_a_property_more_in_the_catalogue_are_fields_more(tmp_path: Path) -> None:
    for file in Settings().catalogue.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    with (tmp_path / "metrics.yaml").open("a", encoding="utf-8") as metrics:
        metrics.write("\n- {name: RETURN, label: Return, description: Mine., ratio: [REVENUE, CLICKS]}\n")
    with (tmp_path / "dimensions.yaml").open("a", encoding="utf-8") as dimensions:
        dimensions.write("\n- {name: UTM_TERM, label: Term, description: Theirs., property: utm_term}\n")
    text = api.build_schema(load(tmp_path)).as_str()
    assert '  """Mine."""\n  RETURN\n' in text
    assert '  """Mine."""\n  return: Float\n' in text
    assert '  """Theirs."""\n  UTM_TERM\n' in text
    assert '  """Theirs."""\n  utmTerm: String\n' in text


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
def test_an_example_operation_is_valid(path: Path) -> None:
    assert not validate(SCHEMA.core, parse(path.read_text(encoding="utf-8")))


def test_there_are_example_operations() -> None:
    assert len(OPERATIONS) >= 4
