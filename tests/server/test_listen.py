"""An address is this daemon's alone."""

import os
import socket
import stat
from pathlib import Path

import grpc
import pytest
from server.conftest import Serve

from hpcagent.server.listen import ListenError
from hpcagent.v1.agent_pb2 import GetAgentInfoRequest
from hpcagent.v1.agent_pb2_grpc import AgentStub


def answers(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        return bool(AgentStub(channel).GetAgentInfo(GetAgentInfoRequest()).agent_version)


def test_only_the_owner_may_connect_to_the_unix_socket(serve: Serve, socket_path: str) -> None:
    before = os.umask(0)
    try:
        serve()
        assert stat.S_IMODE(Path(socket_path).stat().st_mode) == 0o600
        assert os.umask(0) == 0
    finally:
        os.umask(before)


def test_a_second_daemon_on_the_same_socket_is_refused_and_the_first_lives_on(
    serve: Serve, socket_path: str
) -> None:
    serve()
    with pytest.raises(ListenError, match="another process listens"):
        serve()
    assert answers(f"unix:{socket_path}")


def test_the_socket_of_a_dead_daemon_is_taken_over(serve: Serve, socket_path: str) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(socket_path)
    serve()
    assert answers(f"unix:{socket_path}")


def test_a_file_that_is_no_socket_is_left_alone(serve: Serve, socket_path: str) -> None:
    Path(socket_path).write_text("precious")
    with pytest.raises(ListenError, match="is no socket"):
        serve()
    assert Path(socket_path).read_text() == "precious"


def test_the_socket_is_gone_after_a_stop(serve: Serve, socket_path: str) -> None:
    serve().stop(0)
    assert not Path(socket_path).exists()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("agent.sock", "is not an absolute path"),
        ("/nonexistent/agent.sock", "/nonexistent is no directory"),
        ("/tmp/" + "x" * 103, "too long"),
    ],
)
def test_a_path_that_cannot_be_listened_on_is_refused_with_the_reason(
    serve: Serve, path: str, said: str
) -> None:
    with pytest.raises(ListenError, match=said):
        serve(unix=path)


def test_loopback_tcp_is_served_where_the_settings_say_so(serve: Serve) -> None:
    server = serve(unix="", tcp="127.0.0.1:0")
    assert answers(f"127.0.0.1:{server.tcp_port}")


def test_a_second_daemon_on_the_same_port_is_refused(serve: Serve) -> None:
    port = serve(unix="", tcp="127.0.0.1:0").tcp_port
    with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}"):
        serve(unix="", tcp=f"127.0.0.1:{port}")


def test_no_tcp_port_is_open_unless_the_settings_say_so(serve: Serve) -> None:
    assert serve().tcp_port == 0
