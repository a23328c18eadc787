"""Submitting a batch job."""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport uint32_t

from _slurm.call cimport begin, heard, settle, words
from _slurm.job_desc cimport JobDesc
from _slurm.slurm cimport (
    job_desc_msg_t,
    outcome,
    slurm_free_submit_response_response_msg,
    slurm_strerror,
    slurm_submit_batch_job,
    submit_het_job,
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


def submit_batch_het_job(components, /):
    """Submit a heterogeneous job of components with these members; see the stub."""
    cdef list descs = [JobDesc(members) for members in components]
    cdef size_t count = len(descs)
    memory = bytearray((count + 1) * sizeof(job_desc_msg_t *))
    cdef job_desc_msg_t **pointers = <job_desc_msg_t **>PyByteArray_AS_STRING(memory)
    cdef submit_response_msg_t *reply = NULL
    cdef int code
    for index in range(count):
        pointers[index] = &(<JobDesc>descs[index]).raw
    begin()
    try:
        with nogil:
            code = submit_het_job(pointers, count, &reply)
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
