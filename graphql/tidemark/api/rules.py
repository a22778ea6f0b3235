"""What a document may be, and the caches that spare parsing and validating it again."""

from collections.abc import Callable
from typing import Final

from strawberry.extensions import (
    AddValidationRules,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
)

MAX_TOKENS: Final = 2_000
MAX_DEPTH: Final = 8
MAX_ALIASES: Final = 50
CACHED_DOCUMENTS: Final = 512

# Made once: they are part of the validation cache's key, which rules made for each request would never hit.
_RULES = [
    *QueryDepthLimiter(max_depth=MAX_DEPTH).validation_rules,
    *MaxAliasesLimiter(max_alias_count=MAX_ALIASES).validation_rules,
]

# Extensions hold the request they serve, so each request has its own; the caches behind them are shared.
EXTENSIONS: list[Callable[[], SchemaExtension]] = [
    lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
    lambda: AddValidationRules(_RULES),
    lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
    lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
]
