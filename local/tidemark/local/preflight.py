"""What must hold before the cluster is started; each failure is one sentence that says what to do."""

import shutil
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from tidemark.local import processes
from tidemark.local.cluster import PortUse
from tidemark.local.fetch import NO_MAVEN

_GIB = 1024**3
_MEMORY_GIB = 4.0
_MEMORY_GIB_PER_FURTHER_BROKER = 0.5
_DISK_GIB = 3.0
_PYTHON = ((3, 11), (3, 13))
# They divide paths or begin comments in the files of Java, Kafka, Flink and the supervisor
_UNUSABLE = ":;,#%\"'\n"


@dataclass(frozen=True, slots=True)
class Probes:
    """How the machine is looked at.

    Attributes:
        python: the interpreter's version, major and minor.
        maven: whether ``mvn`` is on the path.
        holder: who holds a port, in words; None if it is free.
        memory: bytes that can be had without swapping.
        disk: free bytes where the folder lies.
    """

    python: tuple[int, int]
    maven: bool
    holder: Callable[[int], str | None]
    memory: int
    disk: int


def problems(
    probes: Probes, *, ports: Iterable[PortUse], folders: Iterable[Path], brokers: int, must_fetch: bool
) -> list[str]:
    """Everything that stands in the way, as sentences. Pure."""
    return [
        *_python(probes.python),
        *(NO_MAVEN for _ in range(1) if must_fetch and not probes.maven),
        *_folders(folders),
        *_ports(tuple(ports), probes.holder),
        *_memory(probes.memory, brokers),
        *_disk(probes.disk),
    ]


def _python(version: tuple[int, int]) -> Iterable[str]:
    first, after = _PYTHON
    if not first <= version < after:
        yield f"This is Python {version[0]}.{version[1]}, but Flink needs 3.11 or 3.12."


def _folders(folders: Iterable[Path]) -> Iterable[str]:
    for folder in folders:
        found = sorted(set(str(folder)) & set(_UNUSABLE))
        if found:
            yield (
                f"The folder {str(folder)!r} has {' '.join(found)} in its name, which Java or the "
                "supervisor reads as a separator; move it to a path without."
            )


def _ports(ports: tuple[PortUse, ...], holder: Callable[[int], str | None]) -> Iterable[str]:
    first: dict[int, PortUse] = {}
    taken: dict[str, list[PortUse]] = {}
    for use in ports:
        other = first.setdefault(use.port, use)
        by = holder(use.port)
        if other is not use:
            yield (
                f"Port {use.port} is given to both {other.part} ({other.variable}) and {use.part} "
                f"({use.variable}); move one of them."
            )
        elif by is not None:
            taken.setdefault(by, []).append(use)
    for by, uses in taken.items():
        several = len(uses) > 1
        which = ", ".join(f"{use.port} for {use.part} ({use.variable})" for use in uses)
        yield (
            f"Port{'s' if several else ''} {which} {'are' if several else 'is'} taken by {by}; end that, or "
            f"set the named variable{'s' if several else ''} to free ports."
        )


def _memory(available: int, brokers: int) -> Iterable[str]:
    needed = _MEMORY_GIB + _MEMORY_GIB_PER_FURTHER_BROKER * (brokers - 1)
    if available < needed * _GIB:
        yield (
            f"{available / _GIB:.1f} GiB of memory can be had, but the cluster needs {needed:.1f}; end other "
            "programs or give the machine more."
        )


def _disk(free: int) -> Iterable[str]:
    if free < _DISK_GIB * _GIB:
        yield (
            f"{free / _GIB:.1f} GiB of disk are free, but the cluster needs {_DISK_GIB:.0f}; make room, "
            "or set TIDEMARK_HOME to a folder on another disk."
        )


def look(home: Path, host: str) -> Probes:
    """The probes of this machine."""
    folder = next(folder for folder in (home, *home.parents) if folder.exists())
    return Probes(
        python=sys.version_info[:2],
        maven=shutil.which("mvn") is not None,
        holder=lambda port: holder(host, port),
        memory=psutil.virtual_memory().available,
        disk=shutil.disk_usage(folder).free,
    )


def holder(host: str, port: int) -> str | None:
    """Who holds the port, in words; None if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection's rest is no holder
        try:
            probe.bind((host, port))
        except OSError:
            return _listener(port)
    return None


def _listener(port: int) -> str:
    """The process that listens on the port, as far as the system tells."""
    try:
        connections = psutil.net_connections(kind="tcp")
        pid = next(
            found.pid
            for found in connections
            if found.laddr and found.laddr.port == port and found.status == psutil.CONN_LISTEN and found.pid
        )
        process = psutil.Process(pid)
        home = processes.home_of(process)
        name = process.name()
    except (psutil.Error, StopIteration):
        return "another program"
    if home is not None:
        return f"the Tidemark that runs in {home} (`TIDEMARK_HOME={home} tidemark down` ends it)"
    return f"{name} (process {pid})"
