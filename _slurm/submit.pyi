"""Submitting a batch job."""

from collections.abc import Iterable, Mapping

from _slurm.records import Given, SubmitReply

def submit_batch_job(members: Mapping[str, Given], /) -> SubmitReply:
    """Submit what a job_desc_msg_t with these members describes, slurm_submit_batch_job(3).

    Members that are not given keep what slurm_init_job_desc_msg(3) puts there, which is not always
    sbatch's default. The vectors (`argv`, `environment`, `spank_job_env`) set their lengths.

    MemberError before anything is sent; SlurmError when Slurm refuses; NoReply when slurmctld
    answered without a job id, so that the job may exist.
    """

def submit_batch_het_job(components: Iterable[Mapping[str, Given]], /) -> SubmitReply:
    """Submit one heterogeneous job, slurm_submit_batch_het_job(3): the leader's members come first.

    Only the leader has the script. The reply's `job_id` is the leader's; the other components have
    the offsets 1, 2... in the order given. Errors as in `submit_batch_job`.
    """
