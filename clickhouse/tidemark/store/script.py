"""SQL files: where they lie, and their statements one by one."""

import re
from collections.abc import Iterator
from importlib.resources import files

_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)


def read(name: str) -> str:
    """The text of a ``.sql`` file of this package, for example ``"audit_sql/compare.sql"``."""
    return files(__package__).joinpath(*name.split("/")).read_text(encoding="utf-8")


def statements(text: str) -> Iterator[str]:
    """Each statement of a script.

    One ends with a semicolon at the end of a line, comment lines are left out.
    """
    for part in re.split(r";\s*$", _COMMENT.sub("", text), flags=re.MULTILINE):
        if part.strip():
            yield part.strip()
