"""Operations: from a document's text to results, for every transport.

`View` calls `Schema.execute` and `Schema.stream`, and Strawberry's WebSocket handler the latter, so they take
what Strawberry's own take, without its extensions: parsing and checking is `Documents`', executing is
`FrameExecutor`'s.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, cast
from weakref import WeakValueDictionary

import strawberry
from graphql import ExecutionResult as CoreResult
from graphql import (
    Executor,
    GraphQLError,
    GraphQLSchema,
    create_source_event_stream,
    get_operation_ast,
    located_error,
)
from strawberry.exceptions import MissingQueryError
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from tidemark.api.context import Context
from tidemark.api.documents import Document, DocumentError, Documents
from tidemark.api.encode import Once
from tidemark.api.errors import texts_in, told, with_choices
from tidemark.api.execute import FrameExecutor
from tidemark.desk.feed import Tidings
from tidemark.desk.poller import News
from tidemark.query.frame import Answer

Event = News | Tidings
"""What a subscription yields a result for; an error is that of one response."""
Variables = Mapping[str, Any] | None


@dataclass(slots=True, weakref_slot=True, eq=False)
class Shared:
    """The last result of one subscription, for all who hold the same one; and what it was made of."""

    event: object = None
    result: ExecutionResult | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that can be run once, or (a subscription) for each event."""

    document: Document
    type: OperationType
    executor: FrameExecutor
    variables: Variables

    async def run(self) -> ExecutionResult:
        """The result, its errors as the caller is told them."""
        return await self._run(self.executor)

    async def run_for(self, event: Event) -> ExecutionResult:
        """The result for one event of a subscription."""
        return await self._run(self.executor.build_per_event_executor(event))

    def failed(self, error: Exception) -> ExecutionResult:
        """The result of an operation that ended with an exception."""
        return self.told(CoreResult(None, [located_error(error, None, [])]))

    async def _run(self, executor: Executor[Any]) -> ExecutionResult:
        try:
            result: Any = executor.execute_operation()
            return self.told(await result if isawaitable(result) else result)
        except Exception as error:  # noqa: BLE001 - logged, and told as any other
            return self.failed(error)

    def told(self, result: CoreResult) -> ExecutionResult:
        """The result with its errors as the caller is told them."""
        if not result.errors:
            return ExecutionResult(result.data, None)
        context: Context = self.executor.context_value
        texts = [*self.document.texts, *texts_in(self.variables)]
        return ExecutionResult(
            result.data, [told(error, context.request_id, texts) for error in result.errors]
        )


