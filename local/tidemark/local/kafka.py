"""The Kafka brokers: their settings, and the process of each. Pure.

Combined KRaft nodes: each is broker and controller, with a fixed list of voters.
"""

from tidemark.local import java
from tidemark.local.layout import Layout
from tidemark.local.part import File, Part, Stage
from tidemark.settings import Settings


def properties(settings: Settings, layout: Layout, node: int) -> str:
    """``server.properties`` of the node (from 1)."""
    host, several = settings.host, settings.brokers > 1
    replication, minimum = (3, 2) if several else (1, 1)
    voters = ",".join(
        f"{n}@{host}:{settings.controller_port + n - 1}" for n in range(1, settings.brokers + 1)
    )
    values: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{host}:{settings.kafka_port + node - 1},"
        f"CONTROLLER://{host}:{settings.controller_port + node - 1}",
        "advertised.listeners": f"PLAINTEXT://{host}:{settings.kafka_port + node - 1}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": layout.kafka / str(node),
        # topics are made by tidemark.ingest.topics only; a misspelt one must not come into being
        "auto.create.topics.enable": "false",
        "default.replication.factor": replication,
        "min.insync.replicas": minimum,
        "unclean.leader.election.enable": "false",
        "offsets.topic.replication.factor": replication,
        "offsets.topic.num.partitions": 6,
        "transaction.state.log.replication.factor": replication,
        "transaction.state.log.min.isr": minimum,
        "transaction.state.log.num.partitions": 6,
        "share.coordinator.state.topic.replication.factor": replication,
        "share.coordinator.state.topic.min.isr": minimum,
        # a Flink job away for longer than this loses what it had prepared
        "transaction.max.timeout.ms": 3_600_000,
        "log.message.timestamp.type": "LogAppendTime",
        "group.initial.rebalance.delay.ms": 0,
        # How long the partitions of a killed broker have no leader: until another controller is elected, if
        # it was that, and until that misses the broker. The collector answers 503 before 5 s. Measured, three
        # brokers on two busy cores: an event waited 2.5 s at most; 4.4 s with a session of 2 s, 6.5 s with
        # 3 s and the quorum's defaults.
        "controller.quorum.fetch.timeout.ms": 800,
        "controller.quorum.election.timeout.ms": 400,
        "controller.quorum.election.backoff.max.ms": 500,
        "broker.session.timeout.ms": 1500,
        "broker.heartbeat.interval.ms": 300,
        "message.max.bytes": 2_097_152,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16_777_216,
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def parts(settings: Settings, layout: Layout, cluster_id: str) -> tuple[Part, ...]:
    """A part for each broker; ``cluster_id`` is the id with which their folders are formatted."""
    return tuple(_part(settings, layout, node, cluster_id) for node in range(1, settings.brokers + 1))


def _part(settings: Settings, layout: Layout, node: int, cluster_id: str) -> Part:
    name = f"kafka-{node}"
    file = File(layout.run / f"{name}.properties", properties(settings, layout, node))
    class_path = ("-cp", str(layout.lib / "kafka" / "*"))

    def run(*main: str) -> tuple[str, ...]:
        return java.command(
            layout, name, (*class_path, *main), heap="320m", options=("-XX:MaxDirectMemorySize=128m",)
        )

    return Part(
        name=name,
        does="Kafka broker and controller",
        command=run("kafka.Kafka", str(file.path)),
        stage=Stage.LOG,
        stop_seconds=8,
        directory=layout.kafka,
        files=(file, java.log4j(layout)),
        once=run("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(file.path)),
        made_by_once=layout.kafka / str(node) / "meta.properties",
    )
