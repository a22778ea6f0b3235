"""Persisted operations: those of the allow-list, and those that clients register by their hash.

Apollo's automatic persisted queries: a client sends a hash, is told that nobody knows it, and sends hash and
text once. What clients register lives in this process only, bounded, the least recently used goes first;
with several processes each learns on its own, which costs a client one request more and nothing else.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from graphql import OperationDefinitionNode, parse

from tidemark.api.call import Call
from tidemark.api.reply import Refusal

MAX_REGISTERED: Final = 1_000
MAX_REGISTERED_BYTES: Final = 8_000_000
_MOST_NAMES: Final = 20
NOT_FOUND: Final = "PERSISTED_QUERY_NOT_FOUND"
NOT_PERSISTED: Final = "NOT_PERSISTED"


@dataclass(frozen=True, slots=True)
class AllowList:
    """Documents that a deployment knows, by the sha256 of their text and by their operations' names."""

    documents: dict[str, str]

    @property
    def names(self) -> list[str]:
        """Those of its operations, in order."""
        return sorted(key for key, text in self.documents.items() if key != _sha256(text))

    @classmethod
    def load(cls, folder: Path) -> "AllowList":
        """The documents ``*.graphql`` of a folder.

        Raises:
            ValueError: two files have an operation of the same name.
            GraphQLSyntaxError: a file is no GraphQL.
        """
        documents: dict[str, str] = {}
        for file in sorted(folder.glob("*.graphql")):
            text = file.read_text(encoding="utf-8")
            documents[_sha256(text)] = text
            for node in parse(text).definitions:
                if isinstance(node, OperationDefinitionNode) and node.name:
                    name = node.name.value
                    if name in documents:
                        raise ValueError(f"{file} has an operation {name}, as another file has; rename one.")
                    documents[name] = text
        return cls(documents)


class Operations:
    """Which document a call means.

    ``only`` refuses every text that is not in the allow-list.
    """

    def __init__(self, allowed: AllowList, *, only: bool) -> None:
        self._allowed = allowed.documents
        self._not_found = _not_found(allowed.names)
        self._only = only
        self._registered: OrderedDict[str, str] = OrderedDict()
        self._bytes = 0

    def document(self, call: Call, *, may_bring_text: bool) -> str:
        """The text to execute. A call that may bring its own text registers it if it brings its hash too.

        Raises:
            Refusal: there is none, the hash is another text's, or the text is not allowed.
        """
        if call.query is not None:
            return self._given(call.query, call.sha256, may_bring_text=may_bring_text)
        key = call.id or call.sha256
        if key is None:
            raise Refusal(400, "No GraphQL query found in the request")
        text = self._known(key)
        if text is None and call.id:
            raise Refusal(404, self._not_found, NOT_FOUND, well_formed=True)
        if text is None:
            # the words, too, are what clients look for
            raise Refusal(404, "PersistedQueryNotFound", NOT_FOUND, well_formed=True)
        return text

    def _given(self, text: str, sha256: str | None, *, may_bring_text: bool) -> str:
        actual = _sha256(text)
        if sha256 is not None and sha256 != actual:
            raise Refusal(400, "The query's sha256 is another than extensions.persistedQuery says.")
        if actual in self._allowed or (not self._only and (may_bring_text or self._known(actual))):
            if sha256 is not None and actual not in self._allowed:
                self._register(actual, text)
            return text
        if self._only:
            raise Refusal(
                403, "Only persisted operations are answered here; name one by its id or hash.", NOT_PERSISTED
            )
        raise Refusal(
            400, "GET is for persisted operations; send this query by POST, or its hash once it is known."
        )

    def _known(self, key: str) -> str | None:
        if key in self._allowed:
            return self._allowed[key]
        if key in self._registered:
            self._registered.move_to_end(key)
        return self._registered.get(key)

    def _register(self, sha256: str, text: str) -> None:
        if sha256 not in self._registered:
            self._bytes += len(text.encode())
        self._registered[sha256] = text
        self._registered.move_to_end(sha256)
        while len(self._registered) > MAX_REGISTERED or self._bytes > MAX_REGISTERED_BYTES:
            _, gone = self._registered.popitem(last=False)
            self._bytes -= len(gone.encode())


def _not_found(names: Sequence[str]) -> str:
    """What is told of an id that nobody knows: the names there are, unless they are too many to read."""
    known = f": {', '.join(names)}" if 0 < len(names) <= _MOST_NAMES else ""
    return f"There is no persisted operation of this id; ids are hashes or operation names{known}."


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
