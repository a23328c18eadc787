"""Errors become statuses, here and only here."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import structlog

from hpcagent.jobs.errors import AgentError, Unsupported
from hpcagent.server import status
from hpcagent.server.interceptors.around import Call

log = structlog.get_logger(__name__)


@contextmanager
def errors(call: Call) -> Iterator[None]:
    """End a failed call with the status of its error.

    An error that nobody foresaw stays in the log, under an id that the caller is told.
    """
    try:
        yield
    except AgentError as error:
        _abort(call, error)
    except NotImplementedError as error:
        if call.code != grpc.StatusCode.UNIMPLEMENTED.name:
            _abort_unforeseen(call, error)
        _abort(call, _not_built(call.method))
    except grpc.RpcError:
        raise  # gRPC's own: the client is gone
    except Exception as error:  # noqa: BLE001 - the last resort: it is logged, and answered
        _abort_unforeseen(call, error)


def _abort(call: Call, error: AgentError) -> None:
    structlog.contextvars.bind_contextvars(reason=error.reason)
    status.abort(call.context, error, log_id="")


def _abort_unforeseen(call: Call, error: Exception) -> None:
    log_id = uuid.uuid4().hex[:16]
    log.error("unforeseen", log_id=log_id, exc_info=error)
    status.abort(call.context, error, log_id=log_id)


def _not_built(method: str) -> AgentError:
    """What a method answers that has only the generated base class behind it."""
    name = method.removeprefix("/")
    said = f"{name} is not supported by this release of hpcagent; GetAgentInfo tells what is"
    return Unsupported(said, reason="METHOD_NOT_SUPPORTED", metadata={"method": name})
