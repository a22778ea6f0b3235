"""Which experiments there are: what was last published, and the generation that is asked for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from tidemark.experiments.published import Published


class Registry(Protocol):
    """What was published, read from memory."""

    def published(self) -> Mapping[str, Published]:
        """Every experiment by its id."""
        ...


class Nothing:
    """No experiment is declared."""

    def published(self) -> Mapping[str, Published]:
        """None."""
        return MappingProxyType({})


NOTHING = Nothing()
