"""What a dashboard costs: 20 viewers x 6 panels over millions of events, on a Tidemark of its own (issue 5).

With one size (`--events 10`, millions) the viewers ask while 1,000 events a second come in, first without
the cache, then with it: milliseconds a panel from the instant it was due, beside bare SELECTs on the same
data in the same run; CPU seconds; how far the answers lag behind. With several (`--events 1,10,50`) they
ask each size without a stream: how cost grows. Any error fails the run, and so does an aim that is missed
(p50 25 ms, p99 150 ms without the cache). Needs what `make up` fetches, and 0.3 GB of disk for a million
events; all is removed afterwards.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psutil

import dashboard_report as report
from dashboard_report import Cpu, Idle, Live
from dashboard_viewers import Plan, Seen
from load_events import load_apart
from tidemark.local.processes import cluster_processes

if TYPE_CHECKING:
    from cluster import Cluster

_HERE = Path(__file__).resolve().parent
_DOCUMENT = _HERE.parent / "docs" / "performance.md"
_WARM, _ALONE, _PRICED, _IDLE, _IDLE_WARM_UP = 50.0, 10.0, 15.0, 20.0, 5.0
"""Seconds: the stream while Java warms up; the stream without viewers; the priced pass; one size without a
stream; its warm-up."""

_BARE_ROUNDS = 40
_LEAD = 2.0
"""Seconds that the viewers' process has to start before the first panel is due."""

_ROLLED_UP_WITHIN = 900.0
_SOURCE = "query($query: MetricsQuery!) { metrics(query: $query) { resolved { source } } }"


def main() -> int:
    """Measure and print; 0 when nothing failed and the aim is kept."""
    options = _options()
    machine = f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB."
    if len(options.events) == 1:
        heading, body, right = report.LIVE, *_live(options, machine)
    else:
        heading, body, right = report.GROWTH, _growth(options, machine), True
    print(body)
    if options.markdown:
        _DOCUMENT.write_text(report.with_section(_DOCUMENT.read_text(), heading, body))
        _say(f"wrote the section “{heading}” of {_DOCUMENT}")
    return 0 if right else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--events", type=_millions, default=[10.0], help="millions, with commas for several sizes"
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="how long the viewers are timed under load"
    )
    parser.add_argument("--warm-up", type=float, default=15.0, help="seconds before that, not counted")
    parser.add_argument("--rate", type=int, default=1_000, help="events a second that come in meanwhile")
    parser.add_argument(
        "--together", action="store_true", help="a viewer's six panels are due at the same instant"
    )
    parser.add_argument(
        "--folder", type=Path, help="where the Tidemark is put (default: the system's temporary one)"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="write the figures into docs/performance.md too"
    )
    return parser.parse_args()


