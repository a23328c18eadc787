"""A request in sbatch's words, and sbatch itself.

Only tests may start it: what hpcagent makes of a request is held against what sbatch makes of it.
"""

import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

from native.jobs import GROUP, USER
from slurm import spank

from hpcagent.jobs.spec import (
    CpuFrequency,
    Dependency,
    Distribution,
    Gres,
    HetComponent,
    JobSignal,
    JobSpec,
    NodeCount,
    Switches,
)
from hpcagent.slurm.options import BY_NAME

TIMEOUT = 20.0
"""Seconds that sbatch may take."""
UMASK = 0o022
"""hpcagent's default."""

Form = Callable[[str, Any], list[str]]
"""From sbatch's name of an option, and its value in a JobSpec, to arguments."""


def text(option: str, value: str | int) -> list[str]:
    return [f"{option}={value}"]


def flag(option: str, value: bool) -> list[str]:
    return [option] if value else []


def time(option: str, seconds: float) -> list[str]:
    if seconds == math.inf:
        return [f"{option}=UNLIMITED"]
    minutes, rest = divmod(int(seconds), 60)
    return [f"{option}={minutes}:{rest}"]


def moment(option: str, seconds: float) -> list[str]:
    return [f"{option}=uts{math.ceil(seconds)}"]


def kibibytes(option: str, size: int) -> list[str]:
    return [f"{option}={-(-size // 1024)}K"]


def nodes(option: str, count: NodeCount) -> list[str]:
    return [f"{option}={count.min}" if count.max is None else f"{option}={count.min}-{count.max}"]


def requeue(option: str, value: bool) -> list[str]:
    return [option if value else "--no-requeue"]


def exclusive(option: str, word: str) -> list[str]:
    return [option if word == "JOB" else f"{option}={word.lower()}"]


def gres(option: str, items: tuple[Gres, ...]) -> list[str]:
    words = (f"{item.name}:{item.type}:{item.count or ''}" for item in items)
    return [f"{option}={','.join(word.replace('::', ':').rstrip(':') for word in words)}"]


def dependency(option: str, wanted: Dependency) -> list[str]:
    terms = [
        ":".join([term.type.lower(), *(f"{job}{minutes(term.delay)}" for job in term.jobs)])
        for term in wanted.terms
    ]
    return [f"{option}={wanted.expression or ('?' if wanted.any else ',').join(terms)}"]


def minutes(delay: float | None) -> str:
    return "" if delay is None else f"+{math.ceil(delay / 60)}"


def words(option: str, items: tuple[str, ...]) -> list[str]:
    return [f"{option}={','.join(item.lower().replace('_binding', '-binding') for item in items)}"]


def capitals(option: str, items: tuple[str, ...]) -> list[str]:
    return [f"{option}={','.join(items)}"]


def word(option: str, item: str) -> list[str]:
    return [f"{option}={item.lower()}"]


def yes_or_no(option: str, value: bool) -> list[str]:
    return [f"{option}={'yes' if value else 'no'}"]


def one_or_zero(option: str, value: bool) -> list[str]:
    return [f"{option}={int(value)}"]


def gpus(option: str, items: tuple[Gres, ...]) -> list[str]:
    return [f"{option}={','.join(f'{item.type}:{item.count or 1}'.lstrip(':') for item in items)}"]


def seconds(option: str, length: float) -> list[str]:
    return [f"{option}=0:{math.ceil(length)}"]


def frequency(option: str, wanted: CpuFrequency) -> list[str]:
    bounds = "-".join(str(bound) for bound in (wanted.min, wanted.max) if bound is not None)
    return [f"{option}={':'.join(part for part in (bounds, wanted.governor) if part)}"]


def distribution(option: str, wanted: Distribution) -> list[str]:
    levels = [wanted.nodes, wanted.sockets, wanted.cores]
    while levels and not levels[-1]:
        levels.pop()
    base = ":".join(level.lower() or "*" for level in levels)
    base += f"={wanted.plane_size}" if wanted.plane_size else ""
    flag = "" if wanted.pack is None else "pack" if wanted.pack else "nopack"
    return [f"{option}={','.join(part for part in (base, flag) if part)}"]


def signal(option: str, wanted: JobSignal) -> list[str]:
    target = "R" * wanted.reservation + "B" * wanted.batch
    before = "" if wanted.before is None else f"@{math.ceil(wanted.before)}"
    return [f"{option}={target and target + ':'}{wanted.signal}{before}"]


def switches(option: str, wanted: Switches) -> list[str]:
    wait = "" if wanted.max_wait is None else f"@0:{math.ceil(wanted.max_wait)}"
    return [f"{option}={wanted.count}{wait}"]


@cache
def files() -> "tempfile.TemporaryDirectory[str]":
    """Where sbatch of any user finds a file; gone when the tests are."""
    made = tempfile.TemporaryDirectory(prefix="hpcagent-sbatch-")
    Path(made.name).chmod(0o755)
    return made


