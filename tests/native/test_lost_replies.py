"""What libslurm reports when slurmctld's answer is lost, and whether the table says so truly.

A listener that only plays slurmctld's part: it takes a whole request, as slurmctld would, and then
fails in one of the ways in which a controller, a host or a network does.
"""

import errno
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from native.child import Child, Raised

from hpcagent.slurm.errno_table import Outcome
from hpcagent.slurm.errors import outcome

Failure = Callable[[socket.socket], None]

JOB = {
    "name": "lost",
    "script": "#!/bin/sh\n",
    "environment": ["A=b"],
    "work_dir": "/tmp",
    "min_nodes": 1,
    "user_id": 1000,
    "group_id": 1000,
}
CONF = """
ClusterName=lost
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
AuthType={auth}
AuthInfo=socket={directory}/munged-is-not-running
MessageTimeout=2
NodeName=n1
PartitionName=p1 Nodes=n1
"""


def take_request(connection: socket.socket) -> bytes:
    """Read a message to its end: its length in four bytes, then as many."""
    with connection.makefile("rb") as stream:
        (length,) = struct.unpack("!I", stream.read(4))
        return stream.read(length)


def send(connection: socket.socket, message: bytes) -> None:
    connection.sendall(struct.pack("!I", len(message)) + message)


def close_without_answer(connection: socket.socket) -> None:
    take_request(connection)


def reset(connection: socket.socket) -> None:
    take_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def answer_garbage(connection: socket.socket) -> None:
    take_request(connection)
    send(connection, b"\x26\x00garbage")


def answer_in_another_protocol_version(connection: socket.socket) -> None:
    send(connection, b"\x10\x00" + take_request(connection)[2:])


def answer_another_question(connection: socket.socket) -> None:
    send(connection, take_request(connection))


def announce_too_much(connection: socket.socket) -> None:
    take_request(connection)
    connection.sendall(b"\xff\xff\xff\xff")


def break_off_the_answer(connection: socket.socket) -> None:
    request = take_request(connection)
    connection.sendall(struct.pack("!I", len(request)) + request[:10])


def never_answer(connection: socket.socket) -> None:
    take_request(connection)
    connection.recv(1)  # until libslurm gives up


@contextmanager
def playing(listener: socket.socket, failure: Failure) -> Iterator[None]:
    """Take one connection and fail it so."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            failure(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def slurm_conf(directory: Path, listener: socket.socket, auth: str) -> str:
    path = directory / "slurm.conf"
    port = listener.getsockname()[1]
    path.write_text(CONF.format(port=port, auth=auth, directory=directory))
    return str(path)


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)  # a caller that never comes must not keep the tests waiting
        yield listening


@pytest.fixture(scope="module")
def caller(listener: socket.socket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """A child that takes the listener for slurmctld, and needs no munged."""
    conf = slurm_conf(tmp_path_factory.mktemp("lost"), listener, "auth/none")
    with Child({"SLURM_CONF": conf}) as child:
        child.call("init", conf)
        yield child


def failed(caller: Child) -> tuple[int, Outcome]:
    """Submit; the code that it fails with, and what hpcagent makes of it."""
    with pytest.raises(Raised) as caught:
        caller.call("submit_batch_job", JOB)
    assert caught.value.kind == "SlurmError"
    code, said = caught.value.attributes["code"], caught.value.attributes["said"]
    return code, outcome(code, said, version=tuple(caller.call("header_version")))


@pytest.mark.parametrize(
    ("failure", "codes"),
    [
        (close_without_answer, {5005}),
        (reset, {errno.ECONNRESET}),
        (answer_garbage, {-1, 1003, 1802}),  # -1 until 22.05
        (answer_in_another_protocol_version, {-1, 1003, 1005, 1802}),
        (answer_another_question, {1000}),
        (announce_too_much, {1008}),
        (break_off_the_answer, {5005}),
        (never_answer, {5004}),
    ],
)
def test_a_request_whose_answer_is_lost_has_an_unknown_outcome(
    caller: Child, listener: socket.socket, failure: Failure, codes: set[int]
) -> None:
    with playing(listener, failure):
        code, left_behind = failed(caller)
    assert code in codes
    assert left_behind is Outcome.UNKNOWN


def test_a_connection_that_was_never_made_has_sent_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        conf = slurm_conf(tmp_path, gone, "auth/none")
    with Child({"SLURM_CONF": conf}) as caller:
        caller.call("init", conf)
        assert failed(caller) == (1800, Outcome.NOT_SENT)


def test_a_request_that_cannot_be_signed_is_not_sent(
    listener: socket.socket, tmp_path: Path
) -> None:
    received = bytearray()
    conf = slurm_conf(tmp_path, listener, "auth/munge")
    with Child({"SLURM_CONF": conf}) as caller:
        caller.call("init", conf)
        with playing(listener, lambda connection: received.extend(connection.recv(1))):
            code, left_behind = failed(caller)
    assert code == 1007
    assert not received
    assert left_behind in {Outcome.NOT_SENT, Outcome.UNKNOWN}  # since 23.02 it may be either
