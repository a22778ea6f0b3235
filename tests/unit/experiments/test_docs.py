"""The documentation's definitions are right, and its table of fields is complete."""

import re
from pathlib import Path

from declared import read
from tidemark.experiments.check import (
    DEFAULT_ALPHA,
    DEFAULT_COVARIATE_DAYS,
    DEFAULT_SLICES,
    DEFAULT_WINDOW_MS,
    KEYS,
)
from tidemark.experiments.planning import multiplier
from tidemark.query.instant import DAY_MS

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "experiments.md").read_text(encoding="utf-8")
FIRST, EVERYTHING = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def test_the_examples_pass_the_checker() -> None:
    assert read(FIRST).id == "spring-landing-page"
    assert len(read(EVERYTHING).metrics) == 4


def test_the_second_example_has_every_field_but_the_other_way_to_plan() -> None:
    assert set(KEYS) - set(re.findall(r"^(\w+):", EVERYTHING, re.MULTILINE)) == {"minimal_effect"}


def test_the_table_names_every_field() -> None:
    rows = [line.split("|")[1] for line in TEXT.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} >= set(KEYS)


def test_the_defaults_are_those_of_the_code() -> None:
    assert (DEFAULT_ALPHA, DEFAULT_WINDOW_MS, DEFAULT_COVARIATE_DAYS) == (0.05, 7 * DAY_MS, 14)
    assert set(DEFAULT_SLICES) == {"country", "platform"}
    assert f"{multiplier(DEFAULT_ALPHA):.2f}" == "3.04"
