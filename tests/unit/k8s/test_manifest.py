from typing import Any

import pytest
from unit.k8s.tasks import ORIGIN, ORIGIN_USER, USER, container, planned, profile, task

from hpcagent.config import Profile
from hpcagent.jobs import task as domain
from hpcagent.k8s.manifests.manifest import ENDPOINTS, render
from hpcagent.k8s.rules import forms

ENDPOINT = domain.Endpoint(
    name="jupyter-default", source_port=80, target_port=8888, control=1, type=1
)


def pod(spec: domain.TaskSpec, chosen: Profile) -> dict[str, Any]:
    made: dict[str, Any] = render(spec, USER, chosen).workload["spec"]["template"]["spec"]
    return made


# ------------------------------------------------------------------------------------ the secrets


def test_secret_variables_are_in_a_secret_unless_the_profile_says_plain() -> None:
    manifests = render(ORIGIN, ORIGIN_USER, profile())
    assert manifests.secret
    assert manifests.secret["stringData"] == dict(ORIGIN.secret_env)
    name = manifests.secret["metadata"]["name"]
    assert {
        "name": "SL_PASSWD",
        "valueFrom": {"secretKeyRef": {"name": name, "key": "SL_PASSWD"}},
    } in container(manifests.workload)["env"]
    assert not any(value in str(manifests.workload) for value in ORIGIN.secret_env.values())


@pytest.mark.parametrize("name", [".", "..data", "A" * 254])
def test_a_name_that_no_secret_takes_is_refused_where_there_is_a_secret(name: str) -> None:
    spec = task(secret_env={name: "x"}, request_id="r")
    (fault,) = forms.check(spec, profile())
    assert (fault.field, fault.reason) == (f'secret_env["{name[:64]}"]', "NAME_FORM")
    assert list(forms.check(spec, profile(plain_secrets=True))) == []


def test_a_task_without_secrets_has_no_secret() -> None:
    assert render(task(), USER, profile()).secret is None


# ---------------------------------------------------------------------------------------- Service


