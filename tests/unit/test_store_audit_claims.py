"""What the audit claims, against a store that answers as it is told."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from tidemark.store.audit import Audit
from tidemark.store.database import Table
from tidemark.store.watermark import Heartbeat, Path, Tide

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
HORIZON = timedelta(hours=1)
KEPT = timedelta(days=34)


def second(offset: float) -> datetime:
    return START + timedelta(seconds=offset)


class Store:
    """``touched`` and ``compared`` are the next answers; statements that write are kept."""

    def __init__(self) -> None:
        self.touched: list[tuple[object, ...]] = []
        self.compared: list[tuple[object, ...]] = []
        self.owned: list[tuple[object, ...]] = []
        self.written: list[str] = []

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> Table:
        if "FROM tidemark.touched" in sql:
            rows, self.touched = self.touched, []
        elif "countIf(settled)" in sql:
            assert parameters
            asked = parameters["minutes"]
            assert isinstance(asked, list)
            rows = [row for row in self.compared if row[0] in asked]
        elif "SELECT DISTINCT minute" in sql:
            rows = self.owned
        else:
            rows = []
        return Table((), [list(column) for column in zip(*rows, strict=True)], len(rows))

    def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        assert parameters
        self.written.append(sql.split("(", maxsplit=1)[0].split("\nSELECT", maxsplit=1)[0].strip())

    def repairs(self) -> int:
        return sum(text.endswith("INSERT INTO tidemark.campaign_minute") for text in self.written)


def audited(store: Store, through: float) -> tuple[Audit, Tide]:
    """An audit whose paths are both complete through an instant."""
    tide = Tide()
    beats = [
        Heartbeat(path, second(through + late + 0.1), "a", 0, 1, second(through + late))
        for late in (0.0, 0.5, 1.0)
        for path in Path
    ]
    tide.observe(beats)
    return Audit(store, tide, horizon=HORIZON, floor=lambda now: now - KEPT), tide


def look(audit: Audit) -> None:
    audit.look(lambda: second(100), on_batch=lambda: None)


def test_without_anything_touched_all_is_audited_that_is_complete() -> None:
    audit, _ = audited(Store(), through=50)
    assert not audit.has_observed
    audit.observe(second(51))
    assert audit.has_observed
    assert audit.audited_through == second(50)
    assert audit.cap is None


def test_a_touched_minute_holds_the_claim_back_until_it_was_compared() -> None:
    store = Store()
    audit, _ = audited(store, through=50)
    store.touched = [("raw", START, second(30), second(20))]
    audit.observe(second(51))
    assert audit.audited_through == second(20)
    look(audit)
    assert audit.audited_through == second(50)
    assert store.repairs() == 0


def test_a_difference_that_something_is_still_under_way_to_is_left_and_waits() -> None:
    store = Store()
    audit, _ = audited(store, through=50)
    store.touched, store.compared = [("raw", START, second(30), second(20))], [(START, 0, 2)]
    audit.observe(second(51))
    look(audit)
    assert store.repairs() == 0
    assert audit.audited_through == second(20)


def test_a_repaired_minute_is_claimed_only_after_another_look_found_it_right() -> None:
    store = Store()
    audit, _ = audited(store, through=50)
    store.touched, store.compared = [("raw", START, second(30), second(20))], [(START, 3, 0)]
    audit.observe(second(51))
    look(audit)
    assert store.repairs() == 1
    assert audit.repaired == 3
    assert audit.audited_through == second(20)
    store.compared = []
    look(audit)
    assert store.repairs() == 1
    assert audit.audited_through == second(50)


def test_a_recent_minute_of_the_audits_own_caps_every_claim_by_what_was_compared() -> None:
    store = Store()
    audit, _ = audited(store, through=50)
    store.touched, store.compared = [("raw", START, second(30), second(20))], [(START, 1, 0)]
    audit.observe(second(51))
    look(audit)
    assert audit.cap == second(20)
    store.compared = []
    look(audit)
    assert audit.cap == second(50)


def test_an_old_minute_of_the_audits_own_caps_nothing() -> None:
    store = Store()
    audit, _ = audited(store, through=50)
    old = START - timedelta(days=9)
    store.touched, store.compared = [("raw", old, second(30), second(20))], [(old, 1, 0)]
    audit.observe(second(51))
    look(audit)
    assert store.repairs() == 1
    assert audit.cap is None


def test_the_audits_own_minutes_are_known_again_after_a_restart() -> None:
    store = Store()
    store.owned = [(START,)]
    audit, _ = audited(store, through=50)
    audit.observe(second(51))
    assert audit.cap == second(50)


def test_a_minute_that_retention_may_have_taken_raw_events_of_is_never_compared_and_is_counted() -> None:
    store = Store()
    audit, _ = audited(store, through=50)
    gone, kept = second(51) - KEPT - timedelta(minutes=1), second(51) - KEPT + timedelta(minutes=1)
    store.touched = [("raw", gone, second(30), second(20)), ("raw", kept, second(30), second(25))]
    store.compared = [(gone, 3, 0)]
    audit.observe(second(51))
    assert audit.too_old == 1
    assert audit.audited_through == second(25)
    look(audit)
    assert store.repairs() == 0
    assert audit.audited_through == second(50)


def test_a_repair_is_written_down_before_it_is_done() -> None:
    store = Store()
    audit, _ = audited(store, through=50)
    store.touched, store.compared = [("raw", START, second(30), second(20))], [(START, 3, 0)]
    audit.observe(second(51))
    look(audit)
    written = [
        next(name for name in ("repairs", "campaign_minute") if name in text) for text in store.written[:2]
    ]
    assert written == ["repairs", "campaign_minute"]


def test_a_long_look_lets_others_observe_between_its_batches() -> None:
    store = Store()
    audit, _ = audited(store, through=50)
    store.touched = [("raw", START + timedelta(minutes=n), second(30), second(20)) for n in range(1001)]
    audit.observe(second(51))
    calls: list[int] = []
    audit.look(lambda: second(100), on_batch=lambda: calls.append(1))
    assert len(calls) == 3
