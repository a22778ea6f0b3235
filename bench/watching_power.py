"""What a real effect costs to find by watching, beside a test that is looked at once at its planned end."""

import numpy as np
from scipy.special import ndtri

from tidemark.stats.array import Flags
from tidemark.stats.boundary import Boundary
from tidemark.stats.comparison import standard_errors, watch
from tidemark.stats.effect import proportion
from tidemark.stats.interval import Interval
from tidemark.stats.remaining import POWER, planned_users
from tidemark.stats.sampleratio import ALPHA as RATIO_ALPHA
from tidemark.stats.sampleratio import sample_ratio
from watching_streams import at_once
from watching_table import ALPHA, Table, above, chunks, percent

RATES, LIFTS = (0.2, 0.05), (0.2, 0.1, 0.05)
LOOKS = 400
"""Up to twice the planned users."""
CHUNK = 200
SPLITS = {"50:50": (0.5, 20_000), "48:52": (0.52, 40_000), "49:51": (0.51, 160_000)}
"""The treatment's true share where a half was planned, and users until which is looked."""
RATIO_LOOKS = 1_000


def power(paths: int) -> Table:
    """Users until a true lift is found, and how often it is."""
    rows, missed, ratios = [], [], []
    for number, (rate, lift) in enumerate((rate, lift) for rate in RATES for lift in LIFTS):
        treated, effect = rate * (1 + lift), rate * lift
        spread = 2 * (rate * (1 - rate) + treated * (1 - treated))
        quantiles = ndtri(1 - ALPHA / 2) + ndtri(POWER)
        once = spread * quantiles**2 / effect**2
        planned = float(planned_users(ALPHA, np.asarray(effect), np.asarray(spread)))
        step = round(planned / LOOKS)
        n = 2.0 * step * np.arange(1, LOOKS + 1)
        stopped, fixed, wrong = [], [], []
        for random, size in chunks(paths, CHUNK, 3, number):
            one = at_once(random, (size, LOOKS), step, rate)
            other = at_once(random, (size, LOOKS), step, treated)
            seen = watch(proportion, one, other, (one.x, other.x), Boundary.tuned(ALPHA, planned))
            stopped.append(np.where(seen.above.any(axis=-1), n[np.argmax(seen.above, axis=-1)], np.inf))
            z = standard_errors(proportion(one, other))[:, np.searchsorted(n, once)]
            fixed.append(np.abs(z) > ndtri(1 - ALPHA / 2))
            wrong.append(_excludes(seen.difference, effect) | _excludes(seen.lift, lift))
        users = np.concatenate(stopped)
        median, ninth = np.quantile(users, (0.5, 0.9), method="lower")
        ratios.append(median / once)
        rows.append(
            [
                f"{rate:.0%}", f"{lift:.0%}", f"{once:,.0f}", percent(np.concatenate(fixed)),
                f"{planned:,.0f}", percent(users <= once), percent(users <= planned),
                f"{median:,.0f}", f"{ratios[-1]:.2f}",
                f"{ninth:,.0f}", percent(np.concatenate(wrong)),
            ]
        )  # fmt: skip
        share = float(np.concatenate(wrong).mean())
        missed += above(
            share, ALPHA, paths, f"the true lift of {lift:.0%} at {rate:.0%} outside the interval"
        )
    words = (
        f"**What watching costs.** {paths:,} paths with a true lift, planned for it at a power of 80 %,"
        " looks every 0.5 % of the planned users up to twice as many; users are those of both arms."
        " “Once” is the test that is looked at once, at its planned end; the last column is how often"
        " the interval of the difference or of the lift ever excluded the truth."
        f" Half of the paths stop within {min(ratios):.2f} to {max(ratios):.2f} times the users of “once”;"
        " to be as sure of an answer as that test takes 1.9 times as many."
    )
    head = [
        "base rate", "lift", "users once", "power once", "users planned", "found by “once”",
        "found by the plan", "median stop", "of “once”", "90 % stop", "truth missed",
    ]  # fmt: skip
    return Table(words, head, rows, missed)


def split(paths: int) -> Table:
    """How often the sample ratio's alarm is false, and when it comes."""
    rows, missed = [], []
    for number, (name, (share, most)) in enumerate(SPLITS.items()):
        step = most // RATIO_LOOKS
        n = step * np.arange(1, RATIO_LOOKS + 1)
        stopped = []
        for random, size in chunks(paths, CHUNK, 4, number):
            treated = np.cumsum(random.binomial(step, share, (size, RATIO_LOOKS)), axis=-1)
            counts = np.stack([n - treated, treated], axis=-1)[..., None, :]
            alarm = ~sample_ratio(counts, (1, 1), over_time=True).ok
            stopped.append(np.where(alarm.any(axis=-1), n[np.argmax(alarm, axis=-1)], np.inf))
        users = np.concatenate(stopped)
        found = float(np.isfinite(users).mean())
        when = [
            f"{one:,.0f}" if np.isfinite(one) else "never"
            for one in np.quantile(users, (0.5, 0.9), method="lower")
        ]
        rows.append([name, f"{step}", f"{most:,}", percent(found), *when])
        if share == 0.5:  # noqa: PLR2004 - the planned share
            missed += above(found, RATIO_ALPHA, paths, "sample ratio alarms of a good split")
    words = (
        f"**The sample ratio** where 50:50 was planned, {paths:,} paths, alarm below {RATIO_ALPHA:g}:"
        " users of both arms until it comes."
    )
    return Table(
        words, ["true split", "a look every", "up to", "alarm", "median users", "90 % by"], rows, missed
    )


def _excludes(interval: Interval, truth: float) -> Flags:
    """Whether the running interval ever excluded the truth."""
    outside: Flags = (interval.lower > truth) | (interval.upper < truth)
    excluded: Flags = outside.any(axis=-1)
    return excluded
