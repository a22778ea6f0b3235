"""What watching costs, and that it may be done: A/A streams watched, power, sample ratio, slices.

    python bench/watching.py [--paths 2000] [--only later] [--markdown]

Simulated with a fixed seed: equal paths, equal figures. No database; an environment for gbstats is made on
the first run. Ends with 1 if anything is above its bar, which is alpha and three standard errors.
``--markdown`` writes the section “What watching costs” of docs/experiments.md.
"""

import argparse
import sys
import time
from pathlib import Path

from dashboard_report import with_section
from watching_false import complete, later
from watching_power import power, split
from watching_slices import slices

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "experiments.md"
HEADING = "What watching costs"
PARTS = {"complete": complete, "later": later, "power": power, "split": split, "slices": slices}

INTRODUCTION = """\
`python bench/watching.py` simulates this, with a fixed seed. A share of paths is held to 5 % and three
standard errors (6.5 % for 2,000 paths).

**Which clock.** The boundary's multiplier c depends on how far an experiment has come. A clock that counts
users stands still after recruitment, while purchases go on and the difference goes on wandering: it is
crossed more often than alpha allows where all users come at once, and in the end by all. A clock of 1/V
runs backwards as users' values grow; kept at its largest it stands still, too. The intrinsic clock, the
variance of the sum of what was seen, goes on with the purchases, and verdicts run on it. It costs width
where most purchases come after the first look: c at the end is then above 3.04, the least, and the users
needed grow with (c + 0.84)²: at 3.2 by 9 %, at 3.5 by 25 %, at 3.8 by 43 %. Whatever the clock, means and
ratios in unequal arms need 100 buyers an arm rather than 25: the variance of a small arm with long tails is
too often far too small."""


def main() -> int:
    """Simulate and print; 0 when everything is below its bar."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--paths", type=int, default=2_000, help="simulated experiments a row")
    parser.add_argument("--only", choices=PARTS, help="one part of it")
    parser.add_argument("--markdown", action="store_true", help=f"write the section of {DOCUMENT.name}")
    options = parser.parse_args()
    if options.markdown and options.only:
        parser.error("--markdown writes all parts: leave out --only")
    parts = [INTRODUCTION]
    missed: list[str] = []
    for name, part in PARTS.items():
        if options.only in (None, name):
            began = time.process_time()
            table = part(options.paths)
            parts.append(table.markdown())
            missed += table.missed
            print(f"{parts[-1]}\n\n({time.process_time() - began:.0f} s of CPU)\n", flush=True)
    for sentence in missed:
        print(f"missed: {sentence}")
    if options.markdown:
        DOCUMENT.write_text(with_section(DOCUMENT.read_text(), HEADING, "\n\n".join(parts)))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
