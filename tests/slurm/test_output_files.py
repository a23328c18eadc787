"""A job's files are where sbatch's would be, with the same contents, owner and mode.

And they are where the agent says that they are.
"""

import os
import re
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from native.jobs import GROUP, USER
from slurm.bell import Bell, bell
from slurm.twins import PATIENCE, Made, Outcome, Twins

from hpcagent.jobs.deadline import Deadline
from hpcagent.jobs.model import Job, JobFilter, JobId

SCRIPT = """#!/bin/sh
echo "out of ${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}"
echo "task $SLURM_ARRAY_TASK_ID" >&2
cat
echo > {bell}
"""

CASES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "nothing, of an array": {"options": {"array": "1-2"}},
    "output": {"options": {"output": "out.txt"}},
    "output and error": {"options": {"output": "out.txt", "error": "errors.txt"}},
    "only error": {"options": {"error": "errors-%j"}},
    "symbols": {"name": "relax", "options": {"output": "%x-%j-%8j-%u-%N-%n-%t-%s.txt"}},
    "symbols, of an array": {
        "options": {"array": "3,5", "output": "%A-%a-%4a.txt", "error": "%A.%a"}
    },
    "a name that sbatch gave": {"options": {"output": "%x.txt"}},
    "no symbols": {"options": {"output": "100%%-%%j.txt", "error": "\\\\%j"}},
    "widths": {"name": "relax", "options": {"output": "%99j-%0j-%5x-%15z-%12-%J-%"}},
    "backslashes": {"options": {"output": "a\\\\b-\\%j-%j.txt"}},
    "both, and the file to read": {
        "name": "in",
        "options": {"output": "%x.o%j", "error": "%x.e%j", "input": "data %x.txt"},
    },
    "odd characters": {"name": "a b", "options": {"output": "it's ü $HOME *-%x.txt"}},
    "a directory below": {"options": {"output": "logs/../logs/out.txt"}},
    "absolute": {"options": {"output": "{work_dir}/logs/absolute-%j.txt"}},
    "input": {"options": {"input": "data in.txt"}},
    "thrown away": {"options": {"output": "/dev/null"}},
    "mode": {"options": {"umask": 0o077}},
    "mode from the environment": {"environment": ("SLURM_UMASK=0007",)},
}

HOST = socket.gethostname().partition(".")[0]
"""What %N becomes here, where nodes are not named after their host as they are elsewhere."""


@dataclass(frozen=True)
class File:
    """What is left of a job; `content` with # for each digit of the job's id."""

    content: str
    uid: int
    gid: int
    mode: str


@dataclass(frozen=True)
class Run:
    """A job in a directory of its own."""

    outcome: Outcome
    work_dir: Path
    tasks: int

    def files(self) -> dict[str, File]:
        """The files below the directory, by their path with # for each digit of the job's id."""
        assert isinstance(self.outcome, Made), self.outcome
        number = re.compile(f"0*{self.outcome.job_id}")

        def masked(text: str) -> str:
            return number.sub(lambda found: "#" * len(found[0]), text)

        def described(path: Path) -> File:
            status = path.stat()
            mode = stat.filemode(status.st_mode)
            return File(masked(path.read_text()), status.st_uid, status.st_gid, mode)

        files = (path for path in self.work_dir.rglob("*") if path.is_file())
        return {masked(str(path.relative_to(self.work_dir))): described(path) for path in files}


def prepare(work_dir: Path) -> Path:
    """A directory of the user's, with all that the cases need."""
    (work_dir / "logs").mkdir(parents=True)
    (work_dir / "data in.txt").write_text("data\n")
    for path in (work_dir, *work_dir.iterdir()):
        os.chown(path, USER, GROUP)
    return work_dir


def submit(twins: Twins, work_dir: Path, ended: Bell, case: str, *, by_sbatch: bool) -> Run:
    fields = dict(CASES[case])
    options = {
        name: value.format(work_dir=work_dir) if isinstance(value, str) else value
        for name, value in fields.pop("options", {}).items()
    }
    script = SCRIPT.format(bell=ended.path)
    spec = replace(
        twins.spec(script=script, options=options | {"exclude": "node2"}, **fields),
        work_dir=str(work_dir),
    )
    outcome = twins.by_sbatch(spec) if by_sbatch else twins.by_hpcagent(spec)
    return Run(outcome, work_dir, 2 if "array" in options else 1)


@pytest.fixture(scope="module")
def runs(twins: Twins) -> dict[str, tuple[Run, Run]]:
    """Every job by sbatch and by hpcagent; all have ended."""
    with bell() as ended:
        pairs = {
            case: (
                submit(twins, prepare(Path(twins.home, f"{number}a")), ended, case, by_sbatch=True),
                submit(
                    twins, prepare(Path(twins.home, f"{number}b")), ended, case, by_sbatch=False
                ),
            )
            for number, case in enumerate(CASES)
        }
        ended.wait(sum(run.tasks for pair in pairs.values() for run in pair))
    return pairs


@pytest.mark.parametrize("case", CASES)
def test_files_are_where_sbatchs_are_and_hold_the_same(
    runs: dict[str, tuple[Run, Run]], case: str
) -> None:
    theirs, mine = (run.files() for run in runs[case])
    assert mine == theirs


def told(twins: Twins, run: Run) -> Iterator[Job]:
    """What the agent tells of a run: of an array, of each task."""
    assert isinstance(run.outcome, Made)
    deadline = Deadline.after(PATIENCE)
    wanted = JobFilter(job_ids=(JobId(run.outcome.job_id),))
    yield from twins.scheduler.list(wanted, 10, None, deadline).jobs


@pytest.mark.parametrize("case", CASES)
def test_the_agent_tells_where_the_files_are(
    twins: Twins, runs: dict[str, tuple[Run, Run]], case: str
) -> None:
    _, mine = runs[case]
    jobs = list(told(twins, mine))
    assert len(jobs) == mine.tasks
    written = {
        path.replace(f"-{job.batch_host}-", f"-{HOST}-")
        for job in jobs
        for path in (job.resolved_std_out, job.resolved_std_err)
    }
    there = {str(path) for path in mine.work_dir.rglob("*") if path.is_file()}
    read = {job.resolved_std_in for job in jobs}
    given = {f"{mine.work_dir}/data in.txt"}
    assert {os.path.normpath(path) for path in written - {"/dev/null"}} == there - given
    assert read <= given | {"/dev/null"}
    assert read == given or "input" not in CASES[case].get("options", {})


def test_the_files_of_a_case_are_the_jobs_own(runs: dict[str, tuple[Run, Run]]) -> None:
    _, mine = runs["nothing"]
    content = "out of ####\ntask \n"
    assert mine.files() == {
        "data in.txt": File("data\n", USER, GROUP, "-rw-r--r--"),
        "slurm-####.out": File(content, USER, GROUP, "-rw-r--r--"),
    }
