"""From context managers to a gRPC interceptor, for methods of all four kinds."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc


@dataclass(frozen=True, slots=True)
class Call:
    """One call that a client makes."""

    method: str
    """Full name: ``/hpcagent.v1.SlurmAgent/SubmitJob``."""
    kind: str
    """``unary``, ``client_stream``, ``server_stream`` or ``bidi_stream``."""
    request: Any
    """The request message, or an iterator over them."""
    context: grpc.ServicerContext

    @property
    def code(self) -> str:
        """Name of the status code, ``OK`` unless another was set."""
        # In gRPC's documentation of ServicerContext, but not in its stubs.
        code: grpc.StatusCode | None = self.context.code()  # type: ignore[attr-defined]
        return (code or grpc.StatusCode.OK).name


Around: TypeAlias = Callable[[Call], AbstractContextManager[None]]
"""What is done before a call, and after it or its failure."""

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


Pools = Callable[[str], ThreadPoolExecutor | None]
"""Which threads serve a method of this full name; None: those of calls."""

PROBE = "/grpc.health.v1.Health/"
"""How the methods begin that tell whether the agent works."""


class Interceptor(grpc.ServerInterceptor):
    """Does things around every call; the first of them is the outermost.

    ``pools`` has threads of their own for methods that must not wait for those of calls, or would
    hold them for too long.
    """

    def __init__(self, arounds: Sequence[Around], pools: Pools) -> None:
        self._arounds = arounds
        self._pools = pools

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], "Handler | None"],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Wrap the method's handler. This runs in gRPC's one serving thread: it must not wait."""
        handler = continuation(handler_call_details)
        return None if handler is None else self._wrapped(handler, handler_call_details.method)

    def _wrapped(self, handler: Handler, method: str) -> Handler:
        make, behaviour, kind = _parts(handler)
        if getattr(behaviour, "experimental_non_blocking", False):
            run = _by_callback(behaviour)
        elif handler.response_streaming:
            run = self._streaming(behaviour, method, kind)
        else:
            run = self._unary(behaviour, method, kind)
        if pool := self._pools(method):
            run.experimental_thread_pool = pool  # type: ignore[attr-defined]
        return make(  # type: ignore[no-any-return]
            run,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _unary(self, behaviour: Callable[..., Any], method: str, kind: str) -> Callable[..., Any]:
        def run(request: object, context: grpc.ServicerContext) -> object:
            with ExitStack() as stack:
                self._enter(stack, Call(method, kind, request, context))
                return behaviour(request, context)

        return run

    def _streaming(
        self, behaviour: Callable[..., Any], method: str, kind: str
    ) -> Callable[..., Any]:
        def run(request: object, context: grpc.ServicerContext) -> Iterator[object]:
            with ExitStack() as stack:
                self._enter(stack, Call(method, kind, request, context))
                yield from behaviour(request, context)

        return run

    def _enter(self, stack: ExitStack, call: Call) -> None:
        for around in self._arounds:
            stack.enter_context(around(call))


def _by_callback(behaviour: Callable[..., Any]) -> Callable[..., Any]:
    """Hand on a method whose answers gRPC sends by callback, which it knows by an attribute.

    Health.Watch is one. It can last for ever, and does nothing that should be logged or counted.
    """

    def run(request: object, context: grpc.ServicerContext, send: Callable[..., None]) -> object:
        return behaviour(request, context, send)

    run.experimental_non_blocking = True  # type: ignore[attr-defined]
    return run


def _parts(handler: Handler) -> tuple[Any, Any, str]:
    """Return gRPC's maker of handlers of this kind, the method itself, and the kind's name."""
    match handler.request_streaming, handler.response_streaming:
        case False, False:
            return grpc.unary_unary_rpc_method_handler, handler.unary_unary, "unary"
        case False, True:
            return grpc.unary_stream_rpc_method_handler, handler.unary_stream, "server_stream"
        case True, False:
            return grpc.stream_unary_rpc_method_handler, handler.stream_unary, "client_stream"
        case _:
            return grpc.stream_stream_rpc_method_handler, handler.stream_stream, "bidi_stream"
