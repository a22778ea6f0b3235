"""Users of an experiment by chance, the rows that the job makes of them, and what is true of them."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tidemark.experiments.definition import Definition, Kind, Metric, Total
from tidemark.query.formula import Measure

MINUTE_MS = 60_000
LIMIT = 10**15
COLUMNS = ("campaign_id", "ad_id", "channel", "source", "platform", "country")
NAMES = (
    *("experiment_id", "generation", "metric", "variant", "minute", *COLUMNS, "users", "active"),
    *("x", "xx", "y", "yy", "xy", "k", "kk", "xk", "yk", "version"),
)
MOMENTS = ("x", "xx", "y", "yy", "xy", "k", "kk", "xk", "yk")


@dataclass(frozen=True, slots=True)
class Deed:
    """One event of a user: its name, its time (Unix ms), quantity and micros."""

    event: str
    at: int
    quantity: int = 1
    micros: int = 0


@dataclass(frozen=True, slots=True)
class User:
    """One user: the first exposure's time (Unix ms), the variants seen, the cell, and all deeds."""

    at: int
    variants: tuple[str, ...]
    cell: dict[str, str]
    deeds: tuple[Deed, ...] = ()

    @property
    def variant(self) -> str:
        """The variant; empty where there were two."""
        return self.variants[0] if len(set(self.variants)) == 1 else ""


@dataclass(frozen=True, slots=True)
class State:
    """What a user has done for a metric by an instant, in the table's units."""

    x: int
    y: int
    k: int
    active: bool


@dataclass
class Sample:
    """Values of the users of one arm."""

    states: list[State] = field(default_factory=list)

    def sum(self, name: str) -> int:
        """Sum of x, y or k; of products for two letters."""
        total = 0
        for one in self.states:
            value = 1
            for letter in name:
                value *= getattr(one, letter)
            total += value
        return total


