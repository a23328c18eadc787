"""Generic resources: of nodes, and GPUs in all of sbatch's forms.

What stands before a resource's name differs by release, and the wrong prefix is misread, not
refused: 20.11 has none, 21.08 to 23.02 ``gres:``, 23.11 and later ``gres/``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from hpcagent.jobs.spec import Gres
from hpcagent.slurm.draft import Draft, FaultError, GresWish
from hpcagent.slurm.kinds.checks import MAX_I32, MAX_TEXT, MAX_U64, check_range, check_text
from hpcagent.slurm.kinds.kind import OneMember
from hpcagent.slurm.kinds.numbers import MIB, mebibytes, number_of
from hpcagent.slurm.kinds.texts import check_form

SLASH_SINCE = (23, 11, 0)
"""From here on a resource is named ``gres/gpu``, in every string."""


def gres_prefix(draft: Draft) -> str:
    """Return what stands before a resource in TRES strings of the installed Slurm."""
    if draft.release >= SLASH_SINCE:
        return "gres/"
    return "gres:" if draft.release >= (21, 8, 0) else ""


def gres(value: object, draft: Draft) -> None:
    """Keep generic resources of each node; those of ``gpus_per_node`` go before them."""
    items = cast("Sequence[Gres]", value)
    prefix = gres_prefix(draft)
    words = ",".join(prefix + _named(item) for item in items)
    draft.per_node["gres"] = check_text(words, MAX_TEXT)
    draft.gres += [GresWish("node", item.name, item.type, item.count or 1) for item in items]


def _named(item: Gres) -> str:
    if not item.name:
        raise FaultError("has a gres without a name", "GRES_FORM")
    words = _type_and_count(item)
    return f"{item.name}:{words}" if words else item.name


_GRES_WORD = re.compile(r"[A-Za-z0-9_.+-]+")


def _type_and_count(item: Gres) -> str:
    """Write what follows a name; ``gpu:4090`` would be 4090 of them, so such a type has a count."""
    for word in (item.name, item.type):
        if word and _GRES_WORD.fullmatch(word) is None:
            said = f"has {word[:80]!r}, which is no gres name: letters, digits and _ . + - only"
            raise FaultError(said, "GRES_FORM")
    count = 1 if item.count is None and item.type[:1].isdigit() else item.count
    words = [item.type] if item.type else []
    if count is not None:
        words.append(str(check_range(count, 1, MAX_U64 - 2)))
    return ":".join(words)


@dataclass(frozen=True, slots=True)
class Gpus(OneMember):
    """GPUs of something: of the job, of each node, socket or task."""

    variable: str

    def __call__(self, value: object, draft: Draft) -> None:
        """Write them, and tell the job in sbatch's words."""
        items = cast("Sequence[Gres]", value)
        words = [_gpu(item) for item in items]
        draft.variables[self.variable] = ",".join(words)
        prefix = gres_prefix(draft)
        text = check_text(",".join(f"{prefix}gpu:{word}" for word in words), MAX_TEXT)
        each = self.member.removeprefix("tres_per_")
        draft.gres += [GresWish(each, "gpu", item.type, item.count or 1) for item in items]
        if each == "node":
            draft.per_node["gpus"] = text
        else:
            draft.members[self.member] = text


def _gpu(item: Gres) -> str:
    if item.name not in {"", "gpu"}:
        raise FaultError(f"has {item.name[:80]!r}, which is no gpu: use gres", "GRES_FORM")
    return _type_and_count(item) or "1"


