"""Many submissions over one stream, to a real Slurm."""

from google.rpc import code_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from slurm.caller import Caller, fresh, request

from hpcagent.v1.slurm_agent_pb2 import SubmitJobsRequest

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
        info = ErrorInfo()
        assert answers[item].status.code == code_pb2.INVALID_ARGUMENT
        assert answers[item].status.details[0].Unpack(info)
        assert info.reason == "ESLURM_INVALID_PARTITION_NAME"