def crowd(definition: Definition, count: int, seed: int, *, shares: dict[str, float]) -> list[User]:
    """Users of ten days; some see two variants, buy before or long after, repeatedly, or take it back."""
    draw = random.Random(seed)
    start = definition.start_ms or 0
    users = []
    for _ in range(count):
        at = start + draw.randrange(10 * 86_400_000)
        weights = definition.weights_at(at)
        variant = draw.choices([one.key for one in definition.variants], weights)[0]
        seen = (variant, definition.variants[0].key, definition.variants[1].key)
        cell = {
            "country": draw.choice(["DE", "DE", "DE", "FR", ""]),
            "platform": draw.choice(["mobile", "desktop"]),
        }
        deeds = [Deed("impression", at + draw.randrange(3 * 86_400_000)) for _ in range(draw.randrange(1, 4))]
        if draw.random() < shares[variant]:
            bought = at + draw.randrange(9 * 86_400_000)
            price = draw.randrange(5_000_000, 900_000_000)
            deeds.append(Deed("conversion", bought, micros=price))
            if draw.random() < 0.3:
                deeds.append(Deed("conversion", bought + draw.randrange(86_400_000), micros=price // 3))
            if draw.random() < 0.2:
                deeds.append(Deed("refund", bought + 3_600_000, micros=-price - 1_000_000))
            if draw.random() < 0.1:
                deeds.append(Deed("conversion", bought + 7_200_000, quantity=-1))
            deeds.append(Deed("click", bought))
        if draw.random() < 0.5:
            past = at - draw.randrange(1, 20 * 86_400_000)
            deeds.append(Deed("conversion", past, micros=draw.randrange(100_000_000)))
        users.append(User(at, seen if draw.random() < 0.02 else (variant,), cell, tuple(deeds)))
    return users


def state(definition: Definition, metric: Metric, user: User, before: int) -> State:
    """What the user has done by an instant (Unix ms, on a whole minute)."""
    within = [
        one for one in user.deeds if user.at <= one.at < user.at + definition.window_ms and one.at < before
    ]
    numerator, denominator = metric.numerator, metric.denominator
    x = clamped(added(numerator, within))
    if metric.kind is Kind.PROPORTION:
        x = min(max(x, 0), 1)
    elif metric.cap is not None:
        x = min(x, metric.cap)
    return State(
        x=x,
        y=0 if denominator is None else clamped(added(denominator, within)),
        k=covariate(definition, metric, user),
        active=any(one.event in numerator.events for one in within),
    )


def covariate(definition: Definition, metric: Metric, user: User) -> int:
    """What the user had done before the first exposure, of the metric's own or of the one that is named."""
    if definition.covariate is None:
        return 0
    name = definition.covariate.metric or metric.name
    (of,) = (one for one in definition.metrics if one.name == name)
    since = user.at - definition.covariate.days * 86_400_000
    return clamped(added(of.numerator, [one for one in user.deeds if since <= one.at < user.at]))


def added(total: Total, deeds: Iterable[Deed]) -> int:
    """What those of the deeds that count add up to."""
    return sum(amount(total.measure, one) for one in deeds if one.event in total.events)


def amount(measure: Measure, deed: Deed) -> int:
    """What an event counts."""
    return {Measure.QUANTITY: deed.quantity, Measure.VALUE_MICROS: deed.micros, Measure.EVENTS: 1}[measure]


def clamped(total: int) -> int:
    """A user's sum within what squares of many users leave room for."""
    return min(max(total, -LIMIT), LIMIT)


def events(definition: Definition, users: Iterable[User]) -> Iterator[dict[str, Any]]:
    """What the application sent: one event an exposure and a deed. Two users share the id that is no unit."""
    for number, user in enumerate(users):
        ids = {"user_id": f"u{number // 2}", "anonymous_id": f"a{number // 2}"}
        ids[definition.unit.value] = f"one{number}"
        for after, variant in enumerate(user.variants):
            yield {
                "event_id": f"{number}-{after}", "event": "exposure", "event_time": user.at + after,
                "experiment_id": definition.id, "variant": variant, **user.cell, **ids,
            }  # fmt: skip
        for place, deed in enumerate(user.deeds):
            yield {
                "event_id": f"{number}-deed-{place}", "event": deed.event, "event_time": deed.at,
                "quantity": deed.quantity, "value_micros": deed.micros, **ids,
            }  # fmt: skip


def rows(definition: Definition, generation: int, users: Iterable[User]) -> Iterator[Sequence[object]]:
    """The rows of the table ``experiment_minute``, `NAMES`; minutes as Unix seconds."""
    cells: dict[tuple[str, str, int, tuple[str, ...]], dict[str, int]]
    cells = defaultdict(lambda: defaultdict(int))
    for user in users:
        kept = definition.slices if user.variant else ()  # the cell of an excluded user is empty
        cell = tuple(user.cell.get(column, "") if column in kept else "" for column in COLUMNS)
        seen = minute(user.at)
        cells["", user.variant, seen, cell]["users"] += 1
        if not user.variant:
            continue
        for metric in definition.metrics:
            times = sorted({seen, *(minute(one.at) for one in user.deeds if one.at >= user.at)})
            before = State(0, 0, 0, active=False)
            for begun, end in ((one, one + MINUTE_MS) for one in times):
                after = state(definition, metric, user, end)
                found = cells[metric.name, user.variant, begun, cell]
                found["active"] += after.active - before.active
                for name in MOMENTS:
                    found[name] += moment(after, name) - moment(before, name)
                before = after
    for (name, variant, begun, cell), values in cells.items():
        numbers = [values[one] for one in ("users", "active", *MOMENTS)]
        yield [definition.id, generation, name, variant, begun // 1000, *cell, *numbers, 1]


def moment(one: State, name: str) -> int:
    """X, xx, xy, …: a product."""
    value = 1
    for letter in name:
        value *= getattr(one, letter)
    return value


def minute(at: int) -> int:
    """The minute that an instant lies in."""
    return at // MINUTE_MS * MINUTE_MS


def sample(
    definition: Definition, metric: Metric, users: Iterable[User], variant: str, before: int
) -> Sample:
    """The users of an arm at an instant (a whole minute), straight from what they did."""
    return Sample(
        [
            state(definition, metric, one, before)
            for one in users
            if one.variant == variant and minute(one.at) < before
        ]
    )


def is_rising(values: Sequence[float | None]) -> bool:
    """Whether no value is below the one before, None left out."""
    known = [value for value in values if value is not None]
    return all(a <= b for a, b in pairwise(known))
