"""One file of the catalogue, read and checked: a definition, or everything that is wrong with it."""

from collections.abc import Callable, Mapping

from tidemark.declared.entry import (
    Document,
    Entry,
    MistakeError,
    Node,
    Sheet,
    compose,
    items,
    line_of,
    scalar,
)
from tidemark.declared.problem import Problem, shown
from tidemark.declared.values import choice, instant, key, length, maybe, number, one_of, text, whole
from tidemark.experiments.definition import (
    MAX_ALPHA,
    MAX_COVARIATE_DAYS,
    MAX_DESCRIPTION,
    MAX_KEY,
    MAX_LABEL,
    MAX_METRICS,
    MAX_WINDOW_MS,
    SLICEABLE,
    Covariate,
    Definition,
    Guardrail,
    Metric,
    Status,
    UserKey,
    Variant,
)
from tidemark.experiments.effect import read_planned_users
from tidemark.experiments.metric import guardrail, metric
from tidemark.experiments.vocabulary import Vocabulary
from tidemark.experiments.weight import read_control, read_phases, read_variants
from tidemark.query.instant import DAY_MS

DOCUMENT = Document(
    noun="a definition",
    levels="five",
    root="a file is one experiment, a mapping of keys to values; begin with id and name",
)
DEFAULT_ALPHA = 0.05
DEFAULT_WINDOW_MS = 7 * DAY_MS
DEFAULT_SLICES = ("platform", "country")  # in the order of a cell's key
DEFAULT_COVARIATE_DAYS = 14
KEYS = (
    *("id", "name", "description", "status", "start", "end", "unit", "variants", "control", "phases"),
    *("planned_users", "minimal_effect", "alpha", "window", "goals", "guardrails", "slices", "covariate"),
)


def check(
    file: str, content: bytes, vocabulary: Vocabulary, taken: Mapping[str, str]
) -> Definition | list[Problem]:
    """The definition in a file.

    Args:
        file: its name, for problems.
        content: its bytes.
        vocabulary: the names it may use.
        taken: ids that are declared already, each with its file.

    Returns:
        The definition, or everything that is wrong, in the order of the lines.
    """
    sheet = Sheet(file)
    node = compose(content, sheet, DOCUMENT)
    if node is not None:
        definition = _definition(Entry(sheet, node, KEYS), vocabulary, taken)
        if not sheet.problems:
            return definition
    return sorted(sheet.problems)


def _definition(entry: Entry, vocabulary: Vocabulary, taken: Mapping[str, str]) -> Definition:
    sheet = entry.sheet
    known = entry.need("id", key(MAX_KEY), "", "write what exposures carry as experiment_id")
    if known in taken:
        told = f"the id {shown(known)} is that of {taken[known]}"
        entry.add("id", f"{told}; choose another or remove one of the files")
    status = entry.read("status", choice("status", {one.value: one for one in Status}), Status.DRAFT)
    start, end = entry.read("start", maybe(instant), None), entry.read("end", maybe(instant), None)
    _check_times(entry, status, start, end)
    weights = read_variants(entry)
    control = read_control(entry, weights)
    alpha = entry.read("alpha", number(0, MAX_ALPHA, above=True), DEFAULT_ALPHA)
    goals, guardrails = _metrics(entry, vocabulary)
    every = (*goals, *(each.metric for each in guardrails))
    names = tuple(dict.fromkeys(one.name for one in every if one.name))
    return Definition(
        id=known,
        name=entry.read("name", text(MAX_LABEL), known),
        description=entry.read("description", text(MAX_DESCRIPTION), ""),
        status=status,
        start_ms=start,
        end_ms=end,
        unit=entry.read("unit", choice("unit", {one.value: one for one in UserKey}), UserKey.USER_ID),
        variants=tuple(Variant(one, weight, one == control) for one, weight in weights.items()),
        phases=read_phases(entry, weights, start, end),
        planned_users=read_planned_users(entry, weights, control, alpha),
        alpha=alpha,
        window_ms=entry.read("window", length(MAX_WINDOW_MS), DEFAULT_WINDOW_MS),
        goals=goals,
        guardrails=guardrails,
        slices=entry.read("slices", _slices(sheet, vocabulary), DEFAULT_SLICES),
        covariate=entry.read("covariate", _covariate(sheet, names), None),
    )


