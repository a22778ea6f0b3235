"""Alerts on their way, to real servers on loopback that misbehave."""

import asyncio
import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from sqlalchemy import Engine
from standardwebhooks import Webhook as Verifier

from alert_story import CHAT, HOOK, MANAGER, MINUTE, fired, resolved, router, store
from delivering import LOOPBACK, POLICY, QUICK, delivering, wait_for
from loopback import Behaviour, Loopback, answer, close, drip, endless, hang, serving
from tidemark.alerts.addresses import Allowed, check_url
from tidemark.alerts.post import MAX_ANSWER, Patience, Post
from tidemark.alerts.receiver import Receiver
from tidemark.alerts.retry import Outcome
from tidemark.alerts.store.outbox import Outbox
from tidemark.alerts.store.ticks import Ticks

GIGABYTES = 10 * 10**9


def post(behaviour: Behaviour, patience: Patience = QUICK) -> tuple[Outcome, Loopback]:
    with serving(behaviour) as server:
        outcome = asyncio.run(Post(LOOPBACK, patience).send(f"{server.url}/x", b"{}", {}))
        return outcome, server


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Engine]:
    opened = store(tmp_path)
    yield opened
    opened.dispose()


def at(receiver: Receiver, server: Loopback) -> Receiver:
    return replace(receiver, urls=(f"{server.url}/hook" if receiver.name == "hook" else server.url,))


def test_a_server_that_fails_is_tried_again() -> None:
    outcome, _ = post(answer(500, b"a\n  fault\x00"))
    assert outcome == Outcome(is_taken=False, error="the answer was 500: a fault?")


def test_retry_after_is_heeded_as_seconds() -> None:
    outcome, _ = post(answer(429, b"busy", Retry_After="7"))
    assert (outcome.is_taken, outcome.is_final, outcome.retry_after_s) == (False, False, 7.0)


def test_a_server_that_hangs_is_left() -> None:
    outcome, _ = post(hang)
    assert outcome == Outcome(is_taken=False, error="it took too long: ReadTimeout")


def test_a_server_whose_headers_never_end_is_left() -> None:
    before = time.monotonic()
    outcome, _ = post(drip)
    assert outcome == Outcome(is_taken=False, error="there was no answer within 1 s")
    assert time.monotonic() - before < 5


def test_a_server_that_closes_without_an_answer_is_tried_again() -> None:
    outcome, _ = post(close)
    assert not outcome.is_taken
    assert not outcome.is_final
    assert "the connection failed: Server disconnected" in outcome.error


@pytest.mark.parametrize(("status", "is_taken"), [(200, True), (500, False)])
def test_an_answer_of_ten_gigabytes_is_cut(status: int, is_taken: bool) -> None:
    before = time.monotonic()
    outcome, _ = post(endless(status, GIGABYTES))
    assert outcome.is_taken is is_taken
    assert len(outcome.error) <= MAX_ANSWER + len("the answer was 500: ")
    assert time.monotonic() - before < 5


