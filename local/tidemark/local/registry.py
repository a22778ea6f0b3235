"""The schema registry, Apicurio, with an H2 database in a file. Pure."""

from tidemark.local import java
from tidemark.local.layout import Layout
from tidemark.local.part import Part, Stage
from tidemark.settings import Settings


def part(settings: Settings, layout: Layout) -> Part:
    """The registry's process."""
    data = layout.home / "registry"
    options = (
        "-XX:+UseSerialGC",  # it stores a handful of schemas: start and size count, not throughput
        "-XX:TieredStopAtLevel=1",
        f"-Dquarkus.http.host={settings.host}",
        f"-Dquarkus.http.port={settings.registry_port}",
        # its health has a port of its own, by default 9000 of every interface; nobody asks there
        f"-Dquarkus.management.host={settings.host}",
        "-Dquarkus.management.port=0",
        "-Dquarkus.http.access-log.enabled=false",
        "-Dapicurio.storage.kind=sql",
        "-Dapicurio.storage.sql.kind=h2",
        f"-Dapicurio.datasource.url=jdbc:h2:file:{data / 'registry'};AUTO_SERVER=FALSE",
    )
    return Part(
        name="registry",
        does="schema registry",
        command=java.command(
            layout,
            "registry",
            ("-jar", str(layout.lib / "registry" / "quarkus-run.jar")),
            heap="200m",
            options=options,
        ),
        stage=Stage.ENGINE,
        stop_seconds=5,
        directory=data,
    )
