"""The library itself: its start and end, its version, its controllers and its configuration."""

import os
import time

from _slurm.call cimport begin, heard, settle, start, stop, words
from _slurm.members cimport CONF, record, text
from _slurm.slurm cimport (
    free_conf,
    outcome,
    slurm_api_version,
    slurm_conf,
    slurm_conf_t,
    slurm_load_ctl_conf,
    slurm_ping,
    slurm_strerror,
)

from _slurm.errors import LibraryError
from _slurm.members import VERSION as HEADER_VERSION
from _slurm.records import ControllerPing
from _slurm.version import belong_together

cdef extern from "<dlfcn.h>" nogil:
    ctypedef struct Dl_info:
        const char *dli_fname
    int dladdr(const void *address, Dl_info *info)


def init(conf=None):
    """Start libslurm, slurm_init(3); see the stub for the contract."""
    cdef list kept = []
    if conf is not None:
        os.stat(conf)
        conf = os.fsencode(conf)
    start(text("conf", conf, kept))
    return heard()


def fini():
    """End libslurm, slurm_fini(3)."""
    stop()


def strerror(int code):
    """Slurm's text for a code, slurm_strerror(3)."""
    return words(slurm_strerror(code))


# ---------------------------------------------------------------------------------- versions


def header_version():
    """The Slurm release whose slurm.h this package was compiled against."""
    return HEADER_VERSION


def api_version():
    """The interface number of the loaded library, slurm_api_version(3)."""
    cdef long version = slurm_api_version()
    return (version >> 16 & 0xff, version >> 8 & 0xff, version & 0xff)


def library_path():
    """The file that libslurm was loaded from."""
    cdef Dl_info info
    if not dladdr(<const void *>&slurm_api_version, &info):
        return "libslurm"
    return os.fsdecode(info.dli_fname)


def check_library():
    """Raise LibraryError unless the loaded library is of the release compiled against."""
    api = api_version()[0]
    if not belong_together(HEADER_VERSION, api):
        raise LibraryError(HEADER_VERSION, api, library_path())


# ------------------------------------------------------------------------------- controllers


def own_conf():
    """The configuration that this process read, slurm_conf of read_config.c."""
    begin()
    return record(&slurm_conf, CONF.choose(None))


def ping():
    """Ask every configured controller whether it is there, slurm_ping(3), the primary first."""
    begin()
    return [_ping(index) for index in range(slurm_conf.control_cnt)]


cdef object _ping(int index):
    """One controller's answer; not answering is an answer here, not an error."""
    cdef int code
    begun = time.monotonic()
    with nogil:
        code = outcome(slurm_ping(index))
    return ControllerPing(
        index=index,
        host=words(slurm_conf.control_machine[index]),
        code=code,
        text=words(slurm_strerror(code)) if code else "",
        seconds=time.monotonic() - begun,
    )


def load_conf():
    """The configuration that slurmctld runs with, slurm_load_ctl_conf(3)."""
    cdef slurm_conf_t *conf = NULL
    cdef int code
    begin()
    with nogil:
        code = outcome(slurm_load_ctl_conf(0, &conf))
    settle(code, conf)
    try:
        return record(conf, CONF.choose(None))
    finally:
        with nogil:
            free_conf(conf)
