"""What a request asks: a document or the name of one, and its variables.

GraphQL over HTTP (draft), section 5; Apollo's automatic persisted queries.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any, Final, TypeVar

from tidemark.api.reply import Refusal, decoded

MAX_DOCUMENT_BYTES: Final = 65_536
_SHA256 = re.compile(r"[0-9a-f]{64}")
_IDS: Final = ("documentId", "operationId", "id")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A request's parameters, their types checked.

    Attributes:
        query: The document's text.
        variables: By name.
        operation_name: Which of the document's operations.
        sha256: The hash of the document's text, as lower-case hex, by which it is or becomes known.
        id: A document of the allow-list, by hash or operation name.
    """

    query: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    sha256: str | None
    id: str | None

    @classmethod
    def of(cls, parameters: object) -> "Call":
        """The call of a JSON body, or of a WebSocket's payload.

        Raises:
            Refusal: 400 where it is none, 413 where the document is too long.
        """
        if isinstance(parameters, list):
            raise Refusal(400, "Batching is not enabled; send one request an operation.")
        if not isinstance(parameters, dict):
            raise Refusal(400, "The body must be a JSON object with a query.")
        query = _typed(parameters, "query", str, "a string")
        if query is not None and len(query.encode()) > MAX_DOCUMENT_BYTES:
            raise Refusal(
                413,
                f"The document has more than {MAX_DOCUMENT_BYTES:,} bytes; put values into variables.",
                "DOCUMENT_TOO_LARGE",
                limit=MAX_DOCUMENT_BYTES,
                requested=len(query.encode()),
            )
        ids = (_typed(parameters, name, str, "a string") for name in _IDS)
        return cls(
            query=query,
            variables=_typed(parameters, "variables", dict, "an object"),
            operation_name=_typed(parameters, "operationName", str, "a string"),
            sha256=_sha256(_typed(parameters, "extensions", dict, "an object") or {}),
            id=next((one.removeprefix("sha256:") for one in ids if one), None),
        )

    @classmethod
    def of_body(cls, body: bytes) -> "Call":
        """The call of a POST.

        Raises:
            Refusal: as `of`.
        """
        try:
            return cls.of(decoded(body))
        except JSONDecodeError as error:
            raise Refusal(400, "Unable to parse request body as JSON") from error

    @classmethod
    def of_query(cls, parameters: Mapping[str, str]) -> "Call":
        """The call of a GET; ``variables`` and ``extensions`` are JSON.

        Raises:
            Refusal: as `of`.
        """
        found: dict[str, Any] = {name: value or None for name, value in parameters.items()}
        for name in ("variables", "extensions"):
            if found.get(name):
                try:
                    found[name] = decoded(found[name])
                except JSONDecodeError as error:
                    raise Refusal(400, f"Unable to parse {name} as JSON") from error
        return cls.of(found)


def _typed(parameters: Mapping[str, Any], name: str, type_: type[T], called: str) -> T | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, type_):
        raise Refusal(400, f"The parameter {name} must be {called} or null, if it is given.")
    return value


def _sha256(extensions: Mapping[str, Any]) -> str | None:
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        return None
    version = persisted.get("version") if isinstance(persisted, dict) else None
    sha256 = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if version != 1 or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256.lower()):
        raise Refusal(
            400, "extensions.persistedQuery must be {version: 1, sha256Hash: 64 hexadecimal digits}."
        )
    return sha256.lower()
