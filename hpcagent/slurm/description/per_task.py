"""What each task shall have, as one list: from 23.11 on sbatch writes processors and GPUs into it.

It also binds each task to its own resources, unless the request binds otherwise; slurmctld does
not. Source (23.11 to 26.05): slurm_opt.c, _validate_tres_per_task. Before 21.08 it bound the tasks
of each GPU to it (20.11: sbatch.c, _fill_job_desc_from_opts).
"""

import re

from hpcagent.slurm.draft import Draft
from hpcagent.slurm.kinds import MAX_U16
from hpcagent.slurm.kinds.gres import SLASH_SINCE
from hpcagent.slurm.options import path_of

EQUALS_SINCE = (24, 5, 0)
"""From here on a count stands behind ``=``, before it behind ``:``."""
IMPLICIT_SINGLE_UNTIL = (21, 8, 0)

_ITEM = re.compile(
    r"(?P<name>cpu|gres[/:][^:=,]+(?::[^:=,]*[^:=,0-9][^:=,]*)?)(?:[=:](?P<n>[0-9]+))?"
)


def derive(draft: Draft) -> None:
    """Complete ``tres_per_task`` and ``tres_bind`` as the installed release's sbatch does."""
    if draft.release < IMPLICIT_SINGLE_UNTIL:
        _bind_single(draft)
    if draft.release < SLASH_SINCE:
        return
    text = str(draft.members.get("tres_per_task") or "")
    text = _with_gpus(text, draft)
    text = _with_processors(text, draft)
    if text:
        draft.members["tres_per_task"] = draft.variables["SLURM_TRES_PER_TASK"] = text
        _bind(text, draft)


def _bind_single(draft: Draft) -> None:
    tasks = draft.members.get("ntasks_per_tres")
    if tasks is not None:
        draft.members.setdefault("tres_bind", f"gpu:single:{tasks}")


def _counted(name: str, count: int, draft: Draft) -> str:
    return f"{name}{'=' if draft.release >= EQUALS_SINCE else ':'}{count}"


def _with_gpus(text: str, draft: Draft) -> str:
    """Write GPUs of each task with their count."""
    wishes = [wish for wish in draft.gres if wish.each == "task"]
    if not wishes:
        return text
    named = ((f"gres/gpu:{one.type}" if one.type else "gres/gpu", one.count) for one in wishes)
    return ",".join(_counted(name, count, draft) for name, count in named)


def _with_processors(text: str, draft: Draft) -> str:
    """Put processors before the rest, or take them from it."""
    given = draft.size.cpus_per_task
    listed = [form["n"] for form in _items(text) if form["name"] == "cpu"]
    if not listed:
        if given is None:
            return text
        return ",".join(filter(None, (_counted("cpu", given, draft), text)))
    if given is not None:
        said = "has cpu, and cpus_per_task is given: give one of them"
        draft.fault(path_of("tres_per_task"), said, "CONFLICT")
    count = int(listed[0] or 1)
    if not 1 <= count <= MAX_U16:
        said = f"has cpu={count}; it must be 1 to {MAX_U16}"
        draft.fault(path_of("tres_per_task"), said, "OUT_OF_RANGE")
    draft.size.cpus_per_task = count
    return text


def _bind(text: str, draft: Draft) -> None:
    """Bind each task to its own resources, those that the request does not bind itself."""
    given = str(draft.members.get("tres_bind") or "")
    binds = [given] if given else []
    for form in _items(text):
        resource = re.split(r"[/:]", form["name"])[1] if form["name"] != "cpu" else ""
        if resource and resource not in given:
            binds.append(f"gres/{resource}:per_task:{form['n'] or 1}")
    if binds:
        draft.members["tres_bind"] = "+".join(binds)


def _items(text: str) -> list[re.Match[str]]:
    found = (_ITEM.fullmatch(item) for item in text.split(","))
    return [form for form in found if form is not None]
