"""Asking the service over HTTP, and saying in one sentence why there is no answer."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from tidemark.query.options import Words

# longer than the service lets a query take
_TIMEOUT_SECONDS = 30.0

Body = dict[str, Any]


class ServiceError(RuntimeError):
    """There is no answer; the message is one sentence on why, and what to do."""


@dataclass(frozen=True, slots=True)
class Client:
    """The service at ``url`` (no path), over ``http``."""

    http: httpx.Client
    url: str

    def ask(self, words: Words) -> Body:
        """The frame that answers, as ``GET /v1/metrics`` has it.

        Raises:
            ServiceError: there is none.
        """
        return self._json("/v1/metrics", words, "rows")

    def explain(self, words: Words, *, run: bool) -> Body:
        """The plan of a question.

        Raises:
            ServiceError: there is none.
        """
        return self._json("/v1/explain", [*words, ("analyze", "true")] if run else words, "sql")

    def experiment(self, id_: str, words: Words) -> Body:
        """An experiment and its results, as ``GET /v1/experiments/ID`` has them.

        Raises:
            ServiceError: there is none.
        """
        return self._json(f"/v1/experiments/{quote(id_, safe='')}", words, "results")

    def graphql(self, document: str, variables: Mapping[str, object]) -> Body:
        """The ``data`` of an operation.

        Raises:
            ServiceError: there is none.
        """
        response = self._sent(
            "POST", "/graphql", body={"query": document, "variables": variables}, params=None
        )
        try:
            body = response.json()
        except ValueError as error:
            raise ServiceError(self._stranger(response)) from error
        if not isinstance(body, dict) or body.get("data") is None:
            told = body.get("errors") if isinstance(body, dict) else None
            raise ServiceError(told[0]["message"] if told else self._stranger(response))
        return dict(body["data"])

    def lines(self, path: str, words: Words, content: bytes, media_type: str) -> Iterator[Body]:
        """The lines of JSON that answer a body, as they come.

        Raises:
            ServiceError: there is none, or a line says that there will be no more.
        """
        headers = {"content-type": media_type}
        asked = self.http.stream(
            "POST", f"{self.url}{path}", params=httpx.QueryParams(tuple(words)), content=content,
            headers=headers, timeout=_TIMEOUT_SECONDS,
        )  # fmt: skip
        with self._reached(), asked as response:
            for line in response.iter_lines():
                yield self._body(response, line, None)

    def sheet(self, words: Words) -> str:
        """The answer as CSV.

        Raises:
            ServiceError: there is none.
        """
        response = self._get("/v1/metrics.csv", words)
        if "Tidemark-Code" in response.headers:
            raise ServiceError(response.text.strip())
        if not response.headers.get("content-type", "").startswith("text/csv"):
            raise ServiceError(self._stranger(response))
        return response.text

    def _json(self, path: str, words: Words, key: str) -> Body:
        response = self._get(path, words)
        return self._body(response, response.text, key)

    def _body(self, response: httpx.Response, text: str, key: str | None) -> Body:
        """What it says; ``key`` must be in it."""
        try:
            body = json.loads(text)
        except ValueError as error:
            raise ServiceError(self._stranger(response)) from error
        if isinstance(body, dict) and "code" in body and "message" in body:
            raise ServiceError(_sentence(body))
        if not isinstance(body, dict) or (key is not None and key not in body):
            raise ServiceError(self._stranger(response))
        return body

    def _get(self, path: str, words: Words) -> httpx.Response:
        return self._sent("GET", path, body=None, params=httpx.QueryParams(tuple(words)))

    def _sent(
        self, method: str, path: str, *, body: object, params: httpx.QueryParams | None
    ) -> httpx.Response:
        with self._reached():
            return self.http.request(
                method, f"{self.url}{path}", json=body, params=params, timeout=_TIMEOUT_SECONDS
            )

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
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

    def _stranger(self, response: httpx.Response) -> str:
        return (
            f"{self.url} answered {response.status_code}, but not as Tidemark's service does; is it that? "
            "See --url."
        )


def _sentence(problem: Mapping[str, Any]) -> str:
    """The refusal's sentence, with the options that would be accepted; an empty one is to be left out."""
    suggestion = problem.get("suggestion", {}).items()
    options = [f"--{word} {value}" if value else f"no --{word}" for word, value in suggestion]
    return f"{problem['message']} Try {' '.join(options)}." if options else str(problem["message"])
