"""A question in words: what each says, and one sentence where it cannot be read."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.query.catalogue import load
from tidemark.query.errors import Code, QueryError
from tidemark.query.instant import format_instant
from tidemark.query.request import Compare, Operator, Request
from tidemark.query.words import WORDS, read, suggested
from tidemark.settings import Settings

CATALOGUE = load(Settings().catalogue)


def ask(*words: tuple[str, str], **more: str) -> Request:
    given = [("metrics", "clicks")] if "metrics" not in more else []
    return read(CATALOGUE, [*given, *((name.rstrip("_"), text) for name, text in more.items()), *words])


def span(request: Request) -> tuple[str, str]:
    assert request.range.start is not None
    assert request.range.end is not None
    return format_instant(request.range.start), format_instant(request.range.end)


def test_every_word_says_its_part_of_the_question() -> None:
    request = ask(
        ("top-by", "spend"),
        ("where", 'campaign="a,b",c'),
        ("where", "ad!=x=y"),
        ("where", "country^=D"),
        ("where", "channel*=oc"),
        ("having", "clicks>=10"),
        ("having", "ctr <= .5"),
        metrics="clicks, ctr",
        by="campaign,utm-source",
        last="15m",
        grain="five-minutes",
        tz="Europe/Berlin",
        compare="week",
        top="5",
        other="false",
        order="-clicks,campaign,bucket",
        limit="7",
    )
    assert [metric.name for metric in request.metrics] == ["CLICKS", "CTR"]
    assert [one.name for one in request.dimensions] == ["CAMPAIGN", "UTM_SOURCE"]
    assert [(one.dimension.name, one.operator, one.values) for one in request.where] == [
        ("CAMPAIGN", Operator.IN, ("a,b", "c")),
        ("AD", Operator.NOT_IN, ("x=y",)),
        ("COUNTRY", Operator.PREFIX, ("D",)),
        ("CHANNEL", Operator.CONTAINS, ("oc",)),
    ]
    assert request.range.last_seconds == 900
    assert (request.grain, request.timezone, request.limit) == ("FIVE_MINUTES", "Europe/Berlin", 7)
    assert request.compare is Compare.PREVIOUS_WEEK
    assert request.top is not None
    assert (request.top.n, request.top.by.name, request.top.other) == (5, "SPEND", False)
    assert [(one.metric.name, one.minimum, one.maximum) for one in request.having] == [
        ("CLICKS", 10, None),
        ("CTR", None, 0.5),
    ]
    assert [(one.key.name if one.key else None, one.direction) for one in request.order_by] == [
        ("CLICKS", "DESC"),
        ("CAMPAIGN", "ASC"),
        (None, "ASC"),
    ]


def test_names_may_be_written_as_they_stand_in_answers_or_in_the_schema() -> None:
    for name in ("utmSource", "utm_source", "utm-source", "UTM_SOURCE"):
        assert ask(by=name).dimensions[0].name == "UTM_SOURCE"


def test_without_a_range_it_is_the_last_hour_and_without_a_limit_a_thousand_rows() -> None:
    request = ask(("where", "ad="))
    assert (request.range.last_seconds, request.limit, request.grain) == (3600, 1000, None)
    assert request.where[0].values == ("",)
    assert ask(top="3", by="ad").top == ask(("top-by", "clicks"), top="3", by="ad", other="true").top


def test_days_and_times_without_an_offset_are_those_of_the_zone() -> None:
    assert span(ask(from_="2026-11-23", to="2026-11-23T13:30:00+01:00")) == (
        "2026-11-23T00:00:00Z",
        "2026-11-23T12:30:00Z",
    )
    assert span(ask(from_="2026-03-29", to="2026-03-30", tz="Europe/Berlin")) == (
        "2026-03-28T23:00:00Z",
        "2026-03-29T22:00:00Z",  # a day of 23 hours
    )
    assert span(ask(from_="2026-11-23T12:00", to="2026-11-23 12:00:01.5", tz="Asia/Kathmandu")) == (
        "2026-11-23T06:15:00Z",
        "2026-11-23T06:15:01.500Z",
    )


def test_a_plus_that_an_address_lost_is_put_back() -> None:
    assert (
        span(ask(from_="2026-11-23T12:00:00 01:00", to="2026-11-23T12:00:00Z"))[0] == "2026-11-23T11:00:00Z"
    )


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ({"last": "5y"}, Code.BAD_RANGE, "last '5y' cannot be read; write 90s, 15m, 1h, 7d or 2w"),
        ({"last": "0s"}, Code.BAD_RANGE, "last '0s' cannot be read"),
        ({"last": "99999w"}, Code.BAD_RANGE, "last '99999w' cannot be read"),
        ({"last": "1h", "from": "2026-11-23"}, Code.BAD_RANGE, "last stands beside from or to"),
        ({"from": "2026-11-23"}, Code.BAD_RANGE, "to is missing; give from and to, or last"),
        ({"to": "2026-11-23"}, Code.BAD_RANGE, "from is missing"),
        (
            {"from": "yesterday", "to": "2026-11-23"},
            Code.BAD_RANGE,
            "from 'yesterday' is no time; write 2026",
        ),
        ({"from": "2026-11-31", "to": "2026-11-23"}, Code.BAD_RANGE, "from '2026-11-31' is no time"),
        ({"from": "0001-01-01", "to": "2026-11-23", "tz": "Asia/Tokyo"}, Code.BAD_RANGE, "is no time"),
        ({"from": "2026-11-24", "to": "2026-11-23"}, Code.BAD_RANGE, "is not before range.to"),
        ({"where": "campaign=a\rb"}, Code.BAD_CONDITION, "where 'campaign=a\\rb' cannot be read: new-line"),
        ({"where": "campaign"}, Code.BAD_CONDITION, "where 'campaign' cannot be read; write campaign=a,b,"),
        ({"where": "age=1"}, Code.UNKNOWN_NAME, "There is no dimension age; there are campaign, ad,"),
        (
            {"metrics": "clix"},
            Code.UNKNOWN_NAME,
            "no metric clix: did you mean clicks? There are impressions,",
        ),
        (
            {"by": "county"},
            Code.UNKNOWN_NAME,
            "no dimension county: did you mean country? There are campaign,",
        ),
        ({"grain": "year"}, Code.UNKNOWN_NAME, "no grain year; there are minute, five-minutes, hour,"),
        ({"compare": "month"}, Code.UNKNOWN_NAME, "no comparison month; there are period, day, week."),
        ({"tz": "Europe/Berlln"}, Code.UNKNOWN_TIMEZONE, "There is no time zone Europe/Berlln"),
        ({"tz": "../../etc/passwd"}, Code.UNKNOWN_TIMEZONE, "There is no time zone"),
        ({"tz": "Europe"}, Code.UNKNOWN_TIMEZONE, "There is no time zone"),
        ({"top": "5"}, Code.BAD_TOP, "top is of the first dimension"),
        ({"top": "many", "by": "ad"}, Code.BAD_TOP, "top 'many' cannot be read; write a whole number"),
        ({"top": "5", "by": "ad", "metrics": ""}, Code.BAD_TOP, "top needs a metric that decides"),
        ({"top-by": "clicks"}, Code.BAD_TOP, "top-by stands there without top"),
        ({"other": "false"}, Code.BAD_TOP, "other stands there without top"),
        (
            {"top": "5", "by": "ad", "other": "no"},
            Code.BAD_TOP,
            "other 'no' cannot be read; write true or false",
        ),
        ({"having": "clicks=10"}, Code.BAD_HAVING, "having 'clicks=10' cannot be read; write clicks>=10"),
        ({"having": "clicks>=1e999"}, Code.BAD_HAVING, "no finite number"),
        ({"order": "age"}, Code.BAD_ORDER, "no key to order by called age; there are bucket, impr"),
        ({"order": "country"}, Code.BAD_ORDER, "orderBy names COUNTRY"),
        ({"order": "bucket"}, Code.BAD_ORDER, "needs a grain"),
        ({"limit": "ten"}, Code.BAD_LIMIT, "limit 'ten' cannot be read"),
        ({"limit": "0"}, Code.BAD_LIMIT, "limit is 0"),
        ({"limit": "-1"}, Code.BAD_LIMIT, "limit is -1"),
        (
            {"limits": "1"},
            Code.BAD_PARAMETER,
            "There is no word limits: did you mean limit? There are metrics, by,",
        ),
        ({"metrics": ""}, Code.NOTHING_ASKED, "Nothing is asked for"),
    ],
)
def test_a_word_that_cannot_be_read_is_told_with_an_example(
    words: dict[str, str], code: Code, says: str
) -> None:
    with pytest.raises(QueryError) as error:
        ask(**{"metrics": "clicks"} | words)
    assert error.value.code == code
    assert says in str(error.value)


def test_a_word_may_stand_there_twice_only_where_that_has_a_meaning() -> None:
    with pytest.raises(QueryError, match="last stands there twice; give it once"):
        ask(("last", "1h"), ("last", "2h"))
    assert len(ask(("where", "ad=a"), ("where", "ad!=b")).where) == 2


@given(
    st.sampled_from([word.name for word in WORDS]),
    st.text() | st.text("-+:,.=<>!^*\"'0123456789TZ clicks", max_size=30),
)
def test_whatever_is_written_is_a_question_or_a_refusal(word: str, text: str) -> None:
    words = {"metrics": "clicks", "by": "campaign", "grain": "day"} | {word: text}
    with suppress(QueryError):
        assert isinstance(read(CATALOGUE, words.items()), Request)


@pytest.mark.parametrize(
    ("suggestion", "words"),
    [
        ({"limit": 10_000}, {"limit": "10000"}),
        ({"range": {"lastSeconds": 604_800}}, {"last": "1w"}),
        ({"compare": None}, {"compare": ""}),
        (
            {"top": {"n": 5, "by": "CLICKS", "other": False}},
            {"top": "5", "top-by": "clicks", "other": "false"},
        ),
        ({"top": {"n": 5, "by": "CLICKS", "other": True}}, {"top": "5", "top-by": "clicks"}),
        (
            {
                "orderBy": [
                    {"metric": "CTR", "direction": "DESC"},
                    {"bucket": True, "direction": "ASC"},
                    {"dimension": "UTM_SOURCE", "direction": "DESC"},
                ]
            },
            {"order": "-ctr,bucket,-utmSource"},
        ),
        ({"where": [{"dimension": "AD", "op": "IN", "values": ["a"]}]}, {}),
        ({"having": []}, {}),
        ({"range": {"lastSeconds": 5400}}, {"last": "90m"}),
        ({"range": {"from": "2026-11-01T00:00:00Z"}}, {"from": "2026-11-01T00:00:00Z"}),
        ({"grain": "FIVE_MINUTES"}, {"grain": "five-minutes"}),
        ({"timezone": "UTC"}, {"tz": "UTC"}),
        (
            {"metrics": ["CLICKS", "CTR"], "dimensions": ["UTM_SOURCE"]},
            {"metrics": "clicks,ctr", "by": "utmSource"},
        ),
    ],
)
def test_a_suggestion_is_told_in_the_words_that_follow_it(
    suggestion: dict[str, Any], words: dict[str, str]
) -> None:
    assert suggested(suggestion) == words