@dataclass(frozen=True, slots=True)
class PerGpu(OneMember):
    """A number of something for each GPU."""

    variable: str

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it."""
        self.write(check_range(cast("int", value), 1, MAX_I32), draft)

    def write(self, number: int, draft: Draft) -> None:
        """Write a number that is in range."""
        draft.members[self.member] = f"{gres_prefix(draft)}gpu:{number}"
        if self.member == "cpus_per_tres":
            draft.gres.append(GresWish("cpus", "gpu", "", number))
        draft.variables[self.variable] = str(number)


@dataclass(frozen=True, slots=True)
class MemoryPerGpu(PerGpu):
    """Memory for each GPU, in bytes. Slurm keeps MiB: rounded up."""

    unit: ClassVar[str] = "bytes; rounded up to MiB"

    def __call__(self, value: object, draft: Draft) -> None:
        """Write it in MiB."""
        self.write(mebibytes(cast("int", value), 1, MAX_I32 * MIB), draft)


_NUMBERS = r"[0-9]+(?:\*[0-9]+)?(?:,[0-9]+(?:\*[0-9]+)?)*"
_MASKS = r"(?:0x)?[0-9a-f]+(?:\*[0-9]+)?(?:,(?:0x)?[0-9a-f]+(?:\*[0-9]+)?)*"
_GPU_BIND = re.compile(
    rf"(?:verbose,)?(?:closest|none|map_gpu:{_NUMBERS}|mask_gpu:{_MASKS}|per_task:[0-9]+"
    r"|single:[0-9]+)",
    re.IGNORECASE,
)
"""Source: tres_bind.c, _valid_gpu_bind."""


def gpu_bind(value: object, draft: Draft) -> None:
    """Write how tasks are bound to GPUs."""
    text = check_text(cast("str", value), MAX_TEXT - len("gres/gpu:"))
    check_form(text, _GPU_BIND, "[verbose,]closest, none, map_gpu:0,1, mask_gpu:0x3 or single:2")
    prefix = "gres/" if draft.release >= SLASH_SINCE else ""
    draft.members["tres_bind"] = f"{prefix}gpu:{text}"
    draft.variables["SLURM_GPU_BIND"] = text


_LEVEL = r"(?:[0-9]+|low|medium|high|highm1)"
_GPU_FREQ_ITEM = rf"(?:{_LEVEL}|verbose|memory={_LEVEL})"
_GPU_FREQ = re.compile(rf"{_GPU_FREQ_ITEM}(?:,{_GPU_FREQ_ITEM})*")
"""Source: tres_frequency.c, _valid_gpu_freq."""


def gpu_freq(value: object, draft: Draft) -> None:
    """Write the frequency of the GPUs."""
    text = check_text(cast("str", value), MAX_TEXT - len("gpu:"))
    check_form(text, _GPU_FREQ, "low, medium, high, highm1 or MHz, with memory=... behind")
    draft.members["tres_freq"] = f"gpu:{text}"
    draft.variables["SLURM_GPU_FREQ"] = text


FLAGS: Mapping[str, int] = {
    "DISABLE_BINDING": 1 << 19,
    "ENFORCE_BINDING": 1 << 4,
    "MULTIPLE_TASKS_PER_SHARING": 1 << 39,
    "ONE_TASK_PER_SHARING": 1 << 38,
}
"""GRES_* bits of job_desc_msg_t.bitflags (slurm.h)."""
_FLAGS_SINCE = {
    "MULTIPLE_TASKS_PER_SHARING": SLASH_SINCE,
    "ONE_TASK_PER_SHARING": SLASH_SINCE,
}
_OPPOSITE_FLAGS = (
    {"DISABLE_BINDING", "ENFORCE_BINDING"},
    {"MULTIPLE_TASKS_PER_SHARING", "ONE_TASK_PER_SHARING"},
)


def gres_flags(value: object, draft: Draft) -> None:
    """Set the bits that say how generic resources are treated."""
    words = cast("Sequence[str]", value)
    if "ALLOW_TASK_SHARING" in words:
        raise FaultError("has ALLOW_TASK_SHARING, which is for steps only (srun)", "UNKNOWN_VALUE")
    for word in words:
        draft.bits |= number_of(word, FLAGS, _FLAGS_SINCE, draft)
    for pair in _OPPOSITE_FLAGS:
        if pair <= set(words):
            raise FaultError(f"has both {' and '.join(sorted(pair))}: give one", "CONFLICT")
