"""Scripts with #SBATCH lines over the contract: what holds, what is told of it, what is refused."""

import json

import grpc
import pytest
from server.refusals import refusal
from slurm.caller import DEADLINE, Caller, request

from hpcagent.v1.job_requests_pb2 import OptionOrigin, SubmitJobResponse
from hpcagent.v1.slurm_agent_pb2 import SubmitDescriptorRequest

HELD = "#!/bin/sh\n#SBATCH --hold\n"
BARE = {"name": None, "partition": None, "nodes": None}
"""What the original request says, and a script may say instead."""


def origins(answer: SubmitJobResponse, component: int = 0) -> dict[str, tuple[str, str, int]]:
    """Origin, value and line of each option in force."""
    prefix = "ORIGIN_"
    return {
        one.option: (OptionOrigin.Origin.Name(one.origin).removeprefix(prefix), one.value, one.line)
        for one in answer.option_origins
        if one.component == component
    }


def test_a_script_says_what_the_request_leaves_open(caller: Caller) -> None:
    script = HELD + "#SBATCH -J mine -p debug -t 20 -N 1 -n 3\nexit 0\n"
    answer = caller.submit({**BARE, "script": script})
    job = caller.get(answer.job_id)
    assert (job.name, job.partition, job.ntasks) == ("mine", "debug", 3)
    assert job.time_limit.value.ToSeconds() == 1200
    told = origins(answer)
    assert told["hold"] == ("SCRIPT", "", 2)
    assert told["time"] == ("SCRIPT", "00:20:00", 3)
    assert told["partition"] == ("SCRIPT", "debug", 3)
    assert told["umask"] == ("CONFIGURATION", "0022", 0)
    assert told["comment"][0] == told["work_dir"][0] == "REQUEST"


def test_the_request_wins(caller: Caller) -> None:
    script = HELD + "#SBATCH -J theirs -p debug -N 2 --comment=theirs\nexit 0\n"
    answer = caller.submit({"script": script, "name": "mine"}, {"comment": "mine"})
    job = caller.get(answer.job_id)
    assert (job.name, job.partition, job.comment) == ("mine", "power", "mine")
    assert origins(answer)["partition"] == ("REQUEST", "power", 0)


def test_a_script_has_components(caller: Caller) -> None:
    script = HELD + "#SBATCH hetjob\n#SBATCH -p debug -J second -n 2\nexit 0\n"
    answer = caller.submit({**BARE, "name": "first", "partition": "power", "script": script})
    assert [one.id for one in answer.component_ids] == [f"{answer.job_id.id}+{n}" for n in (0, 1)]
    assert {caller.get(one).name for one in answer.component_ids} == {"first"}
    assert {caller.get(one).partition for one in answer.component_ids} == {"power"}
    assert origins(answer, 1)["ntasks"] == ("SCRIPT", "2", 4)


def test_lines_can_be_ignored(caller: Caller) -> None:
    script = "#!/bin/sh\n#SBATCH --bogus -n 7\nexit 0\n"
    answer = caller.submit({"script": script, "directives": "DIRECTIVES_IGNORE"}, {"hold": True})
    assert caller.get(answer.job_id).ntasks == 1


def test_what_changes_nothing_is_a_warning(caller: Caller) -> None:
    answer = caller.submit({"script": HELD + "#SBATCH --wait -Q\nexit 0\n"})
    told = [(one.name, one.text[:6]) for one in answer.warnings]
    assert [one for one in told if one[0] == "OPTION_WITHOUT_EFFECT"] == [
        ("OPTION_WITHOUT_EFFECT", "line 3")
    ] * 2


def test_every_fault_names_its_line_and_option(caller: Caller) -> None:
    script = HELD + "#SBATCH --bogus\n#SBATCH -t soon --uid=0\nexit 0\n"
    with pytest.raises(grpc.RpcError) as failed:
        caller.submit({"script": script})
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    said = (failed.value.details() or "").lower()
    assert "3 violations" in said
    assert "line 3: has --bogus" in said


