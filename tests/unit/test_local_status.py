import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tidemark.local import display, logs
from tidemark.local.control import Process, State
from tidemark.local.layout import layout
from tidemark.local.observation import (
    CollectorSeen,
    FlinkSeen,
    JobSeen,
    KafkaSeen,
    RegistrySeen,
    Seen,
    ServiceSeen,
    Silence,
    SlotsSeen,
)
from tidemark.local.readiness import NotReadyError, await_ready
from tidemark.local.verdict import Verdict, seconds, verdicts
from tidemark.settings import Settings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES = (
    "kafka-1",
    "registry",
    "jobmanager",
    "taskmanager-1",
    "taskmanager-2",
    "jobs",
    "collector",
    "service",
)
JOB = JobSeen(
    name="campaign", state="RUNNING", tasks_run=True, restarts=0, checkpoint_age=1.2, checkpoint_ms=140
)
SLOTS = {
    "taskmanager-1": SlotsSeen(slots=2, free=1, heartbeat_age=0.4),
    "taskmanager-2": SlotsSeen(slots=2, free=2, heartbeat_age=0.4),
}


def process(name: str, state: State = State.RUNNING, pid: int = 7, age: float = 100.0) -> Process:
    return Process(name=name, state=state, pid=pid if state.alive else 0, seconds=age, problem="")


def processes(**changes: State) -> Mapping[str, Process]:
    return {name: process(name, changes.get(name.replace("-", "_"), State.RUNNING)) for name in NAMES}


WELL = Seen(
    processes=processes(),
    kafka=KafkaSeen(
        brokers=frozenset({1}), listening=frozenset({1}), partitions=11, under_replicated=0, leaderless=0
    ),
    registry=RegistrySeen(subjects=("events.v1-value",)),
    flink=FlinkSeen(task_managers=SLOTS, jobs=(JOB,)),
    collector=CollectorSeen(problem="", accepted=1234, rejected=5, heartbeat_age=0.4),
    service=ServiceSeen(
        problem="",
        now=NOW,
        complete_through=NOW - timedelta(seconds=2),
        audited_through=NOW - timedelta(seconds=9),
        lag_seconds=2.0,
    ),
)


def of(name: str, seen: Seen) -> Verdict:
    (verdict,) = verdicts([name], seen)
    return verdict


def test_all_is_well_when_every_part_does_its_work() -> None:
    assert [(verdict.part, verdict.well, verdict.says) for verdict in verdicts(NAMES, WELL)] == [
        ("kafka-1", True, "11 partitions, all in sync"),
        ("registry", True, "1 schema"),
        ("jobmanager", True, "2 TaskManagers, 1 of 4 slots in use"),
        ("taskmanager-1", True, "1 of 2 slots in use"),
        ("taskmanager-2", True, "stands by"),
        ("jobs", True, "campaign runs, newest checkpoint 1.2 s ago in 140 ms"),
        ("collector", True, "heartbeat 0.4 s ago; 1,234 accepted, 5 refused since its start"),
        ("service", True, "complete until 2.0 s ago, audited until 9.0 s ago"),
    ]


def test_a_part_that_dies_at_once_points_to_its_log() -> None:
    seen = replace(WELL, processes=processes(collector=State.BACKOFF))
    verdict = of("collector", seen)
    assert not verdict.well
    assert "`tidemark logs collector`" in verdict.says


def test_a_stopped_part_is_not_well_whatever_answers_in_its_place() -> None:
    verdict = of("service", replace(WELL, processes=processes(service=State.STOPPED)))
    assert (verdict.well, verdict.state, verdict.pid) == (False, "stopped", 0)


@pytest.mark.parametrize(
    ("kafka", "says"),
    [
        (KafkaSeen(frozenset({1}), frozenset({2}), 11, 0, 0), "takes no connections yet"),
        (KafkaSeen(frozenset({2}), frozenset({1}), 11, 0, 0), "not registered with the other brokers yet"),
        (KafkaSeen(frozenset({1}), frozenset({1}), 11, 3, 0), "3 of 11 partitions lack a replica in sync"),
        (KafkaSeen(frozenset({1}), frozenset({1}), 11, 3, 2), "2 of 11 partitions have no leader"),
        (Silence("does not answer"), "does not answer"),
    ],
)
def test_a_broker_says_what_it_lacks(kafka: KafkaSeen | Silence, says: str) -> None:
    verdict = of("kafka-1", replace(WELL, kafka=kafka))
    assert (verdict.well, verdict.says) == (False, says)


@pytest.mark.parametrize(
    ("job", "well", "says"),
    [
        (replace(JOB, state="NOT SUBMITTED"), False, "campaign is not submitted"),
        (replace(JOB, tasks_run=False), False, "campaign is getting its tasks started"),
        (replace(JOB, checkpoint_age=None), True, "campaign runs, no checkpoint yet"),
        (
            replace(JOB, checkpoint_age=95.0, restarts=2),
            False,
            "campaign runs, restarted 2 times, newest checkpoint 1 min ago in 140 ms",
        ),
    ],
)
def test_a_job_is_judged_by_its_tasks_and_its_checkpoints(job: JobSeen, well: bool, says: str) -> None:
    verdict = of("jobs", replace(WELL, flink=FlinkSeen(SLOTS, (job,))))
    assert (verdict.well, verdict.says) == (well, says)


def test_a_taskmanager_started_after_its_last_heartbeat_is_not_registered_yet() -> None:
    young = dict(WELL.processes) | {"taskmanager-1": process("taskmanager-1", age=2.0)}
    slots = SLOTS | {"taskmanager-1": SlotsSeen(slots=2, free=1, heartbeat_age=3.0)}
    verdict = of("taskmanager-1", replace(WELL, processes=young, flink=FlinkSeen(slots, (JOB,))))
    assert (verdict.well, verdict.says) == (False, "not registered with the JobManager yet")


