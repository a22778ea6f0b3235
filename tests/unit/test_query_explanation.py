"""A plan, explained: the tables, the SQL, and every value that is bound to it."""

from datetime import UTC, datetime

import pytest

from tidemark.query.catalogue import load
from tidemark.query.explanation import Explanation, parameters_in
from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.query.plan import plan
from tidemark.query.resolve import resolve
from tidemark.query.words import read
from tidemark.settings import Settings

NOW = datetime(2026, 11, 23, 12, 0, 17, tzinfo=UTC)
CATALOGUE = load(Settings().catalogue)


def explain(**words: str) -> Explanation:
    request = read(CATALOGUE, [(name.rstrip("_"), value) for name, value in words.items()])
    return Explanation.of(
        plan(resolve(request, NOW)), estimated_rows=1_000, price=0.011, limits=DEFAULT_LIMITS
    )


def test_an_explanation_names_the_tables_and_binds_every_parameter_of_the_sql() -> None:
    told = explain(
        metrics="clicks,ctr", by="campaign,utm-source", where="campaign=it's", grain="hour", compare="day"
    )
    assert told.buckets == 2  # from 11:00 to 12:01
    assert {part.source for part in told.parts} == set(told.source.split("+")) == {"events"}
    assert all(part.start < part.end for part in told.parts)
    assert "it's" not in told.sql
    assert ["it's"] in [one.value for one in told.parameters]
    assert all(f"{{{one.name}:{one.type}}}" in told.sql for one in told.parameters)


def test_parameters_have_the_types_of_the_text_each_once() -> None:
    sql = "SELECT {a:UInt8}, {b:Array(Tuple(String, Map(String, Int64)))}, {a:UInt8}"
    found = parameters_in(sql, {"a": 1, "b": [], "c": "of another text"})
    assert [(one.name, one.type, one.value) for one in found] == [
        ("a", "UInt8", 1),
        ("b", "Array(Tuple(String, Map(String, Int64)))", []),
    ]
    with pytest.raises(KeyError):
        parameters_in("SELECT {x:String}", {})
