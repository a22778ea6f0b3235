import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidemark.local.cluster import PortUse, ports
from tidemark.local.preflight import Probes, problems
from tidemark.settings import Settings

GIB = 1024**3


@pytest.fixture(autouse=True)
def _defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TIDEMARK_")]:
        monkeypatch.delenv(name)


def probes(**changes: Any) -> Probes:
    values: dict[str, Any] = {
        "python": (3, 11),
        "maven": True,
        "holder": lambda _port: None,
        "memory": 8 * GIB,
        "disk": 50 * GIB,
    }
    return Probes(**(values | changes))


def found(
    machine: Probes,
    *,
    uses: tuple[PortUse, ...] = (),
    folders: tuple[Path, ...] = (),
    brokers: int = 1,
    must_fetch: bool = False,
) -> list[str]:
    return problems(machine, ports=uses, folders=folders, brokers=brokers, must_fetch=must_fetch)


def held(port: int, by: str) -> Callable[[int], str | None]:
    return lambda asked: by if asked == port else None


def test_a_machine_with_everything_has_no_problem() -> None:
    folders = (Path("/home/some one/.tidemark"),)
    assert found(probes(), uses=ports(Settings()), folders=folders, must_fetch=True) == []


def test_a_python_that_flink_does_not_run_on_is_named() -> None:
    assert found(probes(python=(3, 13))) == ["This is Python 3.13, but Flink needs 3.11 or 3.12."]


def test_maven_is_missed_only_when_something_must_be_fetched() -> None:
    assert found(probes(maven=False), must_fetch=False) == []
    (sentence,) = found(probes(maven=False), must_fetch=True)
    assert sentence.startswith("Maven (`mvn`) is missing")
    assert "apt install maven" in sentence


def test_a_taken_port_says_who_has_it_and_which_setting_moves_it() -> None:
    machine = probes(holder=held(8600, "nginx (process 17)"))
    (sentence,) = found(machine, uses=ports(Settings()))
    assert sentence == (
        "Port 8600 for service (TIDEMARK_SERVICE_PORT) is taken by nginx (process 17); end that, or set the "
        "named variable to free ports."
    )


def test_another_tidemark_on_the_same_ports_is_one_sentence() -> None:
    machine = probes(holder=lambda _port: "the Tidemark that runs in /a")
    (sentence,) = found(machine, uses=ports(Settings()))
    assert sentence.startswith("Ports 8692 for kafka-1 (TIDEMARK_KAFKA_PORT), 8695 for kafka-1 ")
    assert sentence.endswith(
        "are taken by the Tidemark that runs in /a; end that, or set the named variables to free ports."
    )


def test_every_port_of_three_brokers_is_looked_at() -> None:
    machine = probes(holder=held(8694, "another program"))
    assert found(machine, uses=ports(Settings())) == []
    (sentence,) = found(machine, uses=ports(Settings(brokers=3)))
    assert sentence.startswith("Port 8694 for kafka-3 (TIDEMARK_KAFKA_PORT) is taken by another program;")


def test_one_port_given_twice_is_refused() -> None:
    (sentence,) = found(probes(), uses=ports(Settings(service_port=8601)))
    assert sentence == (
        "Port 8601 is given to both service (TIDEMARK_SERVICE_PORT) and collector (TIDEMARK_COLLECTOR_PORT); "
        "move one of them."
    )


def test_too_little_memory_says_how_much_is_needed() -> None:
    (sentence,) = found(probes(memory=2 * GIB))
    assert sentence == (
        "2.0 GiB of memory can be had, but the cluster needs 4.0; end other programs or give the machine "
        "more."
    )


def test_three_brokers_need_more_memory_than_one() -> None:
    machine = probes(memory=int(4.5 * GIB))
    assert found(machine, brokers=1) == []
    assert len(found(machine, brokers=3)) == 1


def test_too_little_disk_says_where_else_the_data_can_go() -> None:
    (sentence,) = found(probes(disk=GIB))
    assert sentence.startswith("1.0 GiB of disk are free, but the cluster needs 3;")
    assert "TIDEMARK_HOME" in sentence


@pytest.mark.parametrize("sign", [":", ";", ",", "#", "%"])
def test_a_folder_whose_name_would_be_read_as_two_is_refused(sign: str) -> None:
    (sentence,) = found(probes(), folders=(Path(f"/data/a{sign}b"),))
    assert f"has {sign} in its name" in sentence


def test_every_problem_is_told_at_once() -> None:
    assert len(found(probes(python=(3, 10), memory=0, disk=0, maven=False), must_fetch=True)) == 4
