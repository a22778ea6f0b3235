"""The whole catalogue against what was published: what is in force, what goes, what is refused."""

from dataclasses import replace

from declared import TEXT, read, with_line
from tidemark.experiments.publication import Publication, plan
from tidemark.experiments.published import Published, publish
from tidemark.query.instant import parse_instant, to_ms

NOW = to_ms(parse_instant("2026-11-20T00:00:00Z"))
BUTTON = publish(None, read(TEXT), NOW - 86_400_000)
BEFORE = {"button": BUTTON}


def test_what_is_new_is_published() -> None:
    new = read(with_line("id: button", "id: other"))
    assert plan(BEFORE, [BUTTON.definition, new], NOW) == Publication(
        (BUTTON, Published(new, NOW // 1000)), (), ()
    )


def test_what_is_refused_stays_as_it_was_while_others_change() -> None:
    other = publish(None, read(with_line("id: button", "id: other")), NOW)
    wrong = read(with_line("alpha: 0.05", "alpha: 0.1"))
    renamed = read(with_line("id: button", "id: other", with_line("The button", "A button")))
    found = plan({**BEFORE, "other": other}, [wrong, renamed], NOW)
    assert found.in_force == (BUTTON, Published(renamed, other.generation))
    assert [sentence.split(";")[0] for sentence in found.refused] == [
        "button: alpha was 0.05 at the start and is 0.1 now"
    ]


def test_what_is_declared_no_more_is_removed() -> None:
    removed = replace(BUTTON, is_removed=True)
    assert plan(BEFORE, [], NOW) == Publication((), (removed,), ())
    assert plan({"button": removed}, [], NOW) == Publication((), (), ())


def test_what_comes_back_is_the_same_experiment_with_the_same_numbers() -> None:
    removed = {"button": replace(BUTTON, is_removed=True)}
    assert plan(removed, [BUTTON.definition], NOW) == Publication((BUTTON,), (), ())


def test_what_comes_back_as_another_experiment_is_refused_and_stays_away() -> None:
    removed = {"button": replace(BUTTON, is_removed=True)}
    found = plan(removed, [read(with_line("alpha: 0.05", "alpha: 0.1"))], NOW)
    assert (found.in_force, found.removed) == ((), ())
    assert [sentence.split(";")[0] for sentence in found.refused] == [
        "button: alpha was 0.05 at the start and is 0.1 now"
    ]


def test_reading_the_same_catalogue_again_changes_nothing() -> None:
    assert plan(BEFORE, [read(TEXT)], NOW) == Publication((BUTTON,), (), ())
