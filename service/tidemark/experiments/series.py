"""The always-valid interval over time: what a rolling chart shows. Pure."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from tidemark.experiments.definition import Definition, Metric
from tidemark.experiments.judgement import Pair, compared
from tidemark.experiments.look import Looks
from tidemark.experiments.result import number
from tidemark.experiments.sums import Sums
from tidemark.query.buckets import buckets
from tidemark.query.grain import NOMINAL_MS, Grain
from tidemark.query.instant import format_instant, from_ms
from tidemark.stats.array import Floats
from tidemark.stats.comparison import MISSING

_UTC = ZoneInfo("UTC")
Numbers = list[float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """Columns of one length.

    Attributes:
        at: RFC 3339 instants: everything before each is counted.
        value: The lift as it is measured, a fraction of the control's mean.
        lower: The running interval of the lift; None while it is unbounded or there is too little data.
        upper: Likewise.
        p_value: The running minimum; None while there is too little data.
        control_users: Users so far.
        treatment_users: Likewise.
    """

    at: list[str]
    value: Numbers
    lower: Numbers
    upper: Numbers
    p_value: Numbers
    control_users: list[float]
    treatment_users: list[float]


def points(start: int, end: int, grain: Grain, most: int) -> tuple[int, ...]:
    """The ends of the buckets (of UTC) of ``[start, end)``, Unix seconds; the last is the end itself.

    At most about so many, those nearest to the end.
    """
    if start >= end:
        return (end,)
    earliest = max(start * 1000, end * 1000 - most * NOMINAL_MS[grain])
    edges = buckets(earliest, end * 1000, grain, _UTC).edges[1:]
    inner = (edge // 1000 for edge in edges if edge < end * 1000)
    return (*inner, end)


def series(
    definition: Definition, metric: Metric, treatment: str, sums: Sums, shown: tuple[int, ...]
) -> Series:
    """The running interval at each of the looks that are shown."""
    comparison = compared(definition, metric, Pair.of(definition, treatment), sums)
    kept = np.isin(np.asarray(sums.looks.ends), np.asarray(shown))

    def column(values: Floats) -> Numbers:
        return [number(value) for value in values[0, kept].tolist()]

    return Series(
        at=_instants(sums.looks, kept.tolist()),
        value=column(comparison.lift.value),
        lower=column(comparison.lift.lower),
        upper=column(comparison.lift.upper),
        p_value=column(np.where(comparison.reasons & MISSING, np.nan, comparison.p_value)),
        control_users=sums.users_of(definition.control.key)[0, kept].tolist(),
        treatment_users=sums.users_of(treatment)[0, kept].tolist(),
    )


def _instants(looks: Looks, kept: list[bool]) -> list[str]:
    return [
        format_instant(from_ms(end * 1000))
        for end, is_shown in zip(looks.ends, kept, strict=True)
        if is_shown
    ]
