"""Talking to the supervisor through its unix socket."""

import socket
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Error, Fault, ServerProxy, Transport

_SPAWN_ERROR, _ALREADY_STARTED, _NOT_RUNNING = 50, 60, 70  # supervisor.xmlrpc.Faults


class State(StrEnum):
    """What the supervisor says of a process; its words, and UNKNOWN where it cannot be asked."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    BACKOFF = "BACKOFF"
    STOPPING = "STOPPING"
    EXITED = "EXITED"
    FATAL = "FATAL"
    UNKNOWN = "UNKNOWN"

    @property
    def alive(self) -> bool:
        """Whether there is a process."""
        return self in {State.STARTING, State.RUNNING, State.STOPPING}


@dataclass(frozen=True, slots=True)
class Process:
    """One supervised process. ``seconds`` is how long it lives; ``pid`` is 0 where there is none."""

    name: str
    state: State
    pid: int
    seconds: float
    problem: str


class SupervisorUnreachableError(RuntimeError):
    """No supervisor answers at the socket; the message says which."""


class _Connection(HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _Transport(Transport):
    """``supervisor.xmlrpc.SupervisorTransport`` with a time limit, which that one lacks."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__()
        self._path, self._timeout = path, timeout

    def make_connection(self, host: Any) -> HTTPConnection:  # noqa: ANN401 - the base's signature
        connection = _Connection(self._path, self._timeout)
        self._connection = host, connection  # what ``close`` closes
        return connection


class Supervisor:
    """The supervisor behind a socket.

    Every method but ``answers`` raises:
        SupervisorUnreachableError: it does not answer within ``timeout`` seconds.
    """

    def __init__(self, path: Path, *, timeout: float = 5.0) -> None:
        self._path = path
        self._timeout = timeout

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            self._call("getPID")
        except SupervisorUnreachableError:
            return False
        return True

    def processes(self) -> tuple[Process, ...]:
        """Every process as it is now."""
        return tuple(
            Process(
                name=found["name"],
                state=State(found["statename"]),
                pid=found["pid"],
                seconds=float(found["now"] - found["start"]) if found["pid"] else 0.0,
                problem=found["spawnerr"],
            )
            for found in self._call("getAllProcessInfo")
        )

    def start(self, names: Sequence[str]) -> None:
        """Begin to start the processes that have none; returns at once."""
        for name in names:
            # one that cannot be started at all is told by ``processes``
            self._call("startProcess", name, False, unless={_ALREADY_STARTED, _SPAWN_ERROR})

    def stop(self, names: Sequence[str]) -> None:
        """Begin to end the processes; returns at once."""
        for name in names:
            self._call("stopProcess", name, False, unless={_NOT_RUNNING})

    def shutdown(self) -> None:
        """End the supervisor and whatever still runs under it; returns before that is done."""
        self._call("shutdown")

    def _call(self, method: str, *arguments: object, unless: AbstractSet[int] = frozenset()) -> Any:  # noqa: ANN401
        """Call a method; a fault in ``unless`` means that what was asked for is already the case."""
        transport = _Transport(self._path, self._timeout)
        try:
            with ServerProxy("http://localhost", transport=transport) as proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except Fault as fault:
            if fault.faultCode not in unless:
                raise
            return None
        except (OSError, HTTPException, Error) as error:
            raise SupervisorUnreachableError(
                f"the supervisor does not answer at {self._path}: {error}"
            ) from error
