"""Finding the checkpoint to start from: the newest that is complete."""

from collections.abc import Collection
from pathlib import Path


def newest(folder: Path, *, leave_out: Collection[Path] = ()) -> Path | None:
    """The newest complete checkpoint under ``folder`` (``<job id>/chk-<n>``), or None.

    Flink writes ``_metadata`` last, so a folder without it was never finished. Checkpoints in ``leave_out``
    are passed over: they were tried and the job did not start from them.
    """
    complete = [
        (metadata.stat().st_mtime_ns, metadata.parent)
        for metadata in folder.glob("*/chk-*/_metadata")
        if metadata.parent not in leave_out
    ]
    return max(complete)[1] if complete else None
