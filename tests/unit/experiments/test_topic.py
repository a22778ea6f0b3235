"""Which rows of the job's topics are needed no more."""

import json

from declared import TEXT, read
from tidemark.experiments.published import Published
from tidemark.experiments.topic import outdated

BUTTON = read(TEXT)


def key(experiment: str, generation: int) -> bytes:
    return json.dumps({"experiment_id": experiment, "generation": generation}).encode()


def test_the_generation_before_stays_while_the_new_one_is_computed_and_older_ones_go() -> None:
    known = {key(BUTTON.id, generation): b"{}" for generation in (3, 5, 7)}
    assert list(outdated(known, [Published(BUTTON, 7)])) == [key(BUTTON.id, 3)]


def test_an_experiment_that_is_declared_no_more_goes_with_all_generations() -> None:
    known = {key("gone", 1): b"{}", key("gone", 2): b"{}", key(BUTTON.id, 7): b"{}"}
    found = outdated(known, [Published(BUTTON, 7)])
    assert list(found) == [key("gone", 1), key("gone", 2)]