def _millions(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _live(options: argparse.Namespace, machine: str) -> tuple[str, bool]:
    """Both runs under load: the report, and whether the aims are kept."""
    with tempfile.TemporaryDirectory(prefix="tidemark-", dir=options.folder) as folder:
        home = Path(folder)
        loaded = load_apart(home, round(options.events[0] * 1e6))
        _say(f"the same numbers by {_BARE_ROUNDS} x 6 bare SELECTs")
        bare = json.loads(_script("dashboard_bare.py", str(home), str(_BARE_ROUNDS)))
        cluster = _cluster(home)
        runs = []
        for cache in (False, True):
            _start(cluster, cache=cache)
            try:
                run = _under_load(cluster, options, cache=cache)
                _require_no_errors(run.timed, run.priced)
                runs.append(run)
            finally:
                cluster.tidemark("down")
    body = report.live_section(loaded, runs, bare, machine)
    complaints = [complaint for run in runs for complaint in report.complaints(run, options.rate)]
    for complaint in complaints:
        _say(complaint)
    return body, not complaints


def _under_load(cluster: "Cluster", options: argparse.Namespace, *, cache: bool) -> Live:
    """Events come in; nobody asks, then all viewers do, then they ask for the cost too."""
    total = _WARM + _ALONE + _LEAD + options.warm_up + options.seconds + _LEAD + _PRICED + 1
    _say(f"cache {'on' if cache else 'off'}: {options.rate} events/s for {total:.0f} s")
    stream = _begin("event_stream.py", cluster.settings.collector_url, str(options.rate), str(total))
    try:
        start = time.monotonic()
        alone = _cpu_between(cluster, start + _WARM, start + _WARM + _ALONE)
        start = time.monotonic() + _LEAD
        plan = _plan(cluster, start, options.warm_up, options.seconds, together=options.together)
        viewers = _begin("dashboard_viewers.py", msgspec.json.encode(plan).decode())
        counted = start + options.warm_up
        busy = _cpu_between(cluster, counted, counted + options.seconds)
        timed = _seen(_end(viewers))
        priced = _ask(cluster, warm_up=0, seconds=_PRICED, cost=True, together=options.together)
        sent = json.loads(_end(stream))
    finally:
        stream.kill()
    return Live(cache, timed, priced, alone, busy, options.seconds, sent["events"] / sent["seconds"])


def _growth(options: argparse.Namespace, machine: str) -> str:
    """Every size without a stream: the report."""
    runs = []
    for millions in options.events:
        with tempfile.TemporaryDirectory(prefix="tidemark-", dir=options.folder) as folder:
            loaded = load_apart(Path(folder), round(millions * 1e6))
            cluster = _cluster(Path(folder))
            _start(cluster, cache=False)
            try:
                _say(f"{millions:g} million events: viewers only")
                timed = _ask(
                    cluster, warm_up=_IDLE_WARM_UP, seconds=_IDLE, cost=False, together=options.together
                )
                priced = _ask(cluster, warm_up=0, seconds=_PRICED, cost=True, together=options.together)
            finally:
                cluster.tidemark("down")
            _require_no_errors(timed, priced)
            runs.append(Idle(loaded, timed, priced))
    return report.growth_section(runs, machine)


def _cluster(home: Path) -> "Cluster":
    sys.path.append(str(_HERE.parent / "tests" / "support"))
    from cluster import Cluster  # noqa: PLC0415 - the tests' way to a Tidemark of one's own

    return Cluster(home)


def _start(cluster: "Cluster", *, cache: bool) -> None:
    """Bring it up, with its cache or without, and wait until the rollups cover the 30 days."""
    cluster.environment.pop("TIDEMARK_CACHE_BYTES", None)
    if not cache:
        cluster.environment["TIDEMARK_CACHE_BYTES"] = "0"
    _say("starting the cluster")
    try:
        cluster.tidemark("up")
        _say("waiting until the rollups are filled")
        cluster.until(
            lambda: (
                _source(cluster, "UTC") == ["campaign_day"]
                and _source(cluster, "Europe/Berlin") == ["campaign_hour"]
            ),
            within=_ROLLED_UP_WITHIN,
            what="an answer about 28 days from campaign_day and campaign_hour",
        )
    except BaseException:
        cluster.tidemark("down", check=False)
        raise


def _source(cluster: "Cluster", zone: str) -> list[str]:
    """Which tables answer a question about 28 days that are over."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    query = {
        "metrics": ["CLICKS"],
        "where": [{"dimension": "CAMPAIGN", "values": ["campaign-0001"]}],
        "grain": "DAY",
        "timezone": zone,
        "range": {"from": (today - timedelta(days=28)).isoformat(), "to": today.isoformat()},
    }
    source: str = cluster.graphql(_SOURCE, query=query)["metrics"]["resolved"]["source"]
    return source.split("+")


def _plan(
    cluster: "Cluster", start: float, warm_up: float, seconds: float, *, together: bool, cost: bool = False
) -> Plan:
    own = cluster.settings
    return Plan(own.host, own.service_port, start, warm_up, seconds, cost=cost, together=together)


def _ask(cluster: "Cluster", *, warm_up: float, seconds: float, cost: bool, together: bool) -> Seen:
    """All viewers, from now on."""
    plan = _plan(cluster, time.monotonic() + _LEAD, warm_up, seconds, together=together, cost=cost)
    return _seen(_script("dashboard_viewers.py", msgspec.json.encode(plan).decode()))


def _seen(output: bytes) -> Seen:
    return msgspec.json.decode(output, type=Seen)


def _cpu_between(cluster: "Cluster", start: float, end: float) -> Cpu:
    """CPU a second between two instants of ``time.monotonic()``, of processes that lived all the while."""
    service, found = cluster.pid("service"), cluster_processes(cluster.settings)
    time.sleep(max(0.0, start - time.monotonic()))
    before = _cpu(found)
    time.sleep(max(0.0, end - time.monotonic()))
    after = _cpu(found)
    spent = {pid: (after[pid] - before[pid]) / (end - start) for pid in after.keys() & before.keys()}
    return Cpu(spent[service], sum(spent.values()))


def _cpu(processes: Sequence[psutil.Process]) -> dict[int, float]:
    """CPU seconds so far, by process id; without those that have ended."""
    spent = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent[process.pid] = times.user + times.system
    return spent


def _begin(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(_HERE / script), *arguments], stdout=subprocess.PIPE)


def _end(process: "subprocess.Popen[bytes]") -> bytes:
    """What it printed.

    Raises:
        SystemExit: it failed; it has said why on standard error.
    """
    output, _ = process.communicate()
    if process.returncode:
        command: Any = process.args
        raise SystemExit(
            f"{Path(command[1]).name} failed with {process.returncode}; its reason stands above."
        )
    return output


def _script(script: str, *arguments: str) -> bytes:
    return _end(_begin(script, *arguments))


def _require_no_errors(*found: Seen) -> None:
    """End a run whose figures mean nothing.

    Raises:
        SystemExit: with each kind of error and how often it came.
    """
    errors = [f"{count} x {text}" for seen in found for text, count in Counter(seen.errors).most_common(5)]
    if errors:
        raise SystemExit("\n".join(["The viewers saw errors, so there are no figures:", *errors]))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
