"""Starting and stopping the local cluster's processes."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from tidemark.local import force, java, processes, supervisord
from tidemark.local.control import Supervisor, SupervisorUnreachableError
from tidemark.local.layout import Layout
from tidemark.local.part import File, Part, Stage
from tidemark.settings import Settings

_TICK = 0.1
_SPARE = 3.0  # seconds beyond the supervisor's own patience
Say = Callable[[str], None]


class StartError(RuntimeError):
    """The cluster could not be started; the message says why."""


@contextmanager
def locked(where: Layout, say: Say) -> Iterator[None]:
    """One start or stop at a time for a home."""
    where.run.mkdir(parents=True, exist_ok=True)
    with (where.run / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another `tidemark up` or `down` works on this cluster; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prepare(parts: Sequence[Part], where: Layout, settings: Settings) -> None:
    """Write what the parts read, and do what must be done once.

    Raises:
        StartError: a broker's folder could not be formatted.
    """
    shutil.rmtree(where.run / "tmp", ignore_errors=True)
    where.logs.mkdir(parents=True, exist_ok=True)
    for part in parts:
        part.directory.mkdir(parents=True, exist_ok=True)
        where.temporary(part.name).mkdir(parents=True, exist_ok=True)
        for file in part.files:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            file.path.write_text(file.text, encoding="utf-8")
    where.configuration.write_text(supervisord.configuration(parts, where, settings), encoding="utf-8")


def up_to_date(parts: Sequence[Part], where: Layout, settings: Settings) -> bool:
    """Whether the files that ``prepare`` would write are those that are there."""
    files = [File(where.configuration, supervisord.configuration(parts, where, settings))]
    files += [file for part in parts for file in part.files]
    try:
        return all(file.path.read_text(encoding="utf-8") == file.text for file in files)
    except FileNotFoundError:
        return False


def run_once(parts: Sequence[Part]) -> None:
    """Do what must be done once before the parts' first start.

    Raises:
        StartError: it failed.
    """
    due = [part for part in parts if part.made_by_once is not None and not part.made_by_once.exists()]
    with ThreadPoolExecutor(max_workers=max(1, len(due))) as pool:
        list(pool.map(_run_once, due))


def _run_once(part: Part) -> None:
    done = subprocess.run(part.once, cwd=part.directory, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise StartError(f"{part.name} could not be prepared: {said[-1] if said else 'it said nothing'}")


def start_supervisor(where: Layout, settings: Settings) -> Supervisor:
    """Start the supervisor as a daemon; whatever an earlier one left behind is ended first.

    Raises:
        StartError: it did not come up.
    """
    processes.end(processes.of_home(where.home), patience=_SPARE)
    for left in (where.socket, where.pid_file):
        left.unlink(missing_ok=True)
    environment = os.environ | force.environment(settings) | {processes.MARK: str(where.home)}
    java.java_home()  # says in a sentence when it is missing
    command = [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", str(where.configuration)]
    started = subprocess.run(  # noqa: S603 - a fixed command
        command, env=environment, cwd=where.home, capture_output=True, text=True, check=False
    )
    supervisor = Supervisor(where.socket)
    if started.returncode == 0 and _await(supervisor.answers, 10.0):
        return supervisor
    said = (started.stderr or started.stdout).strip().splitlines()
    raise StartError(
        f"The supervisor did not start: {said[-1] if said else 'it said nothing'}; "
        f"its log is {where.supervisor_log}."
    )


def stop(where: Layout, parts: Sequence[Part], say: Say) -> int:
    """End the whole cluster in order, and return how many processes had to be ended without the supervisor.

    ``parts`` are those it runs with. When this returns, no process of it is left.
    """
    supervisor = Supervisor(where.socket)
    with suppress(SupervisorUnreachableError):
        for stage in Stage:
            _stop_stage(supervisor, [part for part in parts if part.stage is stage], say)
        supervisor.shutdown()
        _await(lambda: not processes.of_home(where.home), _SPARE)
    left = processes.of_home(where.home)
    processes.end(left, patience=_SPARE)
    for file in (where.socket, where.pid_file):
        file.unlink(missing_ok=True)
    return len(left)


def _stop_stage(supervisor: Supervisor, parts: Sequence[Part], say: Say) -> None:
    known = {process.name for process in supervisor.processes()}
    names = [part.name for part in parts if part.name in known]
    if not names:
        return
    began = time.monotonic()
    supervisor.stop(names)

    def ended() -> bool:
        return not any(process.state.alive for process in supervisor.processes() if process.name in names)

    _await(ended, max(part.stop_seconds for part in parts) + _SPARE)
    say(f"{', '.join(names)} ended after {time.monotonic() - began:.1f} s")


def _await(condition: Callable[[], bool], patience: float) -> bool:
    limit = time.monotonic() + patience
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(_TICK)
    return True
