"""A YAML document whose values know their place in it, so that a message can name it."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml

T = TypeVar("T")


class MapError(ValueError):
    """A map that cannot be used; the message begins with the place in the map."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the document and its place there, e.g. ``events[1].campaign_id``."""

    value: object
    path: str

    def error(self, problem: str) -> MapError:
        """The error to raise for this value."""
        return MapError(f"{self.path}: {problem}" if self.path else problem)

    def mapping(self, keys: Collection[str]) -> "dict[str, Node]":
        """Its entries, none outside ``keys``."""
        entries = self.entries()
        for key, node in entries.items():
            if key not in keys:
                close = difflib.get_close_matches(key, keys, n=1)
                hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(keys)}"
                raise node.error(f"there is no such key; {hint}")
        return entries

    def entries(self) -> "dict[str, Node]":
        """Its entries, whatever their names."""
        if not isinstance(self.value, Mapping):
            raise self.error(f"must be a mapping of keys to values, not {self.shown()}")
        self._refuse_bare_template()
        return {
            str(key): Node(value, f"{self.path}.{key}" if self.path else str(key))
            for key, value in self.value.items()
        }

    def items(self) -> "list[Node]":
        """Its items."""
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, not {self.shown()}")
        return [Node(value, f"{self.path}[{index}]") for index, value in enumerate(self.value)]

    def text(self) -> str:
        """Its text; a number is written out, so that ``campaign_id: 916`` means what it looks like."""
        self._refuse_bare_template()
        if isinstance(self.value, bool) or not isinstance(self.value, str | int | float):
            raise self.error(f"must be a text (put it in quotes), not {self.shown()}")
        return str(self.value)

    def whole(self) -> int:
        """Its whole number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.error(f"must be a whole number, not {self.shown()}")
        return self.value

    def choice(self, choices: Mapping[str, T]) -> T:
        """What its text stands for."""
        name = self.text()
        if name not in choices:
            raise self.error(f"{name!r} is not known; there are: {', '.join(choices)}")
        return choices[name]

    def is_mapping(self) -> bool:
        """Whether it has entries."""
        return isinstance(self.value, Mapping)

    def is_list(self) -> bool:
        """Whether it has items."""
        return isinstance(self.value, list)

    def shown(self) -> str:
        """The value as a message shows it."""
        if self.value is None:
            return "nothing"
        if self.is_mapping():
            return "a mapping"
        return "a list" if self.is_list() else repr(self.value)

    def _refuse_bare_template(self) -> None:
        # {app} without quotes is YAML for a mapping with one key and no value.
        if isinstance(self.value, Mapping) and len(self.value) == 1:
            name, value = next(iter(self.value.items()))
            if value is None:
                raise self.error(f'YAML wants quotes around a template: "{{{name}}}"')


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, where YAML would take the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands there twice", key_node.start_mark
                )
            seen.add(key)
        return dict(super().construct_mapping(node, deep))


def load_document(path: Path) -> Node:
    """The document in a YAML file.

    Raises:
        MapError: it cannot be read or is no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MapError(f"cannot be read: {error}") from error
    try:
        return Node(yaml.load(text, Loader=_UniqueKeyLoader), "")  # noqa: S506 - it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MapError(f"line {line} is no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise MapError(f"is no YAML: {' '.join(str(error).split())}") from error
