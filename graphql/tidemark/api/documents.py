"""Documents: parsed and checked once, however often they come."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    StringValueNode,
    Visitor,
    parse,
    validate,
    visit,
)

from tidemark.api.errors import TOO_MANY_TOKENS, with_choices
from tidemark.api.rules import MAX_TOKENS, rules

CACHED_DOCUMENTS: Final = 512


class DocumentError(Exception):
    """A document that cannot be executed; ``errors`` say why."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is valid.

    Attributes:
        tree: What it says.
        texts: The texts that stand in it: what its author asked about, and nobody else's business.
        is_personal: Whether its answer tells what it cost the caller, so that no two callers share one.
    """

    tree: DocumentNode
    texts: frozenset[str]
    is_personal: bool


class Documents:
    """The documents of one schema. Those that were valid are kept, the 512 asked for last; others are not.

    An ordinary one takes 50 kB, one of 2,000 tokens 800 kB.
    """

    def __init__(self, schema: GraphQLSchema, max_aliases: int) -> None:
        self._schema = schema
        self._rules = rules(max_aliases)
        self.read = lru_cache(CACHED_DOCUMENTS)(self._read)

    def _read(self, text: str) -> Document:
        """The document of a text.

        Raises:
            DocumentError: it cannot be parsed, or is not valid for the schema.
        """
        try:
            tree = parse(text, max_tokens=MAX_TOKENS)
        except GraphQLSyntaxError as error:
            if error.message.startswith("Syntax Error: Document contains more"):
                error.extensions = {"code": TOO_MANY_TOKENS, "limit": MAX_TOKENS}
            raise DocumentError([error]) from None
        for some in self._rules:
            errors = validate(self._schema, tree, some, hide_suggestions=True)
            if errors:
                raise DocumentError(with_choices(errors, self._schema))
        seen = _Seen()
        visit(tree, seen)
        return Document(tree, frozenset(seen.texts), seen.is_personal)


class _Seen(Visitor):
    """What a document names."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self.is_personal = False

    def enter_string_value(self, node: StringValueNode, *_args: object) -> None:
        self.texts.add(node.value)

    def enter_field(self, node: FieldNode, *_args: object) -> None:
        # by its name alone: a field of another type that is called so costs sharing, and nothing else
        self.is_personal |= node.name.value == "cost"
