"""Errors as GraphQL tells them: one sentence, and ``extensions.code`` for machines."""

import logging
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from graphql import GraphQLEnumType, GraphQLError, GraphQLSchema, GraphQLSyntaxError

from tidemark.query.errors import Code, QueryError

_LOG = logging.getLogger(__name__)
SYNTAX, INVALID, BAD_REQUEST = "GRAPHQL_SYNTAX", "GRAPHQL_INVALID", "BAD_REQUEST"
# of documents; `limit`, and where it is known `requested`, stand beside them
TOO_DEEP, TOO_MANY_ALIASES, TOO_MANY_TOKENS = "TOO_DEEP", "TOO_MANY_ALIASES", "TOO_MANY_TOKENS"
_UNKNOWN_VALUE: Final = re.compile(r" does not exist in '(\w+)' enum\.$")
_WITHHELD: Final = "(its message quotes what the caller wrote, and is not logged)"


def told(error: GraphQLError, request_id: str, texts: Iterable[str]) -> GraphQLError:
    """An error of an execution as its caller is told it.

    A refusal gets its code and details. What nobody expected is logged under ``request_id``, without
    ``texts`` (those that the caller wrote), and only the id is told.
    """
    cause = error.original_error
    if isinstance(cause, QueryError):
        return _located(error, str(cause), {"code": cause.code.value, **cause.details})
    if cause is None or isinstance(cause, GraphQLError) or error.path is None:
        return error
    _LOG.error("query %s failed\n%s", request_id, "".join(_trace(cause, list(texts))))
    return _located(error, unexpected(request_id), {"code": Code.INTERNAL.value, "request": request_id})


def unexpected(request_id: str) -> str:
    """What is told of an error that nobody expected."""
    return f"The question could not be answered; the service's log says why, under {request_id}."


def formatted(error: GraphQLError) -> Mapping[str, Any]:
    """The error as the specification writes it, its code always there."""
    plain = dict(error.formatted)
    extensions = dict(error.extensions or {})
    extensions.setdefault("code", SYNTAX if isinstance(error, GraphQLSyntaxError) else INVALID)
    return {**plain, "extensions": extensions}


def with_choices(errors: Iterable[GraphQLError], schema: GraphQLSchema) -> list[GraphQLError]:
    """The errors; where a value is none of its enum's, the sentence says which there are.

    graphql-core says "did you mean" or nothing; metrics and dimensions are the catalogue's, for all to read.
    """
    told = list(errors)
    for error in told:
        found = _UNKNOWN_VALUE.search(error.message)
        type_ = schema.type_map.get(found[1]) if found else None
        if isinstance(type_, GraphQLEnumType):
            error.message += f" There are {', '.join(type_.values)}."
    return told


def texts_in(variables: object) -> Iterator[str]:
    """Every text in the values of variables, however deep."""
    left = [variables]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


def _located(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(message, error.nodes, path=error.path, extensions=extensions)


def _trace(error: BaseException, texts: list[str]) -> Iterator[str]:
    """The stacks of an exception and those behind it, first to last, with the messages that may be told."""
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if behind is not None:
        yield from _trace(behind, texts)
        yield "which led to\n"
    message = str(error)
    quotes = any(text in message or (_letters(text) or text) in _letters(message) for text in texts if text)
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__name__}: {_WITHHELD if quotes else message}\n"


def _letters(text: str) -> str:
    """Its letters and digits alone, which are the same however it is quoted or escaped."""
    return "".join(filter(str.isalnum, text))
