"""What can go wrong below this package, each with what a caller needs to act on it.

Three families, because three different people act on them. `SlurmError` is Slurm's answer: a code
of slurm_errno.h (or of errno.h) with Slurm's text and slurmctld's own words. `MemberError` is the
caller's mistake about a member of a Slurm structure, found before anything is sent. `LibraryError`
is the installation's: the library that was loaded is not the one this package was built for.
"""

from _slurm.version import Version, dotted, library_name


class SlurmError(Exception):
    """A call that Slurm refused or that could not be made.

    `code` is the positive code that the call returned, else errno (slurm_errno.h; below 1000 it
    is the system's), and -1 where libslurm has none, as when munge cannot vouch for a reply.
    `text` is slurm_strerror(3) of it. `said` is what libslurm logged on this thread during the
    call, one message a line: on a refusal, slurmctld's own explanation or the job_submit plugin's
    message, which no return value carries. It is empty when nothing was said.
    """

    def __init__(self, code: int, text: str, said: str = "") -> None:
        super().__init__(code, text, said)
        self.code = code
        self.text = text
        self.said = said

    def __str__(self) -> str:
        words = f": {self.said}" if self.said else ""
        return f"[{self.code}] {self.text}{words}"


class NoReply(SlurmError):
    """The call reported success without the reply that belongs to it: the outcome is unknown."""


class AccountingError(SlurmError):
    """The accounting database could not be asked: slurmdbd is down, or there is none (code 0)."""


class LibraryError(Exception):
    """The libslurm found at run time is not the one this package was built for.

    `built_for` is the release whose header was compiled in, `loaded` the interface number of the
    library (its soname's), `path` the file it was loaded from.
    """

    def __init__(self, built_for: Version, loaded: int, path: str) -> None:
        super().__init__(built_for, loaded, path)
        self.built_for = built_for
        self.loaded = loaded
        self.path = path

    def __str__(self) -> str:
        return (
            f"built for Slurm {dotted(self.built_for)}, but {self.path} is "
            f"{library_name(self.loaded)}"
        )


class MemberError(Exception):
    """A member of a Slurm structure that cannot be set or read as asked; `member` is its name."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(member, message)
        self.member = member
        self.message = message

    def __str__(self) -> str:
        return f"{self.member}: {self.message}"


class UnknownMemberError(MemberError):
    """The installed Slurm has no such member; `version` is the Slurm this package was built for."""

    def __init__(self, member: str, struct: str, version: Version) -> None:
        super().__init__(member, f"{struct} of Slurm {dotted(version)} has no such member")
        self.struct = struct
        self.version = version


class OpaqueMemberError(MemberError):
    """The member exists, but it cannot be expressed in Python or must not be set; see `message`."""


class MemberTypeError(MemberError):
    """The value's type does not fit the member's kind."""


class MemberRangeError(MemberError):
    """The type fits, but C cannot hold the value: too large, negative, or text with a NUL byte."""
