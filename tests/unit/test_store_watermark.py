from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tidemark.store.watermark import Heartbeat, Path, Tide

START = datetime(2026, 1, 1, tzinfo=UTC)


def second(offset: float) -> datetime:
    return START + timedelta(seconds=offset)


def beat(
    path: Path, at: float, block: float, partition: int = 0, *, of: int = 1, collector: str = "a"
) -> Heartbeat:
    return Heartbeat(path, second(block), collector, partition, of, second(at))


def raw_and_folded(at: float, block: float, partition: int = 0, **more: object) -> list[Heartbeat]:
    return [beat(path, at, block, partition, **more) for path in Path]  # type: ignore[arg-type]


def test_nothing_is_claimed_before_the_first_heartbeat() -> None:
    assert Tide().through(Path.FOLDED) is None


def test_a_raw_heartbeat_counts_once_a_later_block_is_visible() -> None:
    tide = Tide()
    tide.observe([beat(Path.RAW, 1, 1.2)])
    assert tide.through(Path.RAW) is None
    tide.observe([beat(Path.RAW, 1.5, 1.8)])
    assert tide.through(Path.RAW) == second(1)


def test_a_folded_heartbeat_needs_a_newer_one_of_its_cell_in_a_finished_block() -> None:
    tide = Tide()
    tide.observe([*raw_and_folded(1, 1.2), *raw_and_folded(1.5, 1.8)])
    assert tide.through(Path.FOLDED) is None
    tide.observe(raw_and_folded(2, 2.2))
    assert tide.through(Path.FOLDED) == second(1)


def test_the_slowest_partition_decides() -> None:
    tide = Tide()
    for at in (1.0, 1.5, 2.0, 2.5):
        tide.observe([beat(Path.RAW, at, at + 0.2, 0, of=2)])
    tide.observe([beat(Path.RAW, 1.1, 2.6, 1, of=2), beat(Path.RAW, 2.6, 2.8, 1, of=2)])
    assert tide.through(Path.RAW) == second(1.1)


def test_a_partition_that_never_sent_a_heartbeat_holds_everything_back() -> None:
    tide = Tide()
    tide.observe([beat(Path.RAW, at, at + 0.2, 0, of=2) for at in (1.0, 1.5, 2.0)])
    assert tide.through(Path.RAW) is None


def test_a_collector_that_is_gone_stops_counting_once_flink_has_passed_its_last_record() -> None:
    tide = Tide()
    tide.observe([beat(Path.RAW, 1, 1.2, collector="gone")])
    late = [20.0, 20.5, 21.0, 21.5]
    for at in late:
        tide.observe(raw_and_folded(at, at + 0.2, collector="alive"))
    assert tide.through(Path.FOLDED) is None
    tide.observe([beat(Path.FOLDED, 1, 21.8, collector="gone")])
    tide.observe(raw_and_folded(22, 22.2, collector="alive"))
    assert tide.through(Path.FOLDED) == second(21)


def test_a_collector_that_said_goodbye_stops_counting_at_once_but_not_before_flink_has_passed_it() -> None:
    tide = Tide()
    for at in (1.0, 1.5, 2.0):
        tide.observe(raw_and_folded(at, at + 0.2, collector="alive"))
    tide.observe([Heartbeat(Path.RAW, second(2.3), "leaving", 0, 1, second(2.1), goodbye=True)])
    tide.observe(raw_and_folded(2.5, 2.7, collector="alive"))
    assert tide.through(Path.RAW) == second(2)
    assert tide.through(Path.FOLDED) is None
    tide.observe([beat(Path.FOLDED, 2.1, 2.9, collector="leaving")])
    assert tide.through(Path.FOLDED) == second(1.5)


def test_a_stalled_job_does_not_look_like_silence() -> None:
    tide = Tide()
    for at in (1.0, 1.5, 2.0, 2.5):
        tide.observe(raw_and_folded(at, at + 0.2))
    for at in range(3, 60):
        tide.observe([beat(Path.RAW, at, at + 0.2)])
    assert tide.through(Path.FOLDED) == second(1.5)


def test_what_was_claimed_is_never_taken_back() -> None:
    tide = Tide()
    for at in (1.0, 1.5, 2.0, 2.5):
        tide.observe(raw_and_folded(at, at + 0.2))
    claimed = tide.through(Path.FOLDED)
    tide.observe([beat(Path.RAW, 2.6, 2.9, collector="new", of=3)])
    assert tide.through(Path.FOLDED) == claimed == second(1.5)


