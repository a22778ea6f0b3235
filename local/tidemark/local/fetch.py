"""Fetching Kafka, the registry and Flink's Kafka connector by Maven coordinates, once."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from tidemark.local import java
from tidemark.local.layout import Layout, layout
from tidemark.settings import Settings

_CONNECTOR = "flink-sql-connector-kafka-5.0.0-2.2.jar"
NO_MAVEN = (
    "Maven (`mvn`) is missing, and it fetches Kafka, the schema registry and Flink's Kafka connector once; "
    "install it (Debian, Ubuntu: `apt install maven`; macOS: `brew install maven`), or set TIDEMARK_LIB to "
    "the .tidemark/lib of a cluster that has them."
)


class FetchError(RuntimeError):
    """Something could not be fetched; the message says what to do."""


def connector_jar(settings: Settings) -> Path:
    """Flink's Kafka connector, for a job's ``pipeline.jars``."""
    return layout(settings).lib / _CONNECTOR


def coordinates() -> str:
    """The ``pom.xml`` that names everything fetched, with versions."""
    return files(__package__).joinpath("pom.xml").read_text(encoding="utf-8")


def fetched(where: Layout) -> bool:
    """Whether everything is there, in the versions of ``pom.xml``."""
    try:
        return _stamp(where).read_text(encoding="utf-8") == _digest()
    except FileNotFoundError:
        return False


def fetch(where: Layout, say: Callable[[str], None]) -> None:
    """Fetch what is missing into ``where.lib``; ``say`` is told how far it is. Harmless when all is there.

    Raises:
        FetchError: Maven is missing or could not reach its repository.
    """
    where.lib.mkdir(parents=True, exist_ok=True)
    with _locked(where.lib / ".lock"):
        if not fetched(where):
            _run_maven(where, say)
            _stamp(where).write_text(_digest(), encoding="utf-8")
        _make_archive(where)


def _stamp(where: Layout) -> Path:
    return where.lib / "fetched"


def _digest() -> str:
    return hashlib.sha256(coordinates().encode()).hexdigest()


def _run_maven(where: Layout, say: Callable[[str], None]) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise FetchError(NO_MAVEN)
    for old in ("kafka", "registry"):  # of other versions
        shutil.rmtree(where.lib / old, ignore_errors=True)
    pom = where.lib / "pom.xml"
    pom.write_text(coordinates(), encoding="utf-8")
    environment = dict(os.environ)
    if "JAVA_HOME" not in environment and shutil.which("java") is None:
        environment["JAVA_HOME"] = str(java.java_home())
    command = [maven, "--batch-mode", "-f", str(pom), "package", f"-Dlib={where.lib}"]
    errors, count = [], 0
    log = where.lib / "maven.log"
    with (
        log.open("w", encoding="utf-8") as copy,
        subprocess.Popen(  # noqa: S603 - a fixed command
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as maven_process,
    ):
        for line in maven_process.stdout or ():
            copy.write(line)
            if "Downloading from" in line:
                count += 1
                say(f"file {count}, {line.rstrip().rpartition('/')[2]}")
            elif line.startswith("[ERROR]"):
                errors.append(line.removeprefix("[ERROR]").strip())
    if maven_process.returncode != 0:
        reason = next((error for error in errors if error), "it said nothing")
        raise FetchError(
            f"Maven could not fetch Kafka, the registry and Flink's connector: {reason[:300]} Check the "
            f"network, or the mirror in Maven's settings.xml; all it said is in {log}."
        )


def _make_archive(where: Layout) -> None:
    """Make the JVM's class data archive; a JVM that finds none, or another's, starts without, only slower."""
    archive = java.archive(where)
    if archive.exists():
        return
    for old in where.lib.glob("java-*.jsa"):
        old.unlink()
    subprocess.run(  # noqa: S603 - a fixed command
        [java.java_home() / "bin" / "java", "-Xshare:dump", f"-XX:SharedArchiveFile={archive}"],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One fetch at a time, also where several clusters share a folder."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
