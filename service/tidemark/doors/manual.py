"""What the doors take and give, from the words themselves: OpenAPI 3.1 for machines, a page for people."""

from collections.abc import Iterable
from html import escape
from importlib.metadata import version
from importlib.resources import files
from string import Template
from typing import Any

from tidemark.alerts.folder import MEDIA_TYPE
from tidemark.doors import preview, trials
from tidemark.doors.trials import LISTED
from tidemark.query.catalogue import Catalogue, Dimension, Metric
from tidemark.query.errors import Code
from tidemark.query.words import WORDS, Word

ANALYZE = Word("analyze", "true runs it and tells what that took.", "true")
EXAMPLES = (
    ("the last hour", "/v1/metrics?metrics=clicks,ctr"),
    (
        "a table of campaigns",
        "/v1/metrics?metrics=spend,clicks,cpc&by=campaign&last=7d&order=-spend&limit=20",
    ),
    ("days in Berlin", "/v1/metrics?metrics=revenue,roas&last=14d&grain=day&tz=Europe/Berlin"),
    ("beside the week before", "/v1/metrics?metrics=clicks,conversions&by=channel&last=1d&compare=week"),
    ("the five largest, and the rest", "/v1/metrics?metrics=spend&by=campaign&last=7d&top=5"),
    ("for a spreadsheet", "/v1/metrics.csv?metrics=clicks,ctr&by=campaign&last=7d&grain=day"),
    ("how it would be answered", "/v1/explain?metrics=clicks&by=campaign&last=7d&grain=day"),
    ("what can be asked for", "/v1/catalogue"),
    ("how much of it", "/v1/limits"),
    ("the experiments", "/v1/experiments"),
)
HEADERS = {
    "Tidemark-Complete-Through": "Every event accepted before this instant is in the answer.",
    "Tidemark-Audited-Through": "Up to here raw events and folded rows were compared and agree.",
    "Tidemark-Source": "The tables that answered.",
    "Tidemark-Truncated": "true when limit cut rows off.",
    "Tidemark-Cost": "Units charged and remaining, rows read, milliseconds, whether the cache answered.",
    "ETag": "The same as long as the data is; send it as If-None-Match and get 304 without a body.",
}
STATUSES = {
    "404": "There is no such experiment; those that there are stand in the message.",
    "400": "The question cannot be asked; the message says why and what to do.",
    "429": "The budget is used up, or too many questions are under way; Retry-After says how long to wait.",
    "500": "Nobody expected this; the service's log says why, under the id in the message.",
    "504": "The query took longer than it may.",
}
_PAGE = Template((files("tidemark.doors") / "manual.html").read_text(encoding="utf-8"))


def openapi(catalogue: Catalogue) -> dict[str, Any]:
    """The OpenAPI document."""
    words = [_parameter(word, catalogue) for word in WORDS]
    frame = {"application/json": {"schema": {"$ref": "#/components/schemas/Frame"}}}
    sheet = {"text/csv": {"schema": {"type": "string"}}}
    thing = {"application/json": {"schema": {"type": "object"}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tidemark",
            "version": version("tidemark"),
            "description": "Campaign metrics over plain HTTP. The whole contract is GraphQL's, at /graphql.",
        },
        "paths": {
            "/v1/metrics": _get("Metrics as JSON, or as CSV with Accept: text/csv", words, frame | sheet),
            "/v1/metrics.csv": _get("Metrics as CSV (RFC 4180), for spreadsheets", words, sheet),
            "/v1/explain": _get(
                "How a question would be answered: tables, SQL, price",
                [*words, _parameter(ANALYZE, catalogue)],
                thing,
            ),
            "/v1/catalogue": _get("What can be asked for", [], thing),
            "/v1/experiments": _get(
                "The experiments", [_parameter(word, catalogue) for word in LISTED], thing
            ),
            "/v1/experiments/{id}": _get(
                "An experiment and its results",
                [_ID, *(_parameter(word, catalogue) for word in trials.WORDS)],
                thing,
            ),
            "/v1/rules/preview": _post(
                "What a rule would have told on the past: lines of JSON, the preview in the last one",
                [_parameter(word, catalogue) for word in preview.WORDS],
                MEDIA_TYPE,
                {"application/x-ndjson": {"schema": {"type": "string"}}},
            ),
            "/v1/limits": _get("What one question may ask for, and the budget a minute", [], thing),
        },
        "components": {"schemas": {"Frame": _FRAME, "Problem": _PROBLEM}},
    }


