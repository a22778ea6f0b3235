"""Flink: one JobManager and two TaskManagers, their configuration and processes. Pure.

The JVMs are started directly: Flink's shell scripts need some 20 s for each. What the scripts derive
from the configuration (heap, direct memory, metaspace) therefore stands here.
"""

from pathlib import Path

from tidemark.local import java
from tidemark.local.layout import Layout
from tidemark.local.part import File, Part, Stage
from tidemark.settings import Settings

TASK_MANAGERS = ("taskmanager-1", "taskmanager-2")

_SLOTS = 2  # of each TaskManager: room for the campaign's and the experiments' job, so that one may die
_MEGABYTES = {
    "framework.heap": 128,
    "task.heap": 640,  # the experiment job folds rows in it between two flushes
    "framework.off-heap": 64,
    "task.off-heap": 64,
    "network": 64,
    "managed": 256,  # RocksDB's, shared by the slots
    "jvm-metaspace": 256,
    "jvm-overhead": 192,
}
_EXPORTS = ("java.rmi/sun.rmi.registry", "java.security.jgss/sun.security.krb5")
_OPENS = (
    "java.lang",
    "java.lang.reflect",
    "java.net",
    "java.io",
    "java.nio",
    "sun.nio.ch",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
)


def configuration(settings: Settings, layout: Layout) -> str:
    """Flink's ``config.yaml`` for the whole cluster.

    Checkpoint settings are not in it: Flink ignores them for a job submitted from Python (DESIGN section 3).
    """
    sizes = _MEGABYTES
    temporary = layout.temporary("flink")
    return f"""\
jobmanager.rpc.address: {settings.host}
jobmanager.rpc.port: {settings.flink_rpc_port}
jobmanager.bind-host: {settings.host}
rest.address: {settings.host}
rest.bind-address: {settings.host}
rest.port: {settings.flink_port}
rest.bind-port: "{settings.flink_port}"
web.submit.enable: false
web.tmpdir: {temporary}
io.tmp.dirs: {temporary}
parallelism.default: 1
# a dead TaskManager is noticed after 5 s instead of 50
heartbeat.interval: 1000
heartbeat.timeout: 5000
# a TaskManager that finds no JobManager looks again after 1 s instead of 10
cluster.registration.error-delay: 1000
cluster.registration.refused-registration-delay: 1000
cluster.registration.max-timeout: 2000
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 1000000
restart-strategy.fixed-delay.delay: 200 ms
# a job runs on either TaskManager, and the other is warm
taskmanager.load-balance.mode: SLOTS
taskmanager.host: {settings.host}
taskmanager.bind-host: {settings.host}
taskmanager.numberOfTaskSlots: {_SLOTS}
taskmanager.cpu.cores: {_SLOTS}
taskmanager.memory.framework.heap.size: {sizes["framework.heap"]}m
taskmanager.memory.task.heap.size: {sizes["task.heap"]}m
taskmanager.memory.framework.off-heap.size: {sizes["framework.off-heap"]}m
taskmanager.memory.task.off-heap.size: {sizes["task.off-heap"]}m
taskmanager.memory.network.min: {sizes["network"]}m
taskmanager.memory.network.max: {sizes["network"]}m
taskmanager.memory.managed.size: {sizes["managed"]}m
taskmanager.memory.jvm-metaspace.size: {sizes["jvm-metaspace"]}m
taskmanager.memory.jvm-overhead.min: {sizes["jvm-overhead"]}m
taskmanager.memory.jvm-overhead.max: {sizes["jvm-overhead"]}m
"""


def parts(settings: Settings, layout: Layout) -> tuple[Part, ...]:
    """The JobManager and the TaskManagers."""
    folder = layout.run / "flink"
    files = (File(folder / "config.yaml", configuration(settings, layout)), java.log4j(layout))
    return (
        _job_manager(layout, folder, files),
        *(_task_manager(layout, name, folder, files) for name in TASK_MANAGERS),
    )


def _job_manager(layout: Layout, folder: Path, files: tuple[File, ...]) -> Part:
    main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
    # it coordinates, and no row passes through it: its start counts
    options = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MaxMetaspaceSize=256m", *_modules())
    return Part(
        name="jobmanager",
        does="Flink JobManager",
        command=java.command(
            layout,
            "jobmanager",
            (*_class_path(), main, "--configDir", str(folder)),
            heap="384m",
            options=options,
        ),
        stage=Stage.ENGINE,
        stop_seconds=5,
        directory=layout.temporary("flink"),
        environment={"MALLOC_ARENA_MAX": "2"},
        files=files,
    )


def _task_manager(layout: Layout, name: str, folder: Path, files: tuple[File, ...]) -> Part:
    main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
    heap = _MEGABYTES["framework.heap"] + _MEGABYTES["task.heap"]
    direct = _MEGABYTES["framework.off-heap"] + _MEGABYTES["task.off-heap"] + _MEGABYTES["network"]
    options = (
        f"-XX:MaxDirectMemorySize={direct}m",
        f"-XX:MaxMetaspaceSize={_MEGABYTES['jvm-metaspace']}m",
        *_modules(),
    )
    return Part(
        name=name,
        does="Flink TaskManager",
        command=java.command(
            layout,
            name,
            (*_class_path(), main, "--configDir", str(folder), "-D", f"taskmanager.resource-id={name}"),
            heap=f"{heap}m",
            options=options,
        ),
        stage=Stage.ENGINE,
        stop_seconds=5,
        directory=layout.temporary("flink"),
        environment={"MALLOC_ARENA_MAX": "2"},  # RocksDB allocates natively; glibc's arenas would keep it
        files=files,
    )


def _class_path() -> tuple[str, str]:
    return "-cp", str(java.package_folder("pyflink") / "lib" / "*")


def _modules() -> tuple[str, ...]:
    """What Flink reaches into of the JDK's modules, as in PyFlink's own ``config.yaml``."""
    return (
        *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTS),
        *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENS),
    )
