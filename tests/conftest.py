"""One shared cluster a run.

A test that needs another shape of it gets that one, and the first is ended before.

Properties are tried with few examples, so that they can be tried after each change; `make test` tries them
with many (``--hypothesis-profile=thorough``).
"""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from cluster import Cluster

# no deadline: a machine that does something else meanwhile is no failure
settings.register_profile("quick", max_examples=20, stateful_step_count=30, deadline=None)
settings.register_profile("thorough", max_examples=40, stateful_step_count=40, deadline=None)
settings.load_profile("quick")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the shared cluster: that mostly waits, so `make test` runs the others beside it."""
    for item in items:
        if "clusters" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: to look through them for garbage took a third of the time."""
    gc.freeze()


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
