"""What a kind is: a writer of members that tells which ones, and in which unit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from hpcagent.slurm.draft import Draft


class Kind(Protocol):
    """Turns a value into members."""

    @property
    def members(self) -> tuple[str, ...]:
        """The members of job_desc_msg_t that it writes, itself or through what is derived."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that it sets in the job's environment, as sbatch does."""

    @property
    def unit(self) -> str:
        """What the value is counted in, and how it is rounded; empty where it has no unit."""

    def __call__(self, value: object, draft: Draft) -> None:
        """Write the value into the draft, or raise FaultError."""


@dataclass(frozen=True, slots=True)
class OneMember:
    """Base of the kinds that write one member and, where they are given one, one variable."""

    member: str
    unit: ClassVar[str] = ""

    @property
    def members(self) -> tuple[str, ...]:
        """That member."""
        return (self.member,)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable, where the kind has one."""
        variable: str = getattr(self, "variable", "")
        return (variable,) if variable else ()


@dataclass(frozen=True, slots=True)
class Written:
    """A kind that is one function, with what it writes."""

    write: Callable[[object, Draft], None]
    members: tuple[str, ...]
    variables: tuple[str, ...] = ()
    unit: str = ""

    def __call__(self, value: object, draft: Draft) -> None:
        """Call the function."""
        self.write(value, draft)
