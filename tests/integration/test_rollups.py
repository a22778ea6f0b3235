"""Rollups and retention on the real engine: what a fresh process does with a data folder, told as JSON.

Each story runs in a process of its own, since one process owns one data path.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_STORIES = Path(__file__).resolve().parents[1] / "support" / "rollup_stories.py"


def told(story: str, folder: Path) -> Any:
    done = subprocess.run(
        [sys.executable, str(_STORIES), story, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_hours_and_days_agree_with_minutes_after_one_roll_of_what_a_late_repair_touched(
    tmp_path: Path,
) -> None:
    seen = told("late_repair", tmp_path)
    assert seen["before"] == {"minute": 5, "hour": 5, "day": 5}
    assert seen["dirty_after_the_repair"] == [1, 1]
    assert seen["after"] == {"minute": 7, "hour": 7, "day": 7}
    assert seen["dirty_at_the_end"] == [0, 0]


def test_a_cell_that_the_audit_took_away_goes_back_to_0_in_hour_and_day(tmp_path: Path) -> None:
    seen = told("zeroed_cell", tmp_path)
    assert seen["rows"] == {"minute": [["click", 0, 0]], "hour": [["click", 0, 0]], "day": [["click", 0, 0]]}


def test_an_older_releases_minutes_are_rolled_and_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    first = told("old_folder", tmp_path)
    assert first["hours"] > first["dirty_after_two_rolls"] > 0
    assert first["disagreeing_clean_hours"] == 0
    second = told("old_folder_again", tmp_path)
    assert second["dirty_at_the_start"] == first["dirty_after_two_rolls"]
    assert second["dirty_at_the_end"] == [0, 0]
    assert second["minute"] == second["hour"] == second["day"]


def test_sums_beyond_64_bits_do_not_wrap(tmp_path: Path) -> None:
    seen = told("great_sums", tmp_path)
    assert seen["hour"] == seen["day"] == str(2 * 9_000_000_000_000_000_000)


def test_retention_drops_parts_and_what_it_may_have_taken_is_neither_audited_nor_rolled(
    tmp_path: Path,
) -> None:
    seen = told("retention", tmp_path)
    assert seen["ttl"] == {"events": 35, "campaign_minute": 400, "campaign_hour": 0, "campaign_day": 0}
    assert seen["raw_rows"] == ["kept"]
    assert seen["minute_rows_before"] == 2
    assert seen["minute_rows_after"] == 1
    assert seen["repairs"] == 0
    assert seen["audit_too_old"] == 2
    assert seen["rollups_too_old"] > 0
    assert seen["hour_events"] == 12
    again = told("retention_ended", tmp_path)
    assert again["ttl"] == {"events": 0, "campaign_minute": 0, "campaign_hour": 0, "campaign_day": 0}
    assert again["floor_days_ago"] == {"events": 34, "campaign_minute": 399, "campaign_hour": None}


def test_minutes_wait_for_their_rollups_before_retention_takes_them(tmp_path: Path) -> None:
    seen = told("minutes_wait", tmp_path)
    assert seen["before_the_roll"] == 0
    assert seen["after_the_roll"] == 400


def test_a_range_of_time_reads_the_part_of_its_day(tmp_path: Path) -> None:
    assert told("days", tmp_path) == {"read": 1, "parts": 30}
