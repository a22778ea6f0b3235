"""The planner over an embedded ClickHouse in this process: the one place that knows how it is called.

One engine a process: whoever uses this is a process of its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import truth
from difference import Found
from tidemark.freshness import Freshness
from tidemark.query.answer import Answerer
from tidemark.query.catalogue import load
from tidemark.query.frame import Frame
from tidemark.query.parse import parse_request
from tidemark.query.request import TimeRange
from tidemark.settings import Settings
from tidemark.store.database import Database

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS = (
    "campaign_id", "ad_id", "channel", "source", "platform", "country",
    "user_id", "anonymous_id", "experiment_id", "variant",
)  # fmt: skip
_CELL = ("campaign_id", "ad_id", "channel", "source", "platform", "country")
_SUMS = ("quantity", "value_micros", "cost_micros")
_REPAIRED = 2**40


class Planner:
    """A store in ``folder`` and questions to it, asked at ``now_ms``.

    Attributes:
        database: The store.
        catalogue: By which questions are read.
    """

    def __init__(self, folder: Path, now_ms: int) -> None:
        self.database = Database(folder, brokers="127.0.0.1:9")

        from tidemark.store.migrate import upgrade  # noqa: PLC0415 - after the engine

        upgrade(self.database)
        now = _instant(now_ms)
        freshness = Freshness(now, now - timedelta(seconds=2), now - timedelta(minutes=1))
        self.catalogue = load(Settings().catalogue)
        self.answerer = Answerer(self.database, lambda: freshness, "EUR")

    def store(self, events: Sequence[truth.Event]) -> None:
        """Put events, given in the order the brokers stored them, into the tables that answers are made of.

        The first copy of an identity has the greatest rank; folded rows are of distinct events, some of
        them beside older versions of themselves, and beside cells that the audit took away.
        """
        rows = [_raw(number, event) for number, event in enumerate(events)]
        for start in range(2):  # two parts each, so that copies meet only when they are read
            self.database.insert(
                "tidemark.events", list(rows[0]), [list(row.values()) for row in rows[start::2]]
            )
        folded = list(_folded(truth.distinct(events)))
        old = [row | {"events": 1, "quantity": 77, "version": 0} for row in folded[::7]]
        gone = [row | {"campaign_id": "gone", "ad_id": "gone"} for row in folded[::9]]
        taken = [row | dict.fromkeys((*_SUMS, "events"), 0) | {"version": _REPAIRED} for row in gone]
        for part in (old + gone, folded + taken):
            self.database.insert(
                "tidemark.campaign_minute", list(part[0]), [list(row.values()) for row in part]
            )

    def ask(self, question: Mapping[str, Any]) -> Found:
        """The answer to a MetricsQuery, as its GraphQL variables are written.

        Raises:
            QueryError: it is refused.
        """
        return _found(self.answerer.answer(self._request(question)))

    def _request(self, question: Mapping[str, Any]) -> Any:
        asked = question["range"]
        start, end = (
            datetime.fromisoformat(asked[name]) if name in asked else None for name in ("from", "to")
        )
        top = question.get("top")
        return parse_request(
            self.catalogue,
            metrics=question["metrics"],
            time_range=TimeRange(start, end, asked.get("lastSeconds")),
            dimensions=question.get("dimensions", ()),
            where=[
                (one["dimension"], one.get("op", "IN"), one["values"]) for one in question.get("where", ())
            ],
            grain=question.get("grain"),
            timezone=question.get("timezone", "UTC"),
            compare=question.get("compare"),
            top=(top["n"], top["by"], top.get("other", True)) if top else None,
            having=[(one["metric"], one.get("min"), one.get("max")) for one in question.get("having", ())],
            order_by=[
                (
                    one.get("metric"),
                    one.get("dimension"),
                    one.get("bucket", False),
                    one.get("direction", "DESC"),
                )
                for one in question.get("orderBy", ())
            ],
            limit=question.get("limit", 1000),
        )


def _found(frame: Frame) -> Found:
    columns = {column.name: list(column.values) for column in frame.columns}
    if "bucket" in columns:
        columns["bucket"] = [truth.to_ms(text) for text in columns["bucket"]]
    resolved = frame.resolved
    previous = (getattr(resolved, name, None) for name in ("previous_start", "previous_end"))
    bounds = [None if at is None else _ms(at) for at in previous]
    return Found(columns, frame.truncated, _ms(resolved.start), _ms(resolved.end), *bounds)


def _raw(number: int, event: truth.Event) -> dict[str, object]:
    return {
        "event_id": event["event_id"],
        "event": event["event"],
        "event_time": _instant(event["event_time"]),
        "original_time": _instant(event.get("original_time", event["event_time"])),
        "received_at": _instant(event["event_time"]),
        "quantity": event.get("quantity", 1),
        **{name: event.get(name, 0) for name in ("value_micros", "cost_micros")},
        **{name: event.get(name, "") for name in _TEXTS},
        "properties": event.get("properties", {}),
        "appended_at": _instant(event["event_time"]),
        "rank": 2**120 - number,
    }


def _folded(events: Iterable[truth.Event]) -> Iterable[dict[str, Any]]:
    """One row a minute, cell and event name."""
    cells: dict[tuple[object, ...], list[truth.Event]] = defaultdict(list)
    for event in events:
        minute = event["event_time"] // 60_000
        cells[minute, event["event"], *(event.get(name, "") for name in _CELL)].append(event)
    for (minute, name, *cell), members in cells.items():
        yield {
            "minute": _instant(int(str(minute)) * 60_000),
            "event": name,
            **dict(zip(_CELL, cell, strict=True)),
            "events": len(members),
            "quantity": sum(one.get("quantity", 1) for one in members),
            **{sums: sum(one.get(sums, 0) for one in members) for sums in _SUMS[1:]},
            "last_at": _instant(max(one["event_time"] for one in members)),
            "version": len(members),
        }


def _instant(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def _ms(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)