def test_a_silent_jobmanager_leaves_its_taskmanagers_and_jobs_unjudged_but_not_well() -> None:
    seen = replace(WELL, flink=Silence("does not answer"))
    assert not of("jobmanager", seen).well
    for part in ("taskmanager-1", "jobs"):
        assert of(part, seen).says == "the JobManager does not answer"


def test_a_collector_without_a_recent_heartbeat_is_not_well() -> None:
    assert isinstance(WELL.collector, CollectorSeen)
    for age in (None, 9.0):
        assert not of("collector", replace(WELL, collector=replace(WELL.collector, heartbeat_age=age))).well
    refusing = replace(WELL.collector, problem="the brokers do not answer")
    assert of("collector", replace(WELL, collector=refusing)).says == "the brokers do not answer"


def test_a_service_far_behind_or_without_a_watermark_is_not_well() -> None:
    assert isinstance(WELL.service, ServiceSeen)
    assert not of("service", replace(WELL, service=replace(WELL.service, lag_seconds=40.0))).well
    assert of("service", replace(WELL, service=replace(WELL.service, lag_seconds=None))).says == (
        "no watermark yet"
    )


def test_the_screen_names_what_is_not_well() -> None:
    seen = replace(WELL, registry=Silence("does not answer"))
    text = StringIO()
    Console(file=text, width=120).print(display.status_table(verdicts(NAMES, seen)))
    lines = text.getvalue().splitlines()
    assert any("✗ registry" in line and "does not answer" in line for line in lines)
    assert any("✓ kafka-1" in line for line in lines)
    assert lines[-1] == "Not well: registry."


def test_the_json_says_the_same() -> None:
    found = json.loads(display.status_json(verdicts(NAMES, WELL)))
    assert found["well"] is True
    assert found["parts"][0] == {
        "part": "kafka-1",
        "well": True,
        "state": "running",
        "pid": 7,
        "seconds": 100.0,
        "says": "11 partitions, all in sync",
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (7500, "2 h 5 min"),
        (273600, "3 d 4 h"),
    ],
)
def test_lengths_of_time_read_as_a_person_says_them(value: float, text: str) -> None:
    assert seconds(value) == text


def test_the_printed_lines_name_the_ports_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, service_port=9100, collector_port=9101)
    text = display.where_all_is(settings, layout(settings))
    assert "curl -sS http://127.0.0.1:9101/v1/events -d " in text
    assert "curl -sS http://127.0.0.1:9100/graphql -H 'content-type: application/json' -d " in text
    assert "$(date +%s000)" in display.send_line(settings)


class Looks:
    """Successive looks; the last one stays. Time passes by pauses only."""

    def __init__(self, *looks: Seen) -> None:
        self._looks = list(looks)
        self.now = 0.0

    def look(self) -> Seen:
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]

    def wait(self, *, patience: float = 10.0) -> float:
        return await_ready(
            NAMES, self.look, lambda *_: None, patience=patience, clock=lambda: self.now, pause=self._pause
        )

    def _pause(self, length: float) -> None:
        self.now += length


def test_waiting_ends_when_the_last_part_is_well() -> None:
    looks = Looks(replace(WELL, service=Silence("does not answer")), WELL)
    assert 0 < looks.wait() < 1


def test_waiting_ends_with_the_reasons_when_patience_is_over() -> None:
    with pytest.raises(NotReadyError, match=r"Not ready after 10 s: registry: does not answer\.") as failed:
        Looks(replace(WELL, registry=Silence("does not answer"))).wait()
    assert failed.value.parts == ("registry",)


def test_a_part_that_dies_three_times_ends_the_waiting_at_once() -> None:
    def with_service(state: State, pid: int) -> Seen:
        changed = dict(WELL.processes) | {"service": process("service", state, pid)}
        return replace(WELL, processes=changed, service=Silence("does not answer"))

    lives = [with_service(State.STARTING, pid) for pid in (1, 2, 3)]
    looks = Looks(*lives, with_service(State.BACKOFF, 0))
    with pytest.raises(NotReadyError, match="service cannot start") as failed:
        looks.wait(patience=1000)
    assert failed.value.parts == ("service",)
    assert looks.now < 3


def test_the_last_lines_of_a_log_come_without_reading_all_of_it(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {n}\n" for n in range(20_000)))
    assert logs.last_lines(log, 2) == ["line 19998", "line 19999"]
    assert logs.last_lines(log, 0) == []
    assert len(logs.last_lines(log, 100_000)) == 20_000
    assert logs.last_lines(tmp_path / "missing.log", 5) == []


def test_following_goes_on_across_a_rotation_and_holds_back_half_lines(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("old\n")
    with logs.Tails([("a", log)]) as tails:
        assert tails.new_lines() == []
        with log.open("a") as file:
            file.write("one\ntw")
        assert tails.new_lines() == [("a", "one")]
        with log.open("a") as file:
            file.write("o\n")
        assert tails.new_lines() == [("a", "two")]
        log.rename(tmp_path / "a.log.1")
        log.write_text("three\n")
        assert [*tails.new_lines(), *tails.new_lines()] == [("a", "three")]


def test_a_stack_trace_is_shown_without_its_frames() -> None:
    trace = ["failed", "\tat a.b.C(D.java:1)", "Caused by: no port", "\t... 4 more", ""]
    assert logs.without_frames(trace) == ["failed", "Caused by: no port"]
