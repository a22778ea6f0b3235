"""What ``tidemark up``, ``down``, ``status`` and ``logs`` do, on a terminal or without one."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rich.console import Console

from tidemark.local import (
    cluster,
    display,
    fetch,
    force,
    identity,
    java,
    lifecycle,
    logs,
    preflight,
    processes,
    readiness,
)
from tidemark.local.control import Supervisor, SupervisorUnreachableError
from tidemark.local.layout import Layout, layout
from tidemark.local.part import Part
from tidemark.local.verdict import Verdict, verdicts
from tidemark.settings import Settings, settings

_PATIENCE = 240.0  # seconds that a start may take: about 30 on two cores, four times that beside other work
_TELLING = 1.0  # seconds after which it is worth telling what got ready
_LINES_OF_BLAME, _LINES_READ = 15, 200
_FOLLOWING = 0.3
_SUPERVISOR = "supervisord"
_EXPECTED = (
    java.NotInstalledError,
    fetch.FetchError,
    identity.OtherBrokersError,
    lifecycle.StartError,
    SupervisorUnreachableError,
)


@dataclass(frozen=True, slots=True)
class Session:
    """One command on the cluster in a home folder. Every method returns the exit code.

    Attributes:
        asked: the settings of this terminal, made absolute.
        where: the home's layout.
        out: where results go.
        err: where progress and problems go.
    """

    asked: Settings
    where: Layout
    out: Console
    err: Console

    @classmethod
    def of_terminal(cls) -> Self:
        """The session of this process."""
        where = layout(settings())
        known = identity.recorded(where)
        asked = force.resolved(settings(), known.brokers if known else None)
        return cls(
            asked,
            where,
            Console(highlight=False, soft_wrap=True),
            Console(highlight=False, stderr=True, soft_wrap=True),
        )

    def up(self) -> int:
        """Start what does not run, and wait until all is ready."""
        try:
            with lifecycle.locked(self.where, self._say):
                self._start()
            took = self._await_ready()
        except readiness.NotReadyError as error:
            self._blame(error)
            return 1
        except _EXPECTED as error:
            self._problem(str(error))
            return 1
        except KeyboardInterrupt:
            self._problem("Interrupted; what was started goes on. `tidemark down` ends it.")
            return 130
        self.out.print(f"[green]Tidemark is ready[/] after {took:.0f} s.\n", markup=True)
        self.out.print(display.where_all_is(self.asked, self.where), markup=False)
        return 0

    def down(self) -> int:
        """End everything, in order."""
        began = time.monotonic()
        running = Supervisor(self.where.socket).answers()
        with lifecycle.locked(self.where, self._say):
            left = lifecycle.stop(self.where, self._parts(self._in_force()), self._say)
        if left and not running:
            self._say(f"No supervisor was running; {left} processes that it left behind were ended.")
        elif left:
            self._say(f"{left} processes did not end in order and were killed.")
        if running or left:
            self._say(
                f"Everything is ended, after {time.monotonic() - began:.1f} s; "
                f"the data stays in {self.where.home}."
            )
        else:
            self._say(f"Nothing runs in {self.where.home}.")
        return 0

    def restart(self, part: str) -> int:
        """End a part and start it again; ready when all is well."""
        names = self._chosen(part, cluster.names(self._in_force()))
        if not names:
            return 2
        supervisor = Supervisor(self.where.socket)
        try:
            supervisor.stop(names)
            while any(found.pid for found in supervisor.processes() if found.name in names):
                time.sleep(0.1)
            supervisor.start(names)
            took = self._await_ready()
        except SupervisorUnreachableError:
            self._problem(self._not_running())
            return 1
        except readiness.NotReadyError as error:
            self._blame(error)
            return 1
        self._say(f"{', '.join(names)} started again; all is well after {took:.0f} s.")
        return 0

    def status(self, part: str, *, as_json: bool) -> int:
        """Look once at every part."""
        from tidemark.local.observer import Observer  # noqa: PLC0415 - loads the clients of all parts

        running = self._in_force()
        names = self._chosen(part, cluster.names(running))
        if not names:
            return 2
        try:
            with Observer(running, Supervisor(self.where.socket)) as observer:
                found = verdicts(names, observer.look())
        except SupervisorUnreachableError:
            if as_json:
                found = tuple(Verdict(name, False, "stopped", 0, 0.0, "not running") for name in names)
                self.out.print(display.status_json(found), markup=False)
            else:
                self._problem(self._not_running())
            return 1
        if as_json:
            self.out.print(display.status_json(found), markup=False)
        else:
            self.out.print(display.status_table(found))
        return 0 if all(verdict.well for verdict in found) else 1

    def logs(self, part: str, *, lines: int, follow: bool) -> int:
        """Show the logs' last lines, then go on if asked to."""
        names = self._chosen(part, (*cluster.names(self._in_force()), _SUPERVISOR))
        if not names:
            return 2
        several = len(names) > 1
        with logs.Tails([(name, self.where.log(name)) for name in names]) as tails:
            for name in names:
                if several:
                    self.out.print(f"[bold]{name}[/] {self.where.log(name)}")
                for line in logs.last_lines(self.where.log(name), lines):
                    self.out.print(line, markup=False)
            try:
                while follow:
                    for name, line in tails.new_lines():
                        self.out.print(f"{name}  {line}" if several else line, markup=False)
                    time.sleep(_FOLLOWING)
            except KeyboardInterrupt:
                return 0
        return 0

    def _start(self) -> None:
        """Have every part started, with the settings of this terminal."""
        identity_ = identity.identify(self.where, self.asked.brokers)
        parts = cluster.parts(self.asked, self.where, identity_.cluster_id)
        names = [part.name for part in parts]
        supervisor = Supervisor(self.where.socket)
        if supervisor.answers():
            if lifecycle.up_to_date(parts, self.where, self.asked):
                supervisor.start(names)
                return
            self._say("It was started with other settings, or by another version; starting it again.")
            lifecycle.stop(self.where, self._parts(self._in_force()), self._say)
        self._check()
        self._fetch()
        lifecycle.prepare(parts, self.where, self.asked)
        supervisor = lifecycle.start_supervisor(self.where, self.asked)
        with self.err.status("preparing the brokers' folders"):
            lifecycle.run_once(parts)
        supervisor.start(names)

    def _check(self) -> None:
        """Refuse with a sentence for each thing that stands in the way."""
        processes.end(processes.of_home(self.where.home), patience=3.0)
        found = preflight.problems(
            preflight.look(self.where.home, self.asked.host),
            ports=cluster.ports(self.asked),
            folders=(self.where.home, self.where.lib, Path(sys.prefix)),
            brokers=self.asked.brokers,
            must_fetch=not fetch.fetched(self.where),
        )
        if found:
            raise lifecycle.StartError("\n".join(found))

    def _fetch(self) -> None:
        if not fetch.fetched(self.where):
            self._say("Fetching Kafka, the schema registry and Flink's Kafka connector (250 MB), once.")
        with self.err.status("looking for what must be fetched") as line:
            fetch.fetch(self.where, lambda what: line.update(f"fetching: {what}"))

    def _await_ready(self) -> float:
        from tidemark.local.observer import Observer  # noqa: PLC0415 - loads the clients of all parts

        names, ready = cluster.names(self.asked), set[str]()
        supervisor = Supervisor(self.where.socket)
        with self.err.status("looking") as line, Observer(self.asked, supervisor) as observer:

            def report(found: Sequence[Verdict], elapsed: float) -> None:
                waiting = [verdict for verdict in found if not verdict.well]
                for verdict in found:
                    if verdict.well and verdict.part not in ready:
                        ready.add(verdict.part)
                        if elapsed > _TELLING:
                            self.err.print(f"[green]✓[/] {verdict.part:<14} {elapsed:4.0f} s")
                if waiting:
                    line.update(
                        f"{elapsed:.0f} s, waiting for {', '.join(verdict.part for verdict in waiting)}"
                    )

            return readiness.await_ready(names, observer.look, report, patience=_PATIENCE)

    def _blame(self, error: readiness.NotReadyError) -> None:
        """Say what did not start, with the end of its log."""
        self._problem(str(error))
        for part in error.parts:
            log = self.where.log(part)
            self.err.print(f"\nThe last lines of {log}:", markup=False)
            for line in logs.without_frames(logs.last_lines(log, _LINES_READ))[-_LINES_OF_BLAME:]:
                self.err.print(f"  {line}", markup=False)
        self.err.print(
            "\nThe other parts go on; `tidemark up` tries again, `tidemark down` ends all.", markup=False
        )

    def _not_running(self) -> str:
        left = len(processes.of_home(self.where.home))
        if left:
            return (
                f"The supervisor of the cluster in {self.where.home} is gone, though {left} of its processes "
                "still live; `tidemark up` puts that right."
            )
        return f"No cluster runs in {self.where.home}; `tidemark up` starts it."

    def _in_force(self) -> Settings:
        """The settings that the cluster was last started with; those of this terminal if it never was."""
        return force.in_force(self.where) or self.asked

    def _parts(self, running: Settings) -> tuple[Part, ...]:
        known = identity.recorded(self.where)
        return cluster.parts(running, self.where, known.cluster_id if known else "")

    def _chosen(self, part: str, names: Sequence[str]) -> tuple[str, ...]:
        """The parts that a name means: itself, or all that it numbers; none, with a sentence, if none."""
        chosen = tuple(name for name in names if part in {"", name, name.rpartition("-")[0]})
        if not chosen:
            self._problem(f"There is no part {part}; there are {', '.join(names)}.")
        return chosen

    def _say(self, sentence: str) -> None:
        self.err.print(sentence, markup=False)

    def _problem(self, sentence: str) -> None:
        self.err.print(sentence, style="red", markup=False)
