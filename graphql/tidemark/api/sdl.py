"""``python -m tidemark.api.sdl`` writes the schema that clients generate code from."""

import sys
from pathlib import Path

from tidemark.api.schema import Schema, build_schema
from tidemark.query.catalogue import load
from tidemark.settings import settings

FILE = Path(__file__).resolve().parents[2] / "schema.graphql"


def sdl(schema: Schema) -> str:
    """The schema as text, ending in one newline."""
    return (
        "# Written by `python -m tidemark.api.sdl` from the catalogue; do not edit.\n\n"
        + schema.as_str().rstrip()
        + "\n"
    )


if __name__ == "__main__":
    FILE.write_text(sdl(build_schema(load(settings().catalogue))), encoding="utf-8")
    sys.stdout.write(f"wrote {FILE}\n")
