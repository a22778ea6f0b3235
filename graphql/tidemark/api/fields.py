"""Fields of types that are made at run time, from the catalogue."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import strawberry

if TYPE_CHECKING:
    from strawberry.types.field import StrawberryField


def field(
    name: str,
    type_: object,
    description: str | None = None,
    *,
    attribute: str | None = None,
    resolver: Callable[..., object] | None = None,
    **default: object,
) -> "StrawberryField":
    """A field called ``name`` in GraphQL.

    It is answered by ``resolver``, else by what the object holds as ``attribute`` (``name``, unless given).
    ``default`` and ``default_factory`` are an input's.
    """
    make = cast("Callable[..., StrawberryField]", strawberry.field)
    made = make(resolver=resolver, name=name, description=description, graphql_type=type_, **default)
    made.python_name = attribute or name
    return made
