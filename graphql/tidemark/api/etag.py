"""A validator for answers by GET: it changes when data or watermark change, and not with the time of day."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    visit,
)

from tidemark.api.encode import encode

# parent type → fields that say when or at what cost it was read, and nothing of what was read
_VOLATILE = {"Freshness": frozenset({"now", "lagMs"}), "Frame": frozenset({"cost"})}


def etag(schema: GraphQLSchema, document: DocumentNode, data: Mapping[str, Any]) -> str:
    """The answer's ETag: weak (RFC 9110, section 8.8.1), since what it leaves out differs between answers.

    Left out are `now`, `lagMs` and `cost`, whatever they are called in the document, unless something else
    has the same name there; then the ETag changes more often than it need.
    """
    kept = _without(data, _volatile_names(schema, document))
    return f'W/"{hashlib.blake2b(encode(kept), digest_size=16).hexdigest()}"'


def is_known(etag: str, if_none_match: str) -> bool:
    """Whether the client has it (RFC 9110, section 13.1.2: weak comparison)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags


@lru_cache(maxsize=512)
def _volatile_names(schema: GraphQLSchema, document: DocumentNode) -> frozenset[str]:
    names: dict[bool, set[str]] = {True: set(), False: set()}
    info = TypeInfo(schema)

    class Names(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent = info.get_parent_type()
            inside = _VOLATILE.get(get_named_type(parent).name, frozenset()) if parent else frozenset()
            name = node.alias.value if node.alias else node.name.value
            names[node.name.value in inside].add(name)

    visit(document, TypeInfoVisitor(info, Names()))
    return frozenset(names[True] - names[False])


def _without(data: Mapping[str, Any], names: frozenset[str]) -> Mapping[str, Any]:
    """Objects in objects; lists are rows and columns, of which nothing is left out."""
    return {
        name: _without(value, names) if isinstance(value, dict) else value
        for name, value in data.items()
        if name not in names
    }
