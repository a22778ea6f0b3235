"""What a cluster's brokers were formatted with: its id and their number, kept beside their data."""

import base64
import json
import uuid
from dataclasses import asdict, dataclass

from tidemark.local.layout import Layout


class OtherBrokersError(RuntimeError):
    """The cluster was made with another number of brokers; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The cluster's id (22 characters, as Kafka writes a UUID) and its number of brokers."""

    cluster_id: str
    brokers: int


def recorded(layout: Layout) -> Identity | None:
    """What the cluster was made with; None before its first start."""
    try:
        text = (layout.kafka / "cluster.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    found = json.loads(text)
    return Identity(cluster_id=found["cluster_id"], brokers=found["brokers"])


def identify(layout: Layout, brokers: int) -> Identity:
    """The cluster's identity, made and kept at its first start.

    Raises:
        OtherBrokersError: it was made with another number of brokers.
    """
    known = recorded(layout)
    if known is None:
        known = Identity(
            cluster_id=base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="), brokers=brokers
        )
        layout.kafka.mkdir(parents=True, exist_ok=True)
        (layout.kafka / "cluster.json").write_text(json.dumps(asdict(known)), encoding="utf-8")
    if known.brokers != brokers:
        raise OtherBrokersError(
            f"The cluster in {layout.home} was made with {_count(known.brokers)}, but {_count(brokers)} "
            f"is asked for; set TIDEMARK_BROKERS={known.brokers} (BROKERS={known.brokers} for make), or "
            "start another cluster in a folder of its own (TIDEMARK_HOME)."
        )
    return known


def _count(brokers: int) -> str:
    return "1 broker" if brokers == 1 else f"{brokers} brokers"
