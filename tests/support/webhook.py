"""A receiver of the test cluster's webhooks: checks each signature and keeps what it is told."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import standardwebhooks

from cluster import WEBHOOK_SECRET


@dataclass(frozen=True, slots=True)
class Told:
    """One request: the id, what it said (Alertmanager's v4 payload), and when it came (monotonic seconds)."""

    id: str
    payload: dict[str, Any]
    at: float


class Webhook(HTTPServer):
    """Listens on loopback."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.told: list[Told] = []

    def of(self, label: str, value: str) -> list[Told]:
        """What was told of a group."""
        return [one for one in self.told if one.payload["groupLabels"].get(label) == value]


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        standardwebhooks.Webhook(WEBHOOK_SECRET).verify(body, dict(self.headers.items()))
        self.server.told.append(Told(self.headers["webhook-id"], json.loads(body), time.monotonic()))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the test tells."""


@contextmanager
def listening(port: int) -> Iterator[Webhook]:
    """A receiver until the end of the block."""
    with Webhook(port) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
