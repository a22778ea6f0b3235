"""``python -m tidemark.store.schema FOLDER``.

Prints the schema that the migrations make in a new data folder.
"""

import os
import sys
from pathlib import Path

from tidemark.store.database import Database


def main() -> None:
    """Open, upgrade, print."""
    database = Database(Path(sys.argv[1]), brokers="127.0.0.1:9")

    from tidemark.store.migrate import schema, upgrade  # noqa: PLC0415 - after the engine

    upgrade(database)
    sys.stdout.write(schema(database))
    sys.stdout.flush()
    os._exit(0)  # the engine's threads need no orderly end here


main()
