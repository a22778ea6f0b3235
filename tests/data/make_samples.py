"""Makes the sample files of this folder and their truths; deterministic, so that a test can make them again.

The shapes are those of two public files (ad clicks, ad campaigns by day) and of an application's own NDJSON
export; the content is made up. The truths are summed while the rows are made, not read back from the files.
"""

import csv
import io
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).parent
_CLICK_COLUMNS = (
    "ip",
    "app",
    "device",
    "os",
    "channel",
    "click_time",
    "attributed_time",
    "is_attributed",
)
_CAMPAIGN_COLUMNS = (
    "Date",
    "ad_id",
    "xyz_campaign_id",
    "fb_campaign_id",
    "age",
    "gender",
    "interest",
    "Impressions",
    "Clicks",
    "Spent",
    "Total_Conversion",
    "Approved_Conversion",
)


def dice(seed: int) -> Iterator[int]:
    """Numbers of 31 bits that look random (a linear congruential generator, as in C's rand)."""
    state = seed
    while True:
        state = (state * 1_103_515_245 + 12_345) % (1 << 31)
        yield state >> 8


def clicks() -> tuple[str, dict[str, object]]:
    """200 rows, 6 of them equal to the row before; one in sixteen is attributed."""
    roll = dice(1)
    rows: list[tuple[object, ...]] = []
    conversions = 0
    by_campaign: dict[str, int] = {}
    for number in range(200):
        if number % 33 == 32:
            row = rows[-1]
        else:
            day, hour, minute = 6 + next(roll) % 3, next(roll) % 24, next(roll) % 60
            attributed = next(roll) % 16 == 0
            later = f"2017-11-{day + 1:02} {hour}:{minute:02}" if attributed else ""
            row = (
                next(roll) % 300,
                (3, 9, 12, 19)[next(roll) % 4],
                next(roll) % 3,
                next(roll) % 20,
                (101, 213, 379)[next(roll) % 3],
                f"2017-11-{day:02} {hour}:{minute:02}",
                later,
                int(attributed),
            )
        rows.append(row)
        conversions += int(row[-1] == 1)
        by_campaign[str(row[1])] = by_campaign.get(str(row[1]), 0) + 1
    truth = {"rows": 200, "clicks": 200, "conversions": conversions, "clicks_by_campaign": by_campaign}
    return _csv(_CLICK_COLUMNS, rows), truth


def campaigns() -> tuple[str, dict[str, object]]:
    """200 rows with zeros, amounts of nine digits, and in every tenth a tie between two micros."""
    roll = dice(2)
    rows: list[tuple[object, ...]] = []
    sums = {"impressions": 0, "clicks": 0, "conversions": 0, "spend_micros": 0, "events": 0, "ties": 0}
    for number in range(200):
        impressions, has_clicks = next(roll) % 90_000 + 1, next(roll) % 5 > 0
        number_of_clicks = next(roll) % 40 + 1 if has_clicks else 0
        nanos = (next(roll) * 35_353) % 300_000_000_000 if has_clicks else 0
        if nanos and number % 10 == 0:
            nanos = nanos // 1000 * 1000 + 500
            sums["ties"] += 1
        conversions = next(roll) % 3
        spent = f"{nanos // 10**9}.{nanos % 10**9:09}".rstrip("0").rstrip(".")
        rows.append(
            (
                f"{number // 7 + 1:02}-08-2023",
                700_000 + number,
                (916, 936, 1178)[next(roll) % 3],
                100_000 + number % 50,
                "30-34",
                "MF"[number % 2],
                next(roll) % 40,
                impressions,
                number_of_clicks,
                spent,
                conversions,
                min(1, conversions),
            )
        )
        sums["impressions"] += impressions
        sums["clicks"] += number_of_clicks
        sums["conversions"] += conversions
        sums["spend_micros"] += round(Fraction(nanos, 1000))  # round() takes ties to the even neighbour
        sums["events"] += 1 + (number_of_clicks > 0) + (nanos > 0) + (conversions > 0)
    return _csv(_CAMPAIGN_COLUMNS, rows), {"rows": 200, **sums}


def exported() -> tuple[str, dict[str, object]]:
    """120 lines of an application's export, with refunds, nested keys, amounts in cents and empty lines."""
    roll = dice(3)
    lines: list[str] = []
    cents_in_all = 0
    for number in range(120):
        cents = next(roll) % 20_000 - 2_000
        name = "conversion" if cents >= 0 else "refund"
        record: dict[str, object] = {
            "id": f"order-{number}",
            "name": name,
            "at": f"2024-03-{number % 28 + 1:02}T{number % 24:02}:00:00.{number:03}+02:00",
            "order": {"cents": cents, "items": number % 4 + 1},
            "context": {"campaign": {"name": f"mail-{number % 3}"}},
        }
        if number % 5:
            record["user"] = f"ü-{number % 17}"
        lines.append(json.dumps(record, ensure_ascii=bool(number % 2)))
        if number % 40 == 0:
            lines.append("")
        cents_in_all += cents
    refunds = sum('"refund"' in line for line in lines)
    truth: dict[str, object] = {"rows": 120, "refunds": refunds, "revenue_micros": cents_in_all * 10_000}
    return "\n".join(lines) + "\n", truth


def bad_rows() -> tuple[str, dict[str, object]]:
    """Click rows of which some cannot be read: a truncated one, times that are none, one of the year 2187."""
    good = "87540,12,1,13,497,2017-11-07 9:30,,0"
    rows = [
        good,
        "87540,12,1,13,497,2017-11-07 9:30",
        good,
        "87540,12,1,13,497,yesterday,,0",
        "87540,12,1,13,497,2017-11-07 9:30,never,1",
        "87540,12,1,13,497,2187-11-07 9:30,,0",
        "87540,12,1,13,497,2017-02-30 9:30,,0",
        good,
    ]
    truth: dict[str, object] = {"rows": 8, "clicks": 4, "conversions": 0, "unreadable": 5}
    return ",".join(_CLICK_COLUMNS) + "\n" + "\n".join(rows) + "\n", truth


def samples() -> dict[str, str]:
    """The text of every sample file by its name, the truths among them."""
    made = {
        "ad_clicks_sample.csv": clicks(),
        "ad_campaigns_sample.csv": campaigns(),
        "export_sample.ndjson": exported(),
        "ad_clicks_bad_rows.csv": bad_rows(),
    }
    truths = {name: truth for name, (_, truth) in made.items()}
    return {
        **{name: text for name, (text, _) in made.items()},
        "truths.json": json.dumps(truths, indent=2) + "\n",
    }


def _csv(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    for sample, content in samples().items():
        (HERE / sample).write_text(content, encoding="utf-8")
