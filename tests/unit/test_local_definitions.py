import configparser
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tidemark.local import cluster, fetch, flink, force, identity, kafka, supervisord
from tidemark.local.layout import Layout, layout
from tidemark.local.part import Part, Stage
from tidemark.query.limits import DEFAULT_LIMITS
from tidemark.settings import Settings


@pytest.fixture(autouse=True)
def _defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TIDEMARK_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", kafka_port=7001, controller_port=7011)


@pytest.fixture
def where(settings: Settings) -> Layout:
    return layout(settings)


def properties(settings: Settings, node: int) -> dict[str, str]:
    lines = kafka.properties(settings, layout(settings), node).splitlines()
    return dict(line.split("=", 1) for line in lines)


def parts(settings: Settings) -> tuple[Part, ...]:
    return cluster.parts(settings, layout(settings), "id")


def test_one_broker_keeps_one_replica_and_listens_on_loopback_only(settings: Settings) -> None:
    found = properties(settings, 1)
    assert found["listeners"] == "PLAINTEXT://127.0.0.1:7001,CONTROLLER://127.0.0.1:7011"
    assert found["controller.quorum.voters"] == "1@127.0.0.1:7011"
    assert (found["default.replication.factor"], found["min.insync.replicas"]) == ("1", "1")


def test_three_brokers_keep_three_replicas_of_which_two_must_acknowledge(settings: Settings) -> None:
    found = properties(settings.model_copy(update={"brokers": 3}), 3)
    assert found["listeners"] == "PLAINTEXT://127.0.0.1:7003,CONTROLLER://127.0.0.1:7013"
    assert found["controller.quorum.voters"] == "1@127.0.0.1:7011,2@127.0.0.1:7012,3@127.0.0.1:7013"
    for topic in ("default", "offsets.topic", "transaction.state.log"):
        assert found[f"{topic}.replication.factor"] == "3"
    assert found["min.insync.replicas"] == found["transaction.state.log.min.isr"] == "2"
    assert found["unclean.leader.election.enable"] == "false"


def test_the_brokers_stamp_every_message_with_their_own_time(settings: Settings) -> None:
    assert properties(settings, 1)["log.message.timestamp.type"] == "LogAppendTime"


def test_a_dead_taskmanager_is_noticed_after_five_seconds_and_the_other_has_room(settings: Settings) -> None:
    found = yaml.safe_load(flink.configuration(settings, layout(settings)))
    assert (found["heartbeat.interval"], found["heartbeat.timeout"]) == (1000, 5000)
    assert found["taskmanager.numberOfTaskSlots"] >= 2
    assert found["taskmanager.load-balance.mode"] == "SLOTS"


def test_flink_listens_on_loopback_only_and_takes_no_uploads(settings: Settings) -> None:
    found = yaml.safe_load(flink.configuration(settings, layout(settings)))
    for key in ("rest.bind-address", "jobmanager.bind-host", "taskmanager.bind-host"):
        assert found[key] == "127.0.0.1"
    assert found["web.submit.enable"] is False


def test_a_taskmanager_has_the_heap_that_its_configuration_counts_on(settings: Settings) -> None:
    found = yaml.safe_load(flink.configuration(settings, layout(settings)))
    sizes = (found[f"taskmanager.memory.{name}.heap.size"] for name in ("framework", "task"))
    heap = sum(int(size.removesuffix("m")) for size in sizes)
    command = next(part.command for part in parts(settings) if part.name == "taskmanager-1")
    assert f"-Xmx{heap}m" in command


def test_the_names_of_the_parts_are_those_of_the_parts(settings: Settings) -> None:
    for brokers in (1, 3):
        these = settings.model_copy(update={"brokers": brokers})
        assert tuple(part.name for part in parts(these)) == cluster.names(these)


def test_the_collector_is_stopped_first_and_kafka_last(settings: Settings) -> None:
    order = [part.name for part in sorted(parts(settings), key=lambda part: part.stage)]
    assert order[0] == "collector"
    assert order[-1] == "kafka-1"
    assert Stage.DOOR < Stage.READER < Stage.ENGINE < Stage.LOG


def test_stopping_takes_at_most_half_a_minute_even_if_every_part_must_be_killed(settings: Settings) -> None:
    slowest = {stage: max(p.stop_seconds for p in parts(settings) if p.stage is stage) for stage in Stage}
    assert sum(slowest.values()) <= 35


