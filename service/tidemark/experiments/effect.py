"""How many users are planned, read from YAML: the number, or the smallest effect worth finding."""

from collections.abc import Callable

from tidemark.declared.entry import Entry, MistakeError, Node, Sheet, scalar
from tidemark.declared.problem import shown
from tidemark.declared.values import decimal, number, plain, whole
from tidemark.experiments import planning
from tidemark.experiments.definition import MAX_PLANNED_USERS, MIN_PLANNED_USERS
from tidemark.experiments.weight import Weights

DEFAULT_POWER = 0.8
_MIN_RATE, _MIN_LIFT, _MAX_LIFT, _MIN_MEAN, _MAX_MEAN = 1e-6, 1e-4, 10.0, 1e-9, 1e12
_WRITTEN = "such as {base_rate: 12%, lift: 5%} or {mean: 30, standard_deviation: 80, lift: 5%}"


def read_planned_users(entry: Entry, weights: Weights, control: str, alpha: float) -> int:
    """The number itself, or what the effect needs; 0 where it cannot be read."""
    if ("planned_users" in entry) == ("minimal_effect" in entry):
        beside = "stand together" if "planned_users" in entry else "are both missing"
        entry.add(
            "minimal_effect",
            f"planned_users and minimal_effect {beside}; write one: how many users there will be, or the "
            f"smallest effect worth finding, {_WRITTEN}",
        )
    if "minimal_effect" not in entry:
        return entry.read("planned_users", whole(MIN_PLANNED_USERS, MAX_PLANNED_USERS), 0)
    given = entry.read("minimal_effect", _effect(entry.sheet), None)
    if given is None or control not in weights:
        return 0
    effect, power = given
    users = planning.planned_users(
        effect,
        tuple(weights.values()),
        list(weights).index(control),
        critical=planning.multiplier(alpha),
        power=power,
    )
    if users > MAX_PLANNED_USERS:
        entry.add(
            "minimal_effect",
            f"minimal_effect needs {users:,} users; there may be at most {MAX_PLANNED_USERS:,}: choose a "
            "greater lift",
        )
    return max(users, MIN_PLANNED_USERS)


def _effect(sheet: Sheet) -> Callable[[Node], tuple[planning.Effect, float] | None]:
    """The effect and the power, None where they could not be read."""

    def read(node: Node) -> tuple[planning.Effect, float] | None:
        entry = Entry(sheet, node, ("base_rate", "mean", "standard_deviation", "lift", "power"))
        before = len(sheet.problems)
        power = entry.read("power", number(0.5, 0.999, above=True), DEFAULT_POWER)
        lift = entry.need("lift", _size(_MIN_LIFT, _MAX_LIFT), 0.0, "write the relative change, such as 5%")
        has_rate, has_mean = "base_rate" in entry, "mean" in entry or "standard_deviation" in entry
        if has_rate == has_mean:
            raise MistakeError(
                node, f"must have either base_rate or mean and standard_deviation; write it {_WRITTEN}"
            )
        if has_rate:
            rate = entry.read("base_rate", number(_MIN_RATE, 1 - _MIN_RATE), 0.0)
            if rate and not 0 < rate * (1 + lift) < 1:
                entry.add(
                    "lift",
                    f"lift makes {rate * (1 + lift):.4g} of base_rate, which is no proportion; choose less",
                )
            effect = planning.rate_effect(rate, lift)
        else:
            mean = entry.need("mean", _size(_MIN_MEAN, _MAX_MEAN), 0.0, "write the control's mean a user")
            deviation = entry.need(
                "standard_deviation",
                number(0, _MAX_MEAN, above=True),
                0.0,
                "write that of one user of the control",
            )
            effect = planning.mean_effect(mean, deviation, lift)
        return (effect, power) if len(sheet.problems) == before else None

    return read


def _size(least: float, most: float) -> Callable[[Node], float]:
    """A number of either sign whose size is within bounds."""

    def read(node: Node) -> float:
        value = float(decimal(node))
        if not least <= abs(value) <= most:
            raise MistakeError(
                node,
                f"is {shown(scalar(node))}; without its sign it must be from {plain(least)} to {plain(most)}",
            )
        return value

    return read
