"""Many submissions over one stream, to a real Slurm."""

import signal
import threading
from collections.abc import Iterator

from fix_daemon import Daemon
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from slurm.caller import Caller, Fields, fresh, request
from slurm_commands import command

from hpcagent.v1.slurm_agent_pb2 import SubmitJobsRequest, SubmitJobsResponse

COUNT = 120
PATIENCE = 60.0


def test_a_stream_makes_the_jobs_that_can_be_and_tells_why_of_the_others(caller: Caller) -> None:
    marks = {f"item {number}": fresh("stream") for number in range(COUNT)}
    items = [
        SubmitJobsRequest(
            item=item,
            request=request(
                {"request_id": mark, "partition": "nowhere" if index % 10 == 9 else "power"},
                {"hold": True},
            ),
        )
        for index, (item, mark) in enumerate(marks.items())
    ]
    answers = {one.item: one for one in caller.stub.SubmitJobs(iter(items), timeout=PATIENCE)}
    assert answers.keys() == marks.keys()
    made = {item: one.response for item, one in answers.items() if one.HasField("response")}
    caller.made.extend(one.job_id for one in made.values())
    assert len(made) == COUNT * 9 // 10
    assert all(one.request_id == marks[item] for item, one in made.items())
    there = {job.request_id: job.job_id for job in caller.jobs(request_ids=[*marks.values()])}
    assert there == {marks[item]: one.job_id for item, one in made.items()}
    for item in answers.keys() - made.keys():
        assert answers[item].status.code == code_pb2.INVALID_ARGUMENT
        assert reason(answers[item]) == "ESLURM_INVALID_PARTITION_NAME"


def reason(answer: SubmitJobsResponse) -> str:
    info = ErrorInfo()
    assert answer.status.details[0].Unpack(info)
    return info.reason


def held(item: str, fields: Fields | None = None) -> SubmitJobsRequest:
    return SubmitJobsRequest(item=item, request=request(fields, {"hold": True}))


def test_an_item_of_a_stream_can_be_whatever_a_request_can(caller: Caller) -> None:
    items = [
        held("plain"),
        held("tried", {"validate_only": True}),
        held("het", {"components": [{"partition": "debug", "nodes": 1}]}),
    ]
    answers = {one.item: one for one in caller.stub.SubmitJobs(iter(items), timeout=PATIENCE)}
    responses = {item: one.response for item, one in answers.items()}
    caller.made.extend(responses[item].job_id for item in ("plain", "het"))
    assert responses["plain"].job_id.job_id
    assert not responses["tried"].HasField("job_id")
    assert len(responses["het"].component_ids) == 2


def test_an_agent_that_ends_has_answered_for_every_job_of_a_stream(private_daemon: Daemon) -> None:
    ending = threading.Event()

    def items() -> Iterator[SubmitJobsRequest]:
        """Ask on and on, but not of an agent that is ending: that breaks the connection."""
        number = 0
        while not ending.is_set():
            number += 1
            yield held(str(number), {"name": f"item-{number}"})

    made = []
    for answer in private_daemon.stub.SubmitJobs(items(), timeout=PATIENCE):
        if answer.HasField("response"):
            made.append(f"item-{answer.item}")
            if len(made) == COUNT // 2:
                private_daemon.process.send_signal(signal.SIGTERM)
                ending.set()
        else:
            assert answer.status.code == code_pb2.UNAVAILABLE
    assert private_daemon.process.wait(PATIENCE) == 0
    listed = command(private_daemon.sandbox, "squeue", "--noheader", "--format=%j").stdout
    assert sorted(listed.split()) == sorted(made)