def test_every_part_is_started_again_for_ever_and_its_log_is_rotated(settings: Settings) -> None:
    where = layout(settings)
    parsed = configparser.RawConfigParser()
    parsed.read_string(supervisord.configuration(parts(settings), where, settings))
    for name in cluster.names(settings):
        program = parsed[f"program:{name}"]
        assert program["autorestart"] == "true"
        assert int(program["startretries"]) >= 1_000_000
        assert program["stopasgroup"] == program["killasgroup"] == "true"
        assert program["stdout_logfile"] == str(where.log(name))
        assert program["stdout_logfile_maxbytes"] == "10MB"


def test_a_percent_sign_in_a_command_reaches_the_process(settings: Settings, where: Layout) -> None:
    text = supervisord.configuration(parts(settings), where, settings)
    assert "-crash-%%p.log" in text
    assert "-crash-%p.log" not in text


def test_another_process_reads_the_same_settings_from_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Settings(
        home=Path("elsewhere"),
        allowed_origins=("https://a.example", "https://b.example"),
        limits=replace(DEFAULT_LIMITS, rows=7, budget_per_minute=1.5),
        persisted_only=True,
        cache_bytes=0,
    )
    for name, value in force.environment(asked).items():
        monkeypatch.setenv(name, value)
    assert Settings() == asked


def test_the_settings_in_force_are_read_back_from_what_the_supervisor_was_given(
    settings: Settings, where: Layout
) -> None:
    asked = force.resolved(settings.model_copy(update={"currency": "EUR"}), None)
    where.run.mkdir(parents=True)
    where.configuration.write_text(supervisord.configuration(parts(asked), where, asked), encoding="utf-8")
    assert force.in_force(where) == asked


def test_nothing_is_in_force_before_the_first_start(where: Layout) -> None:
    assert force.in_force(where) is None


def test_the_processes_get_folders_that_hold_in_any_working_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    given = force.environment(force.resolved(Settings(home=Path("mine")), None))
    assert given["TIDEMARK_HOME"] == str(tmp_path / "mine")
    assert given["TIDEMARK_LIB"] == str(tmp_path / "mine" / "lib")


def test_a_shared_lib_folder_serves_several_homes(tmp_path: Path) -> None:
    first = Settings(home=tmp_path / "a", lib=tmp_path / "lib")
    second = Settings(home=tmp_path / "b", lib=tmp_path / "lib")
    assert fetch.connector_jar(first) == fetch.connector_jar(second)
    assert fetch.connector_jar(first).parent == tmp_path / "lib"


def test_the_connector_is_the_one_that_the_pom_names() -> None:
    version = re.search(r"<flink.kafka.version>(.*)</flink.kafka.version>", fetch.coordinates())
    assert version is not None
    jar = fetch.connector_jar(Settings(home=Path("h")))
    assert jar.name == f"flink-sql-connector-kafka-{version[1]}.jar"


def test_a_cluster_keeps_its_id(where: Layout) -> None:
    first = identity.identify(where, 1)
    assert identity.identify(where, 1) == first == identity.recorded(where)
    assert len(first.cluster_id) == 22


def test_another_number_of_brokers_is_refused_with_what_to_do(where: Layout) -> None:
    identity.identify(where, 1)
    with pytest.raises(identity.OtherBrokersError) as refused:
        identity.identify(where, 3)
    assert str(refused.value) == (
        f"The cluster in {where.home} was made with 1 broker, but 3 brokers is asked for; set "
        "TIDEMARK_BROKERS=1 (BROKERS=1 for make), or start another cluster in a folder of its own "
        "(TIDEMARK_HOME)."
    )


def test_a_cluster_of_three_keeps_its_brokers_where_nothing_is_said(tmp_path: Path) -> None:
    assert force.resolved(Settings(home=tmp_path), 3).brokers == 3
    assert force.resolved(Settings(home=tmp_path, brokers=1), 3).brokers == 1


def test_the_socket_of_a_home_with_a_very_long_path_lies_elsewhere(tmp_path: Path) -> None:
    deep = layout(Settings(home=tmp_path / ("x" * 120)))
    assert len(str(deep.socket)) < 104
    assert deep.socket == layout(Settings(home=tmp_path / ("x" * 120))).socket
    assert deep.socket != layout(Settings(home=tmp_path / ("y" * 120))).socket