def test_endpoints_become_a_service_that_leads_to_the_tasks_pods() -> None:
    manifests = render(task(endpoints=(ENDPOINT,)), USER, profile())
    service = manifests.service
    assert service
    assert service["spec"] == {
        "type": "ClusterIP",
        "selector": {"name": "t1"},
        "ports": [{"name": "jupyter-default", "protocol": "TCP", "port": 80, "targetPort": 8888}],
    }
    assert service["metadata"]["name"] == "t1"
    assert service["metadata"]["annotations"] == {
        ENDPOINTS: '{"jupyter-default":{"control":1,"type":1}}'
    }
    pods = manifests.workload["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= pods.items()
    assert container(manifests.workload)["ports"] == [{"containerPort": 8888, "protocol": "TCP"}]


def test_a_service_port_is_the_target_port_if_none_is_given() -> None:
    endpoint = domain.Endpoint(name="a", target_port=8888)
    service = render(task(endpoints=(endpoint,)), USER, profile(service_type="NodePort")).service
    assert service
    assert service["spec"]["ports"][0]["port"] == 8888
    assert service["spec"]["type"] == "NodePort"


# -------------------------------------------------------------------------------------------- Job


def test_a_task_that_ends_is_a_job_that_is_never_run_twice() -> None:
    spec = task(workload=domain.Workload.JOB, batch=domain.Batch(seconds=90), replicas=2)
    made = render(spec, USER, profile()).workload
    assert (made["apiVersion"], made["kind"]) == ("batch/v1", "Job")
    template = made["spec"].pop("template")
    assert template["spec"]["restartPolicy"] == "Never"
    assert made["spec"] == {
        "parallelism": 2,
        "completions": 2,
        "backoffLimit": 0,
        "activeDeadlineSeconds": 90,
        "ttlSecondsAfterFinished": 86400,
    }


def test_a_job_without_limits_has_none() -> None:
    made = render(task(workload=domain.Workload.JOB), USER, profile()).workload
    assert "activeDeadlineSeconds" not in made["spec"]


def test_a_job_lives_on_after_its_end_as_asked_for() -> None:
    batch = domain.Batch(ttl_after_finished=0, backoff_limit=3)
    made = render(task(workload=domain.Workload.JOB, batch=batch), USER, profile()).workload
    assert (made["spec"]["ttlSecondsAfterFinished"], made["spec"]["backoffLimit"]) == (0, 3)


# ---------------------------------------------------------------------------------------- the pod


def test_a_task_may_wait_with_no_replica() -> None:
    assert render(task(replicas=0), USER, profile()).workload["spec"]["replicas"] == 0


def test_by_default_a_task_runs_as_its_user_and_with_no_more_rights_than_it_needs() -> None:
    made = pod(task(), profile())
    assert made["securityContext"] == {
        "seccompProfile": {"type": "RuntimeDefault"},
        "runAsUser": 1870,
        "runAsGroup": 1884,
        "runAsNonRoot": True,
        "supplementalGroups": [5000],
    }
    assert made["automountServiceAccountToken"] is False
    assert made["containers"][0]["securityContext"] == {
        "capabilities": {"drop": ["ALL"]},
        "allowPrivilegeEscalation": False,
    }


def test_sys_admin_is_not_said_to_be_without_privilege_escalation() -> None:
    spec = task(capabilities=domain.Capabilities(("SYS_ADMIN",)))
    made = pod(spec, profile())["containers"][0]["securityContext"]
    assert made == {"capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]}}


def test_a_task_chooses_its_capabilities_in_place_of_the_profiles() -> None:
    spec = task(capabilities=domain.Capabilities(("NET_RAW",), ("CHOWN",)))
    chosen = profile(security="plain", add_capabilities=["SYS_ADMIN"])
    security = pod(spec, chosen)["containers"][0]["securityContext"]
    assert security == {"capabilities": {"add": ["NET_RAW"], "drop": ["CHOWN"]}}


def test_the_request_says_whether_a_task_runs_as_its_user() -> None:
    assert "securityContext" not in pod(task(run_as_user=False), profile(security="plain"))
    asked = pod(task(run_as_user=True), profile(security="plain", run_as_user=False))
    assert asked["securityContext"]["runAsUser"] == 1870


def test_what_the_request_says_comes_before_the_profile() -> None:
    chosen = profile(
        cpu_millis=500,
        memory_bytes=1 << 20,
        ephemeral_storage_bytes=1000,
        devices={"nvidia.com/gpu": 0, "a.b/c": 1},
        image_pull_secrets=["site"],
        partition="site",
        tolerations=[{"key": "site", "operator": "Exists"}],
        node_selector={"arch": "arm"},
    )
    spec = task(
        resources=domain.TaskResources(
            cpu_millis=1500, devices=(domain.Device("nvidia.com/gpu", 2),)
        ),
        image_pull_secrets=("own",),
        image_pull_policy="ALWAYS",
        partition="power",
        termination_grace_period=7,
        node_selector={"disk": "ssd"},
        tolerations=(domain.Toleration(key="k", value="v", effect="NO_EXECUTE", seconds=60),),
    )
    made = pod(spec, chosen)
    assert made["containers"][0]["resources"]["limits"] == {
        "cpu": "1500m",
        "memory": "1Mi",
        "ephemeral-storage": "1000",
        "nvidia.com/gpu": "2",
        "a.b/c": "1",
    }
    assert made["imagePullSecrets"] == [{"name": "own"}]
    assert made["containers"][0]["imagePullPolicy"] == "Always"
    assert made["terminationGracePeriodSeconds"] == 7
    assert made["nodeSelector"] == {"arch": "arm", "disk": "ssd", "partition": "power"}
    assert made["tolerations"] == [
        {"key": "site", "operator": "Exists"},
        {
            "key": "k",
            "operator": "Equal",
            "value": "v",
            "effect": "NoExecute",
            "tolerationSeconds": 60,
        },
    ]


def test_what_nobody_asks_for_is_left_out() -> None:
    made = pod(task(), profile(security="plain", run_as_user=False, home_volume=""))
    assert made == {
        "containers": [
            {
                "name": "t1",
                "image": "registry.example/team/i:1",
                "imagePullPolicy": "IfNotPresent",
                "env": [
                    {"name": "HOME", "value": "/home/jiangli"},
                    {"name": "HOSTNAME", "value": "t1"},
                    {"name": "USER", "value": "jiangli"},
                ],
            }
        ]
    }


def test_probes_have_kubernetes_own_form() -> None:
    spec = task(
        liveness_probe=domain.Probe(handler=domain.ExecAction(("test", "-e", "/x")), period=5),
        readiness_probe=domain.Probe(
            handler=domain.HttpGetAction(80, "/ok", https=True, headers={"Host": "h"}),
            initial_delay=0,
            timeout=2,
            success_threshold=3,
            failure_threshold=4,
        ),
        startup_probe=domain.Probe(handler=domain.GrpcAction(81, "s")),
    )
    made = container(render(spec, USER, profile()).workload)
    assert made["livenessProbe"] == {"exec": {"command": ["test", "-e", "/x"]}, "periodSeconds": 5}
    assert made["readinessProbe"] == {
        "httpGet": {
            "port": 80,
            "path": "/ok",
            "scheme": "HTTPS",
            "httpHeaders": [{"name": "Host", "value": "h"}],
        },
        "initialDelaySeconds": 0,
        "timeoutSeconds": 2,
        "successThreshold": 3,
        "failureThreshold": 4,
    }
    assert made["startupProbe"] == {"grpc": {"port": 81, "service": "s"}}
    tcp = task(liveness_probe=domain.Probe(handler=domain.TcpAction(9)))
    assert container(render(tcp, USER, profile()).workload)["livenessProbe"] == {
        "tcpSocket": {"port": 9}
    }


# ---------------------------------------------------------------------------------------- volumes


def test_paths_are_rendered_clean() -> None:
    plan = domain.StageTaskPlan(
        id="t1",
        container_image="i",
        volumes=(
            domain.Volume(host_path="//data/./a/../b/", mount_path="/b/"),
            domain.Volume(host_path="/c", mount_path="/c", name="own", read_only=True),
        ),
    )
    spec = task(task=domain.StagedTask(plan=plan, volumes=("/d:/e:ro",)))
    made = pod(spec, profile(home_volume=""))
    assert made["volumes"] == [
        {"name": "volume-0", "hostPath": {"path": "/data/b"}},
        {"name": "own", "hostPath": {"path": "/c"}},
        {"name": "volume-2", "hostPath": {"path": "/d"}},
    ]
    assert made["containers"][0]["volumeMounts"] == [
        {"name": "volume-0", "mountPath": "/b"},
        {"name": "own", "mountPath": "/c", "readOnly": True},
        {"name": "volume-2", "mountPath": "/e", "readOnly": True},
    ]


def test_the_task_sees_its_directory_where_it_says() -> None:
    stage = domain.Stage(dir="/home/jiangli/t", run_dir="/work")
    spec = task(task=domain.StagedTask(plan=planned().task.plan, stage=stage))
    made = pod(spec, profile(home_volume=""))
    assert made["volumes"] == [{"name": "workdir", "hostPath": {"path": "/home/jiangli/t"}}]
    assert made["containers"][0]["volumeMounts"] == [{"name": "workdir", "mountPath": "/work"}]
    assert made["containers"][0]["workingDir"] == "/work"
    assert {"name": "CWD", "value": "/work"} in made["containers"][0]["env"]


def test_a_home_that_the_request_names_is_mounted_in_place_of_nss_own() -> None:
    assert pod(task(home="/GPUFS/jiangli"), profile())["volumes"] == [
        {"name": "home", "hostPath": {"path": "/GPUFS/jiangli"}}
    ]
    assert pod(task(), profile())["volumes"] == [
        {"name": "home", "hostPath": {"path": "/home/jiangli"}}
    ]


def test_a_size_of_zero_leaves_shared_memory_to_the_runtime() -> None:
    spec = task(resources=domain.TaskResources(shm_size_bytes=0))
    assert "volumes" not in pod(spec, profile(home_volume="", shm_size_bytes=1 << 30))


def test_labels_are_the_profiles_keys_and_the_requests_own() -> None:
    spec = task(app="a", job_name="j", labels={"team": "x"})
    chosen = profile(app_label="site/app", job_name_label="", labels={"site": "gz"})
    made = render(spec, USER, chosen).workload
    wanted = {"site/app": "a", "name": "t1", "team": "x", "site": "gz"}
    assert made["metadata"]["labels"] == wanted
    assert made["spec"]["template"]["metadata"]["labels"] == wanted
    assert made["spec"]["selector"]["matchLabels"] == {"name": "t1"}
