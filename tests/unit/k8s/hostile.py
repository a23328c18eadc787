"""Requests that must be refused, each as what it changes of the original's, and by what.

A change is a path in the request, as the contract has it, and what stands there in place of the
original's value. Where several reasons are given, all of them must be told at once.
"""

from collections.abc import Mapping
from typing import Any

HOME = "/GPUFS/nscc-gz_yfb_xxhuang"
VOLUME = {"name": "v", "host_path": f"{HOME}/v", "mount_path": "/v"}
PORT = {"name": "web", "target_port": 80}


def volume(**changed: object) -> list[dict[str, object]]:
    return [{**VOLUME, **changed}]


def port(**changed: object) -> list[dict[str, object]]:
    return [{**PORT, **changed}]


# What is wrong with the form: INVALID_ARGUMENT.
MALFORMED: Mapping[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {
    "a name in capitals": ({"task.plan.id": "Task"}, {"task.plan.id": "NAME_FORM"}),
    "a name with a slash": ({"task.plan.id": "../x"}, {"task.plan.id": "NAME_FORM"}),
    "a name of 64 letters": ({"task.plan.id": "a" * 64}, {"task.plan.id": "NAME_FORM"}),
    "a name with a line break": ({"task.plan.id": "a\n"}, {"task.plan.id": "NAME_FORM"}),
    "a name that no Service may have": (
        {"task.plan.id": "1a", "endpoints": port()},
        {"task.plan.id": "NAME_FORM"},
    ),
    "no name at all": ({"task.plan.id": ""}, {"task.plan.id": "REQUIRED"}),
    "a namespace with a path": ({"namespace": "../kube-system"}, {"namespace": "NAME_FORM"}),
    "a label that is no label": ({"job_name": "a: b"}, {"job_name": "NAME_FORM"}),
    "a label of YAML": ({"app": "x\nspec: {}"}, {"app": "NAME_FORM"}),
    "a partition with spaces": ({"partition": "a b"}, {"partition": "NAME_FORM"}),
    "a label of the agent's own": ({"labels": {"name": "x"}}, {'labels["name"]': "CONFLICT"}),
    "a mark of the agent's own": (
        {"labels": {"hpcagent/request": "x"}},
        {'labels["hpcagent/request"]': "CONFLICT"},
    ),
    "no image": ({"task.plan.container_image": ""}, {"task.plan.container_image": "REQUIRED"}),
    "an image with a command": (
        {"task.plan.container_image": "a; rm -rf /"},
        {"task.plan.container_image": "IMAGE_FORM"},
    ),
    "an image in capitals": (
        {"task.plan.container_image": "hub.example/Team/X"},
        {"task.plan.container_image": "IMAGE_FORM"},
    ),
    "an image of 600 letters": (
        {"task.plan.container_image": "a" * 600},
        {"task.plan.container_image": "IMAGE_FORM"},
    ),
    "a NUL in an argument": (
        {"task.plan.command": ["sh\0", "x"]},
        {"task.plan.command[0]": "NUL_CHARACTER"},
    ),
    "a NUL in a secret": ({"secret_env": {"A": "\0"}}, {'secret_env["A"]': "NUL_CHARACTER"}),
    "a NUL in a probe": (
        {"liveness_probe": {"exec": {"command": ["a\0"]}}},
        {"liveness_probe.exec.command[0]": "NUL_CHARACTER"},
    ),
    "an argument longer than Linux takes": (
        {"task.plan.command": ["x" * (128 << 10)]},
        {"task.plan.command[0]": "TOO_LONG"},
    ),
    "an environment of 2 MB": (
        {"task.plan.env": {f"V{n}": "x" * 100_000 for n in range(20)}},
        {"task.plan.env": "TOO_LONG"},
    ),
    "secrets of 2 MB": (
        {"secret_env": {f"V{n}": "x" * 100_000 for n in range(20)}},
        {"task.plan.env": "TOO_LONG"},
    ),
    "a variable longer than Linux takes": (
        {"task.plan.env": {"A": "x" * (128 << 10)}},
        {'task.plan.env["A"]': "TOO_LONG"},
    ),
    "commands of 2 MB": ({"task.plan.command": ["x" * 100_000] * 20}, {"task": "TOO_LONG"}),
    "a variable with = in its name": (
        {"task.plan.env": {"A=B": "x"}},
        {'task.plan.env["A=B"]': "NAME_FORM"},
    ),
    "a variable without a name": ({"task.plan.env": {"": "x"}}, {'task.plan.env[""]': "NAME_FORM"}),
    "a variable that is secret and not": (
        {"task.plan.env": {"SL_PASSWD": "x"}},
        {'secret_env["SL_PASSWD"]': "CONFLICT"},
    ),
    "a path that is not absolute": (
        {"task.plan.volumes": volume(host_path="v")},
        {"task.plan.volumes[0].host_path": "PATH_FORM"},
    ),
    "a path with a line break": (
        {"task.plan.volumes": volume(host_path=f"{HOME}/a\nb")},
        {"task.plan.volumes[0].host_path": "PATH_FORM"},
    ),
    "a path longer than Linux takes": (
        {"task.stage.dir": f"{HOME}/{'x' * 4096}"},
        {"task.stage.dir": "PATH_FORM"},
    ),
    "a mount with a colon": (
        {"task.plan.volumes": volume(mount_path="/a:b")},
        {"task.plan.volumes[0].mount_path": "PATH_FORM"},
    ),
    "a home with a colon": ({"home": f"{HOME}:/etc"}, {"home": "PATH_FORM"}),
    "a mount over everything": (
        {"task.plan.volumes": volume(mount_path="/a/..")},
        {"task.plan.volumes[0].mount_path": "PATH_FORM"},
    ),
    "a mount over what the kernel tells": (
        {"task.plan.volumes": volume(mount_path="/./proc/sys")},
        {"task.plan.volumes[0].mount_path": "PATH_FORM"},
    ),
    "a mount over the site's own": (
        {"task.plan.volumes": volume(mount_path="/app/.")},
        {"task.plan.volumes[0]": "DUPLICATE"},
    ),
    "a mount over shared memory": (
        {"task.plan.volumes": volume(mount_path="/dev//shm")},
        {"task.plan.volumes[0]": "DUPLICATE"},
    ),
    "a volume with the name of the home's": (
        {"task.plan.volumes": volume(name="fshome")},
        {"task.plan.volumes[0]": "DUPLICATE"},
    ),
    "a volume in no form": ({"task.volumes": ["/a"]}, {"task.volumes[0]": "VOLUME_FORM"}),
    "an output that would be lost": (
        {"task.plan.outputs": [{"path": f"{HOME}/../out"}]},
        {"task.plan.outputs[0].path": "NOT_IN_A_VOLUME"},
    ),
    "files of which one has no form and one no place": (
        {"task.inputs": [{"path": "in"}], "task.plan.outputs": [{"path": "/etc/x"}]},
        {"task.inputs[0].path": "PATH_FORM", "task.plan.outputs[0].path": "NOT_IN_A_VOLUME"},
    ),
    "a header that begins another": (
        {"liveness_probe": {"http_get": {"port": 1, "path": "/\n", "headers": {"A": "b\r\nC: d"}}}},
        {
            "liveness_probe.http_get.path": "PATH_FORM",
            'liveness_probe.http_get.headers["A"]': "HEADER_FORM",
        },
    ),
    "a standard input": ({"task.stdin": "/etc/passwd"}, {"task.stdin": "STDIN_NOT_SUPPORTED"}),
    "no CPU": ({"resources.cpu_millis": 0}, {"resources.cpu_millis": "OUT_OF_RANGE"}),
    "a huge amount of memory": (
        {"resources.memory_bytes": (1 << 64) - 1},
        {"resources.memory_bytes": "OUT_OF_RANGE"},
    ),
    "a huge number of devices": (
        {"resources.devices": [{"name": "nvidia.com/gpu", "count": (1 << 64) - 1}]},
        {"resources.devices[0].count": "OUT_OF_RANGE"},
    ),
    "a device by half its name": (
        {"resources.devices": [{"name": "gpu", "count": 1}]},
        {"resources.devices[0].name": "NAME_FORM"},
    ),
    "a huge number of replicas": ({"replicas": (1 << 32) - 1}, {"replicas": "OUT_OF_RANGE"}),
    "10,000 years of grace": (
        {"termination_grace_period": "315576000000s"},
        {"termination_grace_period": "OUT_OF_RANGE"},
    ),
    "a port above all ports": (
        {"endpoints": port(target_port=65536)},
        {"endpoints[0].target_port": "OUT_OF_RANGE"},
    ),
    "two endpoints at one port": (
        {"endpoints": [*port(), *port(name="other")]},
        {"endpoints[1].source_port": "DUPLICATE"},
    ),
    "a capability that is none": (
        {"capabilities": {"add": ["sys_admin"]}},
        {"capabilities.add[0]": "NAME_FORM"},
    ),
    "nodes of another partition": (
        {"node_selector": {"partition": "other"}},
        {'node_selector["partition"]': "CONFLICT"},
    ),
    "a batch of a Deployment": ({"batch": {"backoff_limit": 1}}, {"batch": "CONFLICT"}),
    "a user without a name": ({"user": ""}, {"user": "REQUIRED"}),
    "a user with a path for a name": ({"user": "../root"}, {"user": "NAME_FORM"}),
    "an unknown cluster": ({"cluster": "../x"}, {"cluster": "CLUSTER_UNKNOWN"}),
    "a directory to be made where nothing is mounted": (
        {"task.stage.create": True},
        {"task.stage.create": "STAGING_NOT_SUPPORTED"},
    ),
    "much at once": (
        {
            "task.plan.id": "A",
            "namespace": "B",
            "task.plan.container_image": "C",
            "replicas": (1 << 32) - 1,
            "user": "",
            "image_pull_policy": 9,
            "liveness_probe": {"tcp_port": 0, "success_threshold": 2},
        },
        {
            "task.plan.id": "NAME_FORM",
            "namespace": "NAME_FORM",
            "task.plan.container_image": "IMAGE_FORM",
            "replicas": "OUT_OF_RANGE",
            "user": "REQUIRED",
            "image_pull_policy": "UNKNOWN_VALUE",
            "liveness_probe.tcp_port": "OUT_OF_RANGE",
            "liveness_probe.success_threshold": "OUT_OF_RANGE",
        },
    ),
}

# What is well formed and more than a caller may have: PERMISSION_DENIED.
FORBIDDEN: Mapping[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {
    "root": ({"user_id": 0, "user": "root"}, {"user_id": "USER_NOT_SERVED"}),
    "an account of the system": ({"user_id": 999}, {"user_id": "USER_NOT_SERVED"}),
    "root's group": ({"group_id": 0, "group": "root"}, {"group_id": "GROUP_NOT_SERVED"}),
    "the node's whole file system": (
        {"task.plan.volumes": volume(host_path="/")},
        {"task.plan.volumes[0]": "HOST_PATH_NOT_ALLOWED"},
    ),
    "the node's files by way of the home": (
        {"task.plan.volumes": volume(host_path=f"{HOME}/../../etc")},
        {"task.plan.volumes[0]": "HOST_PATH_NOT_ALLOWED"},
    ),
    "the node's files behind many slashes": (
        {"task.plan.volumes": volume(host_path="////etc/./shadow")},
        {"task.plan.volumes[0]": "HOST_PATH_NOT_ALLOWED"},
    ),
    "the runtime's socket in the short form": (
        {"task.volumes": ["/var/run/containerd/containerd.sock:/run/c.sock"]},
        {"task.volumes[0]": "HOST_PATH_NOT_ALLOWED"},
    ),
    "a neighbour whose name begins alike": (
        {"task.plan.volumes": volume(host_path=f"{HOME}2/data")},
        {"task.plan.volumes[0]": "HOST_PATH_NOT_ALLOWED"},
    ),
    "a directory of the task elsewhere": (
        {"task.stage.dir": f"{HOME}/../other/x"},
        {"task.stage.dir": "HOST_PATH_NOT_ALLOWED"},
    ),
    "another user's home": ({"home": "/GPUFS/other"}, {"home": "HOME_NOT_ALLOWED"}),
    "everything as the home": ({"home": "/"}, {"home": "HOME_NOT_ALLOWED"}),
    "a home by a way out": ({"home": f"{HOME}/.."}, {"home": "HOME_NOT_ALLOWED"}),
    "the cluster's own namespace": (
        {"namespace": "kube-system"},
        {"namespace": "NAMESPACE_NOT_ALLOWED"},
    ),
    "an image of another registry": (
        {"task.plan.container_image": "evil.example/a/b:1"},
        {"task.plan.container_image": "IMAGE_NOT_ALLOWED"},
    ),
    "an image of a registry that begins alike": (
        {"task.plan.container_image": "hub.starlight-dev.nscc-gz.cn.evil.example/a"},
        {"task.plan.container_image": "IMAGE_NOT_ALLOWED"},
    ),
    "an image of a host without a dot": (
        {"task.plan.container_image": "EVIL/hub.starlight-dev.nscc-gz.cn/a"},
        {"task.plan.container_image": "IMAGE_NOT_ALLOWED"},
    ),
    "an image without a registry": (
        {"task.plan.container_image": "busybox"},
        {"task.plan.container_image": "IMAGE_NOT_ALLOWED"},
    ),
    "a capability that nobody granted": (
        {"capabilities": {"add": ["SYS_ADMIN", "SYS_MODULE"]}},
        {"capabilities.add[1]": "CAPABILITY_NOT_ALLOWED"},
    ),
    "all capabilities": (
        {"capabilities": {"add": ["ALL"]}},
        {"capabilities.add[0]": "CAPABILITY_NOT_ALLOWED"},
    ),
    "the nodes of the control plane": (
        {"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": 2}]},
        {"tolerations[0].key": "TOLERATION_NOT_ALLOWED"},
    ),
    "all nodes, whatever their taints": (
        {"tolerations": [{"operator": 2}]},
        {"tolerations[0].key": "TOLERATION_NOT_ALLOWED"},
    ),
    "more replicas than there may be": ({"replicas": 101}, {"replicas": "TOO_MANY_REPLICAS"}),
    "much at once": (
        {"namespace": "kube-system", "home": "/root", "replicas": 101},
        {
            "namespace": "NAMESPACE_NOT_ALLOWED",
            "home": "HOME_NOT_ALLOWED",
            "replicas": "TOO_MANY_REPLICAS",
        },
    ),
}
