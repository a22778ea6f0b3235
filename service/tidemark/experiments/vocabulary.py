"""Which names of the catalogue a definition may use."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidemark.experiments.definition import SLICEABLE
from tidemark.query.catalogue import Catalogue

EXPOSURE = "exposure"
"""The event that makes somebody a user of the experiment; no metric counts it."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names that a definition may use.

    Attributes:
        events: what metrics can count.
        slices: a dimension's name in lower case, and its column.
        properties: dimensions that only raw events have, in lower case: no slices.
    """

    events: tuple[str, ...]
    slices: Mapping[str, str]
    properties: frozenset[str]


def vocabulary_of(catalogue: Catalogue) -> Vocabulary:
    """The names of a catalogue."""
    columns = {one.name.lower(): one.column for one in catalogue.dimensions.values()}
    return Vocabulary(
        events=tuple(sorted(catalogue.events.keys() - {EXPOSURE})),
        slices={name: column for name, column in columns.items() if column in SLICEABLE},
        properties=frozenset(name for name, column in columns.items() if column is None),
    )
