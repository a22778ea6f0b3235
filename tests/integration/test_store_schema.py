"""What ``upgrade head`` really makes, against the committed schema."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_COMMITTED = _ROOT / "clickhouse" / "tidemark" / "store" / "schema.sql"


def test_the_committed_schema_is_what_the_migrations_make(tmp_path: Path) -> None:
    """In a process of its own, since one process owns one data path. `make schema` rewrites the file."""
    made = subprocess.run(
        [sys.executable, "-m", "tidemark.store.schema", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert made == _COMMITTED.read_text()


def test_upgrading_twice_changes_nothing_and_a_data_folder_opens_again(tmp_path: Path) -> None:
    first, second = (
        subprocess.run(
            [sys.executable, "-m", "tidemark.store.schema", str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    )
    assert first == second


def test_importing_chdb_before_the_engine_is_refused_with_the_reason(tmp_path: Path) -> None:
    code = (
        "import chdb; from pathlib import Path; from tidemark.store.database import Database;"
        f"Database(Path({str(tmp_path)!r}), brokers='127.0.0.1:1')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "chdb was imported before the engine was opened" in done.stderr
