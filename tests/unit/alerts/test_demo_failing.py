"""The demo's failing campaign before the shipped rule, by the demo's own events and no database."""

from collections import defaultdict

import numpy as np
import pytest

from rules import KNOWN, ROOT
from tidemark.alerts.folder import load
from tidemark.alerts.judge import observations
from tidemark.alerts.limit import replay
from tidemark.alerts.series import Labels
from tidemark.ingest.demo.scenario import MENDED_MS, Scenario

MINUTE = 60_000
NOON = 1_795_435_200_000
"""2026-11-23 12:00 UTC, Unix ms."""
LENGTH, WINDOW = 14, 15
"""Minutes."""
MICROS = 1_000_000
(RULE,) = (
    rule
    for rule in load(ROOT / "catalogue" / "alerts", KNOWN).rules
    if rule.name == "SpendWithoutConversions"
)


def told(play: Scenario) -> list[tuple[Labels, str, float]]:
    """Of whom what was told when, minutes since the start."""
    sums: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for number in range(play.due(NOON + LENGTH * MINUTE)):
        event = play.event(number)
        cell = sums[event.campaign_id, event.event_time // MINUTE]
        cell[0] += event.cost_micros
        cell[1] += event.event == "conversion"
    labels = [(("campaign", campaign),) for campaign in play.campaigns]
    history = []
    first = NOON // MINUTE + 1
    for tick in range(first, first + LENGTH):
        windows = np.array(
            [
                np.sum([sums[campaign, minute] for minute in range(tick - WINDOW, tick)], axis=0)
                for campaign in play.campaigns
            ]
        )
        columns = {"SPEND": windows[:, 0] / MICROS, "CONVERSIONS": windows[:, 1].astype(float)}
        history.append(
            (tick * MINUTE, observations(RULE, labels, columns, tick * MINUTE, tracked=set(labels)))
        )
    return [
        (series, change.kind.value, (change.at_ms - play.start_ms) / MINUTE)
        for outcome in replay(RULE, history)
        for series, change in outcome.changes
    ]


@pytest.mark.parametrize(("seed", "into_the_minute"), [(1, 0), (2, 40_000)])
def test_the_demos_failing_campaign_fires_once_and_resolves_once_and_no_other_does(
    seed: int, into_the_minute: int
) -> None:
    play = Scenario(seed=seed, start_ms=NOON + into_the_minute, rate=50.0, campaigns=6)
    (fired, resolved) = told(play)
    assert fired[:2] == ((("campaign", play.failing),), "FIRED")
    assert resolved[:2] == ((("campaign", play.failing),), "RESOLVED")
    assert fired[2] < 6 < MENDED_MS / MINUTE < resolved[2]
