"""What slurmctld would refuse a user, but not the privileged agent that submits for the user.

slurmctld judges an explicit priority, a negative nice value, a reboot and a RootOnly partition by
who *submits* (22.05 job_mgr.c: validate_job_create_req, _valid_job_part). Without these checks any
caller's user would have an operator's rights. A preset job id, the fifth of them, has no field in
the contract.
"""

from collections.abc import Collection

from hpcagent.config import Policy
from hpcagent.jobs.errors import Forbidden, Violation
from hpcagent.jobs.spec import JobSpec
from hpcagent.slurm.description import het_job
from hpcagent.slurm.options import PRIVILEGES, path_of


def check(spec: JobSpec, policy: Policy, root_only: Collection[str], default: str) -> None:
    """Raise Forbidden, with every violation, if the request needs more than a user's rights.

    ``root_only`` are the cluster's RootOnly partitions, ``default`` is its default partition.
    """
    faults = [
        het_job.moved(fault, offset)
        for offset, one in enumerate(het_job.each(spec))
        for fault in _privileges(one, policy) + _partitions(one, policy, root_only, default)
    ]
    if faults:
        said = "; ".join(f"{fault.field}: {fault.description}" for fault in faults)
        raise Forbidden(said, reason=faults[0].reason, violations=faults)


def _privileges(spec: JobSpec, policy: Policy) -> list[Violation]:
    return [
        Violation(
            path_of(privilege.option),
            f"{privilege.said} is refused by the agent's policy (allow_{privilege.name})",
            f"{privilege.name.upper()}_NOT_ALLOWED",
        )
        for privilege in PRIVILEGES
        if privilege.option in spec.options
        and privilege.asks(spec.options[privilege.option])
        and not getattr(policy, f"allow_{privilege.name}")
    ]


def _partitions(
    spec: JobSpec, policy: Policy, root_only: Collection[str], default: str
) -> list[Violation]:
    asked = spec.partition.split(",") if spec.partition else [default]
    return [
        Violation(
            "partition",
            f"partition {name} is RootOnly, and not in the agent's root_only_partitions",
            "ROOT_ONLY_PARTITION",
        )
        for name in asked
        if name in root_only and name not in policy.root_only_partitions
    ]
