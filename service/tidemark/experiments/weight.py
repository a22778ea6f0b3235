"""Variants, their weights and the phases in which they change, read from YAML."""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal

from tidemark.declared.entry import Entry, MistakeError, Node, Sheet, items, line_of, pairs, scalar
from tidemark.declared.problem import nearest, shown
from tidemark.declared.values import decimal, instant, key, maybe, one_of
from tidemark.experiments.definition import MAX_KEY, MAX_PHASES, MAX_VARIANTS, Phase

Weights = Mapping[str, int]
NO_WEIGHTS: Weights = {}
"""Where they could not be read."""
_MAX_WEIGHT, _PARTS = 1_000_000, 1_000_000


def read_variants(entry: Entry) -> Weights:
    """The weight of each variant in the first phase; none where they cannot be read."""
    hint = "write {control: 1, treatment: 1}, names and weights"
    return entry.need("variants", _weights(entry.sheet), NO_WEIGHTS, hint)


def read_control(entry: Entry, weights: Weights) -> str:
    """The control: the one that ``control`` names, else the variant of that name."""
    if "control" in entry:
        return entry.read("control", one_of("variant", tuple(weights)), "") if weights else ""
    if weights and "control" not in weights:
        entry.add(
            "variants", "no variant is called control; write control: and the name of the one that is it"
        )
    return "control"


def read_phases(entry: Entry, weights: Weights, start: int | None, end: int | None) -> tuple[Phase, ...]:
    """Later weights; those of a phase stand in the order of the variants."""
    last = start
    none: list[Node] = []
    found: list[Phase] = []
    for node in entry.read("phases", lambda node: items(node, MAX_PHASES), none):
        try:
            phase = Entry(entry.sheet, node, ("start", "weights"))
        except MistakeError as mistake:
            entry.sheet.add(mistake.line, f"a phase {mistake.sentence}")
            continue
        at = phase.need("start", maybe(instant), None, "write the instant from which its weights hold")
        given = phase.need("weights", _weights(entry.sheet), NO_WEIGHTS, "write the weight of every variant")
        if weights and given and given.keys() != weights.keys():
            phase.add("weights", _other_names(given, weights))
        if at is not None and last is not None and at <= last:
            phase.add(
                "start",
                "a phase starts after the experiment and after the phase before it; choose a later time",
            )
        if at is not None and end is not None and (start or 0) < end <= at:
            phase.add("start", "the phase starts when the experiment has ended; choose a time before end")
        last = at if at is not None else last
        found.append(Phase(at or 0, tuple(given.get(variant, 1) for variant in weights)))
    return tuple(found)


def _weights(sheet: Sheet) -> Callable[[Node], Weights]:
    """Weights by variant, as the least whole numbers: 50 and 50, 0.5 and 0.5 are 1 and 1."""

    def read(node: Node) -> Weights:
        found: dict[str, int] = {}
        given = pairs(node)
        if not 2 <= len(given) <= MAX_VARIANTS:  # noqa: PLR2004 - something to compare
            raise MistakeError(node, f"has {len(given)} entries; there must be 2 to {MAX_VARIANTS} variants")
        for key_node, value in given:
            try:
                variant = key(MAX_KEY)(key_node)
            except MistakeError as mistake:
                sheet.add(mistake.line, f"a variant's name {mistake.sentence}")
                continue
            if variant in found:
                sheet.add(
                    line_of(key_node), f"the variant {shown(variant)} stands there twice; leave one out"
                )
            try:
                found[variant] = _weight(value)
            except MistakeError as mistake:
                sheet.add(mistake.line, f"the weight of {shown(variant)} {mistake.sentence}")
                found[variant] = 1
        divisor = math.gcd(*found.values())
        return {variant: weight // divisor for variant, weight in found.items()}

    return read


def _weight(node: Node) -> int:
    parts = decimal(node) * _PARTS
    if not 0 < parts <= Decimal(_MAX_WEIGHT) * _PARTS or parts != parts.to_integral_value():
        raise MistakeError(
            node,
            f"is {shown(scalar(node))}; it must be above 0 and at most {_MAX_WEIGHT:,}, with at most six "
            "decimals",
        )
    return int(parts)


def _other_names(given: Weights, weights: Weights) -> str:
    for variant in given:
        if variant not in weights:
            return f"there is no variant {shown(variant)}; {nearest(variant, weights)}"
    missing = ", ".join(shown(variant) for variant in weights if variant not in given)
    return f"weights of a phase name every variant, and {missing} is missing; add it"
