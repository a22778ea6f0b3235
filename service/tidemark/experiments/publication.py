"""What is in force once the catalogue was read again: definitions against what was last published. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tidemark.experiments.change import refusals
from tidemark.experiments.definition import Definition
from tidemark.experiments.published import Published, publish


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be published.

    Attributes:
        in_force: each experiment that there is from now on; of a refused one what was published before.
        removed: ids that were published and are declared no more.
        refused: a sentence for each thing that must not change.
    """

    in_force: tuple[Published, ...]
    removed: tuple[str, ...]
    refused: tuple[str, ...]


def plan(before: Mapping[str, Published], declared: Iterable[Definition], now_ms: int) -> Publication:
    """What is in force from now on.

    Args:
        before: what was last published, by id.
        declared: the definitions of a catalogue without problems; with some, a mistake in a file would take
            its experiment away.
        now_ms: the time, Unix ms.
    """
    in_force: list[Published] = []
    refused: list[str] = []
    for definition in declared:
        old = before.get(definition.id)
        wrong = refusals(old.definition, definition, now_ms) if old else ()
        refused += wrong
        in_force.append(old if old and wrong else publish(old, definition, now_ms))
    known = {one.definition.id for one in in_force}
    return Publication(tuple(in_force), tuple(one for one in before if one not in known), tuple(refused))
