"""Another user's credentials for one thread, for as long as a `with` block lasts.

munged vouches for whoever connects to it, and that is a thread, not a process (SO_PEERCRED). So a
call made inside the block is the user's own: slurmctld judges the user's rights, and files are
opened with them. Other threads are not affected; os.seteuid() and its like would change them all.
"""

import os

cimport cython
from cpython cimport array
from libc cimport errno
from libc.stdlib cimport abort
from libc.string cimport strlen
from posix.types cimport gid_t, uid_t
from posix.unistd cimport getegid, geteuid, write

from _slurm.slurm cimport thread_set_gid, thread_set_groups, thread_set_uid

import array


@cython.internal
cdef class Credentials:
    """An effective uid and gid with supplementary groups."""

    cdef uid_t uid
    cdef gid_t gid
    cdef array.array groups

    def __init__(self, uid_t uid, gid_t gid, groups):
        if uid == <uid_t>-1 or gid == <gid_t>-1:
            raise ValueError("an id of all ones means no id to the kernel")
        self.uid = uid
        self.gid = gid
        self.groups = array.array("I", groups)

    cdef bint same(self, Credentials other):
        """Whether both give the same rights; the gid counts as one of the groups."""
        return (
            self.uid == other.uid
            and self.gid == other.gid
            and {self.gid, *self.groups} == {other.gid, *other.groups}
        )

    cdef int take_groups(self) noexcept:
        return thread_set_groups(len(self.groups), <const gid_t *>self.groups.data.as_uints)


cdef Credentials current():
    """This thread's credentials."""
    return Credentials(geteuid(), getegid(), os.getgroups())


@cython.final
cdef class acting_as:
    """Give this thread a user's credentials inside the block; see the stub for the contract."""

    cdef Credentials wanted
    cdef Credentials before

    def __init__(self, uid, gid, groups):
        self.wanted = Credentials(uid, gid, groups)

    def __enter__(self):
        if self.before is not None:
            raise RuntimeError("this identity is in use already")
        before = current()
        if not self.wanted.same(before):
            switch(self.wanted, before)
        self.before = before

    def __exit__(self, kind, error, traceback, /):
        before, self.before = self.before, None
        if not self.wanted.same(before):
            restore(before, 3)


cdef int switch(Credentials wanted, Credentials before) except -1:
    """Take the wanted credentials, groups first and the uid last: without it goes the right to."""
    cdef int failure, done
    if wanted.take_groups():
        failure, done = errno.errno, 0
    elif thread_set_gid(wanted.gid):
        failure, done = errno.errno, 1
    elif thread_set_uid(wanted.uid):
        failure, done = errno.errno, 2
    else:
        return 0
    restore(before, done)
    raise OSError(
        failure, f"cannot act as uid {wanted.uid}, gid {wanted.gid}: {os.strerror(failure)}"
    )


cdef void restore(Credentials before, int steps) noexcept:
    """Undo the first `steps` steps of `switch`, last one first.

    A thread that cannot go back would do other users' work as this one, so the process ends.
    """
    cdef const char *last_words = b"_slurm: a thread's own credentials could not be restored\n"
    if (
        (steps > 2 and thread_set_uid(before.uid))
        or (steps > 1 and thread_set_gid(before.gid))
        or (steps > 0 and before.take_groups())
    ):
        write(2, last_words, strlen(last_words))
        abort()
