"""Errors as GraphQL tells them: one sentence, and ``extensions.code`` for machines."""

import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError

from tidemark.query.errors import Code, QueryError

_LOG = logging.getLogger(__name__)
SYNTAX, INVALID, BAD_REQUEST = "GRAPHQL_SYNTAX", "GRAPHQL_INVALID", "BAD_REQUEST"


@contextmanager
def explained() -> Iterator[None]:
    """Turn what a step raises into a GraphQL error; what nobody expected is logged and stays behind an id.

    Raises:
        GraphQLError: always, when anything was raised within.
    """
    try:
        yield
    except QueryError as error:
        raise GraphQLError(str(error), extensions={"code": error.code.value, **error.details}) from error
    except Exception as error:
        request = secrets.token_hex(6)
        _LOG.exception("query %s failed", request)
        raise GraphQLError(
            f"The question could not be answered; the service's log says why, under {request}.",
            extensions={"code": Code.INTERNAL.value, "request": request},
        ) from error


def formatted(error: GraphQLError) -> Mapping[str, Any]:
    """The error as the specification writes it, its code always there."""
    plain = dict(error.formatted)
    extensions = dict(error.extensions or {})
    extensions.setdefault("code", SYNTAX if isinstance(error, GraphQLSyntaxError) else INVALID)
    return {**plain, "extensions": extensions}
