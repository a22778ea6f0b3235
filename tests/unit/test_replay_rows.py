import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tidemark.ingest.replay.cells import UnreadableError
from tidemark.ingest.replay.document import Node
from tidemark.ingest.replay.mapping import parse_map
from tidemark.ingest.replay.rows import FileError, open_rows
from tidemark.ingest.replay.spec import ReplayMap

Write = Callable[[str, bytes], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return write_file


def a_map(*columns: str, **options: object) -> ReplayMap:
    template = "".join(f"{{{column}}}" for column in columns)
    event = {"event": "e", "event_id": template, "event_time": {"column": "t", "format": "rfc3339"}}
    return parse_map(Node({"events": [event], **options}, ""))


def read(name: str, replay_map: ReplayMap) -> list[object]:
    with open_rows(name, replay_map) as rows:
        return [str(record) if isinstance(record, UnreadableError) else list(record) for _, record in rows]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_csv_file_is_its_header_and_its_rows_gzipped_or_not(write: Write, *, zipped: bool) -> None:
    content = '\ufeffa, t\n1,"x,\ny"\n\n2,ü\n'.encode()
    name = write("f.csv", gzip.compress(content) if zipped else content)
    with open_rows(name, a_map("a")) as rows:
        assert rows.columns == ("a", "t")
        assert list(rows) == [(1, ["1", "x,\ny"]), (2, ["2", "ü"])]
        assert rows.position() == rows.size == Path(name).stat().st_size


def test_a_tsv_file_and_a_given_delimiter_are_understood(write: Write) -> None:
    assert read(write("f.tsv", b"a\tt\n1\t2\n"), a_map("a")) == [["1", "2"]]
    assert read(write("f.csv", b"a;t\n1;2\n"), a_map("a", delimiter=";")) == [["1", "2"]]


def test_an_ndjson_file_gives_the_maps_columns_with_numbers_as_they_are_written(write: Write) -> None:
    lines = (
        b'{"a": 1.4299999480, "o": {"b": "x"}, "u": null}\n\n{"a": true, "o.b": "y", "u": {"k": [1, 0.5]}}\n'
    )
    assert read(write("f.ndjson", lines), a_map("a", "o.b", "u")) == [
        ["1.4299999480", "x", "", ""],
        ["true", "y", '{"k": [1, 0.5]}', ""],
    ]


def test_lines_that_are_no_json_objects_are_rows_that_cannot_be_read(write: Write) -> None:
    assert read(write("f.jsonl", b'{"a"\n[1]\n{"a": 1, "t": 2}\n'), a_map("a")) == [
        "row: is no JSON",
        "row: is no JSON object",
        ["1", "2"],
    ]


def test_a_row_that_is_no_csv_does_not_end_the_file(write: Write) -> None:
    content = b"a,t\n1," + b"x" * 140_000 + b"\n2,y\n"
    first, second = read(write("f.csv", content), a_map("a"))
    assert str(first).startswith("row: is no CSV: field larger than field limit")
    assert second == ["2", "y"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("f.csv", b"", "is empty: its first line must name the columns"),
        ("f.csv", b"a,a\n", "names the column 'a' twice"),
        ("f.txt", b"a\n", "does not tell CSV from NDJSON"),
        ("f.csv", b"a,t\n\xff,1\n", "is not utf-8"),
        ("f.csv", gzip.compress(b"a,t\n1,2\n" * 50_000)[:-200], "is damaged after row"),
        ("f.csv", b"\x1f\x8b" + b"junk", "is damaged after row 0"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(
    write: Write, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(FileError, match=message):
        read(write(name, content), a_map("a"))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read: No such file"):
        read(str(tmp_path / "none.csv"), a_map("a"))


def test_another_encoding_is_read_when_the_map_says_so(write: Write) -> None:
    assert read(write("f.csv", b"a,t\n\xfc,1\n"), a_map("a", encoding="latin-1")) == [["ü", "1"]]


def test_standard_input_is_read_with_the_format_of_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"a,t\n1,2\n"))))
    with open_rows("-", a_map("a", format="csv")) as rows:
        assert rows.size is None
        assert list(rows) == [(1, ["1", "2"])]
        assert rows.position() == 0
