"""What has changed among all jobs since the last look.

slurmctld tells whether anything has changed at all, and then sends every job again. On a busy
cluster that is so at each look, with tens of thousands of records of which a few differ. So a
fingerprint of each record is kept here, and compared without the interpreter's lock; only what
differs becomes Python.
"""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from posix.time cimport time_t

from _slurm.call cimport begin, settle
from _slurm.members cimport JOB_INFO, Member, record
from _slurm.slurm cimport (
    KIND_DOUBLE,
    KIND_STRING,
    KIND_TIME,
    KIND_U8,
    KIND_U16,
    KIND_U32,
    KIND_U64,
    SLURM_NO_CHANGE_IN_DATA,
    job_info_msg_t,
    outcome,
    slurm_free_job_info_msg,
    slurm_job_info_t,
    slurm_load_jobs,
)

from _slurm.errors import OpaqueMemberError
from _slurm.records import JobChanges

cdef uint64_t FNV_BASIS = 0xcbf29ce484222325
cdef uint64_t FNV_PRIME = 0x100000001b3

cdef struct Place:
    int kind
    size_t offset

cdef struct Seen:
    uint32_t job_id
    uint64_t fingerprint
    const slurm_job_info_t *job  # of the answer in hand; of no meaning later


@cython.final
cdef class Tracker:
    """Tells what has changed from look to look; see the stub for the contract."""

    cdef list rows
    cdef Place *places
    cdef size_t place_count
    cdef Seen *seen  # in the order of job_id
    cdef size_t seen_count
    cdef time_t last_update

    def __init__(self, members):
        cdef Member row
        self.rows = JOB_INFO.choose(members)
        for row in self.rows:
            if sized(row.kind) == 0 and row.kind != KIND_STRING:
                raise OpaqueMemberError(row.name, "changes of a vector are not told")
        free(self.places)
        self.places = <Place *>malloc((len(self.rows) + 1) * sizeof(Place))
        if self.places is NULL:
            raise MemoryError
        self.place_count = 0
        for row in self.rows:
            self.places[self.place_count] = Place(kind=row.kind, offset=row.offset)
            self.place_count += 1

    def __dealloc__(self):
        free(self.places)
        free(self.seen)

    def load(self, *, size_t limit=<size_t>-1, uint16_t flags=0):
        """What has changed since the last look, slurm_load_jobs(3)."""
        cdef Look look = Look()
        cdef int code
        begin()
        with nogil:
            code = outcome(slurm_load_jobs(self.last_update, &look.reply, flags))
            if look.reply is not NULL:
                look.take(self.places, self.place_count)
                look.compare(self.seen, self.seen_count, limit)
        if code == SLURM_NO_CHANGE_IN_DATA:
            return JobChanges(
                changed=[], vanished=[], more=False, record_count=self.seen_count
            )
        settle(code, look.reply)
        changes = look.told(self.rows)
        self.keep(look)
        return changes

    cdef void keep(self, Look look) noexcept:
        """Remember a look for the next one; one that did not tell all is no start for another."""
        free(self.seen)
        self.seen, self.seen_count = look.now, look.now_count
        look.now = NULL
        self.last_update = 0 if look.more else look.reply.last_update


