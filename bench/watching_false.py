"""How often something is ever called an effect that is none: of complete users, and of real ones."""

from collections.abc import Callable, Iterator
from dataclasses import fields

import numpy as np

import watching_rivals as rivals
from tidemark.stats.array import Flags, Floats
from tidemark.stats.boundary import Boundary
from tidemark.stats.clock import information, intrinsic, users
from tidemark.stats.comparison import OF_VALUES, Least, missing, standard_errors, watch
from tidemark.stats.effect import Effect, mean, proportion, ratio
from tidemark.stats.moments import Moments
from watching_streams import Mailing, Shop, at_once
from watching_table import ALPHA, Table, above, chunks, percent

RATES = (0.2, 0.05, 0.01)
LOOKS, A_LOOK = 500, 20
"""Looks, and users an arm between them."""
NO_GUARD = Least(users=0, conversions=0)
CHUNK = 100
MAILINGS = {
    "e-mail, 1 day": Mailing(users=200_000, rate=0.2, window=1_440, looks=600),
    "e-mail, 14 days": Mailing(users=1_000_000, rate=0.05, window=20_160, looks=1_200),
    "e-mail, most buy": Mailing(users=200_000, rate=0.8, window=20_160, looks=1_200),
}
SHOPS = {
    "steady": Shop(recruiting=2_880, looks=2_880),
    "ends early": Shop(recruiting=720, looks=2_160),
    "one hour": Shop(recruiting=60, looks=1_500),
    "steady, 80:20": Shop(recruiting=2_160, looks=2_160, treated=0.2),
    "ends early, 80:20": Shop(recruiting=720, looks=2_160, treated=0.2),
    "steady, 90:5": Shop(recruiting=2_160, looks=2_160, treated=1 / 19),
}
Kind = Callable[[Moments, Moments], Effect]
Case = tuple[str, Kind, Moments, Moments, tuple[Floats, Floats]]


def complete(paths: int) -> Table:
    """Users who are complete when they are seen; beside it others on the same paths."""
    rows, missed, pairs = [], [], 0
    for number, rate in enumerate(RATES):
        found: dict[str, list[Flags]] = {}
        for random, size in chunks(paths, CHUNK, 1, number):
            one, other = (at_once(random, (size, LOOKS), A_LOOK, rate) for _ in range(2))
            for name, flags in _everybody(one, other).items():
                found.setdefault(name, []).append(flags.any(axis=-1))
            if len(found["lift"]) == 1:
                pairs += rivals.checked(_some(one), _some(other), ALPHA)
        shares = {name: float(np.concatenate(flags).mean()) for name, flags in found.items()}
        rows.append([f"{rate:.0%}", *(percent(share) for share in shares.values())])
        for name in ("difference", "lift"):
            missed += above(shares[name], ALPHA, paths, f"{name} at a base rate of {rate:.0%}")
    words = (
        f"**Users who are complete when they are seen.** {paths:,} paths without an effect, a look every"
        f" {A_LOOK} users up to {LOOKS * A_LOOK:,} an arm: how often an effect of 5 % significance was"
        " ever shown. gbstats 0.8.0 with its defaults (tuned to 5,000 users, no least data) and with our"
        f" least data; its formulas for arrays, checked on {pairs} pairs of these paths against gbstats"
        " itself in the same run."
    )
    return Table(words, ["base rate", *shares], rows, missed)


def later(paths: int) -> Table:
    """What the product sees, by the clock that the boundary runs on."""
    rows, missed = [], []
    head: list[str] = []
    for number, (name, stream) in enumerate((MAILINGS | SHOPS).items()):
        found: dict[str, dict[str, list[Floats]]] = {}
        for random, size in chunks(paths, CHUNK, 2, number):
            for metric, kind, one, other, buyers in _cases(stream, random, size):
                share = stream.treated if isinstance(stream, Shop) else 0.5
                boundary = Boundary.tuned(ALPHA, stream.users)
                for column, values in _clocks(kind, one, other, buyers, boundary, share).items():
                    found.setdefault(metric, {}).setdefault(column, []).append(values)
        for metric, columns in found.items():
            shares = {column: float(np.concatenate(values).mean()) for column, values in columns.items()}
            width = shares.pop("c at the end")
            head = ["stream", "metric", *shares, "c at the end"]
            rows.append([name, metric, *(percent(share) for share in shares.values()), f"{width:.2f}"])
            ours = "intrinsic" if metric == "proportion" else "intrinsic, 100"
            for column in (ours, "lift"):
                missed += above(shares[column], ALPHA, paths, f"{name}, {metric}, {column}")
    words = (
        f"**Users who buy later and again.** {paths:,} paths without an effect, 20,000 users of whom 18"
        " % buy, a third of those again, with long tails (Gamma rates, lognormal values, a cap,"
        " refunds), exponential delays with a mean of a third of the window of a day; a look each"
        " minute. Recruiting for two days (80:20: one and a half), for half a day and then none, or all"
        " within an hour; e-mails reach 200,000 or 1,000,000 users at once and have windows of 1 and 14"
        " days, with looks ever more seldom. By the boundary's clock, with at least 25 buyers an arm"
        " unless the column says otherwise; c is the multiplier at the end (3.04 where the clock is at"
        " the plan)."
    )
    return Table(words, head, rows, missed)


