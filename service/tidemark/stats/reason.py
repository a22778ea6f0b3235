"""Why there is no verdict, no lift or no interval, or why not to trust one: codes for machines.

Arrays carry them as bits, one a code, so that slices by minutes stay arrays.
"""

from enum import StrEnum
from functools import lru_cache


class Reason(StrEnum):
    """The codes; each says what is missing, and what to do."""

    NO_USERS = "NO_USERS"
    """An arm has no users: is it running, and is the slice one that it gets?"""
    TOO_FEW_USERS = "TOO_FEW_USERS"
    """An arm has users, but fewer than the least number (100): wait."""
    TOO_FEW_CONVERSIONS = "TOO_FEW_CONVERSIONS"
    """Fewer users of an arm than the least number (25) did what the metric counts: wait."""
    NO_DENOMINATOR = "NO_DENOMINATOR"
    """A ratio metric's denominator is 0 in an arm, so there is no ratio."""
    NO_VARIANCE = "NO_VARIANCE"
    """All users of an arm have the same value: how sure the difference is cannot be known."""
    SAMPLE_RATIO_MISMATCH = "SAMPLE_RATIO_MISMATCH"
    """Users do not split as the weights say: whatever lost them may have made the effect. Find it first."""
    LIFT_UNBOUNDED = "LIFT_UNBOUNDED"
    """The control mean is not yet away from 0, so the lift may be anything: the difference decides."""
    LIFT_UNSETTLED = "LIFT_UNSETTLED"
    """The difference was decided while the lift was unbounded, the lift is not: the difference decides."""
    EMPTY_INTERSECTION = "EMPTY_INTERSECTION"
    """The difference's intervals of several minutes have nothing in common: the effect changes with time."""
    LIFT_EMPTY_INTERSECTION = "LIFT_EMPTY_INTERSECTION"
    """The lift's intervals of several minutes have nothing in common: the lift changes with time."""
    BOTH_SIDES = "BOTH_SIDES"
    """Better was shown at one minute and worse at another: the effect turned, so there is no verdict."""
    REBUILDING = "REBUILDING"
    """The numbers are those of an earlier definition, or not whole yet, until the new ones have caught up."""
    UNDECLARED_VARIANT = "UNDECLARED_VARIANT"
    """Exposures name a variant that the definition has not; its users are in no arm: who sends it?"""
    WEIGHTS_CHANGED = "WEIGHTS_CHANGED"
    """A phase changed the treatment's share beside the control, so the arms' users are of other days."""

    @property
    def bit(self) -> int:
        """Its bit in an array of codes."""
        return 1 << _PLACES[self]


_PLACES = {reason: place for place, reason in enumerate(Reason)}


@lru_cache(maxsize=4096)
def reasons(bits: int) -> tuple[Reason, ...]:
    """The codes of one element, in the order of their declaration; few combinations occur."""
    return tuple(reason for reason in Reason if bits & reason.bit)