def test_after_a_pause_an_older_heartbeat_is_not_proved_by_the_first_one_that_comes() -> None:
    tide = Tide()
    for at in (1.0, 1.5, 2.0):
        tide.observe(raw_and_folded(at, at + 0.2))
    assert tide.through(Path.FOLDED) == second(1)
    tide.observe([beat(Path.RAW, 8, 8.2)])
    # restored: the first mini-batch holds events from before the crash and the newest heartbeat
    tide.observe([beat(Path.FOLDED, 8, 8.4)])
    tide.observe([beat(Path.RAW, 8.5, 8.7), beat(Path.FOLDED, 8.5, 8.9)])
    assert tide.through(Path.FOLDED) == second(1)
    tide.observe([beat(Path.RAW, 9, 9.2), beat(Path.FOLDED, 9, 9.4)])
    assert tide.through(Path.FOLDED) == second(8)


def test_a_heartbeat_that_no_collector_can_have_sent_is_passed_over() -> None:
    tide = Tide()
    tide.observe([beat(Path.RAW, 1, 1, 0, of=10**9), beat(Path.RAW, 1, 1, 5, of=3)])
    assert tide.through(Path.RAW) is None
    assert tide.newest_block(Path.RAW) is None


def test_a_heartbeat_that_is_read_again_is_proved_anew() -> None:
    """Its block failed in one of its tables, so it may not be visible although its heartbeats are."""
    tide = Tide()
    tide.observe([beat(Path.RAW, 1, 1.2), beat(Path.RAW, 1.5, 1.7)])
    tide.observe([beat(Path.RAW, 1.5, 1.9), beat(Path.RAW, 2, 1.9)])
    assert tide.through(Path.RAW) == second(1)
    tide.observe([beat(Path.RAW, 2.5, 2.2)])
    assert tide.through(Path.RAW) == second(2)


def test_the_clock_of_the_service_plays_no_part() -> None:
    """Only the brokers' instants are compared with each other: these lie years before now."""
    tide = Tide()
    for at in (1.0, 1.5, 2.0):
        tide.observe(raw_and_folded(at, at + 0.2))
    assert tide.through(Path.RAW) == second(1.5)


def test_collectors_that_ended_long_ago_are_forgotten() -> None:
    tide = Tide()
    for hour in range(5):
        for at in (0.0, 0.5, 1.0):
            tide.observe(raw_and_folded(hour * 4000 + at, hour * 4000 + at + 0.2, collector=f"run {hour}"))
    assert len(tide._partitions) <= 2  # noqa: SLF001 - what is forgotten cannot be seen from outside


@given(
    # one character a step: an event, a heartbeat, Flink flushes its mini-batch, ClickHouse reads what is in
    # the topic
    steps=st.text(alphabet="eehhfbbr", min_size=20, max_size=200),
    order=st.randoms(use_true_random=False),
)
def test_no_claim_ever_passes_an_event_that_is_not_visible(steps: str, order: object) -> None:
    """A mini-batch is written in any order; of the newest block only heartbeats may be visible."""
    tide, pending, topic = Tide(), [], []
    accepted: list[float] = []
    visible: set[float] = set()
    newest: list[tuple[str, float]] = []
    for index, step in enumerate(steps):
        now = index / 10
        if step == "e":
            accepted.append(now)
            pending.append(("event", now))
        elif step == "h":
            pending.append(("heartbeat", now))
            tide.observe([beat(Path.RAW, now, now)])
        elif step == "f":
            beats = [at for kind, at in pending if kind == "heartbeat"][-1:]
            batch = [row for row in pending if row[0] == "event"] + [("heartbeat", at) for at in beats]
            order.shuffle(batch)  # type: ignore[attr-defined]
            topic += batch
            pending = []
        elif step == "r":
            topic, newest = newest + topic, []
        elif topic:
            cut = order.randint(1, len(topic))  # type: ignore[attr-defined]
            visible |= {at for kind, at in newest if kind == "event"}
            newest, topic = topic[:cut], topic[cut:]
            tide.observe([beat(Path.FOLDED, at, now) for kind, at in newest if kind == "heartbeat"])
        claim = tide.through(Path.FOLDED)
        if claim is not None:
            assert all(at in visible for at in accepted if second(at) < claim)
