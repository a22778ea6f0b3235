"""One shared cluster a run.

A test that needs another shape of it gets that one, and the first is ended before.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import Cluster


class Clusters:
    """At most one cluster at a time: two cores carry no second one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._current: tuple[int, Cluster] | None = None
        self._made = 0

    def with_brokers(self, brokers: int) -> Cluster:
        """The running cluster, or a new one if that has another number of brokers."""
        if self._current is None or self._current[0] != brokers:
            self.end()
            self._made += 1
            cluster = Cluster(self._folder / f"home-{self._made}", brokers=brokers)
            try:
                cluster.start()
            except BaseException:
                cluster.stop()
                raise
            self._current = (brokers, cluster)
        return self._current[1]

    def end(self) -> None:
        """Stop what runs."""
        if self._current is not None:
            self._current[1].stop()
            self._current = None


@pytest.fixture(scope="session")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    made = Clusters(tmp_path_factory.mktemp("tidemark"))
    yield made
    made.end()


@pytest.fixture
def cluster(clusters: Clusters) -> Cluster:
    return clusters.with_brokers(1)


@pytest.fixture
def three_brokers(clusters: Clusters) -> Cluster:
    return clusters.with_brokers(3)
