"""Tidemark's own processes: the collector, the service and the keeper of the jobs. Pure."""

import sys

from tidemark.local import java
from tidemark.local.layout import Layout
from tidemark.local.part import Part, Stage


def parts(layout: Layout) -> tuple[Part, ...]:
    """The three of them."""
    # PyFlink's JVM only plans a job and submits it: it should be there soon, not run fast for long
    planner = f"-XX:SharedArchiveFile={java.archive(layout)} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    return (
        _part(
            layout,
            "jobs",
            "keeps the Flink jobs running",
            "tidemark.jobs",
            Stage.READER,
            4,
            JVM_ARGS=planner,
        ),
        _part(layout, "collector", "takes events", "tidemark.ingest", Stage.DOOR, 10),
        _part(layout, "service", "answers questions", "tidemark", Stage.READER, 10),
    )


def _part(
    layout: Layout, name: str, does: str, module: str, stage: Stage, stop_seconds: int, **environment: str
) -> Part:
    return Part(
        name=name,
        does=does,
        # -P: nothing that lies in the working folder is imported
        command=(sys.executable, "-P", "-m", module),
        stage=stage,
        stop_seconds=stop_seconds,
        directory=layout.home,
        environment={"PYTHONUNBUFFERED": "1", **environment},
    )
