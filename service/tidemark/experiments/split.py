"""Do users split between the variants as the weights say, phase by phase? Pure."""

import numpy as np

from tidemark.experiments.definition import Definition
from tidemark.experiments.look import ceiling
from tidemark.experiments.sums import Sums
from tidemark.stats.sampleratio import SampleRatio, sample_ratio


def phase_starts(definition: Definition) -> tuple[int, ...]:
    """Unix seconds from which other weights hold: of the first exposures of whole minutes.

    The job counts first exposures by the minute, so the minute in which weights change belongs to the phase
    before. Looks must be among others at these instants, so that each look's new users are of one phase.
    """
    return tuple(ceiling(phase.start_ms / 1000) for phase in definition.phases)


def split(definition: Definition, sums: Sums) -> SampleRatio:
    """The test of each slice at the last look, its p-value being the least of all looks.

    Users of variants that are not declared are in no arm, so they are not in it; nor are excluded ones.
    """
    arms = np.stack([sums.users_of(one.key) for one in definition.variants], axis=-1)
    new = np.diff(arms, axis=-2, prepend=0.0)
    phase = np.searchsorted(phase_starts(definition), sums.looks.starts, side="right")
    weights = [[one.weight for one in definition.variants], *(one.weights for one in definition.phases)]
    in_phase = phase[:, None] == np.arange(len(weights))
    counts = np.cumsum(new[..., None, :] * in_phase[:, :, None], axis=-3)
    tested = sample_ratio(counts, weights, over_time=True)
    return SampleRatio(
        ok=tested.ok[..., -1],
        p_value=tested.p_value[..., -1],
        chi_square_p_value=tested.chi_square_p_value[..., -1],
        expected=tested.expected[..., -1, :],
        observed=tested.observed[..., -1, :],
    )
