"""Calls that change a job that exists.

All but `kill_job2` answer for an array task by task. What they are told to change is given as text,
in the forms that scancel(1) and scontrol(1) take.
"""

from libc.stdint cimport uint16_t, uint32_t

from _slurm cimport slurm
from _slurm.call cimport begin, heard, refusal, words
from _slurm.job_desc cimport JobDesc
from _slurm.members cimport text
from _slurm.slurm cimport (
    job_array_resp_msg_t,
    kill_job,
    outcome,
    outcome_by_task,
    slurm_free_job_array_resp,
    slurm_requeue2,
    slurm_resume2,
    slurm_strerror,
    slurm_suspend2,
    slurm_update_job2,
    words_to_task,
)

from _slurm.records import TaskReply

ctypedef int (*change_t)(char *job_id, job_array_resp_msg_t **reply) noexcept nogil

KILL_JOB_BATCH = slurm.KILL_JOB_BATCH
KILL_FULL_JOB = slurm.KILL_FULL_JOB
JOB_REQUEUE_HOLD = slurm.JOB_REQUEUE_HOLD
ALLOC_SID_USER_HOLD = slurm.ALLOC_SID_USER_HOLD


def kill_job2(str job_id not None, uint16_t signal, uint16_t flags=0):
    """Send a signal to a job, slurm_kill_job2(3); see the stub for the contract."""
    cdef list kept = []
    cdef const char *target = text("job_id", job_id, kept)
    cdef int code
    begin()
    with nogil:
        code = outcome(kill_job(target, signal, flags))
    if code:
        raise refusal(code)


def suspend2(str job_id not None):
    """Suspend a job, slurm_suspend2(3); see the stub for the contract."""
    return change(slurm_suspend2, job_id)


def resume2(str job_id not None):
    """Let a suspended job go on, slurm_resume2(3); see the stub for the contract."""
    return change(slurm_resume2, job_id)


def requeue2(str job_id not None, uint32_t flags=0):
    """Put a job back into the queue, slurm_requeue2(3); see the stub for the contract."""
    cdef list kept = []
    cdef char *target = <char *>text("job_id", job_id, kept)
    cdef job_array_resp_msg_t *reply = NULL
    cdef int code
    begin()
    with nogil:
        code = outcome_by_task(slurm_requeue2(target, flags, &reply), reply)
    return by_task(code, reply)


def update_job2(members, /):
    """Change what a job_desc_msg_t with these members says, slurm_update_job2(3); see the stub."""
    cdef JobDesc desc = JobDesc(members)
    cdef job_array_resp_msg_t *reply = NULL
    cdef int code
    begin()
    with nogil:
        code = outcome_by_task(slurm_update_job2(&desc.raw, &reply), reply)
    return by_task(code, reply)


cdef list change(change_t call, str job_id):
    """Make a call that takes no more than the job's id."""
    cdef list kept = []
    cdef char *target = <char *>text("job_id", job_id, kept)
    cdef job_array_resp_msg_t *reply = NULL
    cdef int code
    begin()
    with nogil:
        code = outcome_by_task(call(target, &reply), reply)
    return by_task(code, reply)


cdef list by_task(int code, job_array_resp_msg_t *reply):
    """The answer, copied and freed; one without tasks stands for the job that was meant."""
    try:
        if code:
            raise refusal(code)
        if reply is NULL:
            return [TaskReply("")]
        return [task(reply, index) for index in range(reply.job_array_count)]
    finally:
        if reply is not NULL:
            with nogil:
                slurm_free_job_array_resp(reply)


cdef object task(const job_array_resp_msg_t *reply, uint32_t index):
    """One entry of the answer. slurmctld names its tasks as `123_0-4,7`."""
    cdef int code = <int>reply.error_code[index]
    _, _, tasks = (words(reply.job_array_id[index]) or "").partition("_")
    said = words(words_to_task(reply, index)) or heard()
    return TaskReply(tasks, code, words(slurm_strerror(code)) if code else "", said if code else "")
