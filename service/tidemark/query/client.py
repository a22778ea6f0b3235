"""Asking the service over HTTP, and saying in one sentence why there is no answer."""

from dataclasses import dataclass
from typing import Any

import httpx

from tidemark.query.asking import Asked

_FRAME = """
fragment frame on Frame {
  columns { name kind unit values }
  rowCount
  truncated
  resolved { from to grain timezone source }
  freshness { now completeThrough auditedThrough lagMs openBucket }
}
"""
_ONE = "query Ask($asked: MetricsQuery!) { asked: metrics(query: $asked) { ...frame } }" + _FRAME
_BOTH = (
    "query AskWithTotals($asked: MetricsQuery!, $total: MetricsQuery!) {"
    " asked: metrics(query: $asked) { ...frame } total: metrics(query: $total) { ...frame } }" + _FRAME
)
_NAMES = """{
  metrics: __type(name: "Metric") { enumValues { name } }
  dimensions: __type(name: "Dimension") { enumValues { name } }
  grain: __type(name: "Grain") { enumValues { name } }
}"""
# longer than the service lets a query take
_TIMEOUT_SECONDS = 30.0

Frame = dict[str, Any]


class ServiceError(RuntimeError):
    """There is no answer; the message is one sentence on why, and what to do."""


@dataclass(frozen=True, slots=True)
class Client:
    """The service at ``url`` (no path), over ``http``."""

    http: httpx.Client
    url: str

    def ask(self, asked: Asked) -> Frame:
        """The frame that answers.

        Raises:
            ServiceError: there is none.
        """
        frame: Frame = self._ask(_ONE, {"asked": asked.variables}, asked)["asked"]
        return frame

    def ask_with_total(self, asked: Asked, total: Asked) -> tuple[Frame, Frame]:
        """Two frames of one request.

        Raises:
            ServiceError: there are none.
        """
        data = self._ask(_BOTH, {"asked": asked.variables, "total": total.variables}, asked)
        return data["asked"], data["total"]

    def _ask(self, document: str, variables: dict[str, Any], asked: Asked) -> dict[str, Any]:
        answer = self._post(document, variables)
        if errors := answer.get("errors"):
            raise ServiceError(self._unknown_name(asked) or str(errors[0]["message"]))
        data: dict[str, Any] = answer["data"]
        return data

    def _unknown_name(self, asked: Asked) -> str | None:
        """A better sentence than GraphQL's where a name is one that the service does not know."""
        known = self._post(_NAMES, {}).get("data") or {}
        given = {
            "metrics": asked.metrics,
            "dimensions": (*asked.dimensions, *(one["dimension"] for one in asked.where)),
            "grain": (asked.grain,) if asked.grain else (),
        }
        for what, option in (
            ("metrics", "--metrics"),
            ("dimensions", "--by or --where"),
            ("grain", "--grain"),
        ):
            names = [value["name"] for value in (known.get(what) or {}).get("enumValues", [])]
            for name in given[what]:
                if names and name not in names:
                    listed = ", ".join(names).lower()
                    return f"There is nothing called {name.lower()} for {option}; there are {listed}."
        return None

    def _post(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        body = {"query": document, "variables": variables}
        try:
            response = self.http.post(f"{self.url}/graphql", json=body, timeout=_TIMEOUT_SECONDS)
            answer = response.json()
        except httpx.TimeoutException as error:
            raise ServiceError(
                f"The service at {self.url} did not answer within {_TIMEOUT_SECONDS:.0f} s; "
                "see `tidemark status`."
            ) from error
        except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ServiceError(
                f"The service does not answer at {self.url}; start it with `make up`, or see "
                "`tidemark status`."
            ) from error
        except ValueError as error:
            raise ServiceError(
                f"{self.url} answered {response.status_code} without JSON; is it Tidemark's service? "
                "See --url."
            ) from error
        if not isinstance(answer, dict) or not ("data" in answer or "errors" in answer):
            raise ServiceError(f"{self.url} answers, but not GraphQL; is it Tidemark's service? See --url.")
        return answer
