"""Which experiments there are: what was last published, and the generation that is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from tidemark.experiments.published import Published


class Registry(Protocol):
    """What was published, read from memory."""

    def published(self) -> Mapping[str, Published]:
        """Every experiment by its id."""
        ...

    def beginning_ms(self) -> int:
        """When the brokers stored the first event that the job can know, Unix ms; 0: it knows all."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """What was published once and stays."""

    known: Mapping[str, Published]
    beginning: int = 0

    def published(self) -> Mapping[str, Published]:
        """Every experiment by its id."""
        return self.known

    def beginning_ms(self) -> int:
        """When the brokers stored the first event that the job can know, Unix ms."""
        return self.beginning


NOTHING = Fixed(MappingProxyType({}))
"""No experiment is declared."""
