from collections.abc import Sequence
from types import TracebackType

class acting_as:
    def __init__(self, uid: int, gid: int, groups: Sequence[int]) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
