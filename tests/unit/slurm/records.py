"""Records of jobs as `_slurm` reads them, for the tests of what hpcagent makes of them."""

from typing import Any

from hpcagent.slurm.states import MEMBERS

RELEASE = (22, 5, 8)
TIMES = {"submit_time": 1000, "eligible_time": 1000, "start_time": 1100, "end_time": 1200}


def record(**members: object) -> dict[str, Any]:
    """Return the record of a running job; what is not given is what Slurm calls no value."""
    return {
        **dict.fromkeys(MEMBERS),
        "state_reason_name": "None",
        "job_id": 123,
        "job_state": 1,
        "user_id": 1870,
        "group_id": 1884,
        "array_job_id": 0,
        "het_job_id": 0,
        "het_job_offset": 0,
        **TIMES,
        **members,
    }
