"""What every call to libslurm shares: its start, the words said on the way, the error it ends in.

A call is written in the same four lines everywhere:

    begin()
    with nogil:
        code = outcome(slurm_...(..., &reply))
    settle(code, reply)

`outcome` reads errno, so it stands in the same block as the call. What libslurm says is kept by
this module's copy of shim.h, one buffer a thread, so nothing but this module may ask for it.
"""

import os
import re

from libc cimport errno
from libc.string cimport strlen

from _slurm.slurm cimport (
    capture_log,
    said,
    said_t,
    slurm_fini,
    slurm_init,
    slurm_strerror,
)

from _slurm.errors import NoReply, SlurmError

cdef extern from "Python.h":
    str PyUnicode_DecodeUTF8(const char *text, Py_ssize_t size, const char *errors)

# What libslurm puts before each line: the time, in any LogTimeFormat, and the level.
_decoration = re.compile(r"^\[[^]\n]*\] (?:error: )?", re.MULTILINE)

cdef bint _ready = False


cdef int start(const char *conf) except -1:
    """Capture libslurm's words, then let it read its configuration; once for the process's life."""
    global _ready
    cdef int failure
    if _ready:
        raise RuntimeError("libslurm is initialised already")
    failure = capture_log()
    if failure:
        raise OSError(failure, os.strerror(failure))
    said().length = 0
    with nogil:
        slurm_init(conf)
    _ready = True
    return 0


cdef int stop() except -1:
    """Let libslurm free what it holds; no other thread may be calling."""
    global _ready
    if _ready:
        _ready = False
        with nogil:
            slurm_fini()
    return 0


cdef int begin() except -1:
    """Forget what was said on this thread before; RuntimeError when init() has not been called."""
    if not _ready:
        raise RuntimeError("libslurm is not initialised: call init() first")
    said().length = 0
    errno.errno = 0
    return 0


cdef str heard():
    """What libslurm said on this thread since `begin`, as slurmctld worded it."""
    cdef said_t *mine = said()
    text = PyUnicode_DecodeUTF8(mine.text, <Py_ssize_t>mine.length, "backslashreplace")
    return _decoration.sub("", text).strip()


cdef object words(const char *text):
    """Text of libslurm's as a str, None for NULL; bytes that are not UTF-8 read as \\xNN."""
    if text is NULL:
        return None
    return PyUnicode_DecodeUTF8(text, <Py_ssize_t>strlen(text), "backslashreplace")


cdef object refusal(int code):
    """The exception for a call that ended in `code`, with what was said during it."""
    return SlurmError(code, words(slurm_strerror(code)), heard())


cdef int settle(int code, const void *reply) except -1:
    """Raise what the call ended in, unless it succeeded and brought its reply."""
    if code:
        raise refusal(code)
    if reply is NULL:
        raise NoReply(0, "success was reported without the reply", heard())
    return 0
