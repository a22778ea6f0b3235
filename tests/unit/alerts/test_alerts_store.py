"""What was decided and what is to be said of it are kept together, once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateIndex, CreateTable

from alert_story import (
    CHAT,
    HOOK,
    MANAGER,
    MINUTE,
    PRINT,
    change,
    fired,
    of,
    resolved,
    router,
    series,
    store,
    tick,
)
from tidemark.alerts.alert import Acknowledgement
from tidemark.alerts.matcher import Matcher, Silence
from tidemark.alerts.series import Kind, Phase, State
from tidemark.alerts.store import engine, migrate, rows, tables
from tidemark.alerts.store.outbox import Outbox
from tidemark.alerts.store.records import Records
from tidemark.alerts.store.ticks import GONE, Ticks

SILENCE = Silence("s", (Matcher("campaign", "summer"),), 0, 10_000, "known", "ann")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Engine]:
    opened = store(tmp_path)
    yield opened
    opened.dispose()


def contents(made: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with made.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(table.select())]
            for table in tables.metadata.sorted_tables
        }


def test_the_migrations_make_the_tables_that_the_code_knows(made: Engine) -> None:
    migrate.upgrade(made)
    with made.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": migrate.VERSIONS})
        assert compare_metadata(context, tables.metadata) == []


def test_the_tables_can_be_made_in_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    made = {one.name: str(CreateTable(one).compile(dialect=dialect)) for one in tables.metadata.sorted_tables}
    assert "sequence BIGSERIAL NOT NULL" in made["alert_notifications"]
    for table in tables.metadata.sorted_tables:
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=dialect)).startswith("CREATE INDEX")


def test_a_commit_is_on_the_disk_when_it_returns(made: Engine) -> None:
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    with made.connect() as connection:
        found = [connection.execute(text(f"PRAGMA {one}")).scalar() for one in pragmas]
    assert found == ["wal", 2, 1, 10_000]


def test_a_database_of_another_kind_is_refused_with_what_to_write() -> None:
    for url in ("mysql+x://h/d", "nonsense"):
        with pytest.raises(ValueError, match="sqlite:///FILE or postgresql"):
            engine.connect(url)


def test_a_tick_keeps_progress_states_alerts_and_notifications(made: Engine) -> None:
    (told,) = Ticks(made).commit(fired(MINUTE, "summer"), router(HOOK, CHAT), 5)
    ticks, outbox = Ticks(made), Outbox(made)
    assert ticks.judged() == {PRINT: MINUTE}
    assert ticks.states() == {PRINT: {of("summer"): State(Phase.FIRING, MINUTE, seen_ms=MINUTE)}}
    (alert,) = Records(made).alerts(Phase.FIRING, 9)
    assert alert == told.alert
    assert (alert.phase, alert.value, alert.threshold, alert.summary) == (Phase.FIRING, 6, 5, "summer spends")
    assert alert.labels["severity"] == "critical"
    assert outbox.counts() == {("hook", "pending"): 1, ("chat", "pending"): 1}
    posted = outbox.next("hook", 5)
    assert posted is not None
    assert posted.notification.alerts == (alert.id,)


def test_the_same_tick_twice_changes_nothing(made: Engine) -> None:
    ticks, say = Ticks(made), router(HOOK, CHAT, MANAGER)
    every = [fired(MINUTE, "summer", "winter"), resolved(2 * MINUTE, MINUTE, "summer")]
    for one in every:
        assert ticks.commit(one, say, 5)
        once = contents(made)
        assert ticks.commit(one, say, 9999) == ()
        assert contents(made) == once
    for one in every:
        assert ticks.commit(one, say, 9999) == ()
    assert contents(made) == once


def test_a_tick_on_an_open_window_twice_changes_nothing_and_does_not_count_as_judged(made: Engine) -> None:
    ticks, say = Ticks(made), router(HOOK)
    one = tick(MINUTE, series("summer", MINUTE, change(Kind.FIRED, MINUTE, MINUTE)), is_judged=False)
    assert len(ticks.commit(one, say, 5)) == 1
    once = contents(made)
    assert ticks.commit(one, say, 99) == ()
    assert contents(made) == once
    assert ticks.judged() == {}


def test_a_commit_that_breaks_off_leaves_nothing(made: Engine) -> None:
    before = contents(made)

    def break_off(*arguments: Any) -> None:
        if "alert_notifications" in arguments[2]:
            raise OSError("the power went")

    event.listen(made, "before_cursor_execute", break_off)
    with pytest.raises(OSError, match="the power went"):
        Ticks(made).commit(fired(MINUTE, "summer"), router(HOOK), 5)
    event.remove(made, "before_cursor_execute", break_off)
    assert contents(made) == before
    assert len(Ticks(made).commit(fired(MINUTE, "summer"), router(HOOK), 5)) == 1


def test_a_rerun_after_a_loss_gives_the_same_ids(tmp_path: Path) -> None:
    ids = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        made = store(tmp_path / name)
        Ticks(made).commit(fired(MINUTE, "summer", "winter"), router(HOOK, CHAT), hash(name) % 10**12)
        found = contents(made)
        ids.append(([row[0] for row in found["alerts"]], [row[1] for row in found["alert_notifications"]]))
        made.dispose()
    assert ids[0] == ids[1]


def test_an_alert_ends_once_and_the_next_firing_is_another(made: Engine) -> None:
    ticks, say = Ticks(made), router(HOOK)
    ticks.commit(fired(MINUTE, "summer"), say, 1)
    ticks.commit(resolved(2 * MINUTE, MINUTE, "summer"), say, 2)
    ticks.commit(fired(3 * MINUTE, "summer"), say, 3)
    second, first = [*Records(made).alerts(Phase.FIRING, 9), *Records(made).alerts(Phase.RESOLVED, 9)]
    assert (first.resolved_ms, second.resolved_ms) == (2 * MINUTE, None)
    assert first.id != second.id
    assert Records(made).alerts(Phase.RESOLVED, 9) == [first]


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_correction_is_written_and_told_once_before_or_after_the_end(made: Engine, has_ended: bool) -> None:
    ticks, say, outbox = Ticks(made), router(HOOK), Outbox(made)
    ticks.commit(fired(MINUTE, "summer"), say, 1)
    if has_ended:
        ticks.commit(resolved(2 * MINUTE, MINUTE, "summer"), say, 2)
    late = change(Kind.CORRECTED, 3 * MINUTE, MINUTE, "late data took it back")
    again = tick(3 * MINUTE, series("summer", 3 * MINUTE, late), is_judged=False)
    (told,) = ticks.commit(again, say, 3)
    assert ticks.commit(again, say, 4) == ()
    assert told.kind is Kind.CORRECTED
    assert told.alert.corrected_ms == 3 * MINUTE
    assert told.alert.resolved_ms == (2 if has_ended else 3) * MINUTE
    assert told.alert.reason == "late data took it back"
    assert outbox.counts() == {("hook", "pending"): 3 if has_ended else 2}


def test_states_that_are_no_more_are_forgotten_and_skipped_ticks_add_up(made: Engine) -> None:
    ticks, say = Ticks(made), router()
    ticks.commit(tick(MINUTE, series("summer", 1), series("winter", 1), skipped=3), say, 1)
    gone = replace(series("summer", 1), state=None)
    ticks.commit(tick(2 * MINUTE, gone, skipped=4), say, 1)
    assert list(ticks.states(PRINT)[PRINT]) == [of("winter")]
    assert ticks.skipped() == {"Spend": 7}
    assert ticks.states("other") == {}


def test_a_rule_that_is_no_more_leaves_nothing_firing(made: Engine) -> None:
    ticks, say = Ticks(made), router(HOOK)
    ticks.commit(fired(MINUTE, "summer"), say, 1)
    ticks.commit(tick(MINUTE, series("x", 1, change(Kind.FIRED, MINUTE, MINUTE)), fingerprint="new"), say, 1)
    (ended,) = ticks.retire({"new"}, 5 * MINUTE, say, 2)
    assert (ended.alert.reason, ended.alert.resolved_ms) == (GONE, 5 * MINUTE)
    assert [one.fingerprint for one in Records(made).alerts(Phase.FIRING, 9)] == ["new"]
    assert list(ticks.states()) == list(ticks.judged()) == ["new"]
    assert ticks.retire({"new"}, 6 * MINUTE, say, 2) == ()
    assert Outbox(made).counts() == {("hook", "pending"): 3}


def test_within_a_group_nothing_overtakes_and_other_groups_go_on(made: Engine) -> None:
    by_campaign = replace(HOOK, group_by=("campaign",))
    ticks, outbox, say = Ticks(made), Outbox(made), router(by_campaign)
    ticks.commit(fired(MINUTE, "summer"), say, 1)
    ticks.commit(resolved(2 * MINUTE, MINUTE, "summer"), say, 2)
    ticks.commit(fired(3 * MINUTE, "winter"), say, 3)
    first = outbox.next("hook", 10)
    assert first is not None
    outbox.failed(first.notification.id, "no", 100, 10)
    other = outbox.next("hook", 10)
    assert other is not None
    assert "winter" in other.notification.group_key
    outbox.taken(other.notification.id, 10)
    assert outbox.next("hook", 10) is None
    retried = outbox.next("hook", 100)
    assert retried is not None
    assert (retried.notification, retried.attempts, retried.error) == (first.notification, 1, "no")
    outbox.taken(first.notification.id, 100)
    last = outbox.next("hook", 100)
    assert last is not None
    assert json.loads(last.notification.payload)["status"] == "resolved"


def test_what_is_dead_is_listed_and_sent_again_with_its_id(made: Engine) -> None:
    Ticks(made).commit(fired(MINUTE, "summer"), router(HOOK), 1)
    outbox = Outbox(made)
    posted = outbox.next("hook", 1)
    assert posted is not None
    outbox.failed(posted.notification.id, "the answer was 400", None, 2)
    assert outbox.next("hook", 10**12) is None
    (dead,) = outbox.listed("dead")
    assert (dead.error, dead.attempts) == ("the answer was 400", 1)
    assert outbox.replay(["other"], 3) == 0
    assert outbox.replay(None, 3) == 1
    again = outbox.next("hook", 3)
    assert again is not None
    assert (again.notification, again.attempts) == (posted.notification, 0)


def test_what_waits_for_a_receiver_that_is_no_more_is_dead(made: Engine) -> None:
    Ticks(made).commit(fired(MINUTE, "summer"), router(HOOK, CHAT), 1)
    outbox = Outbox(made)
    assert outbox.bury(["hook"], 2) == 1
    assert outbox.counts() == {("hook", "pending"): 1, ("chat", "dead"): 1}


def test_what_fires_is_repeated_until_it_ends_and_repetitions_that_were_taken_are_forgotten(
    made: Engine,
) -> None:
    ticks, outbox, say = Ticks(made), Outbox(made), router(CHAT)
    ticks.commit(fired(MINUTE, "summer"), say, 0)
    assert outbox.repeat(say, 1000) == 0, "the first has not been taken"
    ids = []
    for now in (0, 1000, 2000):
        assert outbox.repeat(say, now) == (1 if now else 0)
        assert outbox.repeat(say, now) == 0
        posted = outbox.next("chat", now)
        assert posted is not None
        ids.append(posted.notification.id)
        outbox.taken(posted.notification.id, now)
    assert len(set(ids)) == 3
    assert outbox.counts() == {("chat", "sent"): 1}
    ticks.commit(resolved(2 * MINUTE, MINUTE, "summer"), say, 2000)
    assert outbox.repeat(say, 10**9) == 0


def test_of_repetitions_that_died_only_the_last_of_each_group_is_kept(made: Engine) -> None:
    outbox, say = Outbox(made), router(replace(CHAT, group_by=("campaign",)))
    Ticks(made).commit(fired(MINUTE, "summer", "winter"), say, 0)
    for now in (0, 1000, 2000, 3000):
        outbox.repeat(say, now)
        while (posted := outbox.next("chat", now)) is not None:
            outbox.failed(posted.notification.id, f"no at {now}", None, now)
    told = {(one.notification.is_repeat, one.error) for one in outbox.listed("dead")}
    assert told == {(False, "no at 0"), (True, "no at 3000")}
    assert outbox.counts() == {("chat", "dead"): 4}


def test_a_silence_holds_back_what_is_told_but_not_the_record(made: Engine) -> None:
    records, outbox, say = Records(made), Outbox(made), router(HOOK)
    assert records.silence(replace(SILENCE, by=" ann ")) == SILENCE
    records.silence(SILENCE)
    Ticks(made).commit(fired(MINUTE, "summer"), say, 5)
    assert len(records.alerts(Phase.FIRING, 9)) == 1
    assert outbox.counts() == {}
    assert outbox.repeat(say, 9_999) == 0
    assert records.silences(9_999) == [SILENCE]
    assert records.end_silence("s", 9_999) == replace(SILENCE, ends_ms=9_999)
    with pytest.raises(ValueError, match="no silence 's' is in force"):
        records.end_silence("s", 9_999)
    assert records.silences(9_999) == []
    assert outbox.repeat(say, 9_999) == 1


def test_an_acknowledgement_stops_repetitions_and_names_who(made: Engine) -> None:
    records, outbox, say = Records(made), Outbox(made), router(CHAT)
    (told,) = Ticks(made).commit(fired(MINUTE, "summer"), say, 0)
    outbox.taken(outbox.listed("pending")[0].notification.id, 0)
    records.acknowledge(told.alert.id, Acknowledgement("bob", 1))
    named = records.acknowledge(told.alert.id, Acknowledgement(" ann ", 2)).acknowledgement
    assert named == Acknowledgement("ann", 2)
    assert records.named([told.alert.id, "x"]) == {told.alert.id: replace(told.alert, acknowledgement=named)}
    assert outbox.repeat(say, 10**9) == 0


def test_what_cannot_be_acknowledged_or_silenced_is_told(made: Engine) -> None:
    records = Records(made)
    with pytest.raises(ValueError, match="there is no alert 'x'"):
        records.acknowledge("x", Acknowledgement("ann", 1))
    with pytest.raises(ValueError, match="the name has 0 characters"):
        records.acknowledge("x", Acknowledgement(" ", 1))
    for wrong, told in (
        (replace(SILENCE, matchers=()), "1 to 10 matchers"),
        (replace(SILENCE, ends_ms=0), "ends after it begins"),
        (replace(SILENCE, ends_ms=10**13), "within a year"),
        (replace(SILENCE, reason=""), "the reason has 0 characters"),
        (replace(SILENCE, by="x" * 101), "the name has 101 characters"),
    ):
        with pytest.raises(ValueError, match=told):
            records.silence(wrong)


def test_there_may_be_a_thousand_silences_in_force(made: Engine) -> None:
    records = Records(made)
    with made.begin() as connection:
        row = rows.silence_row(SILENCE)
        connection.execute(tables.silences.insert(), [{**row, "id": str(number)} for number in range(1_000)])
    with pytest.raises(ValueError, match="1,000 silences are in force, of at most 1,000; end one"):
        records.silence(SILENCE)
    records.silence(replace(SILENCE, starts_ms=10_000, ends_ms=20_000))


def test_what_ended_is_forgotten_after_a_while_and_what_fires_or_waits_is_not(made: Engine) -> None:
    ticks, records, outbox, say = Ticks(made), Records(made), Outbox(made), router(HOOK)
    (told,) = ticks.commit(fired(MINUTE, "summer"), say, 1)
    records.acknowledge(told.alert.id, Acknowledgement("ann", 1))
    records.silence(replace(SILENCE, matchers=(Matcher("campaign", "none"),)))
    assert records.forget(ended_before_ms=100 * MINUTE, limit=9) == 1, "the silence"
    assert len(records.alerts(Phase.FIRING, 9)) == 1
    assert outbox.counts() == {("hook", "pending"): 1}
    ticks.commit(resolved(2 * MINUTE, MINUTE, "summer"), say, 2)
    first, second = reversed(outbox.listed("pending"))
    outbox.taken(first.notification.id, 2 * MINUTE)
    outbox.failed(second.notification.id, "no", None, 2 * MINUTE)
    assert records.forget(ended_before_ms=2 * MINUTE, limit=9) == 0
    assert outbox.listed("dead")[0].ended_ms == 2 * MINUTE
    assert records.forget(ended_before_ms=2 * MINUTE + 1, limit=1) == 2, "the alert and one notification"
    assert records.forget(ended_before_ms=2 * MINUTE + 1, limit=1) == 1
    assert records.forget(ended_before_ms=2 * MINUTE + 1, limit=1) == 0
    found = contents(made)
    kept = ("alerts", "alert_told", "alert_acknowledgements", "alert_notifications", "alert_silences")
    assert [found[name] for name in kept] == [[]] * 5


def test_ten_thousand_series_are_kept_in_one_tick(made: Engine) -> None:
    ticks = Ticks(made)
    ticks.commit(tick(MINUTE, *(series(f"c{number}", 1) for number in range(10_000))), router(), 1)
    assert len(ticks.states()[PRINT]) == 10_000
    gone = [replace(series(f"c{number}", 1), state=None) for number in range(9_999)]
    ticks.commit(tick(2 * MINUTE, *gone), router(), 1)
    assert len(ticks.states()[PRINT]) == 1


def test_a_writer_waits_for_another_and_readers_for_none(made: Engine) -> None:
    Ticks(made).commit(fired(MINUTE, "summer"), router(HOOK), 1)
    with made.begin() as connection:
        connection.execute(text("UPDATE alerts SET reason = 'x'"))
        assert Records(made).alerts(Phase.FIRING, 9)[0].reason == ""
        impatient = made.execution_options()
        with impatient.connect().execution_options(reads=True) as reader:
            reader.execute(text("PRAGMA busy_timeout = 10"))
            with pytest.raises(OperationalError, match="locked"):
                reader.execute(text("UPDATE alerts SET reason = 'y'"))
            reader.rollback()
            reader.execute(text("PRAGMA busy_timeout = 10000"))
    assert Records(made).alerts(Phase.FIRING, 9)[0].reason == "x"
