from dataclasses import replace
from typing import Any

import msgspec
import pytest
from unit.k8s.tasks import USER, planned, profile, task

from hpcagent import config
from hpcagent.config import Profile
from hpcagent.jobs import task as domain
from hpcagent.jobs.errors import Forbidden
from hpcagent.jobs.identity import Identity
from hpcagent.k8s import paths
from hpcagent.k8s.rules import images, policy


def settings(**rules: Any) -> config.Kubernetes:  # noqa: ANN401 - settings of TaskPolicy
    return config.Kubernetes(policy=msgspec.convert(rules, config.TaskPolicy))


def refused(spec: domain.TaskSpec, chosen: Profile, **rules: object) -> dict[str, str]:
    return refused_to(USER, spec, chosen, **rules)


def refused_to(
    user: Identity, spec: domain.TaskSpec, chosen: Profile, **rules: object
) -> dict[str, str]:
    try:
        policy.check(spec, user, chosen, settings(**rules))
    except Forbidden as error:
        return {fault.field: fault.reason for fault in error.violations}
    return {}


def volumes(*host_paths: str) -> domain.TaskSpec:
    return planned(
        volumes=tuple(
            domain.Volume(host_path=path, mount_path=f"/m{index}")
            for index, path in enumerate(host_paths)
        )
    )


def test_a_small_task_may_run_without_any_setting() -> None:
    assert refused(task(), profile()) == {}


def test_a_user_may_mount_what_is_below_the_own_home() -> None:
    assert refused(volumes("/home/jiangli", "/home/jiangli/a"), profile()) == {}


def test_roots_may_have_the_users_name_in_them() -> None:
    spec = volumes("/scratch/jiangli/x", "/scratch/other", "/data/a", "/database")
    rules = {"host_path_roots": ["/scratch/{user}", "/data"]}
    assert refused(spec, profile(), **rules) == {
        "task.plan.volumes[1]": "HOST_PATH_NOT_ALLOWED",
        "task.plan.volumes[3]": "HOST_PATH_NOT_ALLOWED",
    }


def test_a_home_that_the_policy_knows_is_the_users_own() -> None:
    spec = task(home="/GPUFS/jiangli/")
    assert refused(spec, profile(), homes=["/GPUFS/{user}"]) == {}
    assert refused(spec, profile()) == {"home": "HOME_NOT_ALLOWED"}


def test_the_root_of_the_nodes_is_nobodys_home_whatever_nss_says() -> None:
    service = replace(USER, home="/")
    everything = {"home": "HOME_NOT_ALLOWED"}
    assert refused_to(service, task(), profile()) == everything
    assert refused_to(service, task(home="/"), profile()) == everything
    assert refused_to(service, task(home="/../"), profile()) == everything
    assert refused_to(service, task(), profile(home_volume="")) == {}


def test_volumes_of_the_profile_are_the_operators_choice() -> None:
    chosen = profile(volumes=[{"name": "etc", "host_path": "/etc", "mount_path": "/etc"}])
    assert refused(task(), chosen) == {}


def test_capabilities_of_the_policy_or_the_profile_may_be_added() -> None:
    spec = task(capabilities=domain.Capabilities(("A", "B", "C"), ("D",)))
    chosen = profile(add_capabilities=["A"])
    assert refused(spec, chosen, capabilities=["B"]) == {
        "capabilities.add[2]": "CAPABILITY_NOT_ALLOWED"
    }


def test_a_task_runs_as_its_user_unless_the_operator_allows_another() -> None:
    spec = task(run_as_user=False)
    assert refused(spec, profile()) == {"run_as_user": "IMAGE_USER_NOT_ALLOWED"}
    assert refused(spec, profile(), allow_image_user=True) == {}
    assert refused(spec, profile(run_as_user=False)) == {}


def test_nodes_and_devices_are_chosen_by_the_keys_that_the_policy_names() -> None:
    spec = task(
        node_selector={"gpu": "a", "site/b": "c", "arch": "arm"},
        resources=domain.TaskResources(
            devices=(domain.Device("nvidia.com/gpu", 1), domain.Device("a.b/c", 1))
        ),
        tolerations=(domain.Toleration(key="k"), domain.Toleration(operator="EXISTS")),
    )
    rules = {"node_selectors": ["gpu"], "devices": ["nvidia.com/*"], "tolerations": ["k*"]}
    chosen = profile(node_selector={"arch": "arm"})
    assert refused(spec, chosen, **rules) == {
        'node_selector["site/b"]': "NODE_SELECTOR_NOT_ALLOWED",
        "resources.devices[1].name": "DEVICE_NOT_ALLOWED",
        "tolerations[1].key": "TOLERATION_NOT_ALLOWED",
    }
    rules = {"tolerations": ["*"]}
    assert refused(spec, chosen, **rules) == {}


def test_the_policys_namespaces_take_the_place_of_the_profiles() -> None:
    assert refused(task(namespace="default"), profile()) == {}
    rules = {"namespaces": ["hpc"]}
    assert refused(task(namespace="hpc"), profile(), **rules) == {}
    assert refused(task(namespace="default"), profile(), **rules) == {
        "namespace": "NAMESPACE_NOT_ALLOWED"
    }


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("busybox", "docker.io/library/busybox"),
        ("busybox:1", "docker.io/library/busybox"),
        ("user/app", "docker.io/user/app"),
        ("localhost/app", "localhost/app"),
        ("hub.example/a/b:1", "hub.example/a/b"),
        ("hub.example:5000/a/b", "hub.example:5000/a/b"),
        ("HUB.example/a", "hub.example/a"),
        ("HUB/a", "hub/a"),
        ("docker.io/busybox", "docker.io/library/busybox"),
        ("index.docker.io/busybox", "docker.io/library/busybox"),
        ("index.docker.io/user/app", "docker.io/user/app"),
        (f"hub.example/a@sha256:{'0' * 64}", "hub.example/a"),
        ("a:1@sha256:" + "0" * 64, "docker.io/library/a"),
    ],
)
def test_an_image_is_of_the_registry_that_a_runtime_asks(image: str, repository: str) -> None:
    assert not images.trouble(image)
    assert images.repository(image) == repository


@pytest.mark.parametrize(
    "image", ["", ":1", "a:", "a@", "A", "a//b", "/a", "a/", "a b", "a\n", "-a", "a@sha256:0"]
)
def test_a_text_that_names_no_image_is_refused(image: str) -> None:
    assert images.trouble(image)


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [("*", True), ("hub.example", True), ("hub.example/team", True), ("hub.example/team/", True),
     ("hub.example/tea", False), ("hub", False), ("docker.io", False)],
)  # fmt: skip
def test_a_pattern_ends_where_a_part_of_the_name_ends(pattern: str, allowed: bool) -> None:
    assert images.allowed("hub.example/team/app:1", (pattern,)) is allowed


@pytest.mark.parametrize(
    ("path", "clean"),
    [("/a/./b//c/", "/a/b/c"), ("//a", "/a"), ("/../../a", "/a"), ("/a/..", "/"), ("/", "/")],
)
def test_a_path_is_judged_by_where_it_leads(path: str, clean: str) -> None:
    assert paths.clean(path) == clean


def test_nothing_is_below_the_root_only_for_being_there() -> None:
    assert not paths.below("/etc", "/")
    assert paths.below("/a/b", "/a")
    assert paths.below("/a", "/a")
    assert not paths.below("/ab", "/a")
