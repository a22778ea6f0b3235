"""A folder of rules: the shipped ones are right, and files are told apart."""

from pathlib import Path

from declared import with_line
from rules import KNOWN, ROOT, TEXT
from tidemark.alerts.folder import MAX_FILES, load

OTHER = """\
groups:
  - name: Other
    rules:
      - alert: Other
        query: {metrics: CLICKS, window: 1h}
        when: CLICKS > 5
        annotations: {summary: "{{ value }} clicks"}
"""


def test_the_shipped_rules_are_right_and_say_whom_to_ask() -> None:
    declared = load(ROOT / "catalogue" / "alerts", KNOWN)
    assert [str(one) for one in declared.problems] == []
    assert {rule.name for rule in declared.rules} == {
        *("SpendWithoutConversions", "BudgetSpent", "SpendPace", "ClickRateDropped", "ConversionRateDropped"),
        *("ClicksNotTracked", "ConversionsNotTracked", "DeadLetters"),
        *("GuardrailBreached", "SampleRatioMismatch"),
    }
    assert all(set(rule.annotations) == {"summary", "description"} for rule in declared.rules)
    assert [rule.name for rule in declared.rules if rule.is_open] == ["BudgetSpent"]
    assert len({rule.fingerprint for rule in declared.rules}) == len(declared.rules)


def test_a_right_file_counts_beside_a_wrong_one(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(with_line("for: 10m", "for: 10", TEXT))
    (tmp_path / "b.yaml").write_text(OTHER)
    declared = load(tmp_path, KNOWN)
    assert [rule.name for rule in declared.rules] == ["Other"]
    assert [(one.file, one.line) for one in declared.problems] == [("a.yaml", 15)]


def test_a_name_belongs_to_one_rule_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(OTHER)
    (tmp_path / "b.yaml").write_text(f"# a copy\n{OTHER}")
    assert [str(one) for one in load(tmp_path, KNOWN).problems] == [
        "b.yaml, line 5: the alert Other is that of a.yaml, line 4; rename one of them"
    ]


def test_files_that_would_be_overlooked_or_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(OTHER)
    (tmp_path / "b.yaml").mkdir()
    assert [str(one) for one in load(tmp_path, KNOWN).problems] == [
        "a.yml, line 1: the file would not be read; end its name in .yaml",
        "b.yaml, line 1: the file cannot be read: Is a directory; correct that or remove it",
    ]


def test_more_files_than_allowed_are_refused(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 1):
        (tmp_path / f"{number:03}.yaml").touch()
    declared = load(tmp_path, KNOWN)
    assert declared.rules == ()
    assert [str(one) for one in declared.problems] == [
        "200.yaml, line 1: the folder has 201 files; there may be at most 200: put rules together"
    ]


def test_no_folder_declares_nothing(tmp_path: Path) -> None:
    assert load(tmp_path / "none", KNOWN).rules == ()
