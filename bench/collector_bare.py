"""The baseline of ``bench/collector.py``: a bare FastAPI with a producer, that checks nothing.

It decodes the body, produces each event as it came and answers once all are acknowledged, with the same
producer settings as the collector, but no validation, no heartbeats, no dead letters, no metrics.
usage: python bench/collector_bare.py BOOTSTRAP PORT TOPIC
"""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import uvicorn
from confluent_kafka import KafkaError, Message, Producer
from fastapi import FastAPI, Request, Response


class Batch:
    """Counts the delivery reports of one request."""

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        """``size`` is the number of reports to come."""
        self.left = size
        self.errors = 0
        self.loop = loop
        self.future: asyncio.Future[int] = loop.create_future()

    def delivered(self, error: KafkaError | None, _: Message) -> None:
        """Take one report, on the polling thread."""
        self.errors += error is not None
        self.left -= 1
        if not self.left:
            self.loop.call_soon_threadsafe(self.future.set_result, self.errors)


def create_app(bootstrap: str, topic: str) -> FastAPI:
    """The bare application."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 2,
            "compression.type": "lz4",
        }
    )
    closing = threading.Event()

    def poll() -> None:
        while not closing.is_set():
            producer.poll(0.1)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        thread = threading.Thread(target=poll)
        thread.start()
        yield
        closing.set()
        thread.join()

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/events")
    async def events(request: Request) -> Response:
        decoded = msgspec.json.decode(await request.body())
        items = decoded if isinstance(decoded, list) else [decoded]
        batch = Batch(len(items), asyncio.get_running_loop())
        for item in items:
            value = msgspec.json.encode(item)
            producer.produce(topic, value, item["event_id"].encode(), on_delivery=batch.delivered)
        failed = await batch.future
        return Response(
            b'{"accepted":%d}' % len(items), 503 if failed else 200, media_type="application/json"
        )

    @app.get("/readyz")
    async def readyz() -> Response:
        return Response(b"{}")

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(sys.argv[1], sys.argv[3]),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
    )
