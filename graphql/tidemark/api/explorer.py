"""GraphiQL, a page to try queries on.

Its scripts come from this machine when they were fetched, else from a CDN. They are the WebJars
``org.webjars.npm:graphiql:2.4.7``, ``react:18.2.0`` and ``react-dom:18.2.0``, fetched by Maven beside all
else; each is a zip file that the scripts are read from as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from zipfile import ZipFile

from strawberry.http.ides import get_graphql_ide_html

# name in the page → (jar, path below META-INF/resources/webjars, media type)
_ASSETS: Mapping[str, tuple[str, str, str]] = {
    "graphiql.min.css": ("graphiql-2.4.7.jar", "graphiql/2.4.7/graphiql.min.css", "text/css"),
    "graphiql.min.js": ("graphiql-2.4.7.jar", "graphiql/2.4.7/graphiql.min.js", "text/javascript"),
    "react.production.min.js": (
        "react-18.2.0.jar",
        "react/18.2.0/umd/react.production.min.js",
        "text/javascript",
    ),
    "react-dom.production.min.js": (
        "react-dom-18.2.0.jar",
        "react-dom/18.2.0/umd/react-dom.production.min.js",
        "text/javascript",
    ),
}


@dataclass(frozen=True, slots=True)
class Explorer:
    """GraphiQL with the jars of a folder."""

    jars: Path

    @property
    def is_local(self) -> bool:
        """Whether every jar is there."""
        return all((self.jars / jar).is_file() for jar, _, _ in _ASSETS.values())

    def page(self) -> str:
        """The page; with scripts from a CDN, which needs the internet, where a jar is missing."""
        if self.is_local:
            return (files("tidemark.api") / "explorer.html").read_text(encoding="utf-8")
        return get_graphql_ide_html("graphiql")

    def asset(self, name: str) -> tuple[bytes, str] | None:
        """A script's or stylesheet's bytes and media type; None where there is no such."""
        if name not in _ASSETS:
            return None
        jar, path, media_type = _ASSETS[name]
        archive = self.jars / jar
        return (_read(archive, path), media_type) if archive.is_file() else None


@cache
def _read(archive: Path, path: str) -> bytes:
    with ZipFile(archive) as jar:
        return jar.read(f"META-INF/resources/webjars/{path}")
