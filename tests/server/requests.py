"""Requests that several tests send."""

from hpcagent.v1 import slurm_agent_pb2

WORK_DIR = "/GPUFS/nscc-gz_jiangli/.bihu/wfda97f4b-5923-415f-9951-a7dca9b54c9f"
COMMENT = '{"sid":"wfda97f4b-5923-415f-9951-a7dca9b54c9f","app":"simpleHpcJobHour"}'
SCRIPT = "#!/bin/bash\n\n\n\nenv\nhostname\nwhoami\nsleep 3600\ndate\n\n\n\n"


def original() -> slurm_agent_pb2.SubmitJobRequest:
    """A real request of the original system."""
    request = slurm_agent_pb2.SubmitJobRequest(
        user_id=1870,
        group_id=1884,
        user="nscc-gz_jiangli",
        group="nscc-gz",
        partition="power",
        name="simpleHpcJ-2162247",
        work_dir=WORK_DIR,
        script=SCRIPT,
        environment=["HOME=/WORK/nscc-gz_jiangli"],
        nodes=1,
    )
    request.options["slurm"].comment = COMMENT
    return request
