"""The past of rules that nothing shorter tells: each tick is asked as it would have been."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from tidemark.alerts.ask import Asker
from tidemark.alerts.campaigns import Campaign
from tidemark.alerts.past import Batch, Record
from tidemark.alerts.rule import Rule
from tidemark.query.database import Database

_STEP_SECONDS = 0.5


class Asking:
    """A `Past`: distinct users, the greatest of a top, results of experiments."""

    def __init__(
        self,
        asker: Asker,
        rule: Rule,
        campaigns: Mapping[str, Campaign],
        ticks: range,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.record = Record(rule)
        self._asker, self._rule, self._campaigns, self._ticks = asker, rule, campaigns, ticks
        self._monotonic = monotonic

    def step(self, database: Database) -> float:
        """Ask for as many ticks as half a second allows, at least one."""
        asker, until = self._asker.on(database), self._monotonic() + _STEP_SECONDS
        for tick_ms in self._ticks[len(self.record.history) :]:
            for _, rows in asker.rows([self._rule], tick_ms, self._campaigns):
                places = np.arange(len(rows.labels))
                self.record.add(Batch((tick_ms,), rows.labels, places * 0, places, rows.columns))
            if self._monotonic() >= until:
                break
        return len(self.record.history) / len(self._ticks)
