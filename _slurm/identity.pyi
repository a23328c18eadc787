"""Another user's credentials for one thread, for as long as a `with` block lasts."""

from collections.abc import Iterable
from types import TracebackType
from typing import final

@final
class acting_as:  # noqa: N801 - reads as the verb it is: `with acting_as(uid, gid, groups):`
    """Give the calling thread a user's effective uid, gid and supplementary groups in the block.

    What the process has already is kept without a system call, so that an ordinary user's daemon
    can act as its own user. OSError (PermissionError without the privilege) leaves the thread as
    it was. A thread that cannot get its own credentials back ends the process by abort(3).
    """

    def __init__(self, uid: int, gid: int, groups: Iterable[int]) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
