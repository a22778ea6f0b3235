"""The checkpoints on disk: which to start from, and which to remove."""

import shutil
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


def made_at(checkpoint: Path) -> float:
    """When a checkpoint was finished, Unix seconds."""
    return (checkpoint / "_metadata").stat().st_mtime


def clear(folder: Path, *, keep: str) -> list[Path]:
    """Remove the checkpoints of every run but ``keep``, once that one has a complete checkpoint of its own.

    Flink never removes what a run was started from. A run's first checkpoint is a full one, so nothing that
    is removed is referred to. Folders of other SQL texts of the job go too: they lie beside ``folder``.

    Returns:
        The folders that were removed.
    """
    if not any((folder / keep).glob("chk-*/_metadata")):
        return []
    job = folder.name.rpartition("-")[0]
    earlier = [run for run in folder.iterdir() if run.name != keep]
    earlier += [other for other in folder.parent.glob(f"{job}-*") if other != folder]
    for each in earlier:
        shutil.rmtree(each)
    return earlier
