"""What is in force once the catalogue was read again: definitions against what was last published. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tidemark.experiments.change import refusals
from tidemark.experiments.definition import Definition
from tidemark.experiments.published import Published, publish


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be published.

    Attributes:
        in_force: each experiment that there is from now on; of a refused one what was published before.
        removed: those that were in force and are declared no more.
        refused: a sentence for each thing that must not change.
    """

    in_force: tuple[Published, ...]
    removed: tuple[Published, ...]
    refused: tuple[str, ...]


def plan(before: Mapping[str, Published], declared: Iterable[Definition], now_ms: int) -> Publication:
    """What is in force from now on.

    Args:
        before: what was last published, by id, with those that were removed since.
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
        # a removed one that comes back as another stays away
        if not (old and wrong):
            in_force.append(publish(old, definition, now_ms))
        elif not old.is_removed:
            in_force.append(old)
    known = {one.definition.id for one in in_force}
    gone = (old for id_, old in before.items() if id_ not in known and not old.is_removed)
    removed = tuple(replace(old, is_removed=True) for old in gone)
    return Publication(tuple(in_force), removed, tuple(refused))
