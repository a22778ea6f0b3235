"""A folder of definitions: the shipped ones are right, and files are told apart."""

from pathlib import Path

from declared import TEXT, VOCABULARY, with_line
from tidemark.experiments.definition import MAX_EXPERIMENTS
from tidemark.experiments.folder import load
from tidemark.ingest.demo.cast import EXPERIMENT, VARIANTS

_ROOT = Path(__file__).resolve().parents[3]


def test_the_demos_test_is_declared_as_the_demo_sends_it() -> None:
    declared = load(_ROOT / "catalogue" / "experiments", VOCABULARY)
    assert declared.problems == ()
    found = {definition.id: definition for _, definition in declared.definitions}
    test = found[f"{EXPERIMENT}-1"]
    assert tuple(one.key for one in test.variants) == VARIANTS
    assert test.control.key == "control"


def test_the_example_is_right() -> None:
    declared = load(_ROOT / "examples" / "experiments", VOCABULARY)
    assert [str(one) for one in declared.problems] == []
    assert [definition.id for _, definition in declared.definitions] == ["landing-page"]


def test_a_right_file_counts_beside_a_wrong_one(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(with_line("alpha: 0.05", "alpha: 1"))
    (tmp_path / "b.yaml").write_text(TEXT)
    declared = load(tmp_path, VOCABULARY)
    assert [file for file, _ in declared.definitions] == ["b.yaml"]
    assert [(one.file, one.line) for one in declared.problems] == [("a.yaml", 10)]


def test_an_id_belongs_to_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TEXT)
    (tmp_path / "b.yaml").write_text(f"# a copy\n{TEXT}")
    declared = load(tmp_path, VOCABULARY)
    assert [file for file, _ in declared.definitions] == ["a.yaml"]
    assert [str(one) for one in declared.problems] == [
        "b.yaml, line 2: the id button is that of a.yaml; choose another or remove one of the files"
    ]


def test_a_file_that_would_be_overlooked_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(TEXT)
    assert [str(one) for one in load(tmp_path, VOCABULARY).problems] == [
        "a.yml, line 1: the file would not be read; end its name in .yaml"
    ]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    assert [str(one) for one in load(tmp_path, VOCABULARY).problems] == [
        "a.yaml, line 1: the file cannot be read: Is a directory; correct that or remove it"
    ]


def test_more_experiments_than_allowed_are_refused(tmp_path: Path) -> None:
    for number in range(MAX_EXPERIMENTS + 1):
        (tmp_path / f"{number:04}.yaml").touch()
    declared = load(tmp_path, VOCABULARY)
    assert declared.definitions == ()
    assert [str(one) for one in declared.problems] == [
        "0500.yaml, line 1: the folder has 501 experiments; there may be at most 500: remove ended ones"
    ]


def test_no_folder_declares_nothing(tmp_path: Path) -> None:
    declared = load(tmp_path / "none", VOCABULARY)
    assert (declared.definitions, declared.problems) == ((), ())
