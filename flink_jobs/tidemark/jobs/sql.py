"""A job's SQL: read from its file, settings filled in, split into statements."""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from string import Template

_COMMENT = re.compile(r"\s*--.*$", re.MULTILINE)
_END = re.compile(r";\s*$", re.MULTILINE)  # a semicolon within a line belongs to a value


def statements(job: str, values: Mapping[str, str]) -> Iterator[str]:
    """The statements of ``sql/<job>.sql`` in order, ``${name}`` replaced from ``values``.

    Raises:
        KeyError: the file names a value that is not given.
    """
    return split(files(__package__).joinpath("sql", f"{job}.sql").read_text(encoding="utf-8"), values)


def split(text: str, values: Mapping[str, str]) -> Iterator[str]:
    """The statements of an SQL text, ``${name}`` replaced; as ``statements``."""
    for part in _END.split(Template(_COMMENT.sub("", text)).substitute(values)):
        if part.strip():
            yield part.strip()
