"""Speaking to an API server: credentials that change, connections that break, answers that fail."""

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import yaml
from fix_kubernetes import Agent
from kubernetes_proxy import Fault, Handler, Proxy, hang_up, lose_the_answer, refused
from kubernetes_tasks import soon

from hpcagent.config import ClusterAccess
from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.errors import (
    AgentError,
    BackendUnavailable,
    DeadlineExceeded,
    Kind,
    OutcomeUnknown,
)
from hpcagent.k8s.client import ApiServer, Request
from hpcagent.k8s.resources import path
from hpcagent.sandbox.controlplane import certificates
from hpcagent.sandbox.controlplane.build import find_programs


def pods(agent: Agent) -> Request:
    """A question."""
    return Request(method="GET", path=path("Pod", agent.namespace))


def service(agent: Agent) -> Request:
    """A change."""
    body = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}]}}
    return Request(method="POST", path=path("Service", agent.namespace), body=body, verb="SUBMIT")


def stall(seconds: float) -> Callable[[Handler], None]:
    """Do nothing for a while, and hang up."""

    def act(handler: Handler) -> None:
        threading.Event().wait(seconds)
        handler.hang_up()

    return act


# --------------------------------------------------------------------------------- credentials


def test_a_token_is_taken_up_as_soon_as_its_file_changes(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    tokens = [agent.new_token(), agent.new_token(4000)]
    sent: list[str] = []

    def note(handler: Handler) -> None:
        sent.append(handler.headers["Authorization"])
        handler.answer(handler.forward())

    faults.plan.faults = [Fault("GET", note, times=4)]
    for token in tokens:
        agent.write_token(token)
        faulty.ask(pods(agent), soon())
        faulty.ask(pods(agent), soon())
    assert sent == [f"Bearer {token}" for token in (tokens[0], tokens[0], tokens[1], tokens[1])]


def test_a_token_is_taken_up_through_a_link_as_the_kubelet_replaces_it(
    agent: Agent, tmp_path: Path
) -> None:
    for name, token in (("old", "expired"), ("new", agent.new_token())):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(token)
    data = tmp_path / "..data"
    data.symlink_to("old")
    access = msgspec.structs.replace(agent.access, token_file=str(data / "token"))
    server = ApiServer("test", access, pool=1, longest=30)
    with pytest.raises(BackendUnavailable):
        server.ask(pods(agent), soon())
    (tmp_path / "..next").symlink_to("new")
    (tmp_path / "..next").replace(data)
    assert server.ask(service(agent), soon())["metadata"]["name"] == "s"
    server.close()


def test_a_file_that_is_just_being_written_leaves_the_token_before_in_force(
    faulty: ApiServer, agent: Agent
) -> None:
    faulty.ask(pods(agent), soon())
    agent.write_token("")
    assert faulty.ask(pods(agent), soon())["kind"] == "PodList"


def test_a_token_that_is_refused_and_cannot_be_read_is_told(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    faulty.ask(pods(agent), soon())
    agent.write_token("")
    faults.plan.faults = [Fault("GET", refused(401, "Unauthorized", "expired"))]
    with pytest.raises(BackendUnavailable, match="is empty"):
        faulty.ask(pods(agent), soon())


def indirect(agent: Agent, faults: Proxy, directory: Path) -> ApiServer:
    """A client by a kubeconfig that names the token's file, which is not looked at."""
    access = faults.access(agent.access)
    document = {
        "clusters": [{"name": "c", "cluster": {"server": access.server}}],
        "users": [{"name": "u", "user": {"tokenFile": access.token_file}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    (directory / "config").write_text(yaml.safe_dump(document))
    kubeconfig = ClusterAccess(kubeconfig=str(directory / "config"))
    return ApiServer("test", kubeconfig, pool=4, longest=30)


def test_a_token_that_is_refused_is_read_again_once(
    faults: Proxy, agent: Agent, tmp_path: Path
) -> None:
    agent.write_token("expired")
    server = indirect(agent, faults, tmp_path)
    with pytest.raises(BackendUnavailable) as refusal:
        server.ask(pods(agent), soon())
    assert refusal.value.reason == "UNAUTHORIZED"
    assert faults.plan.count("GET") == 1
    agent.write_token(agent.new_token())
    server.ask(pods(agent), soon())
    assert faults.plan.count("GET") == 3
    server.ask(pods(agent), soon())
    assert faults.plan.count("GET") == 4
    server.close()


def test_a_change_that_was_refused_for_its_token_is_made_once_with_the_new_one(
    faults: Proxy, agent: Agent, tmp_path: Path
) -> None:
    agent.write_token("expired")
    server = indirect(agent, faults, tmp_path)
    with pytest.raises(BackendUnavailable):
        server.ask(pods(agent), soon())
    agent.write_token(agent.new_token())
    assert server.ask(service(agent), soon())["metadata"]["name"] == "s"
    assert faults.plan.count("POST") == 2
    server.close()


def test_a_kubeconfig_is_a_way_in(agent: Agent) -> None:
    server = ApiServer("test", agent.admin_access, pool=1, longest=30)
    assert server.ask(pods(agent), soon())["kind"] == "PodList"
    server.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"token_file": "/nowhere/token"}, "/nowhere/token"),
        ({"ca_file": "/nowhere/ca.crt"}, "/nowhere/ca.crt"),
        ({"kubeconfig": "/nowhere/config"}, "/nowhere/config"),
        ({"in_cluster": True}, "Service host/port is not set"),
    ],
)
def test_settings_that_cannot_be_used_are_told_with_the_file(
    agent: Agent, change: dict[str, object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    access = msgspec.structs.replace(agent.access, **change)
    server = ApiServer("test", access, pool=1, longest=30)
    with pytest.raises(BackendUnavailable, match=said):
        server.ask(pods(agent), soon())


def test_an_empty_token_is_told(agent: Agent, server: ApiServer) -> None:
    agent.write_token("\n")
    with pytest.raises(BackendUnavailable, match="is empty"):
        server.ask(pods(agent), soon())


def test_an_authority_that_vouches_for_another_is_not_believed(
    agent: Agent, tmp_path: Path
) -> None:
    programs = find_programs()
    certificates.write(programs.openssl, tmp_path)
    access = msgspec.structs.replace(agent.access, ca_file=str(tmp_path / "ca.crt"))
    server = ApiServer("test", access, pool=1, longest=30)
    with pytest.raises(BackendUnavailable, match="certificate verify failed"):
        server.ask(pods(agent), soon())


# --------------------------------------------------------------------------------- connections


def test_a_question_is_asked_again_over_a_new_connection(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    faults.plan.faults = [Fault("GET", hang_up)]
    assert faulty.ask(pods(agent), soon())["kind"] == "PodList"
    assert faults.plan.count("GET") == 2


def test_a_change_is_not_made_again(faulty: ApiServer, faults: Proxy, agent: Agent) -> None:
    faults.plan.faults = [Fault("POST", lose_the_answer)]
    with pytest.raises(OutcomeUnknown) as unknown:
        faulty.ask(service(agent), soon())
    assert unknown.value.reason == "SUBMIT_OUTCOME_UNKNOWN"
    assert faults.plan.count("POST") == 1


def test_nobody_who_listens_is_told_as_unreachable(agent: Agent) -> None:
    access = ClusterAccess(server="http://127.0.0.1:9", token_file=agent.access.token_file)
    server = ApiServer("test", access, pool=1, longest=30)
    with pytest.raises(BackendUnavailable) as refusal:
        server.ask(service(agent), soon())
    assert refusal.value.reason == "APISERVER_UNREACHABLE"
    assert refusal.value.retry_after


# ------------------------------------------------------------------------------------ deadlines


def test_a_question_ends_at_its_deadline(faulty: ApiServer, faults: Proxy, agent: Agent) -> None:
    faults.plan.faults = [Fault("GET", stall(5), times=2)]
    with pytest.raises(DeadlineExceeded):
        faulty.ask(pods(agent), Deadline.after(0.5))


def test_a_change_whose_deadline_passes_is_told_as_unknown(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    faults.plan.faults = [Fault("POST", stall(5))]
    with pytest.raises(OutcomeUnknown) as unknown:
        faulty.ask(service(agent), Deadline.after(0.5))
    assert unknown.value.kind is Kind.DEADLINE_EXCEEDED


def test_after_the_deadline_nothing_is_sent(faulty: ApiServer, faults: Proxy, agent: Agent) -> None:
    with pytest.raises(DeadlineExceeded):
        faulty.ask(service(agent), Deadline.after(0))
    assert faults.plan.count("POST") == 0


# -------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    "case",
    [
        (429, "TooManyRequests", Kind.RESOURCE_EXHAUSTED, "TOO_MANY_REQUESTS"),
        (500, "InternalError", Kind.UNAVAILABLE, "INTERNAL_ERROR"),
        (503, "ServiceUnavailable", Kind.UNAVAILABLE, "SERVICE_UNAVAILABLE"),
        (504, "Timeout", Kind.UNAVAILABLE, "TIMEOUT"),
        (410, "Expired", Kind.OUT_OF_RANGE, "EXPIRED"),
        (409, "Conflict", Kind.ABORTED, "CONFLICT"),
        (418, "", Kind.UNAVAILABLE, "INTERNAL_ERROR"),
    ],
)
def test_a_question_that_fails_has_the_reason_in_capitals(
    faulty: ApiServer, faults: Proxy, agent: Agent, case: tuple[int, str, Kind, str]
) -> None:
    status, reason, kind, told = case
    faults.plan.faults = [Fault("GET", refused(status, reason, "words", Retry_After="3"))]
    with pytest.raises(AgentError, match="words") as refusal:
        faulty.ask(pods(agent), soon())
    error = refusal.value
    assert (error.kind, error.reason, error.domain) == (kind, told, "kubernetes.hpcagent")
    assert (error.metadata["code"], error.metadata["said"]) == (str(status), "words")
    assert error.retry_after == 3


def test_what_is_no_status_is_told_as_it_is(faulty: ApiServer, faults: Proxy, agent: Agent) -> None:
    faults.plan.faults = [Fault("GET", lambda handler: handler.say(503, b"<h1>no upstream</h1>"))]
    with pytest.raises(BackendUnavailable, match="no upstream") as refusal:
        faulty.ask(pods(agent), soon())
    assert refusal.value.reason == "SERVICE_UNAVAILABLE"
    assert refusal.value.retry_after


def test_an_answer_that_is_cut_off_is_no_answer(
    faulty: ApiServer, faults: Proxy, agent: Agent
) -> None:
    faults.plan.faults = [Fault("POST", lambda handler: handler.say(201, b'{"metadata": {'))]
    with pytest.raises(OutcomeUnknown):
        faulty.ask(service(agent), soon())
