"""A YAML document whose values know their line, read so that one mistake does not hide the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import yaml

from tidemark.declared.problem import Problem, nearest, shown

MAX_BYTES = 65_536
"""Of one file where nothing else is said. YAML takes some milliseconds for so much."""

_MAX_LEVELS = 100
"""That libyaml is trusted with; no document needs as many."""

T = TypeVar("T")
Node = yaml.Node


class MistakeError(Exception):
    """A value is wrong; the sentence goes on after the key's name, ``is 0.5; it must be …``."""

    def __init__(self, node: Node, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line_of(node)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Document:
    """What a file is, for the sentences about one that is not.

    Attributes:
        noun: with its article, ``a definition``.
        levels: how deep it is nested at most, in words.
        root: a sentence: what stands at its top, and how to begin.
        most: bytes.
        is_list: whether a list stands at its top, else a mapping.
    """

    noun: str
    levels: str
    root: str
    most: int = MAX_BYTES
    is_list: bool = False


class Sheet:
    """A file that is being read.

    Attributes:
        file: its name within the folder.
        problems: what was found so far.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, line: int, sentence: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(self.file, line, sentence))


def line_of(node: Node) -> int:
    """The line on which a value begins, counted from 1."""
    return int(node.start_mark.line) + 1


def compose(content: bytes, sheet: Sheet, document: Document) -> Node | None:
    """The one document of a file; None, and a problem, where there is none."""
    if len(content) > document.most:
        told = f"{document.noun} has at most {document.most:,}: shorten it"
        sheet.add(1, f"the file has {len(content):,} bytes; {told}")
        return None
    try:
        node = _composed(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        sheet.add(line, "the file is not UTF-8; save it as UTF-8")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = " ".join(filter(None, (error.context, error.problem)))
        sheet.add(mark.line + 1 if mark else 1, f"this is not YAML: {told}; correct it")
    except yaml.reader.ReaderError as error:
        sheet.add(1, f"this is not YAML: it has the character {error.character!a}; take it out")
    except RecursionError:
        sheet.add(1, f"it is nested too deeply; {document.noun} has at most {document.levels} levels")
    else:
        if isinstance(node, yaml.SequenceNode if document.is_list else yaml.MappingNode):
            return node
        sheet.add(line_of(node) if node is not None else 1, document.root)
    return None


def _composed(text: str) -> Node | None:
    """The document, by libyaml where it is right: that is ten times as fast as the loader written in Python.

    The latter says better what is wrong, and on which line; and it raises where libyaml's recursion would
    end the process.

    Raises:
        RecursionError: it is nested too deeply.
        yaml.YAMLError: it is no YAML.
    """
    return yaml.compose(text, Loader=yaml.CSafeLoader if _is_right(text) else yaml.SafeLoader)


def _is_right(text: str) -> bool:
    level = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            level += isinstance(event, yaml.CollectionStartEvent)
            level -= isinstance(event, yaml.CollectionEndEvent)
            if level > _MAX_LEVELS:
                return False
    except yaml.YAMLError:
        return False
    return True


def is_list(node: Node) -> bool:
    """Whether it has items."""
    return isinstance(node, yaml.SequenceNode)


def pairs(node: Node) -> list[tuple[Node, Node]]:
    """Keys and values of a mapping, in the order of the file.

    Raises:
        MistakeError: it is none.
    """
    if not isinstance(node, yaml.MappingNode):
        raise MistakeError(node, f"is {_told(node)}; it must be a mapping of keys to values")
    return list(node.value)


def items(node: Node, most: int) -> list[Node]:
    """The items of a list.

    Raises:
        MistakeError: it is none, or has more than ``most``.
    """
    if not isinstance(node, yaml.SequenceNode):
        raise MistakeError(node, f"is {_told(node)}; it must be a list")
    if len(node.value) > most:
        raise MistakeError(
            node, f"has {len(node.value):,} entries; there may be at most {most:,}: leave some out"
        )
    return list(node.value)


def scalar(node: Node) -> str:
    """The text of a single value as it stands in the file, whatever type YAML takes it for.

    Raises:
        MistakeError: it is a mapping, a list or nothing.
    """
    if not isinstance(node, yaml.ScalarNode):
        raise MistakeError(node, f"is {_told(node)}; it must be a single value")
    value = str(node.value)
    if node.tag == "tag:yaml.org,2002:null" or not value.strip():
        raise MistakeError(node, "is empty; give it a value or leave the key out")
    return value


def _told(node: Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else shown(str(node.value))


class Entry:
    """A mapping that is being read: ``read`` gives a value, or notes what is wrong and gives the default."""

    def __init__(self, sheet: Sheet, node: Node, keys: Sequence[str]) -> None:
        """Note keys that are unknown or stand there twice.

        Args:
            sheet: where problems go.
            node: the mapping.
            keys: those it may have.

        Raises:
            MistakeError: the node is no mapping.
        """
        self.sheet = sheet
        self.line = line_of(node)
        self._nodes: dict[str, Node] = {}
        for key_node, value in pairs(node):
            # a list or a mapping may hold itself, so it is not even shown
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else _told(key_node)
            if key not in keys:
                sheet.add(line_of(key_node), f"there is no key {shown(key)}; {nearest(key, keys)}")
            elif key in self._nodes:
                sheet.add(line_of(key_node), f"{key} stands there twice; leave one of them out")
            else:
                self._nodes[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self._nodes

    def line_of(self, key: str) -> int:
        """The line of a key's value; that of the entry where the key is missing."""
        return line_of(self._nodes[key]) if key in self._nodes else self.line

    def add(self, key: str, sentence: str) -> None:
        """Note a problem on the line of a key."""
        self.sheet.add(self.line_of(key), sentence)

    def read(self, key: str, reader: Callable[[Node], T], default: T) -> T:
        """The value of a key that may be missing."""
        if key not in self._nodes:
            return default
        try:
            return reader(self._nodes[key])
        except MistakeError as mistake:
            self.sheet.add(mistake.line, f"{key} {mistake.sentence}")
            return default

    def need(self, key: str, reader: Callable[[Node], T], default: T, hint: str) -> T:
        """The value of a key that must be there; ``hint`` says what to write."""
        if key not in self._nodes:
            self.sheet.add(self.line, f"{key} is missing; {hint}")
        return self.read(key, reader, default)
