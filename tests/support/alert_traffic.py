"""Campaigns that spend much in some minutes and little in others, and what an undisturbed engine tells.

What is told depends on the sums of each minute alone, so it is worked out from the events that were sent, by
an engine of its own that is never disturbed: same rule, same receivers, a store of its own, no database.
"""

import json
import os
import threading
from collections import defaultdict
from pathlib import Path

from alert_scene import MINUTE, Scene, engine
from alert_story import store
from cluster import Cluster, now_ms
from tidemark.alerts.addresses import Allowed, networks
from tidemark.alerts.receiver import Receiver
from tidemark.alerts.receivers import Surroundings
from tidemark.alerts.receivers import load as load_receivers
from tidemark.alerts.routing import Router
from tidemark.alerts.rulebook import Book, load
from tidemark.alerts.store.outbox import PENDING, Outbox

_MUCH, _LITTLE = 60_000_000, 100_000
"""Micros a second; the rule's threshold is crossed by one event of the first and never by the second."""
_RULES = """
groups:
  - name: {run}
    every: 1m
    rules:
      - alert: {name}
        severity: critical
        query: {{metrics: [SPEND], dimensions: [CAMPAIGN], where: ["campaign*={run}-"], window: 1m}}
        when: SPEND > 50
        labels: {{told: test}}
        annotations: {{summary: "{{{{ campaign }}}} spent {{{{ SPEND }}}}"}}
"""
_INACTIVE = "{ alerts(states: [INACTIVE]) { rule } }"


class SpendTraffic:
    """Sends an event a campaign and second until its block ends, for a rule that it puts into the catalogue.

    Attributes:
        run: what the ids of its campaigns begin with.
        rule: the rule's name.
        campaigns: their ids.
        first_ms: the end of the first minute with events.
    """

    def __init__(self, cluster: Cluster, campaigns: int = 4) -> None:
        started = now_ms()
        self.run, self.rule = f"spends-{started}", f"Spends{started}"
        self.campaigns = tuple(f"{self.run}-{number}" for number in range(campaigns))
        self.first_ms = 0
        self._cluster = cluster
        self._file = cluster.catalogue / "alerts" / f"{self.run}.yaml"
        self._sums: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "SpendTraffic":
        self._file.write_text(_RULES.format(run=self.run, name=self.rule), encoding="utf-8")
        self._cluster.until(
            lambda: any(one["rule"] == self.rule for one in self._cluster.graphql(_INACTIVE)["alerts"]),
            within=60,
            what="the rule in force",
        )
        self.first_ms = (now_ms() // MINUTE + 1) * MINUTE
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> int:
        """Send no more. Returns the end of the last minute with events, Unix ms."""
        self._ended.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return max(self._sums) + MINUTE

    def remove_rule(self) -> None:
        """Take the rule away again, which ends what fires."""
        self._file.unlink()

    def _run(self) -> None:
        try:
            while not self._ended.wait(1.0):
                self._send()
        except BaseException as error:  # noqa: BLE001 - told by whoever waits for the thread
            self._failure = error

    def _send(self) -> None:
        at = now_ms()
        minute = at // MINUTE * MINUTE
        costs = {
            campaign: _MUCH if self._spends_much(number, minute) else _LITTLE
            for number, campaign in enumerate(self.campaigns)
        }
        self._cluster.send(
            [
                {
                    "event": "spend",
                    "event_id": f"{campaign}-{at}",
                    "event_time": at,
                    "campaign_id": campaign,
                    "cost_micros": cost,
                }
                for campaign, cost in costs.items()
            ]
        )
        for campaign, cost in costs.items():
            self._sums[minute][campaign] += cost

    @staticmethod
    def _spends_much(number: int, minute: int) -> bool:
        """Each campaign in turns of its own length, so that in each minute some alerts begin and some end."""
        return minute // MINUTE // (number // 2 + 1) % 2 == number % 2

    def undisturbed(self, folder: Path) -> list[tuple[str, str]]:
        """Ids and campaigns of all that an engine tells to which nothing happens, to the last minute's end.

        Args:
            folder: an empty one, for its store.
        """
        book = load(self._cluster.catalogue)
        rules = tuple(rule for rule in book.rules if rule.name == self.rule)
        first_ms, last_ms = min(self._sums), max(self._sums) + MINUTE
        past = [
            {name: micros / 1e6 for name, micros in self._sums[tick_ms - MINUTE].items()}
            for tick_ms in range(first_ms, last_ms + MINUTE, MINUTE)
        ]
        scene, database = Scene(first_ms=first_ms, past=past), store(folder)
        tells = Router(_receivers(self._cluster), self._cluster.settings.service_url)
        judging = engine(scene, database, book=Book(rules, book.campaigns), tells=tells)
        for tick_ms in range(first_ms, last_ms + MINUTE, MINUTE):
            scene.complete_ms = tick_ms
            judging.step()
        return [
            (one.notification.id, json.loads(one.notification.payload)["groupLabels"]["campaign"])
            for one in reversed(Outbox(database).listed(PENDING, 10_000))
        ]


def _receivers(cluster: Cluster) -> tuple[Receiver, ...]:
    around = Surroundings(os.environ | cluster.environment, Allowed(networks(["127.0.0.1/32"])))
    found = load_receivers(cluster.catalogue / "receivers.yaml", around)
    return tuple(one for one in found if isinstance(one, Receiver) and one.name == "test")