def status_then_hang(connection: socket.socket, ended: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 404 Said\r\ncontent-length: 9\r\n\r\n")
    ended.wait()


def test_an_error_whose_text_never_comes_is_judged_by_its_status() -> None:
    outcome, _ = post(status_then_hang, Patience(2.0, 0.5, 5.0))
    assert outcome.is_final
    assert outcome.error == "the answer was 404: (it broke off)"


def test_what_is_no_http_is_tried_again() -> None:
    outcome, _ = post(lambda connection, _ended: connection.sendall(b"SSH-2.0-x\r\n"))
    assert not outcome.is_taken
    assert "the connection failed" in outcome.error


def test_a_redirect_is_not_followed() -> None:
    with serving(answer(200)) as inside:
        outcome, _ = post(answer(307, Location=f"{inside.url}/private"))
        assert inside.requests == []
    assert outcome.is_final
    assert "was a redirect (307), which is not followed" in outcome.error


def test_nobody_there_is_tried_again() -> None:
    with serving(answer(200)) as server:
        gone = server.url
    outcome = asyncio.run(Post(LOOPBACK, QUICK).send(gone, b"{}", {}))
    assert outcome.error.startswith("the connection failed")


class Names:
    """A resolver with a script of answers; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.asked, self._answers = 0, list(answers)

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def test_a_name_that_resolves_to_loopback_is_not_connected_to() -> None:
    with serving(answer(200)) as server:
        url = f"https://hook.test:{server.port}/x"
        outcome = asyncio.run(Post(Allowed(), QUICK, Names(["127.0.0.1"])).send(url, b"{}", {}))
        assert server.connections == 0
    assert "hook.test is 127.0.0.1, which is not a public address" in outcome.error


def test_a_name_that_changes_after_the_check_is_not_connected_to() -> None:
    with serving(answer(200)) as server:
        names = Names(["8.8.8.8"], ["::ffff:127.0.0.1"])
        url = f"https://hook.test:{server.port}/x"
        assert asyncio.run(check_url(url, Allowed(), names)) is None
        outcome = asyncio.run(Post(Allowed(), QUICK, names).send(url, b"{}", {}))
        assert server.connections == 0
    assert "not a public address" in outcome.error


def test_a_name_is_resolved_once_a_request_and_the_host_stays_the_name() -> None:
    with serving(answer(200)) as server:
        names = Names(["127.0.0.1"], ["10.0.0.1"])
        sent = Post(LOOPBACK, QUICK, names).send(f"http://hook.test:{server.port}/x", b"{}", {})
        assert asyncio.run(sent).is_taken
        assert names.asked == 1
        assert server.requests[0].headers["host"] == f"hook.test:{server.port}"


def test_https_to_the_checked_address_verifies_the_certificate_of_the_name() -> None:
    authority = trustme.CA()
    outcomes = {}
    for name in ("hook.test", "other.test"):
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(served)
        trusted = ssl.create_default_context()
        authority.configure_trust(trusted)
        with serving(answer(200), tls=served) as server:
            sent = Post(LOOPBACK, QUICK, Names(["127.0.0.1"]), trusted)
            outcomes[name] = asyncio.run(sent.send(f"https://hook.test:{server.port}/x", b"{}", {}))
            assert len(server.requests) == outcomes[name].is_taken
    assert outcomes["hook.test"].is_taken
    assert "CERTIFICATE_VERIFY_FAILED" in outcomes["other.test"].error


def test_the_next_address_of_a_name_is_tried_where_the_first_is_dead() -> None:
    with serving(answer(200)) as server:
        names = Names(["127.0.0.2", "127.0.0.1"])
        sent = Post(LOOPBACK, QUICK, names).send(f"http://hook.test:{server.port}/x", b"{}", {})
        assert asyncio.run(sent).is_taken


def test_a_webhook_arrives_signed_and_is_taken(made: Engine) -> None:
    with serving(answer(204)) as server, delivering(made, at(HOOK, server)) as delivery:
        Ticks(made).commit(fired(MINUTE, "summer"), router(at(HOOK, server)), 0)
        delivery.wake()
        (request,) = server.wait(1)
        wait_for(lambda: Outbox(made).counts() == {("hook", "sent"): 1})
    (seconds,) = delivery.seconds.collect()
    counts = {one.labels["receiver"]: one.value for one in seconds.samples if one.name.endswith("_count")}
    assert counts == {"hook": 1}
    secret = f"whsec_{base64.b64encode(HOOK.keys[0]).decode()}"
    payload = Verifier(secret).verify(request.body, request.headers)
    assert payload["alerts"][0]["labels"]["campaign"] == "summer"
    assert request.path == "/hook"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == Outbox(made).listed("sent")[0].notification.id


def test_a_retry_has_the_same_id_and_body_and_comes_before_what_follows(made: Engine) -> None:
    with serving(answer(500), close, answer(200)) as server:
        hook = at(HOOK, server)
        for one in (fired(MINUTE, "summer"), resolved(2 * MINUTE, MINUTE, "summer")):
            Ticks(made).commit(one, router(hook), 0)
        with delivering(made, hook):
            requests = server.wait(4)
            wait_for(lambda: Outbox(made).counts() == {("hook", "sent"): 2})
    assert len({(one.headers["webhook-id"], one.body) for one in requests[:3]}) == 1
    assert json.loads(requests[3].body)["status"] == "resolved"


def test_what_is_refused_is_dead_at_once_and_can_be_replayed(made: Engine) -> None:
    with serving(answer(400, b"no such hook"), answer(200)) as server:
        hook = at(HOOK, server)
        Ticks(made).commit(fired(MINUTE, "summer"), router(hook), 0)
        with delivering(made, hook) as delivery:
            wait_for(lambda: Outbox(made).counts() == {("hook", "dead"): 1})
            assert Outbox(made).listed("dead")[0].error == "the answer was 400: no such hook"
            assert Outbox(made).replay(None, 1) == 1
            delivery.wake()
            first, second = server.wait(2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_after_the_last_try_it_is_dead(made: Engine) -> None:
    with serving(answer(503)) as server:
        hook = at(HOOK, server)
        Ticks(made).commit(fired(MINUTE, "summer"), router(hook), 0)
        with delivering(made, hook):
            wait_for(lambda: Outbox(made).counts() == {("hook", "dead"): 1})
        assert len(server.requests) == POLICY.tries
    assert Outbox(made).listed("dead")[0].attempts == POLICY.tries


def test_retry_after_delays_the_next_try_up_to_a_limit(made: Engine) -> None:
    with serving(answer(429, Retry_After="9999"), answer(200)) as server:
        hook = at(HOOK, server)
        Ticks(made).commit(fired(MINUTE, "summer"), router(hook), 0)
        with delivering(made, hook):
            server.wait(1)
            first = time.monotonic()
            server.wait(2)
            assert 0.35 < time.monotonic() - first < 5


def test_a_receiver_that_hangs_does_not_hold_up_another(made: Engine) -> None:
    patience = Patience(connect=2.0, read=20.0, total=20.0)
    with serving(hang) as dead, serving(answer(200)) as good:
        hook, other = at(HOOK, dead), replace(at(HOOK, good), name="other")
        with delivering(made, hook, other, patience=patience) as delivery:
            Ticks(made).commit(fired(MINUTE, "summer"), router(hook, other), 0)
            delivery.wake()
            dead.wait(1)
            good.wait(1, seconds=10)
            assert Outbox(made).counts()["hook", "pending"] == 1


def test_alertmanagers_are_told_until_it_ends_and_it_is_enough_that_one_takes_it(made: Engine) -> None:
    with serving(answer(200)) as good, serving(answer(503)) as bad:
        manager = replace(MANAGER, urls=(bad.url, good.url), repeat_ms=1)
        with delivering(made, manager) as delivery:
            Ticks(made).commit(fired(MINUTE, "summer"), router(manager), MINUTE)
            delivery.wake()
            first, second, *_ = good.wait(2)
            Ticks(made).commit(resolved(2 * MINUTE, MINUTE, "summer"), router(manager), MINUTE)
            delivery.wake()
            wait_for(lambda: b"endsAt" in good.requests[-1].body)
    assert first.path == "/api/v2/alerts"
    assert first.body == second.body
    assert len(bad.requests) >= 3


def test_an_alertmanager_that_hangs_does_not_hold_up_another_and_is_not_told_out_of_order(
    made: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(hang) as bad, serving(answer(200)) as good:
        manager = replace(MANAGER, urls=(good.url, bad.url), group_by=("campaign",))
        with delivering(made, manager, patience=Patience(connect=2.0, read=20.0, total=20.0)) as delivery:
            Ticks(made).commit(fired(MINUTE, *(f"c{number}" for number in range(20))), router(manager), 0)
            delivery.wake()
            good.wait(20, seconds=10)
        assert bad.connections == 1
    assert "of the 2 urls of manager, number 2 did not: it is slow to answer" in caplog.text
    assert good.url not in caplog.text


def test_alertmanagers_that_come_again_are_told_again(made: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with serving(answer(200)) as good, serving(answer(503, b"busy"), answer(200)) as late:
        manager = replace(MANAGER, urls=(good.url, late.url), repeat_ms=1)
        with delivering(made, manager) as delivery:
            Ticks(made).commit(fired(MINUTE, "summer"), router(manager), MINUTE)
            delivery.wake()
            first, second = late.wait(2)
            wait_for(lambda: "all take alerts again" in caplog.text)
    assert first.body == second.body
    assert "number 2 did not: the answer was 503: busy" in caplog.text


def test_a_chat_is_told_through_apprise(made: Engine) -> None:
    with serving(answer(500), answer(200)) as server:
        chat = replace(CHAT, urls=(f"json://127.0.0.1:{server.port}/",))
        with delivering(made, chat) as delivery:
            Ticks(made).commit(fired(MINUTE, "summer"), router(chat), 0)
            delivery.wake()
            requests = server.wait(2)
            wait_for(lambda: ("chat", "sent") in Outbox(made).counts())
    assert json.loads(requests[1].body)["title"] == "FIRING: summer spends"
