"""All that a page about an experiment shows: figures of one instant and one generation. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidemark.experiments import remaining as left
from tidemark.experiments import result
from tidemark.experiments.definition import Definition, Metric
from tidemark.experiments.judgement import picked
from tidemark.experiments.look import Looks
from tidemark.experiments.question import treatments_of
from tidemark.experiments.split import split
from tidemark.experiments.sums import EXCLUDED, Sums
from tidemark.stats.sampleratio import SampleRatio


@dataclass(frozen=True, slots=True)
class Users:
    """Users of an experiment at an instant.

    Attributes:
        by_variant: Of declared variants.
        excluded: Those who saw two variants.
    """

    by_variant: Mapping[str, float]
    excluded: float

    @classmethod
    def of(cls, definition: Definition, whole: Sums) -> "Users":
        """Those of the last look."""
        found = {one.key: float(whole.users_of(one.key)[0, -1]) for one in definition.variants}
        return cls(found, float(whole.users_of(EXCLUDED)[0, -1]))


@dataclass(frozen=True, slots=True)
class Report:
    """What a page shows.

    Attributes:
        results: Of the slices that are asked for.
        split: Of all users of the condition; arrays of one slice.
        users: Of the whole experiment.
        remaining: Of the whole experiment, by metric and variant; of goals alone.
        is_rebuilding: Whether the numbers are those of an earlier generation, or not whole.
    """

    results: Sequence[result.Result]
    split: SampleRatio
    users: Users
    remaining: Mapping[tuple[str, str], left.Remaining]
    is_rebuilding: bool


def report(
    definition: Definition,
    asked: Sequence[Metric],
    everybody: Sums,
    sliced: Sums | None,
    by: Sequence[str],
    looks: Looks,
    *,
    is_rebuilding: bool,
) -> Report:
    """From the sums of all users, and those of slices where there are any.

    Args:
        definition: The experiment.
        asked: Metrics to tell of.
        everybody: Of all goals and of what is asked, with looks at ``remaining.marks`` among others.
        sliced: The same of the slices that are asked for, at ``looks``; None: no slices are.
        by: Names of the slices' values.
        looks: Those that results are told by.
        is_rebuilding: Whether the numbers are those of an earlier generation, or not whole.
    """
    whole = picked(everybody, looks)
    sums = whole if sliced is None else sliced
    goals = [one for one in asked if one in definition.goals]
    return Report(
        results=list(result.results(definition, asked, sums, whole, by, is_rebuilding=is_rebuilding)),
        split=split(definition, sums.whole()),
        users=Users.of(definition, whole),
        remaining={
            (metric.name, each.key): left.remaining(
                definition, metric, each.key, everybody, looks, is_rebuilding=is_rebuilding
            )
            for metric in goals
            for each in treatments_of(definition)
        },
        is_rebuilding=is_rebuilding,
    )
