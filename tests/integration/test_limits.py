"""Every limit, refused over HTTP with its code, and the suggestion followed."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from whole import ASK, Whole, heavy, until, whole

USUAL, SMALL, POOR, THRIFTY, HASTY, LEAN, ALONE, FORGETFUL = (
    "usual", "small", "poor", "thrifty", "hasty", "lean", "alone", "forgetful",
)  # fmt: skip
WEEK, MONTH = 7 * 86_400, 30 * 86_400
SETTINGS: Mapping[str, dict[str, Any]] = {
    USUAL: {},
    SMALL: {
        "rows": 30, "cells": 60, "metrics": 3, "dimensions": 2, "conditions": 3, "values": 4,
        "value_bytes": 50, "range_seconds": WEEK, "age_seconds": MONTH, "aliases": 3,
        "budget_per_minute": 77.5,
    },
    POOR: {"budget_per_minute": 0.3},  # a day of events costs 0.61
    THRIFTY: {"budget_per_minute": 1.2},
    HASTY: {"timeout_seconds": 1},
    LEAN: {"memory_bytes": 40_000_000},
    ALONE: {"caller_queries": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    settings: dict[str, dict[str, Any]] = {name: {"limits": limits} for name, limits in SETTINGS.items()}
    settings[FORGETFUL] = {"limits": {}, "retention_raw_days": 1}
    with whole(tmp_path_factory.mktemp("limits"), settings) as running:
        yield running


def question(services: Whole, **more: Any) -> dict[str, Any]:
    return {"metrics": ["REACH"], "range": services.range, "limit": 10, **more}


def follow(asked: Mapping[str, Any], refusal: Mapping[str, Any]) -> dict[str, Any]:
    """The question with the suggested parts instead of its own."""
    assert refusal.get("suggestion"), refusal
    return {**asked, **refusal["suggestion"]}


def ago(**length: float) -> str:
    return (datetime.now(UTC) - timedelta(**length)).isoformat().replace("+00:00", "Z")


IN = {"dimension": "CAMPAIGN", "op": "NOT_IN", "values": ["none"]}
CASES: Mapping[str, tuple[str, dict[str, Any], str, float]] = {
    "a range too long": (
        USUAL, {"range": {"lastSeconds": 5 * 366 * 86_400 + 120}}, "RANGE_TOO_LONG", 5 * 366 * 86_400),
    "a range too long for its grain, too": (
        USUAL, {"range": {"lastSeconds": 6 * 366 * 86_400}, "grain": "MINUTE"},
        "RANGE_TOO_LONG", 5 * 366 * 86_400),
    "a range too long and too old": (
        USUAL, {"range": {"from": "1901-01-01T00:00:00Z", "to": "1990-01-01T00:00:00Z"}},
        "RANGE_TOO_LONG", 5 * 366 * 86_400),
    "a range that begins too early": (
        SMALL, {"range": {"from": ago(days=33), "to": ago(days=27)}, "grain": "DAY"},
        "RANGE_TOO_OLD", MONTH),
    "a range that ends too early": (
        SMALL, {"range": {"from": ago(days=70), "to": ago(days=69)}, "grain": "HOUR"},
        "RANGE_TOO_OLD", MONTH),
    "a comparison with what is too old": (
        SMALL, {"range": {"from": ago(days=28), "to": ago(days=27)}, "compare": "PREVIOUS_WEEK"},
        "RANGE_TOO_OLD", MONTH),
    "a limit too high": (USUAL, {"limit": 10_001}, "TOO_MANY_ROWS", 10_000),
    "a limit too high for its cells, too": (
        SMALL, {"limit": 31, "metrics": ["REACH", "EVENTS", "CLICKS"]}, "TOO_MANY_ROWS", 30),
    "too many buckets": (SMALL, {"grain": "MINUTE"}, "TOO_MANY_ROWS", 30),
    "too many cells": (SMALL, {"limit": 21, "metrics": ["REACH", "EVENTS", "CLICKS"]}, "TOO_MANY_CELLS", 60),
    "too many dimensions": (SMALL, {"dimensions": ["CAMPAIGN", "AD", "COUNTRY"]}, "TOO_MANY_DIMENSIONS", 2),
    "too many dimensions, and an order by the last": (
        SMALL,
        {
            "dimensions": ["CAMPAIGN", "AD", "COUNTRY"],
            "orderBy": [
                {"dimension": "COUNTRY"}, {"metric": "REACH"}, {"dimension": "AD", "direction": "ASC"},
            ],
        },
        "TOO_MANY_DIMENSIONS", 2),
    "too many metrics": (SMALL, {"metrics": ["REACH", "EVENTS", "CLICKS", "SPEND"]}, "TOO_MANY_METRICS", 3),
    "too many conditions": (SMALL, {"where": [IN] * 4}, "TOO_MANY_CONDITIONS", 3),
    "too many bounds": (SMALL, {"having": [{"metric": "REACH", "min": 1}] * 4}, "TOO_MANY_CONDITIONS", 3),
    "too many keys": (SMALL, {"orderBy": [{"metric": "REACH"}] * 4}, "TOO_MANY_CONDITIONS", 3),
    "too many values": (
        SMALL, {"where": [IN, {**IN, "values": [str(n) for n in range(9)]}]}, "TOO_MANY_VALUES", 4),
    "a value too long": (SMALL, {"where": [{**IN, "values": ["x", "ä" * 30]}]}, "VALUE_TOO_LONG", 50),
    "a top too great": (
        SMALL, {"dimensions": ["AD"], "top": {"n": 31, "by": "REACH"}}, "BAD_TOP", 30),
    "a price beyond the whole budget": (POOR, {}, "TOO_EXPENSIVE", 0.3),
    "a query too large": (
        LEAN, {"grain": "MINUTE", "dimensions": ["CAMPAIGN", "AD", "COUNTRY"]},
        "QUERY_TOO_LARGE", 40_000_000),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_question_beyond_a_limit_is_refused_and_its_suggestion_is_answered(
    services: Whole, case: str
) -> None:
    service, options, code, limit = CASES[case]
    asked = question(services, **options)
    refusal = services.refused(service, asked, key=case)
    assert (refusal["code"], refusal["limit"]) == (code, limit)
    if code != "QUERY_TOO_LARGE":  # how much it would have needed nobody knows
        assert refusal["requested"] > limit
    followed = follow(asked, refusal)
    assert services.ask(service, followed, key=case)["rowCount"] >= 0
    print(f"{case}: {refusal['code']}, {json.dumps(refusal['suggestion'])[:150]}")


NONSENSE: Mapping[str, dict[str, Any]] = {
    "nothing": {"metrics": []},
    "a limit of none": {"limit": 0},
    "both ways to say when": {"range": {"lastSeconds": 60, "from": ago(hours=1)}},
    "no range": {"range": {}},
    "an end before the beginning": {"range": {"from": ago(hours=1), "to": ago(hours=2)}},
    "an end that is the beginning": {"range": {"from": "9999-12-31T23:59:59Z", "to": "9999-12-31T23:59:59Z"}},
    "an end after all events": {"range": {"from": "2099-12-31T00:00:00Z", "to": "2100-01-02T00:00:00Z"}},
    "a zone that is none": {"timezone": "Mars/Olympus"},
    "a condition without values": {"where": [IN, {**IN, "values": []}]},
    "a top of nothing": {"top": {"n": 5, "by": "REACH"}},
    "a top of none": {"dimensions": ["AD"], "top": {"n": 0, "by": "REACH", "other": False}},
    "bounds the wrong way round": {"having": [{"metric": "REACH", "min": 2, "max": 1}, {"metric": "EVENTS"}]},
    "an order by two things": {"orderBy": [{"metric": "REACH", "bucket": True}]},
    "an order by buckets that are not there": {"orderBy": [{"bucket": True}, {"metric": "REACH"}]},
    "an order by a dimension that is not there": {"orderBy": [{"dimension": "AD"}, {"metric": "REACH"}]},
}


@pytest.mark.parametrize("case", NONSENSE)
def test_a_question_that_makes_no_sense_is_answered_as_suggested(services: Whole, case: str) -> None:
    asked = question(services, **NONSENSE[case])
    services.ask(USUAL, follow(asked, services.refused(USUAL, asked)))


def test_a_question_about_what_retention_took_is_answered_for_what_it_left(services: Whole) -> None:
    asked = question(services, range={"from": ago(days=2), "to": ago(hours=1)})
    refusal = services.refused(FORGETFUL, asked)
    assert refusal["code"] == "RANGE_TOO_OLD"
    services.ask(FORGETFUL, follow(asked, refusal))


def test_who_has_spent_its_budget_is_answered_after_the_time_that_it_is_told_to_wait(services: Whole) -> None:
    services.ask(THRIFTY, question(services), key="anna")
    asked = question(services, dimensions=["AD"])
    refusal = services.refused(THRIFTY, asked, key="anna")
    assert (refusal["code"], refusal["limit"]) == ("BUDGET_EXHAUSTED", 1.2)
    assert refusal["requested"] == pytest.approx(0.61, abs=0.02)
    time.sleep(refusal["retryAfterMs"] / 1000)
    assert services.ask(THRIFTY, asked, key="anna")["cost"]["charged"] == pytest.approx(0.61, abs=0.02)
    print(f"BUDGET_EXHAUSTED: waited {refusal['retryAfterMs']} ms, as told")


def test_what_costs_less_is_answered_at_once_where_the_budget_is_spent(services: Whole) -> None:
    services.ask(THRIFTY, question(services, dimensions=["CHANNEL"]), key="carl")
    asked = question(services, dimensions=["COUNTRY"])
    services.ask(THRIFTY, follow(asked, services.refused(THRIFTY, asked, key="carl")), key="carl")


def test_a_query_that_takes_too_long_is_answered_over_the_shorter_range_that_is_suggested(
    services: Whole,
) -> None:
    asked = {**heavy(services.range, "slow"), "limit": 10}
    refusal = services.refused(HASTY, asked)
    assert (refusal["code"], refusal["limit"]) == ("QUERY_TIMEOUT", 1)
    for _ in range(2):  # beside other work the shorter range may take too long, too
        asked = follow(asked, refusal)
        body = services.post(HASTY, {"query": ASK, "variables": {"query": asked}}).json()
        if "errors" not in body:
            break
        refusal = body["errors"][0]["extensions"]
    services.ask(HASTY, asked)


def test_who_has_too_many_queries_under_way_may_ask_again_when_one_has_ended(services: Whole) -> None:
    slow = threading.Thread(target=lambda: services.ask(ALONE, heavy(services.range, "alone"), key="one"))
    slow.start()
    until(lambda: services.running() == 1, within=10)
    refusal = services.refused(ALONE, question(services), key="one")
    assert (refusal["code"], refusal["limit"], refusal["requested"]) == ("TOO_MANY_QUERIES", 1, 2)
    services.ask(ALONE, question(services), key="two")
    slow.join()
    time.sleep(refusal["retryAfterMs"] / 1000)
    services.ask(ALONE, question(services), key="one")


@pytest.mark.parametrize(
    ("document", "code", "limit", "status"),
    [
        ("{ " + "".join(f"a{n}: __typename " for n in range(51)) + "}", "TOO_MANY_ALIASES", 50, 200),
        ("{ " + "catalogue { " * 9 + "version" + " }" * 10, "TOO_DEEP", 8, 200),
        ("{ " + "__typename " * 2001 + "}", "TOO_MANY_TOKENS", 2000, 200),
        ("{ __typename } #" + "x" * 65_536, "DOCUMENT_TOO_LARGE", 65_536, 413),
        ("{ __typename } #" + "x" * 100_000, "BODY_TOO_LARGE", 100_000, 413),
    ],
)
def test_a_document_beyond_a_limit_is_refused(
    services: Whole, document: str, code: str, limit: int, status: int
) -> None:
    reply = services.post(USUAL, {"query": document})
    extensions = [error["extensions"] for error in reply.json()["errors"]]
    assert [(one["code"], one["limit"]) for one in extensions] == [(code, limit)]
    assert reply.status_code == status


def test_the_plain_door_refuses_likewise_and_its_words_are_answered(services: Whole) -> None:
    asked = {"metrics": "reach,events", "by": "ad,campaign,country", "limit": "10", "last": "1d"}
    url = services.url(SMALL, "/v1/metrics")
    for code, more in (
        ("TOO_MANY_DIMENSIONS", {"order": "-country,ad"}),
        ("TOO_MANY_ROWS", {"by": "", "grain": "minute"}),
        ("RANGE_TOO_LONG", {"by": "ad", "last": "8d"}),
        ("BAD_TOP", {"by": "", "top": "5"}),
        ("BAD_TOP", {"by": "ad", "top": "31", "other": "false"}),
        (
            "RANGE_TOO_OLD",
            {
                "by": "ad",
                "last": "",
                "from": ago(days=28),
                "to": ago(days=27),
                "compare": "week",
                "limit": "5",
            },
        ),
    ):
        words = {name: word for name, word in {**asked, **more}.items() if word}
        refused = services.http.get(url, params=words)
        assert (refused.status_code, refused.json()["code"]) == (400, code), refused.text
        suggestion = refused.json()["suggestion"]
        if "from" in suggestion:
            del words["last"]
        reply = services.http.get(url, params=words | suggestion)
        assert reply.status_code == 200, (suggestion, reply.text)


def test_what_limits_tells_is_what_is_taken_and_no_more(services: Whole) -> None:
    told = services.post(
        SMALL,
        {
            "query": "{ limits { maxRangeSeconds notOlderThan maxRows maxCells maxDimensions maxAliases"
            " budgetPerMinute timeoutMs } }"
        },
    ).json()["data"]["limits"]
    small = SETTINGS[SMALL]
    assert told["maxRangeSeconds"] == small["range_seconds"]
    assert told["timeoutMs"] == 10_000
    columns = 3
    oldest = datetime.fromisoformat(told["notOlderThan"])
    for taken, beyond, code in (
        (
            {"range": {"lastSeconds": told["maxRangeSeconds"]}},
            {"range": {"lastSeconds": told["maxRangeSeconds"] + 60}},
            "RANGE_TOO_LONG",
        ),
        (
            {"range": {"from": told["notOlderThan"], "to": (oldest + timedelta(days=1)).isoformat()}},
            {
                "range": {
                    "from": (oldest - timedelta(minutes=3)).isoformat(),
                    "to": (oldest + timedelta(days=1)).isoformat(),
                }
            },
            "RANGE_TOO_OLD",
        ),
        ({"limit": told["maxRows"]}, {"limit": told["maxRows"] + 1}, "TOO_MANY_ROWS"),
        (
            {"dimensions": ["AD", "CAMPAIGN"], "limit": told["maxCells"] // columns},
            {"dimensions": ["AD", "CAMPAIGN"], "limit": told["maxCells"] // columns + 1},
            "TOO_MANY_CELLS",
        ),
        (
            {"dimensions": ["AD", "CAMPAIGN", "COUNTRY"][: told["maxDimensions"]]},
            {"dimensions": ["AD", "CAMPAIGN", "COUNTRY"][: told["maxDimensions"] + 1]},
            "TOO_MANY_DIMENSIONS",
        ),
    ):
        services.ask(SMALL, question(services, **taken))
        assert services.refused(SMALL, question(services, **beyond))["code"] == code
    for aliases, fine in ((told["maxAliases"], True), (told["maxAliases"] + 1, False)):
        document = "{ " + "".join(f"a{n}: __typename " for n in range(aliases)) + "}"
        assert ("data" in services.post(SMALL, {"query": document}).json()) is fine
    cost = services.ask(SMALL, question(services), key="fresh")["cost"]
    assert cost["charged"] + cost["remaining"] == pytest.approx(told["budgetPerMinute"], abs=0.2)
    assert services.http.get(services.url(SMALL, "/v1/limits")).json()["maxRows"] == told["maxRows"]
