"""``python -m tidemark.jobs``: keeps the jobs running.

Before that it makes the topics, registers the event's schema and publishes the catalogue's experiments.
"""

import logging
import sys
import time
from functools import partial

import httpx

from tidemark.experiments import topic
from tidemark.experiments.compacted import TopicError
from tidemark.experiments.folder import FOLDER, load
from tidemark.experiments.published import PublishedError
from tidemark.experiments.vocabulary import vocabulary_of
from tidemark.ingest.registry import register
from tidemark.ingest.topics import ensure_topics
from tidemark.jobs.definition import jobs
from tidemark.jobs.keeper import Keeper
from tidemark.jobs.rest import Flink
from tidemark.jobs.submit import submit
from tidemark.local.fetch import connector_jar
from tidemark.query import catalogue
from tidemark.settings import Settings, settings

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
    _publish(own)
    Keeper(
        jobs(own, connector_jar(own)),
        Flink(own.flink_url),
        own.home,
        lambda job, checkpoint: submit(job, checkpoint=checkpoint),
        partial(_renew, own.bootstrap),
    ).watch()


def _renew(bootstrap: str, *, beginning: bool) -> str | None:
    """Ask for the experiments' rows anew; returns why it did not work."""
    try:
        topic.renew(bootstrap, round(time.time() * 1000), beginning=beginning)
    except (TopicError, PublishedError) as error:
        return f"waits: {error}"
    return None


def _publish(own: Settings) -> None:
    """Put the catalogue's experiments in force; what is wrong with it is logged and stops nothing else."""
    try:
        declared = load(own.catalogue / FOLDER, vocabulary_of(catalogue.load(own.catalogue)))
        for problem in declared.problems:
            log.error("no experiment is published: %s", problem)
        if not declared.problems:
            definitions = [definition for _, definition in declared.definitions]
            done = topic.publish(own.bootstrap, definitions, round(time.time() * 1000))
            log.info("%s experiments are in force", len(done.in_force))
            for sentence in done.refused:
                log.error("%s", sentence)
    except (catalogue.CatalogueError, TopicError, PublishedError):
        log.exception("experiments were not published; `tidemark experiments publish` tries again")


def _registered(url: str) -> bool:
    try:
        register(url)
    except httpx.TransportError as error:
        log.info("the registry does not answer at %s yet: %s", url, error)
        return False
    log.info("the event's schema is registered")
    return True


main()