class Schema(strawberry.Schema):
    """Strawberry's schema with a way of its own to run operations. A request's context is a `Context`."""

    def __init__(
        self,
        query: type,
        mutation: type,
        subscription: type,
        config: StrawberryConfig,
        *,
        max_aliases: int,
    ) -> None:
        super().__init__(query, mutation=mutation, subscription=subscription, config=config)
        self.documents = Documents(self.core, max_aliases)
        self._shared: WeakValueDictionary[tuple[object, ...], Shared] = WeakValueDictionary()

    @property
    def core(self) -> GraphQLSchema:
        """graphql-core's schema."""
        return self._schema

    async def execute(
        self,
        query: str | None,
        variable_values: Variables = None,
        context_value: Context | None = None,
        root_value: object = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: Variables = None,
    ) -> ExecutionResult:
        """The result of a query or mutation.

        Raises:
            MissingQueryError: there is no document.
            CannotGetOperationTypeError: no operation has that name.
            InvalidOperationTypeError: it is a subscription, or of a type that is not allowed.
        """
        allowed = _types(allowed_operation_types) - {OperationType.SUBSCRIPTION}
        try:
            operation = self._open(
                query,
                variable_values,
                context_value,
                root_value,
                operation_name,
                allowed,
                operation_extensions,
            )
        except DocumentError as error:
            return PreExecutionError(None, error.errors)
        return await operation.run()

    async def stream(
        self,
        query: str | None,
        variable_values: Variables = None,
        context_value: Context | None = None,
        root_value: object = None,
        operation_name: str | None = None,
        operation_extensions: Variables = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
    ) -> AsyncGenerator[ExecutionResult, None]:
        """The results of a subscription, one an event, or the one of a query or mutation.

        What cannot be run at all yields one `PreExecutionError`.
        """
        try:
            operation = self._open(
                query,
                variable_values,
                context_value,
                root_value,
                operation_name,
                _types(allowed_operation_types),
                operation_extensions,
            )
        except DocumentError as error:
            return _once(PreExecutionError(None, error.errors))
        except MissingQueryError as error:
            return _refused(str(error))
        except CannotGetOperationTypeError as error:
            return _refused(error.as_http_error_reason())
        except InvalidOperationTypeError as error:
            return _refused(error.as_http_error_reason("this transport"))
        if operation.type is not OperationType.SUBSCRIPTION:
            return _answered(operation)
        return self._follow(operation, (query, operation_name))

    def _open(
        self,
        query: str | None,
        variables: Variables,
        context: Context | None,
        root: object,
        name: str | None,
        allowed: frozenset[OperationType],
        extensions: Variables,
    ) -> Operation:
        if not query:
            raise MissingQueryError
        document = self.documents.read(query)
        found = get_operation_ast(document.tree, name)
        if found is None and name is not None:
            raise CannotGetOperationTypeError(name)
        if found is not None and OperationType(found.operation.value) not in allowed:
            raise InvalidOperationTypeError(OperationType(found.operation.value))
        built = FrameExecutor.build(
            self.core,
            document.tree,
            root,
            context,
            dict(variables or {}),
            name,
            is_awaitable=cast("Any", optimized_is_awaitable),
            hide_suggestions=True,
            operation_extensions=extensions,
        )
        if not isinstance(built, FrameExecutor):
            raise DocumentError(with_choices(built, self.core) if isinstance(built, list) else [])
        return Operation(document, OperationType(built.operation.operation.value), built, variables)

    async def _follow(
        self, operation: Operation, asked: tuple[object, ...]
    ) -> AsyncGenerator[ExecutionResult, None]:
        source: Any = create_source_event_stream(operation.executor)
        if isawaitable(source):
            source = await source
        if isinstance(source, CoreResult):
            yield PreExecutionError(None, operation.told(source).errors)
            return
        shared = self._sharing(operation, asked)
        async with _closing(source):
            try:
                async for event in source:
                    yield await _result(operation, event, shared)
            except Exception as error:  # noqa: BLE001 - logged, and told as any other
                yield operation.failed(error)

    def _sharing(self, operation: Operation, asked: tuple[object, ...]) -> Shared:
        """What those who hold this very subscription have in common; nothing, where it tells their costs."""
        if operation.document.is_personal:
            return Shared()
        variables = repr(operation.executor.variable_values.coerced)
        return self._shared.setdefault((*asked, variables), Shared())


async def _result(operation: Operation, event: Event, shared: Shared) -> ExecutionResult:
    """The result for an event, made once for a frame or an alert; its data is encoded once, too."""
    made_of = event.frame if isinstance(event, Answer) else event
    if shared.event is made_of and shared.result is not None:
        return shared.result
    result = await operation.run_for(event)
    if result.data is not None and not result.errors:
        result.data = Once(result.data)
        shared.event, shared.result = made_of, result
    return result


def _types(allowed: Iterable[OperationType] | None) -> frozenset[OperationType]:
    return frozenset(OperationType if allowed is None else allowed)


async def _answered(operation: Operation) -> AsyncGenerator[ExecutionResult, None]:
    yield await operation.run()


async def _once(result: ExecutionResult) -> AsyncGenerator[ExecutionResult, None]:
    yield result


def _refused(message: str) -> AsyncGenerator[ExecutionResult, None]:
    return _once(PreExecutionError(None, [GraphQLError(message)]))


@asynccontextmanager
async def _closing(source: AsyncIterator[Event]) -> AsyncIterator[None]:
    """End what watches for us when nobody follows any more; a plain iterator has nothing to end."""
    try:
        yield
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()
