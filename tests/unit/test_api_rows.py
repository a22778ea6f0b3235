"""Rows and columns as a document selects them: always what graphql-core's own executor makes of them."""

import asyncio
from collections.abc import Sequence
from inspect import isawaitable
from typing import Any, NoReturn, SupportsIndex, cast

import pytest
from graphql import GraphQLObjectType, execute, parse
from hypothesis import assume, given
from hypothesis import strategies as st
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from fake_desk import CATALOGUE, FakeDesk, column, context_of, frame_of
from tidemark.api.errors import TOO_DEEP, TOO_MANY_ALIASES
from tidemark.api.rows import Rows, floats
from tidemark.api.schema import build_schema
from tidemark.query.frame import Column, ColumnKind, Frame

SCHEMA = build_schema(CATALOGUE)
ASK = "metrics(query: {metrics: [CLICKS], range: {lastSeconds: 60}})"
BUCKET = "2026-11-23T11:00:00Z"

# what may be selected of a type, and of which type that is in turn
TYPES: dict[str, dict[str, str | None]] = {
    "Frame": {"rowCount": None, "rows": "Row", "columns": "Column", "truncated": None},
    "Row": {
        **dict.fromkeys(("bucket", "other", "campaign", "country", "utmSource")),
        **dict.fromkeys(("values", "previous", "change", "lower", "upper"), "MetricValues"),
    },
    "MetricValues": dict.fromkeys(("clicks", "ctr", "spend", "reach")),
    "Column": dict.fromkeys(("name", "kind", "unit", "values")),
}
whole = st.none() | st.integers() | st.integers(2**53 - 2, 2**53 + 2)
fractions = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    count = draw(st.integers(0, 4))

    def values(of: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(of, min_size=count, max_size=count))

    found: list[Column] = []
    if draw(st.booleans()):
        found.append(column("bucket", [BUCKET] * count, ColumnKind.BUCKET))
    if draw(st.booleans()):
        found.append(column("other", values(st.booleans()), ColumnKind.OTHER))
    found += [
        column(name, values(st.sampled_from((None, "", "DE", "ä"))), ColumnKind.DIMENSION)
        for name in draw(st.lists(st.sampled_from(("campaign", "country", "utmSource")), unique=True))
    ]
    metrics = draw(st.lists(st.sampled_from(("clicks", "ctr", "spend")), unique=True))
    kinds = draw(st.lists(st.sampled_from(("previous", "change", "lower", "upper")), unique=True))
    for kind in ("", *kinds):
        for name in metrics:
            of = whole if name == "clicks" else fractions
            text = f"{kind}.{name}" if kind else name
            found.append(column(text, values(of), ColumnKind[kind.upper() or "METRIC"], "EUR"))
    return frame_of(*found)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A query with fragments, inline fragments, aliases, conditions, repetitions, empty selections."""
    fragments: list[str] = []
    left = [draw(st.integers(4, 20))]

    def condition() -> str:
        if draw(st.integers(0, 3)):
            return ""
        return " " + draw(
            st.sampled_from(
                ("@include(if: $yes)", "@skip(if: $no)", "@skip(if: $yes)", "@include(if: false)")
            )
        )

    def selection(type_: str, depth: int) -> str:
        parts = []
        for _ in range(draw(st.integers(0 if depth else 1, 4)) if left[0] > 0 else 0):
            left[0] -= 1
            way = draw(st.integers(0, 5))
            if way == 0 and depth < 6:
                on = draw(st.sampled_from(("", f" on {type_}")))
                parts.append(f"...{on}{condition()} {{ {selection(type_, depth + 1)} }}")
            elif way == 1 and depth < 6:
                name = f"Part{len(fragments)}"
                fragments.append("")
                at = len(fragments) - 1
                fragments[at] = f"fragment {name} on {type_} {{ {selection(type_, depth + 1)} }}"
                parts.append(f"...{name}{condition()}")
                if draw(st.booleans()):
                    parts.append(f"...{name}")
            elif way == 2:
                parts.append(draw(st.sampled_from(("__typename", "kind_: __typename"))))
            else:
                # what holds more is asked for as often as all the rest, so that most reach the cells
                fields = sorted(TYPES[type_])
                holders = [field for field in fields if TYPES[type_][field]] or fields
                field = draw(st.sampled_from(holders) | st.sampled_from(fields))
                of = TYPES[type_][field]
                alias = draw(st.sampled_from(("", f"my_{field}: ")))
                below = f" {{ {selection(of, depth + 1)} }}" if of else ""
                parts.append(f"{alias}{field}{condition()}{below}")
        return " ".join(parts)

    body = f"{{ {ASK} {{ {selection('Frame', 0)} }} }} " + " ".join(fragments)
    used = [f"${name}: Boolean!" for name in ("yes", "no") if f"${name}" in body]
    return f"query({', '.join(used)}) {body}" if used else f"query {body}"


def ordered(value: Any) -> Any:
    """The same, so that == sees the order of names."""
    if isinstance(value, dict):
        return [(name, ordered(one)) for name, one in value.items()]
    return [ordered(one) for one in value] if isinstance(value, list) else value


def run(document: str, frame: Frame, variables: dict[str, Any] | None = None) -> Any:
    async def ours() -> Any:
        context = context_of(FakeDesk(frames=[frame]))
        result = await SCHEMA.execute(document, variables, context)
        for error in result.errors or ():
            assume((error.extensions or {})["code"] not in (TOO_MANY_ALIASES, TOO_DEEP))
        assert result.errors is None
        return result.data

    return asyncio.run(ours())


def plain(document: str, frame: Frame, variables: dict[str, Any] | None = None) -> Any:
    async def theirs() -> Any:
        result: Any = execute(
            SCHEMA.core,
            parse(document),
            context_value=context_of(FakeDesk(frames=[frame])),
            variable_values=variables,
            executor_class=StrawberryGraphQLCoreExecutionContext,
            is_awaitable=cast("Any", optimized_is_awaitable),
            operation_extensions=None,
        )
        result = await result if isawaitable(result) else result
        assert result.errors is None
        return result.data

    return asyncio.run(theirs())


@given(documents(), frames(), st.booleans(), st.booleans())
def test_any_selection_is_answered_as_the_plain_executor_answers_it(
    document: str, frame: Frame, yes: bool, no: bool
) -> None:
    variables = {
        name: value for name, value in (("yes", yes), ("no", no)) if f"${name}: Boolean!" in document
    }
    assert ordered(run(document, frame, variables)) == ordered(plain(document, frame, variables))


def test_what_was_not_asked_is_null_and_no_row_is_the_remainder() -> None:
    frame = frame_of(column("clicks", [1]), column("previous.clicks", [None], ColumnKind.PREVIOUS))
    document = f"""{{ {ASK} {{ rows {{
      bucket other campaign utmSource values {{ ctr clicks }} previous {{ clicks ctr }} change {{ clicks }}
    }} }} }}"""
    row = {
        "bucket": None,
        "other": False,
        "campaign": None,
        "utmSource": None,
        "values": {"ctr": None, "clicks": 1},
        "previous": {"clicks": None, "ctr": None},
        "change": None,
    }
    assert ordered(run(document, frame)) == ordered(plain(document, frame))
    assert run(document, frame) == {"metrics": {"rows": [row]}}


class Untouchable(list[Any]):
    """Values that can be gone through but not looked up."""

    def __getitem__(self, index: SupportsIndex | slice) -> NoReturn:
        raise AssertionError(index)


def test_no_cell_is_looked_up() -> None:
    frame = frame_of(
        column("campaign", Untouchable(["a", None]), ColumnKind.DIMENSION),
        column("clicks", Untouchable([1, 2])),
    )
    found = run(f"{{ {ASK} {{ rows {{ campaign values {{ clicks }} }} }} }}", frame)
    assert found["metrics"]["rows"] == [
        {"campaign": "a", "values": {"clicks": 1}},
        {"campaign": None, "values": {"clicks": 2}},
    ]


@pytest.mark.parametrize(("type_", "field"), [("Row", "campaign"), ("MetricValues", "clicks")])
def test_a_field_with_a_resolver_of_its_own_is_asked(type_: str, field: str) -> None:
    schema = build_schema(CATALOGUE)
    changed = schema.core.type_map[type_]
    assert isinstance(changed, GraphQLObjectType)
    changed.fields[field].resolve = lambda _cells, _info: 7
    frame = frame_of(column("campaign", ["a"], ColumnKind.DIMENSION), column("clicks", [1]))
    document = f"{{ {ASK} {{ rows {{ campaign values {{ clicks }} }} }} }}"
    result = asyncio.run(schema.execute(document, None, context_of(FakeDesk(frames=[frame]))))
    expected = {"campaign": "a", "values": {"clicks": 1}}
    (expected if type_ == "Row" else expected["values"])[field] = "7" if type_ == "Row" else 7  # type: ignore[index]
    assert result.data == {"metrics": {"rows": [expected]}}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([None], [None]),
        ([1, -(2**53)], [1, -(2**53)]),
        ([None, 2**53 + 1, 2**100], [None, float(2**53), 2.0**100]),
        ([None, 3], [None, 3]),
        ([1e300, None], [1e300, None]),
    ],
)
def test_whole_numbers_that_no_double_holds_are_rounded_to_one(
    values: Sequence[Any], expected: Sequence[Any]
) -> None:
    found = floats(values)
    assert found == expected
    assert [type(one) for one in found] == [type(one) for one in expected]


def test_rows_selected_again_and_again_are_refused_and_each_frame_of_a_subscription_counts_alone() -> None:
    async def told(times: int) -> list[str]:
        rows = 200_000
        frame = frame_of(column("campaign", ["a"] * rows, ColumnKind.DIMENSION), column("clicks", [1] * rows))
        context = context_of(FakeDesk(frames=[frame] * 3))
        selected = " ".join(f"a{number}: rows {{ values {{ clicks }} }}" for number in range(times))
        document = f"{{ {ASK} {{ {selected} }} }}"
        results = [await schema.execute(document, None, context)]
        results += [
            one async for one in await schema.stream(f"subscription {document}", context_value=context)
        ]
        return [
            str((one.errors[0].extensions or {})["code"]) if one.errors else "answered" for one in results
        ]

    schema = build_schema(CATALOGUE)
    assert asyncio.run(told(2)) == ["answered"] * 4
    assert asyncio.run(told(3)) == ["TOO_MANY_CELLS"] * 4


def test_rows_can_be_read_one_by_one() -> None:
    rows = Rows(
        frame_of(
            column("other", [False, True, False], ColumnKind.OTHER),
            column("clicks", [1, 2, 3]),
            column("previous.clicks", [4, 5, None], ColumnKind.PREVIOUS),
        )
    )
    assert len(rows) == 3
    assert rows[1] == {"other": True, "values": {"clicks": 2}, "previous": {"clicks": 5}}
    assert rows[1:] == list(rows)[1:]
