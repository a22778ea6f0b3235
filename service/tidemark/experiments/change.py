"""What must not change once users have been counted: an old definition against a new one, pure.

The guarantee (alpha, however often it is looked at) holds for what was fixed before anybody saw a number. So
whatever the verdict depends on stays: changing it after looking would choose the question by its answer. What
only adds, a metric, a slice, other weights for users to come, an end, is free. Names and texts are always
free.
"""

from collections.abc import Iterator, Mapping

from tidemark.declared.problem import shown
from tidemark.experiments.definition import Definition, Guardrail, Metric, Status
from tidemark.query.instant import DAY_MS, format_instant, from_ms

NEW_ONE = "declare a new experiment under another id"
PHASE_GRACE_MS = DAY_MS
"""How long after weights changed where exposures are made the phase may still be declared."""


def has_started(definition: Definition, now_ms: int) -> bool:
    """Whether exposures may have been counted by then."""
    begun = definition.start_ms is not None and definition.start_ms <= now_ms
    return definition.status is not Status.DRAFT and begun


def refusals(old: Definition, new: Definition, now_ms: int) -> tuple[str, ...]:
    """Why ``new`` cannot replace ``old``: a sentence for each thing that must not change; empty: it can.

    Args:
        old: what was last published under this id.
        new: what stands in the catalogue.
        now_ms: the time, Unix ms; nothing is refused before the start.
    """
    if not has_started(old, now_ms):
        return ()
    return tuple(f"{shown(old.id)}: {sentence}" for sentence in _changes(old, new, now_ms))


def _changes(old: Definition, new: Definition, now_ms: int) -> Iterator[str]:
    if new.status is Status.DRAFT:
        yield "the experiment has started, so it cannot be a draft again; set status: stopped and an end"
    for key, before, after, reason in _frozen(old, new):
        if before != after:
            yield f"{key} was {before} at the start and is {after} now; {reason}: set it back, or {NEW_ONE}"
    yield from _variants(old, new, now_ms)
    yield from _metrics(old, new)


def _frozen(old: Definition, new: Definition) -> Iterator[tuple[str, str, str, str]]:
    """(key, old value, new value, reason)."""
    yield "unit", old.unit, new.unit, "other people would be counted than were randomised"
    yield "start", _time(old.start_ms), _time(new.start_ms), "users counted so far would come or go"
    yield (
        *("control", old.control.key, new.control.key),
        "every verdict would compare with another arm",
    )
    yield (
        "alpha",
        str(old.alpha),
        str(new.alpha),
        "false alarms are promised for the one fixed before looking",
    )
    yield (
        *("planned_users", f"{old.planned_users:,}", f"{new.planned_users:,}"),
        "the boundary is tuned to it, and tuned after looking it holds no more",
    )
    yield (
        *("window", f"{old.window_ms // 60_000:,} minutes", f"{new.window_ms // 60_000:,} minutes"),
        "each user's sum so far would be another",
    )
    yield "covariate", _covariate(old), _covariate(new), "the adjustment must be chosen before looking"


def _variants(old: Definition, new: Definition, now_ms: int) -> Iterator[str]:
    before, after = _weights(old), _weights(new)
    for variant in before:
        if variant not in after:
            told = f"the variant {shown(variant)} has users and is missing now"
            yield f"{told}; write it again, or set status: stopped and an end"
    for variant in after:
        if variant not in before:
            told = f"the variant {shown(variant)} is new; it would be compared with users who came before it"
            yield f"{told}: leave it out, or {NEW_ONE}"
    if before.keys() == after.keys():
        if before != after:
            told = f"the weights were {_told(before)} at the start and are {_told(after)} now"
            yield f"{told}; users so far came by the old ones: set them back and add a phase that starts now"
        yield from _phases(old, new, now_ms)


def _phases(old: Definition, new: Definition, now_ms: int) -> Iterator[str]:
    begun, kept = _begun(old, now_ms), _begun(new, now_ms)
    for at, weights in begun.items():
        if kept.get(at) != weights:
            told = f"the phase of {_time(at)} with {_told(weights)} has begun"
            yield f"{told}; users came by its weights: write it as it was"
    for at in kept:
        if at not in begun and at < now_ms - PHASE_GRACE_MS:
            told = f"the phase of {_time(at)} is new and began more than a day ago"
            yield f"{told}; users have been counted by other weights since: let it start later"


def _metrics(old: Definition, new: Definition) -> Iterator[str]:
    names = {metric.name: metric for metric in new.metrics}
    goals = {metric.name for metric in new.goals}
    for metric in old.metrics:
        if metric.name not in names:
            told = f"the metric {metric.name} is missing now"
            yield f"{told}; left out after looking, a bad result would be spared: write it again"
        elif _formula(metric) != _formula(names[metric.name]):
            told = f"the metric {metric.name} has another {_differing(metric, names[metric.name])} now"
            yield f"{told}; set it back, and add the other one under another name"
    for metric in old.goals:
        if metric.name in names and metric.name not in goals:
            told = f"the goal {metric.name} is only a guardrail now"
            yield f"{told}; goals are corrected together: make it a goal again"
    yield from _guardrails(old, new)


def _guardrails(old: Definition, new: Definition) -> Iterator[str]:
    names, goals = {metric.name for metric in new.metrics}, {metric.name for metric in new.goals}
    rails = {rail.metric.name: rail for rail in new.guardrails}
    for rail in old.guardrails:
        name = rail.metric.name
        margin, now = _margin(rail), _margin(rails.get(name))
        if name in names and margin != now:
            told = f"the margin of {name} was {margin} at the start and is {now} now"
            yield f"{told}; chosen after looking, it would make anything safe: set it back"
        if name in goals and rail.metric not in old.goals:
            told = f"the guardrail {name} is a goal now"
            yield f"{told}; chosen after looking, it would pick the answer: make it a guardrail only"


def _formula(metric: Metric) -> Mapping[str, object]:
    """What its number depends on."""
    return {
        "kind": metric.kind,
        "numerator": metric.numerator,
        "denominator": metric.denominator,
        "cap": metric.cap,
        "better": metric.better,
    }


def _differing(old: Metric, new: Metric) -> str:
    before, after = _formula(old), _formula(new)
    return ", ".join(key for key in before if before[key] != after[key])


def _weights(definition: Definition) -> Mapping[str, int]:
    return {variant.key: variant.weight for variant in definition.variants}


def _begun(definition: Definition, now_ms: int) -> Mapping[int, Mapping[str, int]]:
    """The weights of each phase that has begun, by its start."""
    keys = tuple(variant.key for variant in definition.variants)
    return {
        phase.start_ms: dict(zip(keys, phase.weights, strict=True))
        for phase in definition.phases
        if phase.start_ms <= now_ms
    }


def _told(weights: Mapping[str, int]) -> str:
    return ", ".join(f"{shown(variant)} {weight:,}" for variant, weight in weights.items())


def _margin(rail: Guardrail | None) -> str:
    if rail is None:
        return "none"
    return f"{rail.margin.value} {'relative' if rail.margin.is_relative else 'absolute'}"


def _covariate(definition: Definition) -> str:
    covariate = definition.covariate
    if covariate is None:
        return "none"
    return f"{covariate.metric or 'each own'} over {covariate.days} days"


def _time(at: int | None) -> str:
    return "none" if at is None else format_instant(from_ms(at))
