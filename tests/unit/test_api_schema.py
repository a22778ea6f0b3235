"""The schema: equal to the committed one, and to the contract for what it covers."""

from pathlib import Path

import graphql
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    parse,
    validate,
)

from tidemark.api import schema as api
from tidemark.api.sdl import FILE, sdl
from tidemark.query.catalogue import load
from tidemark.settings import Settings

SCHEMA = api.build_schema(load(Settings().catalogue))
CORE = SCHEMA._schema  # noqa: SLF001 - what clients see
OPERATIONS = sorted((FILE.parent / "operations").glob("*.graphql"))

# What dashboards are written against, of it what is built: names, nullability, defaults.
CONTRACT = build_schema("""
"RFC 3339 instant, always with an offset; answers use UTC."
scalar DateTime
"A JSON array of one column's values; numbers stay numbers, missing is null."
scalar Values
type Query {
  "Campaign metrics, sliced any way the catalogue allows."
  metrics(query: MetricsQuery!): Frame!
  freshness: Freshness!
}
enum Metric { IMPRESSIONS CLICKS CONVERSIONS SPEND REVENUE EVENTS CTR CVR CPC CPM CPA ROAS }
enum Dimension { CAMPAIGN AD CHANNEL SOURCE PLATFORM COUNTRY EVENT }
enum Grain { MINUTE FIVE_MINUTES HOUR DAY WEEK MONTH }
enum Operator { IN NOT_IN }
input MetricsQuery {
  metrics: [Metric!]!
  dimensions: [Dimension!]! = []
  where: [Condition!]! = []
  range: TimeRange!
  "null: one bucket for the whole range."
  grain: Grain
  limit: Int! = 1000
}
"All conditions hold (AND); the values of one are alternatives (OR)."
input Condition { dimension: Dimension!  op: Operator! = IN  values: [String!]! }
"Half open: from <= event_time < to. Either from and to, or lastSeconds up to now."
input TimeRange { from: DateTime  to: DateTime  lastSeconds: Int }
type Frame {
  "Columnar: the cheapest form for charts."
  columns: [Column!]!
  rows: [Row!]!
  rowCount: Int!
  "true when limit cut rows off."
  truncated: Boolean!
  resolved: Resolved!
  freshness: Freshness!
}
enum ColumnKind { BUCKET DIMENSION METRIC }
type Column { name: String!  kind: ColumnKind!  unit: String  values: Values! }
type Row {
  bucket: DateTime
  campaign: String ad: String channel: String source: String platform: String country: String event: String
  values: MetricValues!
}
"spend, revenue, cpc, cpm and cpa in currency units; rates as fractions; null where a denominator is 0."
type MetricValues {
  impressions: Float clicks: Float conversions: Float spend: Float revenue: Float events: Float
  ctr: Float cvr: Float cpc: Float cpm: Float cpa: Float roas: Float
}
"What was really asked, after defaults."
type Resolved { from: DateTime!  to: DateTime!  grain: Grain  timezone: String!  source: String! }
type Freshness {
  now: DateTime!
  "Every event accepted before this instant is in the answer (estimate with a safety margin), but for events older than the job's state, which auditedThrough covers; that of the source that answered; null before the first heartbeat."
  completeThrough: DateTime
  "Up to here raw events and pre-aggregated rows were compared and agree."
  auditedThrough: DateTime
  "now - completeThrough."
  lagMs: Float
  "The last bucket is still filling."
  openBucket: Boolean!
}
""")  # noqa: E501 - a description is one line


def named(schema: GraphQLSchema) -> dict[str, GraphQLNamedType]:
    builtin = {"String", "Int", "Float", "Boolean", "ID"}
    return {
        name: type_ for name, type_ in schema.type_map.items() if name[:2] != "__" and name not in builtin
    }


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


def test_there_are_the_types_of_the_contract_and_no_others() -> None:
    assert named(CORE).keys() == named(CONTRACT).keys()


@pytest.mark.parametrize("name", sorted(named(CONTRACT)))
def test_a_type_is_that_of_the_contract(name: str) -> None:
    ours, theirs = CORE.type_map[name], CONTRACT.type_map[name]
    assert isinstance(ours, type(theirs))
    if theirs.description:
        assert ours.description == theirs.description
    if isinstance(theirs, GraphQLEnumType) and isinstance(ours, GraphQLEnumType):
        assert list(ours.values) == list(theirs.values)
    if isinstance(theirs, GraphQLObjectType) and isinstance(ours, GraphQLObjectType):
        assert list(ours.fields) == list(theirs.fields)
        for field, definition in theirs.fields.items():
            assert str(ours.fields[field].type) == str(definition.type), field
            assert {arg: str(one.type) for arg, one in ours.fields[field].args.items()} == {
                arg: str(one.type) for arg, one in definition.args.items()
            }
            assert definition.description in (None, ours.fields[field].description), field
    if isinstance(theirs, GraphQLInputObjectType) and isinstance(ours, GraphQLInputObjectType):
        assert list(ours.fields) == list(theirs.fields)
        for field, given in theirs.fields.items():
            assert str(ours.fields[field].type) == str(given.type), field
            assert given.description in (None, ours.fields[field].description), field


def test_defaults_are_those_of_the_contract() -> None:
    text = SCHEMA.as_str()
    for line in (
        "dimensions: [Dimension!]! = []",
        "where: [Condition!]! = []",
        "limit: Int! = 1000",
        "op: Operator! = IN",
    ):
        assert line in text
    assert "grain: Grain\n" in text


def test_a_metric_more_in_the_catalogue_is_a_field_more(tmp_path: Path) -> None:
    for file in Settings().catalogue.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    with (tmp_path / "metrics.yaml").open("a", encoding="utf-8") as metrics:
        metrics.write("\n- {name: RETURN, label: Return, description: Mine., ratio: [REVENUE, CLICKS]}\n")
    text = api.build_schema(load(tmp_path)).as_str()
    assert '  """Mine."""\n  RETURN\n' in text
    assert '  """Mine."""\n  return: Float\n' in text


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
def test_an_example_operation_is_valid(path: Path) -> None:
    assert not validate(CORE, parse(path.read_text(encoding="utf-8")))


def test_there_are_example_operations() -> None:
    assert len(OPERATIONS) >= 4
