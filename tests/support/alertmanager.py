"""The real Alertmanager and its ``amtool``, as ``make test-alertmanager`` builds them."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

_HA = ("--cluster.gossip-interval=50ms", "--cluster.pushpull-interval=1s", "--cluster.peer-timeout=1s")


def program(name: str) -> Path:
    """``alertmanager`` or ``amtool``."""
    folder = os.environ.get("ALERTMANAGER", "")
    found = Path(folder) / name
    assert folder, "ALERTMANAGER, the folder of the built programs, is not set; run make test-alertmanager"
    assert found.is_file(), f"{found} is missing; run make test-alertmanager, which builds it"
    return found


def amtool(home: Path, *arguments: str) -> str:
    """What it prints. Its own settings would lie in ``home``."""
    done = subprocess.run(
        [program("amtool"), *arguments],
        capture_output=True, text=True, timeout=30, env=os.environ | {"HOME": str(home)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"amtool {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


class Alertmanager:
    """One process, always on the same two ports of loopback, with a folder of its own."""

    def __init__(self, folder: Path, config: str, port: int) -> None:
        folder.mkdir()
        self.folder = folder
        self.url, self.peer = f"http://127.0.0.1:{port}", f"127.0.0.1:{port + 1}"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "alertmanager.yml").write_text(config, encoding="utf-8")

    def start(self, *peers: "Alertmanager", is_clustered: bool = False) -> None:
        """Start it, and wait until it answers; with others as one cluster."""
        cluster = (
            (f"--cluster.listen-address={self.peer}", *_HA)
            if is_clustered
            else ("--cluster.listen-address=",)
        )
        arguments = (
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            *cluster,
            *(f"--cluster.peer={one.peer}" for one in peers),
        )
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([program("alertmanager"), *arguments], stdout=log, stderr=log)
        end = time.monotonic() + 30
        while not self._is_ready(1 + len(peers) if is_clustered else 0):
            told = (self.folder / "log").read_text(encoding="utf-8")
            assert self._process.poll() is None, told
            assert time.monotonic() < end, told
            time.sleep(0.02)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it; SIGSTOP makes it hang, and SIGCONT goes on."""
        if self._process is not None:
            self._process.send_signal(number)
            if number == signal.SIGKILL:
                self._process.wait()

    def alerts(self) -> list[dict[str, Any]]:
        """Those that fire, silenced ones too, by campaign."""
        answer = httpx.get(f"{self.url}/api/v2/alerts").raise_for_status()
        return sorted(answer.json(), key=lambda one: str(one["labels"].get("campaign")))

    def firing(self) -> list[str]:
        """The campaigns of those that fire."""
        return [one["labels"]["campaign"] for one in self.alerts()]

    def amtool(self, *arguments: str) -> Any:
        """What ``amtool`` says about it, from JSON."""
        said = amtool(self.folder, f"--alertmanager.url={self.url}", "--output=json", *arguments)
        return json.loads(said) if said.startswith(("[", "{")) else said.strip()

    def gossip(self) -> int:
        """How often another one of the cluster said to it what it had told."""
        (found,) = re.findall(
            r"^alertmanager_nflog_gossip_messages_propagated_total (\d+)$",
            httpx.get(f"{self.url}/metrics").raise_for_status().text,
            re.MULTILINE,
        )
        return int(found)

    def _is_ready(self, members: int) -> bool:
        try:
            httpx.get(f"{self.url}/-/ready").raise_for_status()
            cluster = httpx.get(f"{self.url}/api/v2/status").raise_for_status().json()["cluster"]
        except (httpx.TransportError, httpx.HTTPStatusError):
            return False
        return cluster["status"] != "settling" and len(cluster.get("peers") or ()) >= members
