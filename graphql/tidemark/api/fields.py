"""Fields of types that are made at run time, from the catalogue."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import strawberry
from graphql import GraphQLObjectType, GraphQLSchema
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

if TYPE_CHECKING:
    from strawberry.types.field import StrawberryField


def field(
    name: str,
    type_: object,
    description: str | None = None,
    *,
    attribute: str | None = None,
    arguments: Mapping[str, object] | None = None,
    **default: object,
) -> "StrawberryField":
    """A field called ``name`` in GraphQL.

    It is answered by what the object holds as ``attribute`` (``name``, unless given), unless `resolve` gives
    it another way. ``arguments`` are types by name, or (type, default). ``default`` and ``default_factory``
    are an input's.
    """
    make = cast("Callable[..., StrawberryField]", strawberry.field)
    made = make(name=name, description=description, graphql_type=type_, **default)
    made.python_name = attribute or name
    if arguments is not None:
        made.arguments = [_argument(name, given) for name, given in arguments.items()]
    return made


def list_of(type_: Any) -> Any:  # noqa: ANN401 - types made at run time
    """A list of a type that is made at run time."""
    return list[type_]


def resolve(schema: GraphQLSchema, type_: str, resolvers: Mapping[str, Callable[..., object]]) -> None:
    """Let graphql-core call these for the fields of a type, each with (object, info, arguments by name).

    Strawberry's own way, around every resolver, makes an object of each input and an info of its own: a third
    of what a small question costs. What comes here is what graphql-core makes of arguments, dicts and enum
    members.
    """
    found = schema.type_map[type_]
    if not isinstance(found, GraphQLObjectType):
        raise TypeError(f"{type_} is no object type")
    for name, resolver in resolvers.items():
        found.fields[name].resolve = resolver


def _argument(name: str, given: object) -> StrawberryArgument:
    type_, default = given if isinstance(given, tuple) else (given, strawberry.UNSET)
    return StrawberryArgument(
        python_name=name, graphql_name=name, type_annotation=StrawberryAnnotation(type_), default=default
    )