def test_what_slurmctld_refuses_names_its_line(caller: Caller) -> None:
    script = HELD + "#SBATCH -p nowhere\nexit 0\n"
    refused = refusal(lambda: caller.submit({**BARE, "script": script}))
    assert refused.reason == "ESLURM_INVALID_PARTITION_NAME"
    assert refused.violations == {"script": "ESLURM_INVALID_PARTITION_NAME"}


def test_a_privilege_that_a_script_asks_for_is_refused(caller: Caller) -> None:
    script = HELD + "#SBATCH --nice=-5 --reboot\nexit 0\n"
    refused = refusal(lambda: caller.submit({"script": script}))
    assert refused.code is grpc.StatusCode.PERMISSION_DENIED
    assert refused.violations.keys() == {"script"}


def test_a_rootonly_partition_of_a_script_is_refused(caller: Caller) -> None:
    script = HELD + "#SBATCH -p rootonly\nexit 0\n"
    refused = refusal(lambda: caller.submit({**BARE, "script": script}))
    assert refused.reason == "ROOT_ONLY_PARTITION"


# ---------------------------------------------------------------------- SubmitDescriptor

DESCRIPTOR = {
    "job-name": "described", "partition": "debug", "nodes": 1, "ntasks": 2, "cpus-per-task": 2,
    "time": 20, "mem": 500, "comment": "c", "output": "o.%j", "requeue": 1, "MinCPUs": 0,
    "maxcpus": 8, "export": ["A=1"], "argv": ["x"], "argc": 1,
}  # fmt: skip


def described(caller: Caller, fields: dict[str, object]) -> SubmitJobResponse:
    original = request()
    whole = {
        "uid": original.user_id, "gid": original.group_id, "chdir": "/tmp",
        "script": "#!/bin/sh\n#SBATCH --hold\nexit 0\n", **fields,
    }  # fmt: skip
    asked = SubmitDescriptorRequest(descriptor_json=json.dumps(whole))
    answer = caller.stub.SubmitDescriptor(asked, timeout=DEADLINE)
    caller.made.append(answer.job_id)
    return answer


def test_a_descriptor_makes_the_job_of_the_equal_request(caller: Caller) -> None:
    mine = caller.get(described(caller, DESCRIPTOR).job_id)
    equal = {
        "name": "described", "partition": "debug", "nodes": 1, "max_cpus": 8, "user": None,
        "group": None, "environment": ["A=1"], "argv": ["x"],
        "script": "#!/bin/sh\n#SBATCH --hold\nexit 0\n",
    }  # fmt: skip
    options = {
        "ntasks": 2, "cpus_per_task": 2, "time": {"value": "1200s"}, "mem_bytes": 500 << 20,
        "comment": "c", "output": "o.%j", "requeue": True,
    }  # fmt: skip
    theirs = caller.get(caller.submit(equal, options).job_id)
    assert mine.name == "described"
    for field in ("job_id", "raw_job_id", "submit_time", "as_of_time", "priority"):
        mine.ClearField(field)
        theirs.ClearField(field)
    assert mine == theirs


def test_what_slurmctld_refuses_of_a_descriptor_is_told_by_key(caller: Caller) -> None:
    refused = refusal(lambda: described(caller, {"exclude": "nowhere", "ntasks-per-node": 65535}))
    assert refused.violations == {"ntasks-per-node": "OUT_OF_RANGE"}
    refused = refusal(lambda: described(caller, {"partition": "nowhere"}))
    assert refused.violations == {"partition": "ESLURM_INVALID_PARTITION_NAME"}


def test_an_unknown_key_of_a_descriptor_is_told_as_it_was_given(caller: Caller) -> None:
    """Though a field of SubmitJobRequest is called so, which another key stands for."""
    refused = refusal(lambda: described(caller, {"name": "x", "mem_bytes": 1, "ntasks": 0}))
    assert refused.violations == {
        "name": "UNKNOWN_KEY", "mem_bytes": "UNKNOWN_KEY", "ntasks": "OUT_OF_RANGE"
    }  # fmt: skip
