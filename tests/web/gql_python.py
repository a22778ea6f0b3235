"""gql for Python: a query over HTTP, a subscription over a WebSocket. Tells what `question.mjs` says."""

import asyncio
import json
import sys
from typing import Any

from gql import Client, GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport

_QUERY = """metrics(query: {
  metrics: [CLICKS], range: { lastSeconds: 3600 }, where: [{ dimension: CAMPAIGN, values: [$campaign] }]
}"""
_COLUMNS = "{ columns { name values } }"
_ASK = f"query Ask($campaign: String!) {{ {_QUERY}) {_COLUMNS} }}"
_FOLLOW = f"subscription Follow($campaign: String!) {{ {_QUERY}, minIntervalMs: 100) {_COLUMNS} }}"


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


def clicks(data: dict[str, Any]) -> int:
    (values,) = [one["values"] for one in data["metrics"]["columns"] if one["name"] == "clicks"]
    number: int = values[0]
    return number


async def main(url: str, campaign: str) -> None:
    variables = {"campaign": campaign}
    async with Client(transport=AIOHTTPTransport(url=url)) as session:
        tell(asked=clicks(await session.execute(GraphQLRequest(_ASK, variable_values=variables))))
    sockets = AIOHTTPWebsocketsTransport(url=url.replace("http", "ws", 1))
    async with Client(transport=sockets) as session:
        first = None
        async for data in session.subscribe(GraphQLRequest(_FOLLOW, variable_values=variables)):
            number = clicks(data)
            if first is None:
                first = number
                tell(subscribed=number)
            elif number != first:
                tell(seen=number)
                break


asyncio.run(main(*sys.argv[1:]))
