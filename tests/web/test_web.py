"""Real GraphQL clients, unchanged, pointed at the service's front alone and at the whole chain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import Cluster, now_ms
from fake_desk import FakeDesk, constant
from front_server import Served, serving
from tidemark.settings import Settings
from web_client import SCRIPTS, run

pytestmark = pytest.mark.clients


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(FakeDesk(constant(7)), Settings(home=tmp_path)) as running:
        yield running


def test_all_that_graphql_over_http_must_and_should_is_so(served: Served) -> None:
    *missed, last = run("audits.mjs", served.url)
    assert last["audits"] > 50
    assert [one for one in missed if one["status"] != "notice"] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_client_asks_subscribes_and_sees_a_new_frame(served: Served, script: str) -> None:
    told = run(script, served.url, "summer", then=lambda: served.publish(constant(8)))
    assert told[0] == {"asked": 7}
    assert told[-2:] == [{"subscribed": 7}, {"seen": 8}]
    if script == "apollo.mjs":
        assert {"methods": ["GET", "POST", "GET"]} in told
    if script == "event_source.mjs":
        assert {"again": 304} in told
    if script == "urql.mjs":
        assert {"refused": "GRAPHQL_INVALID"} in told


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_client_sees_a_new_event_of_the_whole_chain(cluster: Cluster, script: str) -> None:
    campaign = f"{Path(script).stem}-{now_ms()}"

    def click(number: int) -> None:
        event = {
            "event_id": f"{campaign}-{number}",
            "event": "click",
            "event_time": now_ms(),
            "source": "web",
        }
        cluster.send([{**event, "campaign_id": campaign}])

    click(1)
    cluster.await_through(now_ms())
    told = run(script, f"{cluster.settings.service_url}/graphql", campaign, then=lambda: click(2))
    assert told[0] == {"asked": 1}
    assert told[-2:] == [{"subscribed": 1}, {"seen": 2}]
