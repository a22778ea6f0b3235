"""A definition as it was last published in a compacted topic: what a new one is compared with.

The canonical form is one JSON object, UTF-8, keys sorted, no blanks, every field written, numbers in their
shortest form: equal definitions have equal bytes, in every process. The key is the experiment's id, UTF-8.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from tidemark.experiments.definition import Definition
from tidemark.experiments.message import fingerprint

FORMAT = 1
"""Raised when a field changes its meaning; a new field with a default needs no other format."""

BEGINNING = b""
"""The key of the job's beginning: when the brokers stored the first event that the job knows. An experiment's
id is not empty."""


class PublishedError(ValueError):
    """Bytes that are no published definition; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Published:
    """A definition and which generation of its numbers is the newest.

    Attributes:
        definition: what was declared.
        generation: when those numbers were first asked for, Unix seconds; later is newer. 0: never (a draft).
        is_removed: whether it is declared no more. It is remembered: declared again, it must not have become
            another one meanwhile.
    """

    definition: Definition
    generation: int
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class _Form:
    format: int
    generation: int
    definition: Definition
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class _BeginningForm:
    format: int
    appended_ms: int


Form = TypeVar("Form", _Form, _BeginningForm)


def publish(old: Published | None, new: Definition, now_ms: int) -> Published:
    """What is published of a definition.

    The generation stays while the job's numbers do (the same fingerprint), and is else the time.

    Args:
        old: what was published before, None for a new experiment.
        new: the definition.
        now_ms: the time, Unix ms.
    """
    marks = fingerprint(new)
    if not marks:
        return Published(new, old.generation if old else 0)
    if old and old.generation and fingerprint(old.definition) == marks:
        return Published(new, old.generation)
    return Published(new, max(now_ms // 1000, old.generation + 1 if old else 1))


def anew(old: Published, now_ms: int) -> Published:
    """The same, with its numbers asked for anew at ``now_ms`` (Unix ms); a draft has none."""
    return replace(old, generation=max(now_ms // 1000, old.generation + 1)) if old.generation else old


def encode(published: Published) -> bytes:
    """The canonical form."""
    form = _Form(FORMAT, published.generation, published.definition, published.is_removed)
    return msgspec.json.encode(form, order="sorted")


def decode(content: bytes) -> Published:
    """Read the canonical form.

    Raises:
        PublishedError: it is none, or one of a newer format.
    """
    form = _decode(content, _Form)
    return Published(form.definition, form.generation, form.is_removed)


def encode_beginning(appended_ms: int) -> bytes:
    """The canonical form of the job's beginning."""
    return msgspec.json.encode(_BeginningForm(FORMAT, appended_ms), order="sorted")


def decode_beginning(content: bytes) -> int:
    """Read that form; Unix ms.

    Raises:
        PublishedError: as ``decode``.
    """
    return _decode(content, _BeginningForm).appended_ms


def _decode(content: bytes, kind: type[Form]) -> Form:
    try:
        form = msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PublishedError(
            f"a published experiment cannot be read ({error}); publish the catalogue again"
        ) from None
    if form.format != FORMAT:
        raise PublishedError(
            f"a published experiment has the format {form.format}, this version reads {FORMAT}; use the "
            "version that wrote it, or publish the catalogue again"
        )
    return form
