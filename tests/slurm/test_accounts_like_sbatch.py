"""With accounts in slurmdbd, too, a job through hpcagent is the one that sbatch would have made.

With --clusters sbatch asks slurmdbd for the clusters, and each of them for the time when it could
start the job; so it can be held against hpcagent here only.
"""

from collections.abc import Iterator

import pytest
from native.jobs import USER
from slurm.recorder import Recorder
from slurm.test_like_sbatch import RECORD_DIFFERS, check_alike
from slurm.twins import Made, Refused, Twins, both
from slurm_commands import command

from hpcagent.sandbox import Sandbox

TAKEN: list[dict[str, object]] = [
    {"clusters": ("sandbox",)},
    {"account": "physics"},
    {"account": "Physics", "qos": "normal"},
]
REFUSED: list[dict[str, object]] = [
    {"account": "nowhere"},
    {"account": "chemistry"},
    {"qos": "high"},
    {"qos": "nowhere"},
    {"clusters": ("elsewhere",)},
]


@pytest.fixture(scope="module")
def twins(accounting_sandbox: Sandbox, recorder: Recorder) -> Iterator[Twins]:
    """Both ways to the shared cluster; what was submitted ends with the module."""
    (name,) = (user.name for user in accounting_sandbox.users if user.uid == USER)
    with both(accounting_sandbox, recorder) as ways:
        yield ways
    command(accounting_sandbox, "scancel", f"--user={name}")


@pytest.mark.parametrize("options", TAKEN, ids=str)
def test_an_option_makes_the_same_job(twins: Twins, options: dict[str, object]) -> None:
    spec = twins.spec(options={"hold": True, **options})
    theirs, mine = twins.by_sbatch(spec), twins.by_hpcagent(spec)
    assert isinstance(mine, Made)
    check_alike(theirs, mine, {**RECORD_DIFFERS, "priority": "by the age of the job"})


@pytest.mark.parametrize("options", REFUSED, ids=str)
def test_an_option_is_refused_for_the_same_reason(twins: Twins, options: dict[str, object]) -> None:
    spec = twins.spec(options={"hold": True, **options})
    mine = twins.by_hpcagent(spec)
    assert isinstance(mine, Refused)
    check_alike(twins.by_sbatch(spec), mine, {})
