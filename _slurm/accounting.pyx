"""Reading jobs of the past from the accounting database, through slurmdbd.

slurmdbd writes what it is asked for into SQL as it stands, quotes and all. So no text of a caller's
goes there: numbers do, and names of accounts and of the cluster if they are plain; all else is
compared here, with what came. slurmdbd cannot page either.
"""

import re

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from libc cimport errno
from libc.stdint cimport uint16_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memset

from _slurm.call cimport begin, heard, words
from _slurm.lists cimport each
from _slurm.members cimport JOB_REC, STEP_REC, STEP_STATS, TRES_REC, record, text
from _slurm.slurm cimport (
    JOB_STATE_BASE,
    JOBCOND_FLAG_NO_DEFAULT_USAGE,
    JOBCOND_FLAG_NO_STEP,
    JOBCOND_FLAG_NO_TRUNC,
    NO_VAL,
    SLURMDB_JOB_FLAG_NOTSET,
    accounted_job_id,
    borrowing_list,
    slurm_iterator_t,
    slurm_list_append,
    slurm_list_count,
    slurm_list_destroy,
    slurm_list_iterator_create,
    slurm_list_iterator_destroy,
    slurm_list_next,
    slurm_list_t,
    slurm_selected_step_t,
    slurm_strerror,
    slurmdb_connection_close,
    slurmdb_connection_get,
    slurmdb_init_tres_cond,
    slurmdb_job_cond_t,
    slurmdb_job_rec_t,
    slurmdb_jobs_get,
    slurmdb_step_rec_t,
    slurmdb_tres_cond_t,
    slurmdb_tres_get,
)

from _slurm.errors import AccountingError, MemberRangeError
from _slurm.records import HistoryFilter, HistoryPage

_PLAIN = re.compile(r"[A-Za-z0-9_.@+-]+")
"""What may go into slurmdbd's SQL."""

_FAR_OFF = 0x7FFFFFFF
"""When steps end at the latest: without it slurmdbd finds none."""

ctypedef slurmdb_job_rec_t *Job


@cython.internal
cdef class Connection:
    """A connection to slurmdbd, or what stands for one where there is none.

    For one question only: slurmdbd keeps a connection's transaction open, in which every further
    question is answered as of the first.
    """

    cdef void *raw

    def __cinit__(self):
        cdef uint16_t flags = 0
        with nogil:
            self.raw = slurmdb_connection_get(&flags)

    def __dealloc__(self):
        if self.raw is not NULL:
            with nogil:
                slurmdb_connection_close(&self.raw)


cdef object unanswered(int code):
    """The error of a question without an answer."""
    said = words(slurm_strerror(code)) if code else "there is no accounting database"
    return AccountingError(code, said, heard())


def load_tres():
    """The trackable resources that the database knows; see the stub for the contract."""
    cdef slurmdb_tres_cond_t condition
    cdef slurm_list_t found
    cdef int code
    cdef Connection used
    begin()
    used = Connection()
    errno.errno = 0
    with nogil:
        slurmdb_init_tres_cond(&condition, False)
        found = slurmdb_tres_get(used.raw, &condition)
        code = errno.errno
    if found is NULL:
        raise unanswered(code)
    try:
        return each(found, tres_record, TRES_REC.choose(["id", "type", "name"]))
    finally:
        slurm_list_destroy(found)


def load_history(*, members=None, keep=None, after=None, limit=None, steps=False):
    """A page of past jobs, slurmdb_jobs_get(); see the stub for the contract."""
    cdef History history = History(members, keep, after, limit, steps)
    cdef int code
    cdef Connection used
    begin()
    used = Connection()
    errno.errno = 0
    with nogil:
        history.found = slurmdb_jobs_get(used.raw, &history.condition)
        code = errno.errno
    if history.found is NULL:
        raise unanswered(code)
    history.select()
    return history.turned()


cdef object tres_record(void *element, object rows):
    return record(element, rows)


