"""What a part of the local cluster is: one process under the supervisor. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path


class Stage(IntEnum):
    """When a part is stopped; the lower the earlier. What feeds others goes first."""

    DOOR = 1  # says goodbye to Kafka, so that no watermark waits for it
    READER = 2
    ENGINE = 3
    LOG = 4


@dataclass(frozen=True, slots=True)
class File:
    """A file that a part reads, written before each start."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """One process.

    Attributes:
        name: as ``tidemark status`` shows it; also the name of its log.
        does: what it is for, in a few words.
        command: the program and its arguments.
        stage: when it is stopped.
        stop_seconds: how long it may take to end before it is killed.
        directory: its working folder, made if missing.
        environment: what is set for it beside the variables in force; plain words only.
        files: what it reads.
        once: a command that must have run once before the first start; empty for none.
        made_by_once: the file that proves it did.
    """

    name: str
    does: str
    command: tuple[str, ...]
    stage: Stage
    stop_seconds: int
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    once: tuple[str, ...] = ()
    made_by_once: Path | None = None
