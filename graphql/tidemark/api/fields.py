"""Fields of types that are made at run time, from the catalogue."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

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
    is_subscription: bool = False,
    **default: object,
) -> "StrawberryField":
    """A field called ``name`` in GraphQL.

    It is answered by ``resolver``, else by what the object holds as ``attribute`` (``name``, unless given).
    ``default`` and ``default_factory`` are an input's.
    """
    make = cast(
        "Callable[..., StrawberryField]", strawberry.subscription if is_subscription else strawberry.field
    )
    made = make(resolver=resolver, name=name, description=description, graphql_type=type_, **default)
    made.python_name = attribute or name
    return made


def list_of(type_: Any) -> Any:  # noqa: ANN401 - types made at run time
    """A list of a type that is made at run time."""
    return list[type_]
