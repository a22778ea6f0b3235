"""``python calendar_planner.py FOLDER``: days on which clocks change, to the planner in this process.

Prints what each answered, a JSON object by name: the rows and the earlier range, as `calendar_cases.told` has
them.
"""

import json
import os
import sys
from pathlib import Path

from calendar_cases import CASES, told
from planner import Planner

RUN = "hand"


def main(folder: Path) -> None:
    """Store the events of all cases, then ask each."""
    planner = Planner(folder, 1_800_000_000_000)
    planner.store([event for case in CASES for event in case.events(RUN)])
    json.dump({case.name: told(planner.ask(case.question(RUN))) for case in CASES}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # the engine's threads need no orderly end here