def _check_times(entry: Entry, status: Status, start: int | None, end: int | None) -> None:
    if status is not Status.DRAFT and "start" not in entry:
        entry.add(
            "status",
            f"the status is {status} and start is missing; write the instant from which exposures count",
        )
    if status is Status.STOPPED and "end" not in entry:
        entry.add(
            "status", "the status is stopped and end is missing; write the instant from which none counts"
        )
    if start is not None and end is not None and end <= start:
        entry.add("end", "end is not after start; choose a later one or correct start")


def _metrics(entry: Entry, vocabulary: Vocabulary) -> tuple[tuple[Metric, ...], tuple[Guardrail, ...]]:
    sheet = entry.sheet
    goals: dict[str, Metric] = {}
    guardrails: dict[str, Guardrail] = {}
    none: list[Node] = []
    nodes = entry.need("goals", _some, none, "write at least one metric that decides")
    for node in nodes:
        try:
            goal = metric(sheet, vocabulary)(node)
        except MistakeError as mistake:
            sheet.add(mistake.line, f"a goal {mistake.sentence}")
            continue
        if goal.name and goal.name in goals:
            sheet.add(line_of(node), f"the goal {goal.name} stands there twice; rename one")
        goals[goal.name] = goal
    for node in entry.read("guardrails", lambda node: items(node, MAX_METRICS), none):
        try:
            rail = guardrail(sheet, vocabulary, goals)(node)
        except MistakeError as mistake:
            sheet.add(mistake.line, f"a guardrail {mistake.sentence}")
            continue
        named = rail.metric.name
        if named and named in guardrails:
            sheet.add(line_of(node), f"the guardrail {named} stands there twice; leave one out or rename it")
        elif named in goals and rail.metric is not goals[named]:
            sheet.add(
                line_of(node),
                f"{named} is the name of a goal; write goal: {named} to guard it, or rename one",
            )
        guardrails[named] = rail
    every = goals.keys() | guardrails.keys()
    if len(every) > MAX_METRICS:
        entry.add(
            "guardrails",
            f"there are {len(every)} metrics; there may be at most {MAX_METRICS}: leave some out",
        )
    return tuple(goals.values()), tuple(guardrails.values())


def _some(node: Node) -> list[Node]:
    nodes = items(node, MAX_METRICS)
    if not nodes:
        raise MistakeError(node, "is an empty list; write at least one metric that decides")
    return nodes


def _slices(sheet: Sheet, vocabulary: Vocabulary) -> Callable[[Node], tuple[str, ...]]:
    def read(node: Node) -> tuple[str, ...]:
        found: list[str] = []
        for each in items(node, len(SLICEABLE)):
            try:
                found.append(_slice(each, vocabulary, found))
            except MistakeError as mistake:
                sheet.add(mistake.line, f"a slice {mistake.sentence}")
        return tuple(column for column in SLICEABLE if column in found)

    return read


def _slice(node: Node, vocabulary: Vocabulary, found: list[str]) -> str:
    given = scalar(node)
    if given.lower() in vocabulary.properties:
        there_are = ", ".join(sorted(vocabulary.slices))
        raise MistakeError(
            node,
            f"is {given}, a property; a user's slice is frozen from a built-in dimension: there are "
            f"{there_are}",
        )
    column = choice("dimension to slice by", vocabulary.slices)(node)
    if column in found:
        raise MistakeError(node, f"is {given}, which stands there twice; leave one of them out")
    return column


def _covariate(sheet: Sheet, names: tuple[str, ...]) -> Callable[[Node], Covariate | None]:
    def read(node: Node) -> Covariate | None:
        entry = Entry(sheet, node, ("days", "metric"))
        days = entry.read("days", whole(1, MAX_COVARIATE_DAYS), DEFAULT_COVARIATE_DAYS)
        chosen: str | None = entry.read("metric", one_of("metric", names), "")
        return Covariate(days, chosen or None)

    return read
