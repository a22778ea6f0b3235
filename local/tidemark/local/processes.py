"""Every process of a cluster, found by its environment, whoever its parent is by now; and ending them."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tidemark.local.layout import layout
from tidemark.settings import Settings

MARK = "TIDEMARK_SUPERVISED"
"""The variable that the supervisor and all below it carry; its value is the cluster's home folder."""


def cluster_processes(settings: Settings) -> list[psutil.Process]:
    """Every living process of the cluster that the settings name, the supervisor included."""
    return of_home(layout(settings).home)


def of_home(home: Path) -> list[psutil.Process]:
    """Every living process of the cluster in ``home``."""
    own = os.getpid()
    return [
        process for process in psutil.process_iter() if process.pid != own and home_of(process) == str(home)
    ]


def home_of(process: psutil.Process) -> str | None:
    """The home folder of the cluster that a process belongs to; None if to none, or if it cannot be asked."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None


def end(found: Sequence[psutil.Process], *, patience: float) -> None:
    """End the processes: ask, wait ``patience`` seconds, then kill; returns when none is left."""
    for process in found:
        _signal(process, psutil.Process.terminate)
    _, alive = psutil.wait_procs(found, timeout=patience)
    for process in alive:
        _signal(process, psutil.Process.kill)
    psutil.wait_procs(alive, timeout=5.0)


def _signal(process: psutil.Process, send: Callable[[psutil.Process], None]) -> None:
    with suppress(psutil.NoSuchProcess):
        send(process)
