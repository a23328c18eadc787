"""Requests, sites and drafts for the tests of what hpcagent makes of a request."""

from hpcagent.jobs.identity import Claim
from hpcagent.jobs.spec import JobSpec
from hpcagent.slurm.description.descriptor import Site
from hpcagent.slurm.draft import Draft
from hpcagent.slurm.environment import Surroundings

RELEASE = (22, 5, 8)
SURROUNDINGS = Surroundings("login1", umask=0o022, limits={"CORE": 0, "NOFILE": None})
SITE = Site(RELEASE, max_script_bytes=4 << 20, surroundings=SURROUNDINGS)
SPEC = JobSpec(
    claim=Claim(1870),
    work_dir="/work/dir",
    script="#!/bin/sh\nexec sleep 1\n",
    environment=("PATH=/bin",),
)


def draft() -> Draft:
    """Return an empty draft of a job in /work/dir."""
    return Draft(RELEASE, "/work/dir")


def reasons(faults: Draft) -> list[tuple[str, str]]:
    """Return the faults of a draft, by field and reason."""
    return [(fault.field, fault.reason) for fault in faults.faults]
