"""The experiments that are published, as a service knows them: the topic of definitions, followed."""

import logging
import threading
from collections.abc import Mapping

from tidemark.experiments.compacted import TopicError, consumer, to_the_end
from tidemark.experiments.published import BEGINNING, Published, PublishedError, decode, decode_beginning
from tidemark.ingest.topics import DEFINITIONS

log = logging.getLogger("tidemark.experiments")

_AGAIN = 1.0
"""Seconds between two attempts to follow the topic."""


class Followed:
    """The experiments that are published, followed by a thread; any thread may ask."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._ended = threading.Event()
        self._known: Mapping[str, Published] = {}
        self._beginning_ms = 0
        self._thread = threading.Thread(target=self._run, name="definitions", daemon=True)

    def published(self) -> Mapping[str, Published]:
        """By id, without those that were removed. Empty until the topic was read for the first time."""
        return self._known

    def beginning_ms(self) -> int:
        """When the brokers stored the first event that the job knows, Unix ms; 0: it knows all."""
        return self._beginning_ms

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        reader, failure = consumer(self._bootstrap), ""
        while not self._ended.is_set():
            try:
                for key, value in to_the_end(reader, DEFINITIONS):
                    self._take(key, value)
                while not self._ended.is_set():
                    message = reader.poll(_AGAIN)
                    if message is not None and message.error() is None:
                        self._take(message.key() or b"", message.value())
            except TopicError as error:
                if str(error) != failure:
                    log.warning("%s; tried again each second", error)
                failure = str(error)
                self._ended.wait(_AGAIN)
        reader.close()

    def _take(self, key: bytes, value: bytes | None) -> None:
        name = key.decode(errors="replace")
        known = {id_: one for id_, one in self._known.items() if id_ != name}
        try:
            if key == BEGINNING:
                self._beginning_ms = 0 if value is None else decode_beginning(value)
            elif value is not None and not (one := decode(value)).is_removed:
                known[one.definition.id] = one
        except PublishedError:
            log.exception("experiment %s is left out", name)
        self._known = known
