"""Reading jobs: one, a user's, or a page of all of them.

slurmctld cannot filter or page, it sends everything it may show. On a busy cluster that is tens of
thousands of records, so they are filtered, sorted and cut to the page where they are, as C
structures without the interpreter's lock; only the page becomes Python.
"""

cimport cython
from libc.stdint cimport uint16_t, uint32_t
from libc.stdlib cimport free, malloc, qsort
from posix.time cimport time_t

from _slurm cimport slurm
from _slurm.call cimport begin, settle, words
from _slurm.keep cimport Keep
from _slurm.members cimport JOB_INFO, record
from _slurm.slurm cimport job_info_msg_t, outcome, slurm_job_info_t

from _slurm.records import JobFilter, JobPage

SHOW_ALL = slurm.SHOW_ALL
SHOW_DETAIL = slurm.SHOW_DETAIL
SHOW_LOCAL = slurm.SHOW_LOCAL

ctypedef const slurm_job_info_t *Job


def reason_word(uint32_t reason):
    """The word for a job_info_t.state_reason, as squeue(1) prints it."""
    return words(slurm.reason_word(reason))


def load_job(uint32_t job_id, *, members=None, uint16_t flags=0):
    """All records of one job, slurm_load_job(3); see the stub for the contract."""
    cdef list rows = JOB_INFO.choose(members)
    cdef job_info_msg_t *reply = NULL
    cdef int code
    begin()
    with nogil:
        code = outcome(slurm.load_job(&reply, job_id, flags))
    settle(code, reply)
    try:
        return [record(&reply.job_array[index], rows) for index in range(reply.record_count)]
    finally:
        with nogil:
            slurm.slurm_free_job_info_msg(reply)


def load_jobs(*, members=None, keep=None, after=None, limit=None, uint16_t flags=0):
    """A page of all jobs, slurm_load_jobs(3); see the stub for the contract."""
    cdef Page page = Page(members, keep, after, limit)
    cdef int code
    begin()
    with nogil:
        code = outcome(slurm.slurm_load_jobs(0, &page.reply, flags))
        if page.reply is not NULL:
            page.select()
    settle(code, page.reply)
    return page.turned()


def load_job_user(
    uint32_t uid, *, members=None, keep=None, after=None, limit=None, uint16_t flags=0
):
    """A page of one user's jobs, slurm_load_job_user(3); see the stub for the contract."""
    cdef Page page = Page(members, keep, after, limit)
    cdef int code
    begin()
    with nogil:
        code = outcome(slurm.slurm_load_job_user(&page.reply, uid, flags))
        if page.reply is not NULL:
            page.select()
    settle(code, page.reply)
    return page.turned()


@cython.internal
cdef class Page:
    """What of slurmctld's answer is wanted; owns the answer."""

    cdef list rows
    cdef Keep keep
    cdef bint continued
    cdef time_t after_time
    cdef uint32_t after_id
    cdef size_t limit
    cdef job_info_msg_t *reply
    cdef Job *chosen
    cdef size_t matched
    cdef size_t first
    cdef size_t end

    def __init__(self, members, keep, after, limit):
        self.rows = JOB_INFO.choose(members)
        self.keep = Keep(JobFilter() if keep is None else keep)
        self.continued = after is not None
        if self.continued:
            self.after_time, self.after_id = after
        self.limit = <size_t>-1 if limit is None else limit

    def __dealloc__(self):
        free(self.chosen)
        with nogil:
            slurm.slurm_free_job_info_msg(self.reply)

    cdef int select(self) except -1 nogil:
        """Choose, order and cut: the page is `chosen[first:end]`."""
        cdef uint32_t index
        cdef Job job
        self.chosen = <Job *>malloc((self.reply.record_count + 1) * sizeof(Job))
        if self.chosen is NULL:
            with gil:
                raise MemoryError
        for index in range(self.reply.record_count):
            job = &self.reply.job_array[index]
            if self.keep.passes(job):
                self.chosen[self.matched] = job
                self.matched += 1
        qsort(self.chosen, self.matched, sizeof(Job), by_age)
        while self.first < self.matched and not self.is_new(self.chosen[self.first]):
            self.first += 1
        self.end = self.first + min(self.limit, self.matched - self.first)
        return 0

    cdef bint is_new(self, Job job) noexcept nogil:
        """Whether the record comes after the page before."""
        if not self.continued or job.submit_time > self.after_time:
            return True
        return job.submit_time == self.after_time and job.job_id > self.after_id

    cdef object turned(self):
        """The page as Python values."""
        cdef Job last
        next_after = None
        if self.first < self.end < self.matched:
            last = self.chosen[self.end - 1]
            next_after = (last.submit_time, last.job_id)
        return JobPage(
            jobs=[record(self.chosen[i], self.rows) for i in range(self.first, self.end)],
            next_after=next_after,
            matched=self.matched,
            record_count=self.reply.record_count,
            last_update=self.reply.last_update,
        )


cdef int by_age(const void *left, const void *right) noexcept nogil:
    """Order by (submit_time, job_id), for qsort(3)."""
    cdef Job one = (<const Job *>left)[0]
    cdef Job two = (<const Job *>right)[0]
    if one.submit_time != two.submit_time:
        return 1 if one.submit_time > two.submit_time else -1
    return (one.job_id > two.job_id) - (one.job_id < two.job_id)
