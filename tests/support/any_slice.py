"""``python any_slice.py FOLDER SEED COUNT [FIRST]``: random questions to the planner in this process.

Prints every difference from the recomputation; ends with 1 where there is one. FIRST is the number of the
question to begin with: what a failure names.
"""

import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import truth
from difference import difference
from planner import Planner
from questions import DAY, Events, Questions, changes

NOW = truth.to_ms("2026-11-24T18:41:23.456Z")
START = NOW - 3 * 365 * DAY
EVENTS = 3000
_SHOWN = 20


def main(folder: Path, seed: int, count: int, first: int) -> bool:
    """Whether there was no difference."""
    dice = random.Random(seed)
    moments = [*changes(dice, START, NOW, each=3), (NOW - DAY, "UTC"), (NOW, "Europe/Berlin")]
    events = Events(dice, START, NOW, moments, nul=True).make(EVENTS)
    kept = truth.distinct(events)
    planner = Planner(folder, NOW)
    planner.store(events)
    wrong: Counter[str] = Counter()
    spent = [0.0, 0.0]
    for number in range(first, first + count):
        question = Questions(random.Random(f"{seed}/{number}"), kept, moments, NOW).make()
        started = time.perf_counter()
        expected = truth.answer_distinct(kept, question, NOW)
        asked = time.perf_counter()
        try:
            told = difference(expected, planner.ask(question), question)
        except Exception as error:  # noqa: BLE001 - every error is a difference
            told = f"{type(error).__name__}: {error}\n{json.dumps(question)}"
        spent[0] += asked - started
        spent[1] += time.perf_counter() - asked
        if told:
            wrong[told.splitlines()[0].split(" is ")[0][:60]] += 1
            if wrong.total() <= _SHOWN:
                print(f"question {number} of seed {seed}: {told}\n")
    print(f"{wrong.total()} of {count} differ; the truth took {spent[0]:.1f} s, the product {spent[1]:.1f} s")
    for what, often in wrong.most_common(_SHOWN):
        print(f"  {often} times: {what}")
    return not wrong


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[2:]]
    right = main(Path(sys.argv[1]), numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 0)
    sys.stdout.flush()
    os._exit(not right)  # the engine's threads need no orderly end here
