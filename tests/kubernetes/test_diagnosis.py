"""What `hpcagent check` finds about clusters: each thing broken, and its word read."""

from pathlib import Path

import msgspec
import pytest
import tree
import yaml
from fix_daemon import hpcagent, toml
from fix_kubernetes import Agent
from fix_task_daemon import CLUSTER, settings_for

from hpcagent import config
from hpcagent.jobs.findings import Finding, State
from hpcagent.k8s.diagnosis import RIGHTS, diagnose


def kubernetes(agent: Agent, **access: str) -> config.Kubernetes:
    """Settings for an account, its access changed."""
    settings = settings_for(agent)["kubernetes"]
    changed = {**settings["clusters"][CLUSTER], **access}
    return msgspec.convert({**settings, "clusters": {CLUSTER: changed}}, config.Kubernetes)


def found(settings: config.Kubernetes) -> list[Finding]:
    return list(diagnose(settings))


def test_a_cluster_that_can_be_used_is_named_with_its_version(agent: Agent) -> None:
    server, rights = found(kubernetes(agent))
    assert (server.check, server.state) == (CLUSTER, State.OK)
    assert server.said.startswith("Kubernetes v1.")
    assert (rights.state, rights.said) == (State.OK, f"has its rights in {agent.namespace}")


def test_the_rights_are_those_of_the_role_that_is_shipped() -> None:
    role = yaml.safe_load(tree.text("docs/kubernetes/role.yaml"))
    shipped = {
        (group, resource): tuple(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert dict(RIGHTS) == shipped


def test_a_right_that_is_missing_is_named(agent: Agent) -> None:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{agent.namespace}/roles/hpcagent"
    role = agent.cluster.call("GET", path)
    role["rules"] = [rule for rule in role["rules"] if rule["resources"] != ["secrets"]]
    agent.cluster.call("PUT", path, role)
    *_, rights = found(kubernetes(agent))
    assert rights.state is State.FAIL
    assert rights.said == f"lacks rights in {agent.namespace}: create secrets"
    assert "role.yaml" in rights.advice


def test_credentials_that_are_not_accepted_are_told(agent: Agent) -> None:
    agent.write_token("not.a.token")
    (server,) = found(kubernetes(agent))
    assert server.state is State.FAIL
    assert agent.access.server in server.said


def test_a_file_that_is_not_there_is_a_misconfiguration(agent: Agent, tmp_path: Path) -> None:
    (server,) = found(kubernetes(agent, token_file=str(tmp_path / "none")))
    assert (server.state, server.misconfigured) == (State.FAIL, True)
    assert "none" in server.said


def test_a_server_that_is_not_there_is_told(agent: Agent) -> None:
    (server,) = found(kubernetes(agent, server="https://127.0.0.1:1"))
    assert (server.state, server.misconfigured) == (State.FAIL, False)
    assert "https://127.0.0.1:1" in server.said


def test_the_command_judges_clusters_and_leaves_a_slurm_that_is_off_alone(
    agent: Agent, tmp_path: Path
) -> None:
    file = tmp_path / "hpcagent.toml"
    file.write_text(toml({"server": {"unix": str(tmp_path / "s")}, **settings_for(agent)}))
    said = hpcagent("check", "--config", file)
    assert said.returncode == 0, said.stdout
    assert f"has its rights in {agent.namespace}" in said.stdout
    assert "slurm" not in said.stdout


@pytest.mark.parametrize("file", ["docs/kubernetes/role.yaml", "docs/kubernetes/cluster-role.yaml"])
def test_the_page_for_operators_points_to_the_roles(file: str) -> None:
    assert file in tree.text("docs/kubernetes.md")
