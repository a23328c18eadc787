"""Through a real server and client: what a status is worth is what arrives."""

import secrets
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from hypothesis import given
from hypothesis import strategies as st

from hpcagent.jobs.errors import (
    AgentError,
    BackendUnavailable,
    InvalidRequest,
    Kind,
    NotFound,
    OutcomeUnknown,
    Refused,
    Violation,
)
from hpcagent.server.status import MAX_VIOLATIONS, MAX_WIRE_BYTES, abort, to_status, wire_bytes

LOG_ID = "log-4711"
Detail = TypeVar("Detail", bound=Message)
Answer = Callable[[Exception], grpc.RpcError]


class Failing(grpc.GenericRpcHandler):
    """Serves every method by failing with the error that was set."""

    def __init__(self) -> None:
        self.error: Exception = NotFound("nothing set")

    def service(self, _details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Answer whatever is called."""
        return grpc.unary_unary_rpc_method_handler(self._fail)

    def _fail(self, _request: bytes, context: grpc.ServicerContext) -> bytes:
        abort(context, self.error, log_id=LOG_ID)


@pytest.fixture(scope="module")
def answer() -> Iterator[Answer]:
    """Lets a server fail with an error, and gives what its client gets."""
    failing = Failing()
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(2) as pool:
        address = f"unix:{Path(directory) / secrets.token_hex(4)}"
        server = grpc.server(pool, handlers=[failing])
        server.add_insecure_port(address)
        server.start()
        with grpc.insecure_channel(address) as channel:
            method: grpc.UnaryUnaryMultiCallable[bytes, bytes]
            method = channel.unary_unary("/hpcagent.test/Fail")

            def call(error: Exception) -> grpc.RpcError:
                failing.error = error
                with pytest.raises(grpc.RpcError) as caught:
                    method(b"", timeout=10)
                return caught.value

            yield call
        server.stop(grace=None).wait()


def arrived(answered: grpc.RpcError) -> Status:
    """The status that a client decodes."""
    status = rpc_status.from_call(answered)  # type: ignore[no-untyped-call]
    assert isinstance(status, Status)
    return status


def detail(status: Status, kind: type[Detail]) -> Detail:
    """The one detail of a kind."""
    unpacked = kind()
    (found,) = (packed.Unpack(unpacked) for packed in status.details if _is(packed, kind))
    assert found
    return unpacked


def _is(packed: Any, kind: type[Message]) -> bool:
    return packed.TypeName() == kind.DESCRIPTOR.full_name


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_arrives_as_its_code(answer: Answer, kind: Kind) -> None:
    answered = answer(AgentError("said", kind=kind, reason="SOME_REASON"))
    assert answered.code() is grpc.StatusCode[kind.name]
    assert arrived(answered).code == kind.value == code_pb2.Code.Value(kind.name)


def test_every_canonical_code_but_ok_has_a_kind() -> None:
    assert {kind.name for kind in Kind} | {"OK", "DATA_LOSS"} == set(code_pb2.Code.keys())


def test_reason_domain_and_metadata_arrive_as_error_info(answer: Answer) -> None:
    metadata = {"errno": "2000", "text": "Invalid partition name specified", "said": "no: x"}
    answered = answer(
        Refused(
            "invalid partition specified: x",
            kind=Kind.INVALID_ARGUMENT,
            reason="ESLURM_INVALID_PARTITION_NAME",
            domain="slurm.hpcagent",
            metadata=metadata,
        )
    )
    assert answered.details() == "invalid partition specified: x"
    info = detail(arrived(answered), ErrorInfo)
    assert info.reason == "ESLURM_INVALID_PARTITION_NAME"
    assert info.domain == "slurm.hpcagent"
    assert dict(info.metadata) == metadata
    assert len(arrived(answered).details) == 1


def test_every_violation_arrives_as_bad_request(answer: Answer) -> None:
    violations = [
        Violation("script", "is empty", "SCRIPT_EMPTY"),
        Violation('options["slurm"].nice', "below zero"),
    ]
    status = arrived(answer(InvalidRequest(violations)))
    found = detail(status, BadRequest).field_violations
    assert [Violation(v.field, v.description, v.reason) for v in found] == violations
    assert "violations_left_out" not in detail(status, ErrorInfo).metadata


def test_where_time_may_help_retry_info_says_when(answer: Answer) -> None:
    status = arrived(answer(BackendUnavailable("slurmctld is down", retry_after=2.5)))
    assert detail(status, RetryInfo).retry_delay.ToMilliseconds() == 2500


def test_an_unknown_outcome_arrives_with_its_reason(answer: Answer) -> None:
    error = OutcomeUnknown("no reply", reason="SUBMIT_OUTCOME_UNKNOWN", deadline=True)
    answered = answer(error)
    assert answered.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert detail(arrived(answered), ErrorInfo).reason == "SUBMIT_OUTCOME_UNKNOWN"


def test_of_sixty_violations_the_first_arrive_and_the_rest_are_counted(answer: Answer) -> None:
    violations = [Violation(f"environment[{n}]", "has no '='") for n in range(60)]
    answered = answer(InvalidRequest(violations))
    status = arrived(answered)
    found = detail(status, BadRequest).field_violations
    assert [v.field for v in found] == [v.field for v in violations[:MAX_VIOLATIONS]]
    assert detail(status, ErrorInfo).metadata["violations_left_out"] == "35"
    assert str(answered.details()).endswith("(violations left out here: 35)")


def test_long_violations_are_fewer_rather_than_too_much(answer: Answer) -> None:
    violations = [Violation(f"environment[{n}]", "x" * 5000) for n in range(60)]
    status = arrived(answer(InvalidRequest(violations)))
    shown = len(detail(status, BadRequest).field_violations)
    assert 5 < shown < MAX_VIOLATIONS
    assert detail(status, ErrorInfo).metadata["violations_left_out"] == str(60 - shown)


def test_chinese_words_arrive_whole(answer: Answer) -> None:
    said = "分区不存在: 天河二号。请选择另一个分区。"
    violation = Violation("partition", said, "ESLURM_INVALID_PARTITION_NAME")
    error = Refused(said, kind=Kind.INVALID_ARGUMENT, reason="X", violations=[violation])
    answered = answer(error)
    assert answered.details() == said
    assert detail(arrived(answered), BadRequest).field_violations[0].description == said


def test_a_long_chinese_message_is_clipped_at_a_character(answer: Answer) -> None:
    said = "分区" * 5000
    answered = answer(NotFound(said, metadata={"said": said}))
    assert answered.code() is grpc.StatusCode.NOT_FOUND
    message = str(answered.details())
    assert message.endswith("...")
    assert len(message) > 100
    assert said.startswith(message.removesuffix("..."))
    assert said.startswith(
        detail(arrived(answered), ErrorInfo).metadata["said"].removesuffix("...")
    )


def test_nothing_that_garbles_a_terminal_arrives(answer: Answer) -> None:
    said = "red \x1b[31m, bell \a, NUL \0, CR \r, C1 \x9b, \udcff"
    answered = answer(NotFound(said, metadata={"said": said}))
    replaced = "red \ufffd[31m, bell \ufffd, NUL \ufffd, CR \ufffd, C1 \ufffd, \ufffd"
    assert answered.details() == replaced
    assert detail(arrived(answered), ErrorInfo).metadata["said"] == replaced


def test_lines_and_percent_signs_arrive_as_they_are(answer: Answer) -> None:
    assert answer(NotFound("one\ntwo\t100% %41")).details() == "one\ntwo\t100% %41"


def test_a_mistake_of_ours_tells_no_more_than_where_the_log_has_it(answer: Answer) -> None:
    answered = answer(ValueError("secret of /etc/hpcagent/token"))
    assert answered.code() is grpc.StatusCode.INTERNAL
    status = arrived(answered)
    assert "secret" not in str(status)
    assert "ValueError" not in str(status)
    assert LOG_ID in str(answered.details())
    info = detail(status, ErrorInfo)
    assert (info.reason, info.domain) == ("INTERNAL", "hpcagent")
    assert info.metadata["log_id"] == LOG_ID


def test_the_size_counts_the_message_twice_and_base64() -> None:
    status = Status(message="a%中")
    assert wire_bytes(status) == (1 + 3 + 9) + 4 * 3  # 7 bytes of status in three groups of base64


LONG_TEXT = st.text().map(lambda text: text * 200) | st.text()
KEYS = st.from_regex(r"[a-z][a-z_]{0,30}", fullmatch=True)


@given(
    message=LONG_TEXT,
    metadata=st.dictionaries(KEYS, LONG_TEXT, max_size=20),
    violations=st.lists(st.builds(Violation, LONG_TEXT, LONG_TEXT), max_size=60),
)
def test_whatever_is_said_fits(
    message: str, metadata: dict[str, str], violations: list[Violation]
) -> None:
    error = NotFound(message, metadata=metadata, violations=violations, retry_after=1)
    status = to_status(error, log_id=LOG_ID)
    assert wire_bytes(status) <= MAX_WIRE_BYTES


def test_the_largest_status_that_is_built_arrives(answer: Answer) -> None:
    said = "分" * 9000
    violations = [Violation(f"environment[{n}]", said) for n in range(60)]
    metadata = {f"fact_{n}": said for n in range(20)}
    error = NotFound(said, metadata=metadata, violations=violations, retry_after=1)
    assert wire_bytes(to_status(error, log_id=LOG_ID)) > MAX_WIRE_BYTES - 600
    assert arrived(answer(error)).code == Kind.NOT_FOUND.value
