from server.memory import MemoryBackend
from server.requests import COMMENT, SCRIPT, WORK_DIR, original

from hpcagent.jobs.identity import Claim
from hpcagent.v1 import job_pb2, job_requests_pb2
from hpcagent.v1.slurm_agent_pb2_grpc import SlurmAgentStub


def test_the_original_request_reaches_the_backend_whole(
    slurm: SlurmAgentStub, backend: MemoryBackend
) -> None:
    answer = slurm.SubmitJob(original())
    (spec,) = backend.specs
    assert spec.claim == Claim(1870, "nscc-gz_jiangli", 1884, "nscc-gz")
    assert (spec.partition, spec.name) == ("power", "simpleHpcJ-2162247")
    assert (spec.work_dir, spec.script, spec.nodes) == (WORK_DIR, SCRIPT, 1)
    assert spec.environment == ("HOME=/WORK/nscc-gz_jiangli",)
    assert spec.options == {"comment": COMMENT}
    assert answer.job_id == job_pb2.JobId(cluster="memory", id="1", job_id=1)
    assert answer.request_digest == spec.digest()


def test_a_job_can_be_asked_for_by_its_id_and_by_its_request_id(slurm: SlurmAgentStub) -> None:
    request = original()
    request.request_id = "one"
    job_id = slurm.SubmitJob(request).job_id
    by_id = slurm.GetJob(job_requests_pb2.GetJobRequest(job_id=job_id))
    by_request = slurm.GetJob(job_requests_pb2.GetJobRequest(request_id="one"))
    assert by_id == by_request
    assert (by_id.user_id, by_id.comment) == (1870, COMMENT)
