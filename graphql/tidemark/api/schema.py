"""The schema: the contract's types, with enums and fields from the catalogue."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import strawberry
from graphql import GraphQLObjectType, GraphQLResolveInfo
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type

from tidemark.api import alerts
from tidemark.api.context import Context
from tidemark.api.experiments import (
    EXPERIMENT,
    EXPERIMENT_FIELDS,
    EXPERIMENT_QUERIES,
    ExperimentStatus,
    experiment_type,
)
from tidemark.api.fields import field, list_of, resolve
from tidemark.api.frames import FRAME, RESOLVERS, frame_type
from tidemark.api.listing import Listing, catalogue_type, dimension_values
from tidemark.api.operations import Schema
from tidemark.api.question import Enums, condition_type, question_type, request_of
from tidemark.api.rows import METRIC_VALUES, ROW, cells_of, row_type
from tidemark.api.scalars import SCALARS
from tidemark.api.types import Freshness, Limits
from tidemark.desk.poller import News
from tidemark.query.catalogue import Catalogue
from tidemark.query.errors import Code, QueryError
from tidemark.query.frame import Answer
from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.query.request import Request

__all__ = ["Schema", "build_schema"]
INTERVAL_MS = 1_000
Info = GraphQLResolveInfo[Context]


def build_schema(
    catalogue: Catalogue, *, currency: str = "USD", max_aliases: int = DEFAULT_LIMITS.aliases
) -> Schema:
    """The schema for this catalogue.

    ``currency`` is the unit of its amounts, ``max_aliases`` how many aliases a document may have.
    """
    enums = Enums.of(catalogue)
    condition = condition_type(enums)
    question = question_type(enums, condition)
    experiment = experiment_type(enums, condition)
    frame = frame_type(row_type(catalogue))
    listing = Listing.of(catalogue, enums, currency)

    def asked(context: Context, query: Mapping[str, Any]) -> Request:
        return request_of(catalogue, query, context.desk.allowance(context.caller).limits)

    async def metrics(_root: object, info: Info, query: Mapping[str, Any]) -> Answer:
        return await info.context.desk.ask(asked(info.context, query), info.context.caller)

    async def read_freshness(_root: object, info: Info) -> Freshness:
        known = await info.context.desk.freshness()
        return Freshness.of(known, known.now)

    def limits(_root: object, info: Info) -> Limits:
        return Limits.of(info.context.desk.allowance(info.context.caller))

    def watch(
        _root: object,
        info: Info,
        query: Mapping[str, Any],
        minIntervalMs: int | None = None,  # noqa: N803 - its name in GraphQL
    ) -> AsyncIterator[News]:
        interval = INTERVAL_MS if minIntervalMs is None else minIntervalMs
        if interval < 0:
            raise QueryError(
                Code.BAD_LIMIT,
                f"minIntervalMs is {interval}; it must be at least 0.",
                limit=0,
                requested=interval,
                suggestion={"minIntervalMs": INTERVAL_MS},
            )
        return info.context.desk.watch(asked(info.context, query), info.context.caller, interval)

    query = create_type(
        "Query",
        [
            field(
                "metrics",
                frame,
                "Campaign metrics, sliced any way the catalogue allows.",
                arguments={"query": question},
            ),
            field(
                "experiment",
                cast("Any", experiment) | None,
                "null when no such experiment is known.",
                arguments={"id": strawberry.ID},
            ),
            field(
                "experiments",
                list_of(experiment),
                arguments={"status": cast("Any", ExperimentStatus) | None},
            ),
            field("catalogue", catalogue_type(enums)),
            field("freshness", Freshness),
            field("limits", Limits, "What this caller may ask, before it asks."),
            *alerts.QUERY,
        ],
    )
    mutation = create_type("Mutation", [*alerts.MUTATION])
    subscription = create_type(
        "Subscription",
        [
            field(
                "metrics",
                frame,
                "A new frame each time its data changed, at most once per interval; the first one at once.",
                arguments={"query": question, "minIntervalMs": (int | None, INTERVAL_MS)},
            ),
            *alerts.SUBSCRIPTION,
        ],
    )
    schema = Schema(
        query, mutation, subscription, StrawberryConfig(scalar_map=SCALARS), max_aliases=max_aliases
    )
    core = schema.core
    resolve(
        core,
        "Query",
        {
            "metrics": metrics,
            **EXPERIMENT_QUERIES,
            "catalogue": lambda _root, _info: listing,
            "freshness": read_freshness,
            "limits": limits,
            **alerts.QUERIES,
        },
    )
    resolve(core, "Mutation", alerts.MUTATIONS)
    resolve(core, "Subscription", {"metrics": lambda answer, _info, **_: answer, "alerts": alerts.told})
    streams = cast("GraphQLObjectType", core.subscription_type).fields
    streams["metrics"].subscribe, streams["alerts"].subscribe = watch, alerts.follow
    resolve(core, FRAME, RESOLVERS)
    resolve(core, EXPERIMENT, EXPERIMENT_FIELDS)
    resolve(core, "DimensionInfo", {"values": dimension_values})
    for cells in (ROW, METRIC_VALUES):
        resolve(core, cells, cells_of(core, cells))
    return schema
