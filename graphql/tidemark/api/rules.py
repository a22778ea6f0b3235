"""What a document may be. The rules are made once and cost no more than the document is long."""

from typing import Any, Final

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
    specified_rules,
)

from tidemark.api.errors import TOO_DEEP, TOO_MANY_ALIASES

MAX_TOKENS: Final = 2_000
MAX_DEPTH: Final = 8
MAX_ALIASES: Final = 50


class SizeRule(ValidationRule):
    """Refuses operations that are too deep or have too many aliases, fragments counted wherever they are.

    Each fragment is measured once: fragments that spread others twice double at every step, and would take
    longer to walk than the universe is old. A field or fragment that stands in one selection again counts as
    an alias: each pair of them is compared by another rule, which takes a second for a thousand. What
    introspection asks for is not counted as depth.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._fragments: dict[str, tuple[int, int]] = {}

    def enter_operation_definition(self, node: OperationDefinitionNode, *_args: Any) -> None:  # noqa: ANN401
        """Measure one operation."""
        depth, aliases = self._size(node.selection_set)
        name = node.name.value if node.name else "anonymous"
        if depth > MAX_DEPTH:
            self.report_error(
                _refusal(
                    f"'{name}' is {depth} levels deep and exceeds maximum operation depth of {MAX_DEPTH}; "
                    "leave the deepest fields out.",
                    node,
                    code=TOO_DEEP,
                    limit=MAX_DEPTH,
                    requested=depth,
                )
            )
        if aliases > MAX_ALIASES:
            self.report_error(
                _refusal(
                    f"{aliases} aliases found. Allowed: {MAX_ALIASES}. What stands in one selection again "
                    "counts, too; ask in several requests.",
                    node,
                    code=TOO_MANY_ALIASES,
                    limit=MAX_ALIASES,
                    requested=aliases,
                )
            )

    def _size(self, selections: SelectionSetNode | None) -> tuple[int, int]:
        """How many levels of fields with fields of their own, and how many aliases."""
        if selections is None:
            return 0, 0
        sizes = [self._one(selection) for selection in selections.selections]
        names = [name for selection in selections.selections if (name := _name(selection))]
        again = len(names) - len(set(names))
        return max((depth for depth, _ in sizes), default=0), again + sum(aliases for _, aliases in sizes)

    def _one(self, selection: object) -> tuple[int, int]:
        if isinstance(selection, FieldNode):
            own = int(selection.alias is not None)
            if selection.selection_set is None or selection.name.value.startswith("__"):
                return 0, own
            depth, aliases = self._size(selection.selection_set)
            return depth + 1, aliases + own
        if isinstance(selection, InlineFragmentNode):
            return self._size(selection.selection_set)
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value)
        return 0, 0

    def _fragment(self, name: str) -> tuple[int, int]:
        if name not in self._fragments:
            self._fragments[name] = 0, 0  # while it is measured: a circle is refused by another rule
            found = self.context.get_fragment(name)
            self._fragments[name] = self._size(found.selection_set) if found else (0, 0)
        return self._fragments[name]


def _name(selection: SelectionNode) -> str | None:
    """What it is called in its selection, unless it has an alias, which counts anyway."""
    if isinstance(selection, FieldNode) and not selection.alias:
        return selection.name.value
    return f"...{selection.name.value}" if isinstance(selection, FragmentSpreadNode) else None


def _refusal(message: str, node: OperationDefinitionNode, **extensions: object) -> GraphQLError:
    return GraphQLError(message, node, extensions=extensions)


# the second rules need not bear what the first refuse
RULES: Final = ((SizeRule,), specified_rules)
