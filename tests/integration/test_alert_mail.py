"""An alert comes by e-mail."""

import asyncio
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.smtp import SMTP

from alert_story import CHAT, MINUTE, alert, router
from loopback import hang, serving
from tidemark.alerts.alert import Told
from tidemark.alerts.retry import Outcome
from tidemark.alerts.senders import Chat
from tidemark.alerts.series import Kind


class Inbox:
    """What came, as raw messages."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        self.mails.append(envelope.content)
        return "250 OK"


(NOTIFICATION,) = router(CHAT).changes(MINUTE, [Told(alert("größe"), Kind.FIRED)], [], frozenset(), 0)


def test_a_mail_comes_with_the_summary_as_its_subject() -> None:
    inbox = Inbox()

    async def send() -> Outcome:
        loop = asyncio.get_running_loop()
        async with await loop.create_server(lambda: SMTP(inbox, loop=loop), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            url = f"mailto://127.0.0.1:{port}/?from=tidemark@example.org&to=ann@example.org&mode=insecure"
            return await Chat(url).send(NOTIFICATION)

    assert asyncio.run(send()).is_taken
    (mail,) = inbox.mails
    message = message_from_bytes(mail, policy=policy.default)
    assert message["subject"] == "FIRING: größe spends"
    assert message["to"] == "ann@example.org"
    body = message.get_body(("plain", "html"))
    assert body is not None
    assert "more than it may" in body.get_content()


def test_a_mail_server_that_is_not_there_or_hangs_is_tried_again() -> None:
    with serving(hang) as server:
        url = f"mailto://127.0.0.1:{server.port}/?from=a@example.org&to=b@example.org&mode=insecure&cto=2"
        outcome = asyncio.run(Chat(url, seconds=0.3).send(NOTIFICATION))
        assert (outcome.is_taken, outcome.is_final) == (False, False)
        assert outcome.error == "Apprise was not done within 0.3 s"
    outcome = asyncio.run(Chat(url).send(NOTIFICATION))
    assert outcome.error == "Apprise could not deliver it; the service's log says why"
