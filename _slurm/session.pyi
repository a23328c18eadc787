"""The library itself: its start and end, its version, its controllers and its configuration."""

from os import PathLike
from typing import Final

from _slurm.records import ControllerPing, Record
from _slurm.version import Version

HEADER_VERSION: Final[Version]

def init(conf: str | PathLike[str] | None = None) -> str:
    """Start libslurm with a slurm.conf, or with the one it finds itself; returns what it said.

    Call it once in a process's life, before any thread is started. It ends the process when the
    configuration cannot be used (libslurm's `fatal()`, whose words go to stderr).

    OSError when `conf` cannot be examined; RuntimeError when it was called before.
    """

def fini() -> None:
    """Let libslurm free what it holds, slurm_fini(3); no other thread may be in a call."""

def strerror(code: int) -> str:
    """Slurm's text for a code of slurm_errno.h or errno.h, slurm_strerror(3)."""

def header_version() -> Version:
    """The Slurm release whose slurm.h this package was compiled against."""

def api_version() -> Version:
    """The interface number of the loaded library: (38, 0, 0) is libslurm.so.38, Slurm 22.05."""

def library_path() -> str:
    """The file that libslurm was loaded from."""

def check_library() -> None:
    """Raise LibraryError unless the loaded library is of the release compiled against."""

def own_conf() -> Record:
    """The configuration that this process read at `init`; passwords left out.

    It is there without slurmctld, and may differ from the one that slurmctld runs with.
    """

def ping() -> list[ControllerPing]:
    """Ask every configured controller, the primary first, whether it is there, slurm_ping(3)."""

def load_conf() -> Record:
    """The configuration that slurmctld runs with, slurm_load_ctl_conf(3); passwords left out.

    SlurmError when slurmctld cannot be asked.
    """
