"""Questions about days on which clocks change, with answers written by hand.

Each is asked of the recomputation, of the planner in this process, and of a whole cluster.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from difference import Found
from truth import rfc3339, to_ms

Expected = tuple[str | None, int] | tuple[str | None, int, int | None]
"""(bucket's start, clicks) and, where it compares, clicks before."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question about clicks; instants are RFC 3339 in UTC, without seconds and Z.

    Attributes:
        name: What is so special.
        zone: The question's time zone.
        grain: Its grain.
        span: From and to.
        clicks: When one click each happened.
        rows: What it must answer.
        compare: What it compares with.
        previous: Which range that is.
    """

    name: str
    zone: str
    grain: str | None
    span: tuple[str, str]
    clicks: Sequence[str]
    rows: Sequence[Expected]
    compare: str | None = None
    previous: tuple[str, str] | None = None

    def events(self, run: str) -> list[dict[str, Any]]:
        """The clicks, of a campaign of their own."""
        return [
            {
                "event_id": f"{run}-{self.name}-{number}",
                "event": "click",
                "event_time": to_ms(f"{at}:00Z"),
                "source": "web",
                "campaign_id": f"{run}/{self.name}",
            }
            for number, at in enumerate(self.clicks)
        ]

    def question(self, run: str) -> dict[str, Any]:
        """The MetricsQuery."""
        return {
            "metrics": ["CLICKS"],
            "where": [{"dimension": "CAMPAIGN", "op": "IN", "values": [f"{run}/{self.name}"]}],
            "range": {"from": f"{self.span[0]}:00Z", "to": f"{self.span[1]}:00Z"},
            "grain": self.grain,
            "timezone": self.zone,
            "compare": self.compare,
        }

    @property
    def expected(self) -> list[Any]:
        """The rows, and the range that is compared with (None twice without)."""
        return [[list(row) for row in self.rows], list(self.previous or (None, None))]


CASES = (
    Case(
        "a day of 23 hours in Berlin", "Europe/Berlin", "DAY", ("2025-03-28T23:00", "2025-03-31T22:00"),
        ["2025-03-29T22:59", "2025-03-29T23:00", "2025-03-30T21:59", "2025-03-30T22:00"],
        [("2025-03-28T23:00", 1), ("2025-03-29T23:00", 2), ("2025-03-30T22:00", 1)],
    ),
    Case(
        "a day of 25 hours in Berlin", "Europe/Berlin", "DAY", ("2025-10-24T22:00", "2025-10-27T23:00"),
        ["2025-10-25T21:59", "2025-10-25T22:00", "2025-10-26T22:59", "2025-10-26T23:00"],
        [("2025-10-24T22:00", 1), ("2025-10-25T22:00", 2), ("2025-10-26T23:00", 1)],
    ),
    Case(
        "a skipped hour has no bucket", "Europe/Berlin", "HOUR", ("2025-03-30T00:00", "2025-03-30T03:00"),
        ["2025-03-30T00:59", "2025-03-30T01:00"],
        [("2025-03-30T00:00", 1), ("2025-03-30T01:00", 1), ("2025-03-30T02:00", 0)],
    ),
    Case(
        "a repeated hour has two", "Europe/Berlin", "HOUR", ("2025-10-25T23:00", "2025-10-26T02:00"),
        ["2025-10-26T00:30", "2025-10-26T01:30", "2025-10-26T01:31"],
        [("2025-10-25T23:00", 0), ("2025-10-26T00:00", 1), ("2025-10-26T01:00", 2)],
    ),
    Case(
        "a day of 23 hours in New York", "America/New_York", "DAY", ("2026-03-08T05:00", "2026-03-10T04:00"),
        ["2026-03-08T05:00", "2026-03-09T03:59", "2026-03-09T04:00"],
        [("2026-03-08T05:00", 2), ("2026-03-09T04:00", 1)],
    ),
    Case(
        "a week with a day of 25 hours in New York, cut by its range", "America/New_York", "WEEK",
        ("2025-10-30T12:00", "2025-11-04T00:00"),
        ["2025-10-30T11:59", "2025-10-30T12:00", "2025-11-03T04:59", "2025-11-03T05:00", "2025-11-04T00:00"],
        [("2025-10-27T04:00", 2), ("2025-11-03T05:00", 1)],
    ),
    Case(
        "months begin at local midnight", "America/New_York", "MONTH",
        ("2025-10-01T04:00", "2025-12-01T05:00"),
        ["2025-11-01T03:59", "2025-11-01T04:00", "2025-12-01T04:59"],
        [("2025-10-01T04:00", 1), ("2025-11-01T04:00", 2)],
    ),
    Case(
        "hours of an offset of 45 minutes", "Asia/Kathmandu", "HOUR",
        ("2025-06-01T10:00", "2025-06-01T12:00"),
        ["2025-06-01T10:14", "2025-06-01T10:15", "2025-06-01T11:14"],
        [("2025-06-01T09:15", 1), ("2025-06-01T10:15", 2), ("2025-06-01T11:15", 0)],
    ),
    Case(
        "days of an offset of 45 minutes", "Asia/Kathmandu", "DAY", ("2025-06-01T18:15", "2025-06-03T18:15"),
        ["2025-06-02T18:14", "2025-06-02T18:15"],
        [("2025-06-01T18:15", 1), ("2025-06-02T18:15", 1)],
    ),
    Case(
        "set back by half an hour makes a bucket of 90 minutes", "Australia/Lord_Howe", "HOUR",
        ("2025-04-05T14:00", "2025-04-05T17:30"),
        ["2025-04-05T14:10", "2025-04-05T15:10", "2025-04-05T15:29", "2025-04-05T15:30"],
        [("2025-04-05T14:00", 3), ("2025-04-05T15:30", 1), ("2025-04-05T16:30", 0)],
    ),
    Case(
        "set forward by half an hour makes one of 30", "Australia/Lord_Howe", "HOUR",
        ("2025-10-04T14:30", "2025-10-04T17:00"),
        ["2025-10-04T15:29", "2025-10-04T15:30", "2025-10-04T15:59", "2025-10-04T16:00"],
        [("2025-10-04T14:30", 1), ("2025-10-04T15:30", 2), ("2025-10-04T16:00", 1)],
    ),
    Case(
        "a skipped midnight in Sao Paulo", "America/Sao_Paulo", "DAY",
        ("2018-11-03T03:00", "2018-11-06T02:00"),
        ["2018-11-04T02:59", "2018-11-04T03:00", "2018-11-05T01:59", "2018-11-05T02:00"],
        [("2018-11-03T03:00", 1), ("2018-11-04T03:00", 2), ("2018-11-05T02:00", 1)],
    ),
    Case(
        "set back at midnight in Sao Paulo", "America/Sao_Paulo", "DAY",
        ("2018-02-17T02:00", "2018-02-19T03:00"),
        ["2018-02-17T02:00", "2018-02-18T02:59", "2018-02-18T03:00"],
        [("2018-02-17T02:00", 2), ("2018-02-18T03:00", 1)],
    ),
    Case(
        "a skipped midnight in Havana", "America/Havana", "DAY", ("2018-03-10T05:00", "2018-03-13T04:00"),
        ["2018-03-11T04:59", "2018-03-11T05:00", "2018-03-12T03:59", "2018-03-12T04:00"],
        [("2018-03-10T05:00", 1), ("2018-03-11T05:00", 2), ("2018-03-12T04:00", 1)],
    ),
    Case(
        "a midnight that comes twice in Havana", "America/Havana", "DAY",
        ("2018-11-03T04:00", "2018-11-06T05:00"),
        ["2018-11-04T03:59", "2018-11-04T04:30", "2018-11-04T05:30", "2018-11-05T04:59", "2018-11-05T05:00"],
        [("2018-11-03T04:00", 1), ("2018-11-04T04:00", 3), ("2018-11-05T05:00", 1)],
    ),
    Case(
        "a skipped day in Apia", "Pacific/Apia", "DAY", ("2011-12-28T10:00", "2012-01-01T10:00"),
        ["2011-12-30T09:59", "2011-12-30T10:00", "2011-12-31T09:59", "2011-12-31T10:00"],
        [("2011-12-28T10:00", 0), ("2011-12-29T10:00", 1), ("2011-12-30T10:00", 2), ("2011-12-31T10:00", 1)],
    ),
    Case(
        "the day before is one that was skipped", "Pacific/Apia", "DAY",
        ("2011-12-30T10:00", "2012-01-01T10:00"),
        ["2011-12-30T09:59", "2011-12-30T10:00", "2011-12-31T10:00"],
        [("2011-12-30T10:00", 1, None), ("2011-12-31T10:00", 1, 1)],
        "PREVIOUS_DAY", ("2011-12-30T10:00", "2011-12-31T10:00"),
    ),
    Case(
        "a week after clocks were set forward", "Europe/Berlin", "DAY",
        ("2025-03-30T22:00", "2025-04-01T22:00"),
        ["2025-03-23T22:59", "2025-03-23T23:00", "2025-03-24T22:59", "2025-03-24T23:00", "2025-03-25T22:59",
         "2025-03-25T23:00", "2025-03-30T22:00"],
        [("2025-03-30T22:00", 1, 2), ("2025-03-31T22:00", 0, 2)],
        "PREVIOUS_WEEK", ("2025-03-23T23:00", "2025-03-25T23:00"),
    ),
    Case(
        "a week after clocks were set back, by the hour", "America/New_York", "HOUR",
        ("2025-11-03T14:30", "2025-11-03T16:00"),
        ["2025-10-27T13:29", "2025-10-27T13:30", "2025-10-27T14:30", "2025-10-27T15:00", "2025-11-03T15:59"],
        [("2025-11-03T14:00", 0, 1), ("2025-11-03T15:00", 1, 1)],
        "PREVIOUS_WEEK", ("2025-10-27T13:30", "2025-10-27T15:00"),
    ),
    Case(
        "the hours of a day of 23", "Europe/Berlin", "HOUR", ("2025-03-30T00:00", "2025-03-30T02:00"),
        ["2025-03-29T00:30", "2025-03-29T01:30", "2025-03-29T02:30", "2025-03-29T02:31", "2025-03-30T01:30"],
        [("2025-03-30T00:00", 0, 1), ("2025-03-30T01:00", 1, 2)],
        "PREVIOUS_DAY", ("2025-03-29T00:00", "2025-03-29T03:00"),
    ),
    Case(
        "the hours of the day after one of 23", "Europe/Berlin", "HOUR",
        ("2025-03-30T23:00", "2025-03-31T02:00"),
        ["2025-03-30T00:10", "2025-03-30T01:10", "2025-03-31T00:10"],
        [("2025-03-30T23:00", 0, 1), ("2025-03-31T00:00", 1, None), ("2025-03-31T01:00", 0, 1)],
        "PREVIOUS_DAY", ("2025-03-30T00:00", "2025-03-30T02:00"),
    ),
    Case(
        "the second of a repeated hour has no hour before", "Europe/Berlin", "HOUR",
        ("2025-10-26T00:00", "2025-10-26T03:00"),
        ["2025-10-25T00:10", "2025-10-25T01:10", "2025-10-26T01:10"],
        [("2025-10-26T00:00", 0, 1), ("2025-10-26T01:00", 1, None), ("2025-10-26T02:00", 0, 1)],
        "PREVIOUS_DAY", ("2025-10-25T00:00", "2025-10-25T02:00"),
    ),
    Case(
        "March is compared with February", "Europe/Berlin", "MONTH", ("2025-02-28T23:00", "2025-03-31T22:00"),
        ["2025-01-31T22:59", "2025-01-31T23:00", "2025-02-28T22:59", "2025-02-28T23:00", "2025-03-31T21:59"],
        [("2025-02-28T23:00", 2, 2)],
        "PREVIOUS_PERIOD", ("2025-01-31T23:00", "2025-02-28T23:00"),
    ),
    Case(
        "a quarter is compared with the one before", "Europe/Berlin", None,
        ("2025-03-31T22:00", "2025-06-30T22:00"),
        ["2024-12-31T22:59", "2024-12-31T23:00", "2025-03-31T21:59", "2025-03-31T22:00"],
        [(None, 1, 2)],
        "PREVIOUS_PERIOD", ("2024-12-31T23:00", "2025-03-31T22:00"),
    ),
    Case(
        "March by the day is compared with the 31 days before", "Europe/Berlin", "WEEK",
        ("2025-02-28T23:00", "2025-03-31T22:00"),
        ["2025-01-28T22:59", "2025-01-28T23:00", "2025-03-31T21:59"],
        # the week of the range that begins on Saturday, March 1, is compared from Wednesday, January 29
        [("2025-02-23T23:00", 0, 1), ("2025-03-02T23:00", 0, 0), ("2025-03-09T23:00", 0, 0),
         ("2025-03-16T23:00", 0, 0), ("2025-03-23T23:00", 0, 0), ("2025-03-30T22:00", 1, 0)],
        "PREVIOUS_PERIOD", ("2025-01-28T23:00", "2025-02-28T23:00"),
    ),
    Case(
        "a week is compared with the seven days that begin a day before it", "Europe/Berlin", "WEEK",
        ("2025-03-23T23:00", "2025-04-06T22:00"),
        ["2025-03-22T22:59", "2025-03-22T23:00", "2025-03-29T22:59", "2025-03-29T23:00", "2025-04-05T21:59",
         "2025-04-05T22:00"],
        [("2025-03-23T23:00", 2, 2), ("2025-03-30T22:00", 2, 2)],
        "PREVIOUS_DAY", ("2025-03-22T23:00", "2025-04-05T22:00"),
    ),
    Case(
        "ranges of another length move by exactly that", "Europe/Berlin", "HOUR",
        ("2025-03-30T01:00", "2025-03-30T02:30"),
        ["2025-03-29T23:29", "2025-03-29T23:30", "2025-03-30T00:29", "2025-03-30T00:30", "2025-03-30T02:00"],
        [("2025-03-30T01:00", 0, 2), ("2025-03-30T02:00", 1, 1)],
        "PREVIOUS_PERIOD", ("2025-03-29T23:30", "2025-03-30T01:00"),
    ),
)  # fmt: skip


def told(found: Found) -> list[Any]:
    """What an answer says, as `Case.expected` has it."""
    names = [name for name in ("clicks", "previous.clicks") if name in found.columns]
    counts = [found.columns[name] for name in names]
    buckets = [_shown(at) for at in found.columns.get("bucket", [None] * len(counts[0]))]
    rows = [list(row) for row in zip(buckets, *counts, strict=True)]
    return [rows, [_shown(found.previous_start), _shown(found.previous_end)]]


def _shown(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)[:16]
