"""A JobFilter compiled to C, so that tens of thousands of records are judged in milliseconds."""

from cpython cimport array
from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport uint32_t
from libc.string cimport strcmp, strlen, strncmp
from posix.time cimport time_t

from _slurm.members cimport text
from _slurm.slurm cimport JOB_STATE_BASE, slurm_job_info_t

import array

from _slurm.errors import MemberTypeError

cdef extern from "<string.h>" nogil:
    const char *strchrnul(const char *text, int character)


cdef class Keep:
    """A JobFilter's criteria; what they point to is owned by `kept`."""

    def __init__(self, criteria):
        self.kept = []
        self.job_ids = numbers(criteria.job_ids, self.kept)
        self.users = numbers(criteria.users, self.kept)
        self.states = numbers(criteria.states, self.kept)
        self.state_flags = criteria.state_flags
        self.accounts = texts("accounts", criteria.accounts, self.kept)
        self.partitions = texts("partitions", criteria.partitions, self.kept)
        self.names = texts("names", criteria.names, self.kept)
        self.admin_comment = text("admin_comment", criteria.admin_comment, self.kept)
        self.admin_comment_prefix = text(
            "admin_comment_prefix", criteria.admin_comment_prefix, self.kept
        )
        self.from_wanted = criteria.submit_from is not None
        self.until_wanted = criteria.submit_until is not None
        self.submit_from = criteria.submit_from or 0
        self.submit_until = criteria.submit_until or 0

    cdef bint passes(self, const slurm_job_info_t *job) noexcept nogil:
        """Whether the record meets every criterion, the cheapest ones asked first."""
        return (
            self.right_time(job.submit_time)
            and self.right_state(job.job_state)
            and self.right_id(job)
            and (not self.users.wanted or has_number(&self.users, job.user_id))
            and (not self.accounts.wanted or has_text(&self.accounts, job.account))
            and (not self.names.wanted or has_text(&self.names, job.name))
            and (not self.partitions.wanted or has_part(&self.partitions, job.partition))
            and self.right_comment(job.admin_comment)
        )

    cdef bint right_time(self, time_t submitted) noexcept nogil:
        return (not self.from_wanted or submitted >= self.submit_from) and (
            not self.until_wanted or submitted < self.submit_until
        )

    cdef bint right_state(self, uint32_t state) noexcept nogil:
        if not self.states.wanted and not self.state_flags:
            return True
        return (state & self.state_flags) != 0 or (
            self.states.wanted and has_number(&self.states, state & JOB_STATE_BASE)
        )

    cdef bint right_id(self, const slurm_job_info_t *job) noexcept nogil:
        """An array's and a heterogeneous job's id stand for all their records; 0 is none."""
        return (
            not self.job_ids.wanted
            or has_number(&self.job_ids, job.job_id)
            or (job.array_job_id != 0 and has_number(&self.job_ids, job.array_job_id))
            or (job.het_job_id != 0 and has_number(&self.job_ids, job.het_job_id))
        )

    cdef bint right_comment(self, const char *comment) noexcept nogil:
        """No comment equals none, and begins with the empty prefix only."""
        if self.admin_comment is not NULL:
            if comment is NULL or strcmp(comment, self.admin_comment) != 0:
                return False
        if self.admin_comment_prefix is NULL or self.admin_comment_prefix[0] == 0:
            return True
        return comment is not NULL and strncmp(
            comment, self.admin_comment_prefix, strlen(self.admin_comment_prefix)
        ) == 0


cdef Numbers numbers(object wanted, list kept):
    """A set of numbers as a sorted C array; OverflowError for one beyond 32 bits."""
    cdef Numbers result = Numbers(wanted=False, count=0, first=NULL)
    cdef array.array values
    if wanted is not None:
        values = array.array("I", sorted(wanted))
        kept.append(values)
        result = Numbers(wanted=True, count=len(values), first=values.data.as_uints)
    return result


cdef Texts texts(str name, object wanted, list kept):
    """A set of strings as an array of C strings."""
    cdef Texts result = Texts(wanted=False, count=0, first=NULL)
    if wanted is None:
        return result
    memory = bytearray(len(wanted) * sizeof(char *))
    kept.append(memory)
    result = Texts(
        wanted=True, count=len(wanted), first=<const char **>PyByteArray_AS_STRING(memory)
    )
    for index, value in enumerate(wanted):
        if value is None:
            raise MemberTypeError(name, "takes str or bytes, not NoneType")
        result.first[index] = text(name, value, kept)
    return result


cdef bint has_number(const Numbers *wanted, uint32_t value) noexcept nogil:
    cdef size_t low = 0
    cdef size_t high = wanted.count
    cdef size_t middle
    while low < high:
        middle = (low + high) // 2
        if wanted.first[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low < wanted.count and wanted.first[low] == value


cdef bint has_text(const Texts *wanted, const char *value) noexcept nogil:
    return value is not NULL and has_slice(wanted, value, strlen(value))


cdef bint has_part(const Texts *wanted, const char *commas) noexcept nogil:
    """Whether any part of a comma separated list is wanted."""
    cdef const char *end
    if commas is NULL:
        return False
    while True:
        end = strchrnul(commas, c",")
        if has_slice(wanted, commas, end - commas):
            return True
        if end[0] == 0:
            return False
        commas = end + 1


cdef bint has_slice(const Texts *wanted, const char *start, size_t length) noexcept nogil:
    cdef size_t index
    for index in range(wanted.count):
        if strncmp(wanted.first[index], start, length) == 0 and wanted.first[index][length] == 0:
            return True
    return False