@cython.internal
@cython.final
cdef class Look:
    """One answer of slurmctld's, compared with the one before; owns the answer."""

    cdef job_info_msg_t *reply
    cdef Seen *now
    cdef size_t now_count
    cdef const slurm_job_info_t **changed
    cdef size_t changed_count
    cdef uint32_t *vanished
    cdef size_t vanished_count
    cdef bint more

    def __dealloc__(self):
        free(self.now)
        free(self.changed)
        free(self.vanished)
        with nogil:
            slurm_free_job_info_msg(self.reply)

    cdef int take(self, const Place *places, size_t place_count) except -1 nogil:
        """Fingerprint all records, in the order of their ids."""
        cdef uint32_t index
        cdef const slurm_job_info_t *job
        self.now = <Seen *>malloc((self.reply.record_count + 1) * sizeof(Seen))
        if self.now is NULL:
            with gil:
                raise MemoryError
        for index in range(self.reply.record_count):
            job = &self.reply.job_array[index]
            self.now[index].job_id = job.job_id
            self.now[index].fingerprint = fingerprint(<const char *>job, places, place_count)
            self.now[index].job = job
        self.now_count = self.reply.record_count
        qsort(self.now, self.now_count, sizeof(Seen), by_id)
        return 0

    cdef int compare(self, const Seen *before, size_t before_count, size_t limit) except -1 nogil:
        """Walk both looks side by side; of what differs at most `limit` is told now."""
        cdef size_t old = 0
        cdef size_t new = 0
        cdef size_t kept = 0
        cdef Seen seen
        cdef bint known
        self.changed = <const slurm_job_info_t **>malloc((self.now_count + 1) * sizeof(void *))
        self.vanished = <uint32_t *>malloc((before_count + 1) * sizeof(uint32_t))
        if self.changed is NULL or self.vanished is NULL:
            with gil:
                raise MemoryError
        while new < self.now_count:
            seen = self.now[new]
            new += 1
            while old < before_count and before[old].job_id < seen.job_id:
                self.vanish(before[old].job_id)
                old += 1
            known = old < before_count and before[old].job_id == seen.job_id
            if not (known and before[old].fingerprint == seen.fingerprint):
                if self.changed_count < limit:
                    self.changed[self.changed_count] = seen.job
                    self.changed_count += 1
                else:
                    self.more = True
                    if not known:
                        continue  # the next look finds it new
                    seen.fingerprint = before[old].fingerprint
            if known:
                old += 1
            self.now[kept] = seen
            kept += 1
        while old < before_count:
            self.vanish(before[old].job_id)
            old += 1
        self.now_count = kept
        return 0

    cdef void vanish(self, uint32_t job_id) noexcept nogil:
        self.vanished[self.vanished_count] = job_id
        self.vanished_count += 1

    cdef object told(self, list rows):
        """What differs, as Python values."""
        cdef size_t index
        return JobChanges(
            changed=[record(self.changed[index], rows) for index in range(self.changed_count)],
            vanished=[self.vanished[index] for index in range(self.vanished_count)],
            more=self.more,
            record_count=self.reply.record_count,
        )


cdef size_t sized(int kind) noexcept nogil:
    """How many bytes a value of a kind has in the structure itself; 0: it points elsewhere."""
    if kind == KIND_U8:
        return sizeof(uint8_t)
    if kind == KIND_U16:
        return sizeof(uint16_t)
    if kind == KIND_U32:
        return sizeof(uint32_t)
    if kind == KIND_U64:
        return sizeof(uint64_t)
    if kind == KIND_TIME:
        return sizeof(time_t)
    if kind == KIND_DOUBLE:
        return sizeof(double)
    return 0


cdef uint64_t fingerprint(const char *struct, const Place *places, size_t count) noexcept nogil:
    """FNV-1a of the members, 64 bits: that a change goes unnoticed has a chance of 2^-64."""
    cdef uint64_t value = FNV_BASIS
    cdef size_t index, byte, size
    cdef const unsigned char *place
    for index in range(count):
        place = <const unsigned char *>struct + places[index].offset
        size = sized(places[index].kind)
        if size == 0:
            place = (<const unsigned char *const *>place)[0]
            if place is NULL:
                value = (value ^ 1) * FNV_PRIME  # no text holds this byte first and ends then
                continue
            while place[0] != 0:
                value = (value ^ place[0]) * FNV_PRIME
                place += 1
            value = value * FNV_PRIME  # the end mark, so that texts do not run together
            continue
        for byte in range(size):
            value = (value ^ place[byte]) * FNV_PRIME
    return value


cdef int by_id(const void *left, const void *right) noexcept nogil:
    """Order by job_id, for qsort(3)."""
    cdef uint32_t one = (<const Seen *>left).job_id
    cdef uint32_t two = (<const Seen *>right).job_id
    return (one > two) - (one < two)
