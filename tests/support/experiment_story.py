"""``python experiment_story.py FOLDER``: experiments on an embedded engine, what they answer as JSON."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from declared import TEXT, read, with_line
from experiment_users import NAMES, Deed, User, crowd, rows
from tidemark.experiments.definition import Definition
from tidemark.store.database import Database

if TYPE_CHECKING:
    from tidemark.experiments.experiment import Experiment

START = datetime(2026, 11, 1, tzinfo=UTC)
LAST = START + timedelta(days=17)
PAST = START + timedelta(days=5, hours=3, minutes=7)
COVERED = TEXT
PLAIN = with_line("covariate: {days: 14}\n", "", with_line("id: button", "id: plain"))
NAMED = with_line("covariate: {days: 14}", "covariate: {metric: revenue, days: 14}", COVERED).replace(
    "id: button", "id: named\nunit: anonymous_id"
)
SHARES = {"control": 0.2, "green": 0.3}
GENERATION = int(START.timestamp()) - 60


def definitions() -> dict[str, Definition]:
    """With a covariate, without, and with that of one metric for all and another unit."""
    return {one.id: one for one in (read(COVERED), read(PLAIN), read(NAMED))}


def users() -> list[User]:
    """The users of all experiments here, and one of an undeclared variant for one of them."""
    return crowd(read(PLAIN), 1_500, 7, shares=SHARES)


def story(database: Database) -> dict[str, Any]:
    """Insert, ask, tell."""
    from tidemark.experiments.experiment import Experiments  # noqa: PLC0415 - after the engine
    from tidemark.experiments.published import Published  # noqa: PLC0415
    from tidemark.experiments.registry import Fixed  # noqa: PLC0415
    from tidemark.freshness import Freshness  # noqa: PLC0415
    from tidemark.query.catalogue import load  # noqa: PLC0415
    from tidemark.query.errors import QueryError  # noqa: PLC0415
    from tidemark.query.grain import Grain  # noqa: PLC0415
    from tidemark.query.limits import DEFAULT_LIMITS  # noqa: PLC0415
    from tidemark.settings import Settings  # noqa: PLC0415
    from tidemark.store.migrate import upgrade  # noqa: PLC0415

    upgrade(database)
    known = definitions()
    for definition in known.values():
        insert(database, rows(definition, GENERATION, users()))
    catalogue = load(Settings().catalogue)

    def opened(through: datetime | None = LAST, number: int = GENERATION, beginning: int = 0) -> Experiments:
        fresh = Freshness(LAST, through, None)
        registry = Fixed({key: Published(each, number) for key, each in known.items()}, beginning)
        return Experiments(database, registry, lambda: fresh, catalogue, DEFAULT_LIMITS)

    def told(asked: Any) -> list[dict[str, Any]]:
        return [asdict(one) for one in asked]

    def refused(ask: Callable[[], object]) -> list[str]:
        try:
            ask()
        except QueryError as error:
            return [error.code.value, str(error)]
        return []

    found: dict[str, Any] = {}
    for key in known:
        one = opened().find(key)
        assert one is not None
        found[key] = {
            "now": told(one.results(database)),
            "past": told(one.results(database, at=PAST)),
            "germany": told(one.results(database, where=[("COUNTRY", "IN", ["DE"])])),
            "countries": told(one.results(database, by=["COUNTRY"])),
            "both": told(one.results(database, by=["COUNTRY", "PLATFORM"], metrics=["revenue"])),
            "users": asdict(one.users(database)),
            "split": [value.tolist() for value in asdict(one.sample_ratio(database)).values()],
            "series": {
                grain.value: asdict(one.series(database, metric="purchase", variant="green", grain=grain))
                for grain in (Grain.MINUTE, Grain.HOUR, Grain.DAY)
            },
            "remaining": asdict(one.remaining(database, metric="revenue", variant="green")),
            "then": {
                "users": asdict(one.users(database, at=PAST)),
                "observed": one.sample_ratio(database, at=PAST).observed.tolist(),
                "remaining": asdict(one.remaining(database, metric="revenue", variant="green", at=PAST)),
            },
            "reports": [
                reported(one, database, **asked)
                for asked in (
                    {},
                    {"at": PAST},
                    {"by": ["COUNTRY"], "metrics": ["revenue", "refunds"]},
                    {"where": [("COUNTRY", "IN", ["DE"])], "by": ["PLATFORM"], "at": PAST},
                )
            ],
        }
    plain = opened().find("plain")
    assert plain is not None
    found["refused"] = {
        "metric": refused(lambda: plain.results(database, metrics=["purchases"])),
        "slice": refused(lambda: plain.results(database, by=["CAMPAIGN"])),
        "condition": refused(lambda: plain.results(database, where=[("EVENT", "IN", ["click"])])),
        "before": refused(lambda: plain.results(database, at=START - timedelta(minutes=1))),
        "after": refused(lambda: plain.results(database, at=LAST + timedelta(hours=1))),
        "control": refused(lambda: plain.series(database, metric="purchase", variant="control")),
        "variant": refused(lambda: plain.remaining(database, metric="purchase", variant="grn")),
    }

    def answered(
        through: datetime | None, number: int, beginning: int = 0
    ) -> tuple[float, float, bool, list[str], list[str]]:
        one = opened(through, number, beginning).find("plain")
        assert one is not None
        (result,) = one.results(database, metrics=["purchase"])
        left = one.remaining(database, metric="purchase", variant="green")
        users = one.users(database).by_variant["control"]
        return result.control.users, users, one.is_rebuilding(database), result.reasons, left.reasons

    newer = int(LAST.timestamp()) - 5
    found["generations"] = {
        "published anew, no rows yet": answered(LAST, newer),
        "no watermark": answered(None, GENERATION),
    }
    insert(database, rows(known["plain"], newer, users()[:10]))
    found["generations"] |= {
        "some rows, not caught up": answered(LAST - timedelta(seconds=30), newer),
        "caught up": answered(LAST + timedelta(minutes=1), newer),
        "an older one is asked for again": answered(LAST, GENERATION),
    }
    found["history"] = history(database, answered, newer)
    stranger = User(int(START.timestamp() * 1000), ("violet",), {}, (Deed("conversion", 0),))
    insert(database, rows(known["button"], GENERATION, [stranger]))
    button = opened().find("button")
    assert button is not None
    found["stranger"] = [
        sorted({reason for one in button.results(database) for reason in one.reasons}),
        asdict(button.users(database)),
    ]
    found["nobody"] = told(
        button.results(database, where=[("COUNTRY", "IN", ["nowhere"])], metrics=["purchase"])
    )
    found["no slices"] = told(
        button.results(database, where=[("COUNTRY", "IN", ["nowhere"])], by=["PLATFORM"])
    )
    return found


def history(
    database: Database, answered: Callable[[datetime, int, int], tuple[Any, ...]], newer: int
) -> dict[str, Any]:
    """A generation that needs events of before the job's beginning, until the job has read them."""
    later = LAST + timedelta(minutes=2)
    beginning = round(START.timestamp() * 1000) + 1
    found: dict[str, Any] = {"not read": answered(later, newer, beginning)}
    database.insert(
        "tidemark.experiment_history",
        ("experiment_id", "generation", "read_at"),
        [("plain", newer, LAST + timedelta(minutes=1))],
    )
    return found | {
        "read, not yet seen": answered(LAST + timedelta(minutes=1), newer, beginning),
        "seen": answered(later, newer, beginning)[0],
    }


def reported(one: "Experiment", database: Database, **asked: Any) -> list[str]:
    """One report, and the same asked one by one."""
    whole, at = one.report(database, **asked), asked.get("at")
    alone = (
        one.results(database, **asked),
        one.users(database, at=at),
        one.sample_ratio(database, where=asked.get("where", ()), at=at),
        {
            (metric, variant): one.remaining(database, metric=metric, variant=variant, at=at)
            for metric, variant in whole.remaining
        },
        one.is_rebuilding(database),
    )
    together = (whole.results, whole.users, whole.split, whole.remaining, whole.is_rebuilding)
    return [repr(each) for each in (together, alone)]


def insert(database: Database, made: Any) -> None:
    """Rows of the table, in one block."""
    typed = [[*row[:4], datetime.fromtimestamp(row[4], UTC), *row[5:]] for row in made]
    database.insert("tidemark.experiment_minute", NAMES, typed)


if __name__ == "__main__":
    told = story(Database(Path(sys.argv[1]), brokers="127.0.0.1:9"))
    sys.stdout.write(json.dumps(told))
    sys.stdout.flush()
    os._exit(0)  # the engine's threads need no orderly end here
