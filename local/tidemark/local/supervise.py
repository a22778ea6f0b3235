"""The supervisor that keeps the parts running: its configuration, its start, and its XML-RPC over a unix socket."""

import contextlib
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil

from tidemark.local.part import Part
from tidemark.settings import Settings

_MARK = "TIDEMARK_RUN"
"""In the environment of every process of a cluster: the folder it belongs to, so that none is left behind."""

_LONGEST_SOCKET = 100  # the system's limit for a unix socket's path is 107 bytes


class SuperviseError(RuntimeError):
    """The supervisor cannot be started or asked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Process:
    """A part as the supervisor sees it; ``pid`` is 0 and ``seconds`` is 0 while it does not run."""

    name: str
    state: str
    pid: int
    seconds: float
    exit_status: int


def configuration(settings: Settings, parts: Sequence[Part]) -> str:
    """The text of ``supervisord.conf``. Nothing is given up: a part that dies is started again, for ever."""
    home = settings.home.resolve()
    sections = [
        _section("unix_http_server", {"file": _socket(home), "chmod": "0700"}),
        _section(
            "supervisord",
            {
                "logfile": home / "logs" / "supervisor.log",
                "logfile_maxbytes": "5MB",
                "logfile_backups": 1,
                "pidfile": home / "run" / "supervisord.pid",
                "childlogdir": home / "logs",
                "minfds": 4096,
            },
        ),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        *(_program(home, part) for part in parts),
    ]
    return "\n".join(sections)


def log_file(settings: Settings, name: str) -> Path:
    """Where a part's output goes."""
    return settings.home.resolve() / "logs" / f"{name}.log"


def start(settings: Settings, parts: Sequence[Part]) -> None:
    """Start the supervisor and with it every part; does nothing to parts that run.

    Raises:
        SuperviseError: it runs with another configuration, or does not come up.
    """
    home = settings.home.resolve()
    if len(_socket(home)) > _LONGEST_SOCKET:
        raise SuperviseError(f"{home} is too long a path for the supervisor's socket; set TIDEMARK_HOME to a shorter one")
    file = home / "run" / "supervisord.conf"
    text = configuration(settings, parts)
    if is_running(settings):
        if file.read_text() != text:
            raise SuperviseError("Tidemark runs with other settings; end it first: `tidemark down`")
        for process in processes(settings):
            if process.state in ("STOPPED", "EXITED", "FATAL"):
                with _server(settings) as server:
                    server.startProcess(process.name, False)
        return
    for folder in ("run", "logs"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    Path(_socket(home)).unlink(missing_ok=True)
    done = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(file)],
        env=os.environ | {_MARK: str(home), "PYTHONUNBUFFERED": "1"},
        cwd=Path.cwd(),
        capture_output=True,
        text=True,
        check=False,
    )
    until = time.monotonic() + 10
    while not is_running(settings):
        if done.returncode or time.monotonic() > until:
            raise SuperviseError(f"the supervisor did not start: {(done.stderr or done.stdout).strip()[-300:]}")
        time.sleep(0.1)


def is_running(settings: Settings) -> bool:
    """Whether this folder's supervisor answers."""
    try:
        with _server(settings) as server:
            server.getState()
    except SuperviseError:
        return False
    return True


def processes(settings: Settings) -> list[Process]:
    """Every part as the supervisor sees it.

    Raises:
        SuperviseError: the supervisor does not answer.
    """
    with _server(settings) as server:
        return [
            Process(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"],
                seconds=info["now"] - info["start"] if info["pid"] else 0,
                exit_status=info["exitstatus"],
            )
            for info in server.getAllProcessInfo()
        ]


def stop_part(settings: Settings, name: str) -> None:
    """End one part and wait until it is gone.

    Raises:
        SuperviseError: the supervisor does not answer.
    """
    with _server(settings) as server, contextlib.suppress(xmlrpc.client.Fault):  # a fault says: it does not run
        server.stopProcess(name, True)


def shut_down(settings: Settings) -> None:
    """End the supervisor and whatever is left of its parts."""
    with contextlib.suppress(SuperviseError), _server(settings) as server:
        server.shutdown()
    psutil.wait_procs(left_over(settings), timeout=15)
    remaining = left_over(settings)
    for process in remaining:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(remaining, timeout=10)


def left_over(settings: Settings) -> list[psutil.Process]:
    """Every process of this folder's cluster, told by the mark in its environment."""
    home = str(settings.home.resolve())
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(_MARK) == home and process.pid != os.getpid():
                found.append(process)
    return found


def _section(name: str, values: dict[str, object]) -> str:
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())


def _program(home: Path, part: Part) -> str:
    values: dict[str, object] = {
        "command": " ".join(_quoted(argument) for argument in part.command),
        "autostart": "true",
        "autorestart": "true",
        "startsecs": 1,
        "startretries": 1_000_000,
        "stopasgroup": "true",
        "killasgroup": "true",
        "stopwaitsecs": 10,
        "redirect_stderr": "true",
        "stdout_logfile": home / "logs" / f"{part.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": 3,
    }
    if part.environment:
        values["environment"] = ",".join(f'{key}="{value}"' for key, value in part.environment.items())
    return _section(f"program:{part.name}", values)


def _quoted(argument: str) -> str:
    # the supervisor expands % and splits as a shell does
    text = argument.replace("%", "%%")
    return f"'{text}'" if any(mark in text for mark in " *;\"") else text


def _socket(home: Path) -> str:
    return str(home / "run" / "supervisor.sock")


@contextlib.contextmanager
def _server(settings: Settings) -> Iterator[Any]:
    from supervisor.xmlrpc import SupervisorTransport  # noqa: PLC0415

    transport = SupervisorTransport(None, None, f"unix://{_socket(settings.home.resolve())}")
    try:
        yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
    except (OSError, HTTPException, xmlrpc.client.ProtocolError) as error:
        raise SuperviseError(f"no Tidemark runs in {settings.home}; start it: `tidemark up`") from error
    finally:
        transport.close()