def _everybody(one: Moments, other: Moments) -> dict[str, Flags]:
    """Where each calls an effect, of shape (paths, looks)."""
    buyers = (one.x, other.x)
    effect = proportion(one, other)
    enough = missing(effect, buyers) == 0
    ours = watch(proportion, one, other, buyers, Boundary.tuned(ALPHA, 2 * LOOKS * A_LOOK))
    sequential = rivals.sequential(one, other, ALPHA) < ALPHA
    return {
        "difference": ours.above | ours.below,
        "lift": (ours.lift.lower > 0) | (ours.lift.upper < 0),
        "z = 1.96": enough & (np.abs(standard_errors(effect)) > rivals.ONCE),
        "gbstats": rivals.frequentist(one, other) < ALPHA,
        "gbstats sequential, lift": sequential,
        "the same, our least data": sequential & enough,
        "gbstats sequential, difference": rivals.sequential(one, other, ALPHA, lift=False) < ALPHA,
    }


def _some(arm: Moments) -> Moments:
    """A hundred of its looks."""
    return Moments(
        **{
            one.name: getattr(arm, one.name)[:10, 49::50].ravel()
            for one in fields(arm)
            if one.name in ("n", "x", "dxx")
        }
    )


def _cases(stream: Shop | Mailing, random: np.random.Generator, paths: int) -> Iterator[Case]:
    """The metrics that the stream has."""
    if isinstance(stream, Mailing):
        one, other = stream.drawn(random, paths)
        yield "proportion", proportion, one, other, (one.x, other.x)
        return
    control, treatment = stream.drawn(random, paths)
    buyers = (control.buyers, treatment.buyers)
    yield "proportion", proportion, control.orders, treatment.orders, buyers
    yield "mean", mean, control.revenue, treatment.revenue, buyers
    yield "ratio", ratio, control.revenue, treatment.revenue, buyers


def _clocks(
    kind: Kind, one: Moments, other: Moments, buyers: tuple[Floats, Floats], boundary: Boundary, share: float
) -> dict[str, Floats]:
    """Whether each clock ever called an effect, and the multiplier at the end, of shape (paths,)."""
    effect = kind(one, other)
    z = np.abs(standard_errors(effect))
    planned = users(one.n, other.n, share)
    enough, strict, any_data = (missing(effect, buyers, least) == 0 for least in (None, OF_VALUES, NO_GUARD))

    def ever(looked: Flags, multiplier: Floats | float) -> Floats:
        called: Floats = (looked & (z > multiplier)).any(axis=-1).astype(np.float64)
        return called

    first = np.argmax(enough, axis=-1)[:, None]
    scale = np.take_along_axis(planned * effect.variance, first, axis=-1)
    inverse = np.maximum.accumulate(np.where(enough, information(effect.variance, 1.0) * scale, 0.0), axis=-1)
    own = boundary.multiplier(intrinsic(effect, enough, share))
    least = Least() if kind is proportion else OF_VALUES
    product = watch(kind, one, other, buyers, boundary, share=share, least=least)
    lift = (product.lift.lower > 0) | (product.lift.upper < 0)
    return {
        "z = 1.96": ever(enough, rivals.ONCE),
        "users": ever(enough, boundary.multiplier(planned)),
        "users, 100": ever(strict, boundary.multiplier(planned)),
        "1/V": ever(enough, boundary.multiplier(inverse)),
        "intrinsic": ever(enough, own),
        "intrinsic, 100": ever(strict, boundary.multiplier(intrinsic(effect, strict, share))),
        "lift": lift.any(axis=-1).astype(np.float64),
        "users, no least": ever(any_data, boundary.multiplier(planned)),
        "intrinsic, no least": ever(any_data, boundary.multiplier(intrinsic(effect, any_data, share))),
        "c at the end": own[:, -1],
    }
