"""Our own delivery, as it is, but to loopback and with little patience."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from alert_story import router
from tidemark.alerts.addresses import Allowed, networks
from tidemark.alerts.delivery import Delivery, senders
from tidemark.alerts.post import Patience, Post
from tidemark.alerts.receiver import Receiver
from tidemark.alerts.retry import RetryPolicy
from tidemark.alerts.store.outbox import Outbox

LOOPBACK = Allowed(networks(["127.0.0.0/8"]))
QUICK = Patience(connect=2.0, read=0.5, total=1.0)
POLICY = RetryPolicy(first_s=0.05, most_s=0.1, most_retry_after_s=0.4, tries=5)


@contextmanager
def delivering(
    made: Engine, *receivers: Receiver, patience: Patience = QUICK, policy: RetryPolicy = POLICY
) -> Iterator[Delivery]:
    say = router(*receivers)
    delivery = Delivery(Outbox(made), say, senders(receivers, Post(LOOPBACK, patience)), policy)
    delivery.start()
    try:
        yield delivery
    finally:
        delivery.stop()


def wait_for(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
