"""Stands for the messages of the Functions host's gRPC contract, as far as Microsoft's worker library touches them.

The library is handed a module of such classes by whoever drives it. This is our own, without gRPC or protobuf.
"""

from types import SimpleNamespace


class Message(SimpleNamespace):
    """A message: whatever fields it is made with."""


class StatusResult(Message):
    """How a request went."""

    Failure = 0
    Success = 1
    Cancelled = 2


class BindingInfo(Message):
    """One binding of a function, with the values of its enums."""

    undefined = 0
    out = 1
    inout = 2


class RpcException(Message):
    """What was raised."""


class WorkerMetadata(Message):
    """Which worker this is."""


class WorkerInitResponse(Message):
    """The worker has started, and loaded the app."""


class FunctionMetadataResponse(Message):
    """Every function of the app."""


class FunctionLoadResponse(Message):
    """A function can be invoked."""


class RpcFunctionMetadata(Message):
    """One function of the app."""


class RpcRetryOptions(Message):
    """A function's retry policy."""


class InvocationResponse(Message):
    """What a function returned or raised."""


class RpcHttp(Message):
    """An HTTP request or response."""


class RpcHttpCookie(Message):
    """A cookie of a response."""


class TypedData(Message):
    """One value of one of several kinds."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802  # protobuf's name for it
        """The name of the only field that is set."""
        return next(iter(vars(self)), None)


class ParameterBinding(Message):
    """The value of one parameter."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802  # protobuf's name for it
        """Never shared memory."""
        return "data"
