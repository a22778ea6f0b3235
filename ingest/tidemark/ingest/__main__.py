"""The collector's process: ``python -m tidemark.ingest``."""

import asyncio
import logging
import os
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
import uvloop
from fastapi import FastAPI

from tidemark.ingest.app import Edges, create_app
from tidemark.ingest.clock import BrokerClock
from tidemark.ingest.heartbeat import Heart
from tidemark.ingest.metrics import Metrics
from tidemark.ingest.producer import Producer, connect
from tidemark.ingest.tracking import TrackingError, load
from tidemark.settings import Settings, settings

log = logging.getLogger("tidemark.collector")

_FLUSH_SECONDS = 4.0


async def serve(config: Settings) -> int:
    """Run until a signal; returns the exit code, 1 when the producer cannot go on."""
    loop = asyncio.get_running_loop()
    failures: list[str] = []

    def stop(reason: str) -> None:
        log.critical("%s; stopping, so that the supervisor starts a new one", reason)
        failures.append(reason)
        server.should_exit = True

    def stop_soon(reason: str) -> None:
        loop.call_soon_threadsafe(stop, reason)

    producer = Producer(connect(config.bootstrap, on_fatal=stop_soon))
    clock = BrokerClock(monotonic_ns=time.monotonic_ns, wall_ms=time.time_ns() // 1_000_000)
    heart = Heart(
        producer,
        clock,
        collector=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
        interval=config.heartbeat_seconds,
        bootstrap=config.bootstrap,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        beating = asyncio.create_task(heart.run())
        beating.add_done_callback(
            lambda task: None if task.cancelled() else stop(f"the heartbeats ended: {task.exception()!r}")
        )
        yield
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        heart.beat(goodbye=True)
        left = await asyncio.to_thread(producer.close, _FLUSH_SECONDS)
        log.info("stopped%s", f"; {left} messages were not acknowledged" if left else "")

    edges = Edges(producer, clock.now_ms, heart.problem, Metrics(heart.age))
    app = create_app(
        edges=edges,
        tracking=load(config.catalogue / "tracking.yaml"),
        currency=config.currency,
        lifespan=lifespan,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=config.host,
            port=config.collector_port,
            loop="uvloop",
            http="httptools",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            backlog=2048,
            timeout_graceful_shutdown=5,
        )
    )
    await server.serve()
    return 1 if failures else 0


def main() -> int:
    """Serve with the settings of the environment."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(serve(settings()))
    except TrackingError as error:
        log.critical("%s", error)
        return 2


if __name__ == "__main__":
    sys.exit(main())
