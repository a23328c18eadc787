"""Asking slurmctld when and where a job would start."""

from cpython cimport array
from libc.stdint cimport uint32_t

import array

from _slurm.call cimport begin, heard, settle, words
from _slurm.job_desc cimport JobDesc
from _slurm.slurm cimport (
    outcome,
    preempted_count,
    preempted_jobs,
    slurm_free_will_run_response_msg,
    slurm_job_will_run2,
    system_usage,
    will_run_response_msg_t,
)

from _slurm.records import WillRun


def job_will_run2(members, /):
    """Ask when what a job_desc_msg_t with these members describes would start; see the stub."""
    cdef JobDesc desc = JobDesc(members)
    cdef will_run_response_msg_t *reply = NULL
    cdef int code
    begin()
    try:
        with nogil:
            code = outcome(slurm_job_will_run2(&desc.raw, &reply))
        settle(code, reply)
        return answer(reply)
    finally:
        with nogil:
            slurm_free_will_run_response_msg(reply)


cdef object answer(const will_run_response_msg_t *reply):
    """slurmctld's answer, copied."""
    cdef double percent = 0
    cdef array.array numbers = array.array("I", bytes(preempted_count(reply) * sizeof(uint32_t)))
    preempted_jobs(reply, numbers.data.as_uints)
    return WillRun(
        start_time=reply.start_time,
        node_list=words(reply.node_list) or "",
        partition=words(reply.part_name) or "",
        cpus=reply.proc_cnt,
        preempted_jobs=numbers.tolist(),
        system_usage=percent if system_usage(reply, &percent) else None,
        job_submit_message=words(reply.job_submit_user_msg) or "",
        said=heard(),
    )
