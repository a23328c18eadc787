"""Submitting a batch job."""

from libc.stdint cimport uint32_t

from _slurm.call cimport begin, heard, settle, words
from _slurm.job_desc cimport JobDesc
from _slurm.slurm cimport (
    outcome,
    slurm_free_submit_response_response_msg,
    slurm_strerror,
    slurm_submit_batch_job,
    submit_response_msg_t,
    submitted_job_id,
)

from _slurm.records import SubmitReply


def submit_batch_job(members, /):
    """Submit what a job_desc_msg_t with these members describes; see the stub for the contract."""
    cdef JobDesc desc = JobDesc(members)
    cdef submit_response_msg_t *reply = NULL
    cdef int code
    begin()
    try:
        with nogil:
            code = outcome(slurm_submit_batch_job(&desc.raw, &reply))
        settle(code, reply)
        return answer(reply)
    finally:
        with nogil:
            slurm_free_submit_response_response_msg(reply)


cdef object answer(const submit_response_msg_t *reply):
    """slurmctld's answer, copied."""
    cdef uint32_t code = reply.error_code
    return SubmitReply(
        job_id=submitted_job_id(reply),
        error_code=code,
        error_text=words(slurm_strerror(<int>code)) if code else "",
        job_submit_message=words(reply.job_submit_user_msg) or "",
        said=heard(),
    )
