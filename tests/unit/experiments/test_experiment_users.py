"""The users that results are checked with, against the rows that the job must make of their events."""

import pytest

import experiment_truth as truth
from declared import TEXT, read, with_line
from experiment_users import Deed, User, crowd, events, rows
from tidemark.experiments.definition import Definition

OWN = "covariate: {days: 14}\n"
ANONYMOUS = with_line("status: running\n", "status: running\nunit: anonymous_id\n")
NAMED = with_line(OWN, "covariate: {metric: revenue, days: 14}\n")
START = read(TEXT).start_ms or 0


def check(definition: Definition, users: list[User]) -> truth.Rows:
    made = {tuple(row[2:11]): tuple(row[11:22]) for row in rows(definition, 1, users)}
    wanted = truth.expected(events(definition, users), definition)
    assert {key: values for key, values in made.items() if any(values)} == wanted
    return wanted


@pytest.mark.parametrize(
    "text",
    [TEXT, with_line(OWN, ""), ANONYMOUS, NAMED],
    ids=["covariate", "none", "anonymous", "named covariate"],
)
def test_their_rows_are_those_of_their_events(text: str) -> None:
    definition = read(text)
    users = crowd(definition, 150, 5, shares={"control": 0.4, "green": 0.5})
    assert len(check(definition, users)) > 300


def test_a_named_covariate_is_that_metrics_sum_for_all_of_them() -> None:
    spent = Deed("conversion", START, micros=700_000_000)
    bought = Deed("conversion", START + 90_000, micros=1)
    found = check(read(NAMED), [User(START + 60_000, ("green",), {}, (spent, bought))])
    by_metric = {key[0]: sum(row[7] for other, row in found.items() if other[0] == key[0]) for key in found}
    # of all metrics the money before, which the cap of 500 does not touch
    assert by_metric["purchase"] == by_metric["revenue"] == by_metric["click_rate"] == 700_000_000


def test_who_only_did_what_is_divided_by_is_not_active() -> None:
    found = check(read(TEXT), [User(START, ("green",), {"country": "DE"}, (Deed("impression", START + 1),))])
    (ratio,) = (row for key, row in found.items() if key[0] == "click_rate")
    assert (ratio[1], ratio[4]) == (0, 1)


def test_who_saw_two_variants_has_no_variant_and_no_cell() -> None:
    found = check(read(TEXT), [User(START, ("green", "control"), {"country": "DE"}, (Deed("click", START),))])
    assert list(found) == [("", "", START // 1000, *[""] * 6)]


def test_sums_end_where_squares_would_not_fit() -> None:
    large = [Deed("click", START + number, quantity=10**9 * 10**6 + 1) for number in range(2)]
    found = check(read(TEXT), [User(START, ("green",), {}, tuple(large))])
    assert max(row[2] for row in found.values()) == 10**15
