"""The task that the original system rendered as the Deployment of its documentation."""

from collections.abc import Mapping

from google.protobuf import json_format

from hpcagent.v1 import k8s_agent_pb2

TASK_ID = "wbaf1cd1b-94c0-44a3-bb88-3b9906dd6cf4"
HOME = "/GPUFS/nscc-gz_yfb_xxhuang"
WORK_DIR = f"{HOME}/.bihu/{TASK_ID}"
IMAGE = "hub.starlight-dev.nscc-gz.cn/nscc-gz_jiangli_public/deeplearning-1586402268:centos"
SECRETS = {
    "SL_SECURE": "kK1OTvKoEjiC+FvwV544yGDW8bdz18UlNdBlGjdZn6U=",
    "SL_PASSWD": "nscc-gz_yfb_xxhuang:x:10271:9865:nscc-gz_yfb:"
    "/BIGDATA1/nscc-gz_yfb_xxhuang:/bin/bash",
}


def request(fields: Mapping[str, object]) -> k8s_agent_pb2.SubmitTaskRequest:
    """Return a request written as protobuf's JSON, with the names of the contract."""
    return json_format.ParseDict(dict(fields), k8s_agent_pb2.SubmitTaskRequest())


ORIGIN: Mapping[str, object] = {
    "user_id": 10271,
    "group_id": 9865,
    "user": "nscc-gz_yfb_xxhuang",
    "group": "nscc-gz_yfb",
    "home": HOME,
    "app": "deeplearningtest",
    "job_name": "deeplearni-9165855",
    "partition": "power",
    "task": {
        "stage": {"dir": WORK_DIR},
        "plan": {"id": TASK_ID, "container_image": IMAGE, "command": ["sleep", "3600"]},
    },
    "resources": {
        "cpu_millis": 1000,
        "memory_bytes": 4 << 30,
        "devices": [{"name": "nvidia.com/gpu", "count": 0}],
        "shm_size_bytes": 2 << 30,
    },
    "secret_env": SECRETS,
}
"""What the original was asked for."""
