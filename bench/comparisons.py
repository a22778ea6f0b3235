"""What a comparison costs: CPU of 10,000, to gbstats on the same inputs, and of a rolling chart's series.

    python bench/comparisons.py

gbstats, which compares one pair at a time, runs in an environment of its own that this makes on the first run
(in the system's temporary folder, kept for the next run): it needs another numpy. Both begin with the sums of
each arm and must find the same p-values and bounds. Ours is the least of several rounds. (Not called
statistics.py: a script's folder comes first in sys.path, and would hide the library.)
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidemark.stats.array import Floats, probability
from tidemark.stats.bayesian import bayesian
from tidemark.stats.boundary import Boundary
from tidemark.stats.comparison import Comparison, standard_errors, watch
from tidemark.stats.effect import Effect, mean
from tidemark.stats.horizon import FixedHorizon, welch
from tidemark.stats.interval import Interval, difference, side
from tidemark.stats.moments import Moments
from tidemark.stats.verdict import verdict

GBSTATS = "gbstats==0.8.0"
PAIRS, SLICES, MINUTES, ROUNDS = 10_000, 200, 1_440, 20
ALPHA, PLANNED = 0.05, 5_000
# how many times gbstats' CPU, and milliseconds
BARS = {"frequentist": 300, "sequential": 1_000}
SERIES_BAR = 100
Sums = dict[str, NDArray[np.int64]]


def python_of_gbstats() -> Path:
    """The interpreter that has gbstats, made when it is missing."""
    folder = Path(tempfile.gettempdir()) / f"tidemark-bench-{GBSTATS.replace('==', '-')}"
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        print(f"making an environment for {GBSTATS} in {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", GBSTATS], check=True)
        done.touch()
    return python


def drawn(random: np.random.Generator, level: float) -> Sums:
    """Sums of arms of 5,000 to 20,000 users whose values are counts."""
    n = random.integers(5_000, 20_000, PAIRS)
    x = random.poisson(level * n)
    return {
        "n": n,
        "x": x,
        "xx": np.floor(x * (1 + x / n) + np.sqrt(n) * random.normal(size=PAIRS)).astype(np.int64),
    }


def cpu_seconds(call: Callable[[], object]) -> float:
    """CPU seconds of one call, the least of several rounds (others use this machine too)."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best


def effect_of(control: Sums, treatment: Sums) -> Effect:
    """The effect, from the sums."""
    return mean(Moments.exact(**control), Moments.exact(**treatment))


def once(control: Sums, treatment: Sums) -> FixedHorizon:
    """Welch's p and Fieller's interval of the lift."""
    return welch(effect_of(control, treatment), ALPHA)


def watched(control: Sums, treatment: Sums) -> tuple[Floats, Interval]:
    """What gbstats' sequential test has: the always-valid p, and the bounds of the difference."""
    effect = effect_of(control, treatment)
    boundary = Boundary.tuned(ALPHA, PLANNED)
    clock = effect.control.users + effect.treatment.users
    z = standard_errors(effect)
    multiplier, log_e = boundary.look(z, clock)
    return probability(-log_e), difference(effect, multiplier, side(z, multiplier))


def whole(control: Sums, treatment: Sums) -> Comparison:
    """All of a comparison: the lift's interval, what is running, reasons."""
    arms = (
        Moments.exact(**{name: one[:, None] for name, one in sums.items()}) for sums in (control, treatment)
    )
    one, other = arms
    return watch(mean, one, other, (one.n, other.n), Boundary.tuned(ALPHA, PLANNED))


def agreed(theirs: dict[str, list[float]], ours: tuple[Floats, tuple[Floats, Interval]]) -> None:
    """Both found the same: p of one look, p and bounds of the watched difference."""
    once_p, (p_value, bounds) = ours
    found = {"once": once_p, "p": p_value, "lower": bounds.lower, "upper": bounds.upper}
    for name, values in found.items():
        np.testing.assert_allclose(values, theirs[name], rtol=1e-6, atol=1e-9)


def charted(control: Moments, treatment: Moments) -> Comparison:
    """A full series, from moments to verdicts."""
    ours = watch(mean, control, treatment, (control.n, treatment.n), Boundary.tuned(ALPHA, 1e6))
    verdict(ours, np.ones((), dtype=bool))
    return ours


def series_of(random: np.random.Generator) -> tuple[Moments, Moments]:
    """Two arms, slices by minutes, of users whose values vary as much as they are large."""
    arms = []
    for level in (1.0, 1.01):
        n = np.cumsum(random.poisson(3.0, (SLICES, MINUTES)), axis=-1).astype(np.float64)
        arms.append(Moments(n=n, x=random.poisson(level * n).astype(np.float64), dxx=n * n * level))
    return arms[0], arms[1]


def main() -> None:
    """Print the figures."""
    random = np.random.default_rng(1)
    control, treatment = drawn(random, 1.0), drawn(random, 1.01)
    sent = json.dumps(
        {
            "control": {name: one.tolist() for name, one in control.items()},
            "treatment": {name: one.tolist() for name, one in treatment.items()},
            "alpha": ALPHA,
            "planned": PLANNED,
        }
    )
    script = Path(__file__).with_name("comparisons_gbstats.py")
    done = subprocess.run(
        [python_of_gbstats(), script], input=sent, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"gbstats ended with {done.returncode}:\n{done.stderr}")
    theirs = json.loads(done.stdout)
    agreed(theirs, (once(control, treatment).p_value, watched(control, treatment)))
    ours = {
        "frequentist": cpu_seconds(lambda: once(control, treatment)),
        "sequential": cpu_seconds(lambda: watched(control, treatment)),
        "Bayesian": cpu_seconds(lambda: bayesian(effect_of(control, treatment))),
    }
    everything = cpu_seconds(lambda: whole(control, treatment))
    print(f"{PAIRS:,} comparisons, CPU seconds, {os.cpu_count()} cores; the results are the same")
    for name, own in ours.items():
        baseline = theirs["seconds"][name]
        bar = BARS.get(name)
        aim = "" if bar is None else f"   bar {bar:,} times: {'met' if baseline / own >= bar else 'missed'}"
        print(
            f"{name:12s} gbstats {baseline:8.3f} s   ours {own:8.5f} s = {own / PAIRS * 1e6:5.2f} us each"
            f"   {baseline / own:8,.0f} times{aim}"
        )
    print(
        f"beside it, with the lift, reasons and what is running: {everything:.5f} s ="
        f" {everything / PAIRS * 1e6:.2f} us each, {theirs['seconds']['sequential'] / everything:,.0f} times"
    )
    arms = series_of(random)
    series = cpu_seconds(lambda: charted(*arms)) * 1000
    print(
        f"{SLICES} slices x {MINUTES:,} minutes, always valid: {series:.1f} ms of CPU"
        f"   bar {SERIES_BAR} ms: {'met' if series <= SERIES_BAR else 'missed'}"
    )


if __name__ == "__main__":
    main()