def file_of(option: str, content: str) -> list[str]:
    path = Path(files().name, "lines")
    path.write_text(content, encoding="utf-8")
    return [f"{option}={path}"]


def inherited(_option: str, _value: object) -> list[str]:
    """Not by an argument: the umask, and the variable that a plugin reads, of the process."""
    return []


FORMS: Mapping[str, Form] = {
    "comment": text,
    "account": text,
    "time": time,
    "output": text,
    "error": text,
    "input": text,
    "nodes": nodes,
    "ntasks": text,
    "cpus_per_task": text,
    "ntasks_per_node": text,
    "mem_bytes": kibibytes,
    "mem_per_cpu_bytes": kibibytes,
    "nodelist": text,
    "exclude": text,
    "requeue": requeue,
    "no_kill": flag,
    "oversubscribe": flag,
    "exclusive": exclusive,
    "nice": text,
    "hold": flag,
    "begin": moment,
    "array": text,
    "dependency": dependency,
    "qos": text,
    "gres": gres,
    "constraint": text,
    "priority": text,
    "reboot": flag,
    "get_user_env": flag,
    "umask": inherited,
    "acctg_freq": text,
    "batch": text,
    "bb": text,
    "bbf": file_of,
    "cluster_constraint": text,
    "clusters": words,
    "container": text,
    "context": text,
    "contiguous": flag,
    "core_spec": text,
    "cores_per_socket": text,
    "cpu_freq": frequency,
    "cpus_per_gpu": text,
    "deadline": moment,
    "delay_boot": seconds,
    "distribution": distribution,
    "extra_node_info": text,
    "gpu_bind": text,
    "gpu_freq": text,
    "gpus": gpus,
    "gpus_per_node": gpus,
    "gpus_per_socket": gpus,
    "gpus_per_task": gpus,
    "gres_flags": words,
    "hint": word,
    "kill_on_invalid_dep": yes_or_no,
    "licenses": text,
    "mail_type": capitals,
    "mail_user": text,
    "mcs_label": text,
    "mem_bind": text,
    "mem_per_gpu_bytes": kibibytes,
    "mincpus": text,
    "network": text,
    "ntasks_per_core": text,
    "ntasks_per_gpu": text,
    "ntasks_per_socket": text,
    "open_mode": word,
    "overcommit": flag,
    "power": text,
    "prefer": text,
    "profile": words,
    "propagate": capitals,
    "reservation": text,
    "signal": signal,
    "sockets_per_node": text,
    "spank_job_env": inherited,
    "spread_job": flag,
    "switches": switches,
    "thread_spec": text,
    "threads_per_core": text,
    "time_min": time,
    "tmp_bytes": kibibytes,
    "use_min_nodes": flag,
    "wait_all_nodes": one_or_zero,
    "wckey": text,
}
"""How sbatch takes each option of hpcagent.slurm.options that the installed one has."""


def arguments(spec: JobSpec) -> list[str]:
    """What sbatch must be given to be asked for the same job."""
    words = _options(spec)
    words += [f"--job-name={spec.name}"] if spec.name else []
    words += _place(spec)
    for component in spec.components:
        words += [":", *_options(component), *_place(component)]
    return words


def _options(asked: JobSpec | HetComponent) -> list[str]:
    return [
        word
        for name, value in asked.options.items()
        for word in FORMS[name](BY_NAME[name].sbatch, value)
    ]


def _place(asked: JobSpec | HetComponent) -> list[str]:
    words = [f"--partition={asked.partition}"] if asked.partition else []
    return words + ([f"--nodes={asked.nodes}"] if asked.nodes else [])


@contextmanager
def normal_priority() -> Iterator[None]:
    """Tests may run under nice(1); sbatch hands that on to the job, and hpcagent never does."""
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, ours)


def sbatch(
    spec: JobSpec, environment: Mapping[str, str], *options: str, as_root: bool = False
) -> "subprocess.CompletedProcess[str]":
    """Run it in the job's directory, as the job's user, or as root on the user's behalf.

    The script comes from its standard input, so that the job has no name of its own; but from a
    file of the job's name if it has arguments.
    """
    command = [shutil.which("sbatch") or "sbatch", "--parsable", *arguments(spec), *options]
    if as_root:
        command += [f"--uid={USER}", f"--gid={GROUP}"]
    if spec.argv:
        Path(spec.work_dir, spec.name).write_text(spec.script, encoding="utf-8")
        command += [spec.name, *spec.argv]
    user, group = (0, 0) if as_root else (USER, GROUP)
    with normal_priority():
        return subprocess.run(
            command,
            input=spec.script,
            cwd=spec.work_dir,
            env={
                **environment,
                **spank.told(cast("Sequence[str]", spec.options.get("spank_job_env", ()))),
            },
            user=user,
            group=group,
            extra_groups=[group],
            umask=cast("int", spec.options.get("umask", UMASK)),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