@cython.internal
cdef class History:
    """A question to slurmdbd, what was answered, and what of that is wanted; owns all three."""

    cdef list rows
    cdef object keep
    cdef tuple after
    cdef size_t limit
    cdef bint steps
    cdef list kept
    cdef list lists
    cdef slurmdb_job_cond_t condition
    cdef slurm_list_t found
    cdef Job *chosen
    cdef size_t matched
    cdef size_t first
    cdef size_t end

    def __init__(self, members, keep, after, limit, steps):
        self.rows = JOB_REC.choose(members)
        self.keep = HistoryFilter() if keep is None else keep
        self.after = None if after is None else tuple(after)
        self.limit = <size_t>-1 if limit is None else limit
        self.steps = steps
        self.kept = []
        self.ask()

    def __cinit__(self):
        memset(&self.condition, 0, sizeof(self.condition))

    def __dealloc__(self):
        free(self.chosen)
        discard(self.condition.acct_list)
        discard(self.condition.cluster_list)
        discard(self.condition.step_list)
        discard(self.condition.userid_list)
        discard(self.found)

    cdef int ask(self) except -1:
        """Fill the condition: what slurmdbd can be asked for without harm."""
        keep = self.keep
        self.condition.db_flags = SLURMDB_JOB_FLAG_NOTSET
        self.condition.flags = JOBCOND_FLAG_NO_TRUNC | JOBCOND_FLAG_NO_DEFAULT_USAGE
        if self.steps:
            self.condition.usage_end = _FAR_OFF
        else:
            self.condition.flags |= JOBCOND_FLAG_NO_STEP
        self.condition.usage_start = keep.ended_before or 0
        if keep.cluster is not None:
            self.condition.cluster_list = self.texts("cluster", [keep.cluster])
        if keep.accounts is not None:
            self.condition.acct_list = self.texts("accounts", keep.accounts)
        if keep.users is not None:
            self.condition.userid_list = self.texts("users", [str(uid) for uid in keep.users])
        if keep.job_ids is not None:
            self.condition.step_list = self.jobs(keep.job_ids)
        elif self.steps:
            # Else slurmdbd would leave out jobs that never became eligible.
            raise ValueError("steps are read of given jobs only")
        return 0

    cdef slurm_list_t texts(self, str name, object values) except? NULL:
        """A list of plain texts; MemberRangeError for one that is not."""
        cdef slurm_list_t made
        pointers = []
        for value in values:
            if not _PLAIN.fullmatch(value):
                raise MemberRangeError(name, f"{value!r} is not plain, and slurmdbd quotes nothing")
            pointers.append(<size_t>text(name, value, self.kept))
        made = borrowing_list()
        for pointer in pointers:
            slurm_list_append(made, <void *><size_t>pointer)
        return made

    cdef slurm_list_t jobs(self, object job_ids) except? NULL:
        """A list of jobs, each with all its steps."""
        cdef slurm_list_t made
        cdef slurm_selected_step_t *first
        cdef size_t index
        numbers = list(job_ids)
        memory = bytearray(len(numbers) * sizeof(slurm_selected_step_t) + 1)
        self.kept.append(memory)
        first = <slurm_selected_step_t *>PyByteArray_AS_STRING(memory)
        made = borrowing_list()
        for index, job_id in enumerate(numbers):
            first[index].array_task_id = first[index].het_job_offset = NO_VAL
            first[index].step_id.job_id = job_id
            first[index].step_id.step_id = first[index].step_id.step_het_comp = NO_VAL
            slurm_list_append(made, &first[index])
        return made

    cdef int select(self) except -1:
        """Choose, order and cut: the page is `chosen[first:end]`."""
        cdef slurm_iterator_t iterator
        cdef Job job
        self.chosen = <Job *>malloc((slurm_list_count(self.found) + 1) * sizeof(Job))
        if self.chosen is NULL:
            raise MemoryError
        iterator = slurm_list_iterator_create(self.found)
        try:
            job = <Job>slurm_list_next(iterator)
            while job is not NULL:
                if self.wanted(job):
                    self.chosen[self.matched] = job
                    self.matched += 1
                job = <Job>slurm_list_next(iterator)
        finally:
            slurm_list_iterator_destroy(iterator)
        qsort(self.chosen, self.matched, sizeof(Job), by_age)
        while self.first < self.matched and not self.is_new(self.chosen[self.first]):
            self.first += 1
        self.end = self.first + min(self.limit, self.matched - self.first)
        return 0

    cdef bint wanted(self, Job job) except *:
        """Whether a record meets what slurmdbd could not be asked for, or understood otherwise."""
        keep = self.keep
        return (
            (keep.states is None or (job.state & JOB_STATE_BASE) in keep.states)
            and (keep.submit_from is None or job.submit >= keep.submit_from)
            and (keep.submit_until is None or job.submit < keep.submit_until)
            and (keep.accounts is None or words(job.account) in keep.accounts)
            and (keep.names is None or words(job.jobname) in keep.names)
            and (
                keep.partitions is None
                or not keep.partitions.isdisjoint((words(job.partition) or "").split(","))
            )
            and (words(job.admin_comment) or "").startswith(keep.admin_comment_prefix or "")
        )

    cdef bint is_new(self, Job job) except *:
        """Whether the record comes after the page before."""
        return self.after is None or (job.submit, accounted_job_id(job)) > self.after

    cdef object turned(self):
        """The page as Python values."""
        cdef Job last
        next_after = None
        if self.first < self.end < self.matched:
            last = self.chosen[self.end - 1]
            next_after = (last.submit, accounted_job_id(last))
        return HistoryPage(
            jobs=[self.job(self.chosen[index]) for index in range(self.first, self.end)],
            next_after=next_after,
            matched=self.matched,
        )

    cdef dict job(self, Job job):
        """The members of a job, and its steps if they were asked for."""
        cdef dict values = record(job, self.rows)
        if self.steps:
            rows = (STEP_REC.choose(None), STEP_STATS.choose(None))
            values["steps"] = each(job.steps, step_record, rows)
        return values


cdef extern from *:
    """
    /*
     * libslurm's plugin for slurmdbd names messages in its errors by a function that only
     * libslurmfull has: without it the process ends, "undefined symbol", when slurmdbd is down.
     * The plugin finds this one, since the package is loaded with RTLD_GLOBAL.
     */
    char *slurmdbd_msg_type_2_str(int type, int as_enum)
    {
        (void) type;
        (void) as_enum;
        return (char *) "a message to slurmdbd";
    }
    """
    pass


cdef void discard(slurm_list_t elements) noexcept:
    """Give a list back, if there is one."""
    if elements is not NULL:
        slurm_list_destroy(elements)


cdef object step_record(void *element, object rows):
    """All members of a step, and of its statistics."""
    cdef slurmdb_step_rec_t *step = <slurmdb_step_rec_t *>element
    return {**record(step, rows[0]), **record(&step.stats, rows[1])}


cdef int by_age(const void *left, const void *right) noexcept nogil:
    """Order by (submit, job id), for qsort(3)."""
    cdef const slurmdb_job_rec_t *one = (<const Job *>left)[0]
    cdef const slurmdb_job_rec_t *two = (<const Job *>right)[0]
    if one.submit != two.submit:
        return 1 if one.submit > two.submit else -1
    return (accounted_job_id(one) > accounted_job_id(two)) - (
        accounted_job_id(one) < accounted_job_id(two)
    )
