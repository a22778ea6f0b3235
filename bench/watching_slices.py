"""Fifty slices, all watched at each look: how often one is called that has no effect, by e-BH and without."""

import numpy as np

from tidemark.stats.array import Flags, Floats
from tidemark.stats.boundary import Boundary
from tidemark.stats.comparison import watch
from tidemark.stats.effect import proportion
from tidemark.stats.multiplicity import e_bh
from watching_streams import at_once
from watching_table import ALPHA, Table, above, chunks, percent

SLICES, LOOKS, CHUNK = 50, 100, 50
RATE, LIFT = 0.05, 0.2
A_LOOK = np.round(4_000 / np.arange(1, SLICES + 1) + 20).astype(int)[:, None]
"""Users an arm between looks: slices are as uneven as countries are."""


def slices(paths: int) -> Table:
    """All slices null, and ten of fifty with a true lift."""
    rows, missed = [], []
    planned = 2.0 * float(A_LOOK.sum()) * LOOKS
    tunings = {"the experiment": planned, "a slice": planned / SLICES}
    effects = (np.zeros(SLICES, dtype=bool), np.arange(SLICES) % 5 == 0)
    for number, (real, tuned) in enumerate((real, tuned) for real in effects for tuned in tunings):
        boundary = Boundary.tuned(ALPHA, tunings[tuned])
        by: dict[str, list[Floats]] = {"e-BH": [], "each slice's own verdict": []}
        for random, size in chunks(paths, CHUNK, 5, number):
            shape = (size, SLICES, LOOKS)
            one = at_once(random, shape, A_LOOK, RATE)
            other = at_once(random, shape, A_LOOK, RATE * (1 + LIFT * real[:, None]))
            seen = watch(proportion, one, other, (one.x, other.x), boundary)
            by["e-BH"].append(_figures(e_bh(seen.log_e, ALPHA, axis=1), real))
            by["each slice's own verdict"].append(_figures(seen.above | seen.below, real))
        for name, parts in by.items():
            ever, first, last, found = np.concatenate(parts, axis=-1).mean(axis=-1)
            cells = (percent(float(one)) for one in (ever, first, last))
            rows.append(
                [
                    f"{real.sum()} of {SLICES}",
                    tuned,
                    name,
                    *cells,
                    percent(float(found)) if real.any() else "",
                ]
            )
            if name == "e-BH":
                missed += above(
                    float(first), ALPHA, paths, f"e-BH's false share with {real.sum()} true slices"
                )
    words = (
        f"**Fifty slices, all watched.** {paths:,} paths of {SLICES} slices of very different size,"
        f" {LOOKS} looks, base rate {RATE:.0%}, true lift {LIFT:.0%} where there is one. The false share"
        " is that of what is called, 0 where nothing is."
    )
    head = [
        "true effects", "tuned to", "called by", "a null slice ever called", "false share at the first call",
        "false share at the end", "true ones found",
    ]  # fmt: skip
    return Table(words, head, rows, missed)


def _figures(called: Flags, real: Flags) -> Floats:
    """Of shape (4, paths): false ever; false share at the first call, at the end; true ones found."""
    wrong = (called & ~real[:, None]).sum(axis=1)
    share = wrong / np.maximum(called.sum(axis=1), 1)
    first = np.argmax(called.any(axis=1), axis=-1)[:, None]
    return np.stack(
        [
            (wrong > 0).any(axis=-1),
            np.take_along_axis(share, first, axis=-1)[:, 0],
            share[:, -1],
            called[:, real, -1].sum(axis=1) / max(int(real.sum()), 1),
        ]
    )
