"""Where the local cluster's files lie under its home folder. Pure."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tidemark.settings import Settings

_LONGEST_SOCKET = 100  # a unix socket's path is cut at 104 bytes on macOS, at 108 on Linux


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of one cluster, all absolute.

    Attributes:
        home: everything the cluster writes, but for ``lib`` where that was moved.
        lib: what was fetched by Maven; may be shared by several clusters.
    """

    home: Path
    lib: Path

    @property
    def run(self) -> Path:
        """Configuration made at each start, the supervisor's own files."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """One log a part, rotated by the supervisor."""
        return self.home / "logs"

    @property
    def configuration(self) -> Path:
        """The supervisor's configuration."""
        return self.run / "supervisord.conf"

    @property
    def pid_file(self) -> Path:
        """The supervisor's process id."""
        return self.run / "supervisord.pid"

    @property
    def supervisor_log(self) -> Path:
        """The supervisor's own log: every start and every death of a part."""
        return self.logs / "supervisord.log"

    @property
    def socket(self) -> Path:
        """Where the supervisor is asked; in the system's temporary folder if the home's path is too long."""
        usual = self.run / "supervisor.sock"
        if len(os.fsencode(usual)) <= _LONGEST_SOCKET:
            return usual
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"tidemark-{name}.sock"

    @property
    def kafka(self) -> Path:
        """The brokers' data."""
        return self.home / "kafka"

    @property
    def log4j(self) -> Path:
        """The logging of every JVM: to standard output, which the supervisor writes and rotates."""
        return self.run / "log4j2.properties"

    def log(self, part: str) -> Path:
        """The log of a part."""
        return self.logs / f"{part}.log"

    def temporary(self, part: str) -> Path:
        """A folder that a part may fill; emptied before each start of the cluster."""
        return self.run / "tmp" / part


def layout(settings: Settings) -> Layout:
    """The layout that the settings ask for."""
    home = settings.home.expanduser().resolve()
    lib = settings.libraries.expanduser().resolve()
    return Layout(home=home, lib=lib)
