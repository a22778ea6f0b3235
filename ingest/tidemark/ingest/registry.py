"""The event's JSON Schema in the registry, under BACKWARD compatibility."""

from importlib.resources import files

import httpx

SUBJECT = "events.v1-value"


def event_schema() -> str:
    """The JSON Schema of an event on ``events.v1``.

    Closed, so that the registry lets it grow optional fields only.
    """
    return files(__package__).joinpath("events.v1.schema.json").read_text(encoding="utf-8")


def register(url: str, *, timeout: float = 10.0) -> int:
    """Register the schema and return its id; the same text again is the same id.

    BACKWARD is enforced only where it was asked for explicitly, so it is asked for first (DESIGN section 1).

    Raises:
        httpx.HTTPStatusError: the registry refused it, for example as incompatible with what is registered.
        httpx.TransportError: it does not answer.
    """
    with httpx.Client(base_url=url, timeout=timeout) as registry:
        registry.put("/config", json={"compatibility": "BACKWARD"}).raise_for_status()
        answer = registry.post(
            f"/subjects/{SUBJECT}/versions", json={"schemaType": "JSON", "schema": event_schema()}
        ).raise_for_status()
        return int(answer.json()["id"])