def page(catalogue: Catalogue) -> str:
    """The page at ``/docs/api``; it loads nothing from anywhere."""
    return _PAGE.substitute(
        version=escape(version("tidemark")),
        examples="\n".join(
            f'<li>{escape(what)}<br><a href="{escape(path)}"><code>{escape(path)}</code></a></li>'
            for what, path in EXAMPLES
        ),
        words=_rows((word.name, word.meaning, f"{word.name}={word.example}") for word in WORDS),
        metrics=_rows(_described(metric) for metric in catalogue.metrics.values()),
        dimensions=_rows(_described(one) for one in catalogue.dimensions.values()),
        headers=_rows(HEADERS.items()),
        statuses=_rows(STATUSES.items()),
        codes=", ".join(f"<code>{code}</code>" for code in Code),
    )


def _described(entry: Metric | Dimension) -> tuple[str, ...]:
    told = (entry.field, f"{entry.label}. {entry.description}")
    return (*told, entry.expression) if isinstance(entry, Metric) else told


def _rows(cells: Iterable[tuple[str, ...]]) -> str:
    """A table's body: the first cell is code, as is the third; the second is a sentence."""
    lines = []
    for first, sentence, *more in cells:
        last = "".join(f"<td><code>{escape(cell)}</code></td>" for cell in more)
        lines.append(f"<tr><td><code>{escape(first)}</code></td><td>{escape(sentence)}</td>{last}</tr>")
    return "\n".join(lines)


def _parameter(word: Word, catalogue: Catalogue) -> dict[str, Any]:
    meaning = word.meaning
    if word.name in ("metrics", "by"):
        known = catalogue.metrics if word.name == "metrics" else catalogue.dimensions
        meaning = f"{meaning} Commas between; there are {', '.join(one.field for one in known.values())}."
    text: dict[str, Any] = {"type": "string"}
    return {
        "name": word.name,
        "in": "query",
        "required": False,
        "description": meaning,
        "schema": {"type": "array", "items": text} if word.repeats else text,
        "example": [word.example] if word.repeats else word.example,
    }


def _get(summary: str, parameters: list[dict[str, Any]], content: dict[str, Any]) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    headers = {name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()}
    found: dict[str, Any] = {
        "200": {"description": summary, "content": content} | ({"headers": headers} if parameters else {})
    }
    refused = {status: {"description": text, "content": problem} for status, text in STATUSES.items()}
    return {"get": {"summary": summary, "parameters": parameters, "responses": found | refused}}


def _post(
    summary: str, parameters: list[dict[str, Any]], takes: str, content: dict[str, Any]
) -> dict[str, Any]:
    told = _get(summary, parameters, content)["get"]
    body = {"required": True, "content": {takes: {"schema": {"type": "string"}}}}
    return {"post": told | {"requestBody": body}}


def _object(**properties: str | tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            name: {"type": kind if isinstance(kind, str) else list(kind)} for name, kind in properties.items()
        },
    }


_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "As exposures carry it.",
    "schema": {"type": "string"},
}
_TEXT, _NUMBER = ("string", "null"), ("number", "null")
_FRAME = {
    "type": "object",
    "properties": {
        "columns": {"type": "array", "items": _object(name="string", kind="string", unit=_TEXT)},
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "description": "By column: bucket, other, dimensions, metrics, previous.*, change.*, …",
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            },
        },
        "rowCount": {"type": "integer"},
        "truncated": {"type": "boolean"},
        "resolved": _object(
            **{"from": "string"}, to="string", grain=_TEXT, timezone="string", source="string",
            previousFrom=_TEXT, previousTo=_TEXT,
        ),
        "freshness": _object(
            now="string", completeThrough=_TEXT, auditedThrough=_TEXT, lagMs=_NUMBER, openBucket="boolean"
        ),
        "cost": _object(
            rowsRead="number", bytesRead="number", elapsedMs="number", cacheHit="boolean", charged="number",
            remaining="number",
        ),
    },
}  # fmt: skip
_PROBLEM = {
    "type": "object",
    "required": ["status", "code", "message"],
    "properties": {
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": [code.value for code in Code]},
        "message": {"type": "string", "description": "One sentence: what, where, and what to do."},
        "limit": {"type": "number"},
        "requested": {"type": "number"},
        "retryAfterMs": {"type": "number"},
        "suggestion": {
            "type": "object",
            "description": "Words of the question with values that would be accepted.",
            "additionalProperties": {"type": "string"},
        },
    },
}
