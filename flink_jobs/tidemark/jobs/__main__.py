"""``python -m tidemark.jobs``: makes the topics, registers the event's schema, and keeps the jobs running."""

import logging
import sys
import time

import httpx

from tidemark.ingest.registry import register
from tidemark.ingest.topics import ensure_topics
from tidemark.jobs.definition import jobs
from tidemark.jobs.keeper import Keeper
from tidemark.jobs.rest import Flink
from tidemark.jobs.submit import submit
from tidemark.local.fetch import connector_jar
from tidemark.settings import settings

log = logging.getLogger("tidemark.jobs")


def main() -> None:
    """Run until ended."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    own = settings()
    ensure_topics(own)
    log.info("topics are there")
    while not _registered(own.registry_url):
        time.sleep(1.0)
    Keeper(
        jobs(own, connector_jar(own)),
        Flink(own.flink_url),
        own.home,
        lambda job, checkpoint: submit(job, checkpoint=checkpoint),
    ).watch()


def _registered(url: str) -> bool:
    try:
        register(url)
    except httpx.TransportError as error:
        log.info("the registry does not answer at %s yet: %s", url, error)
        return False
    log.info("the event's schema is registered")
    return True


main()
