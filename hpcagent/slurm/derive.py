"""sbatch's arithmetic: what it makes of nodes, tasks and processors before it asks slurmctld.

slurmctld does not repeat it, so a job described without it would be another job than the same
options give with sbatch. Sources (22.05): sbatch/opt.c, _opt_verify; common/slurm_opt.c,
slurm_opt_create_job_desc.
"""

from hpcagent.slurm import hostlist
from hpcagent.slurm.draft import Draft, Size
from hpcagent.slurm.kinds import MAX_I32, MAX_U32

JOB_NTASKS_SET = 1 << 14
JOB_CPUS_SET = 1 << 15
"""Bits of job_desc_msg_t.bitflags (slurm.h), since 21.08."""


def derive(draft: Draft) -> None:
    """Write the members and variables that follow from ``draft.size``."""
    size = draft.size
    nodes_given = _count_listed_nodes(draft)
    ntasks, ntasks_known = _tasks(size, nodes_given=nodes_given)
    if nodes_given and ntasks_known:
        _shrink_nodes(draft, ntasks)
    _check_products(draft, ntasks)
    _write_nodes(draft, nodes_given=nodes_given)
    _write_tasks(draft, ntasks, known=ntasks_known)


def _count_listed_nodes(draft: Draft) -> bool:
    """Ask for at least as many nodes as are listed; tell whether a number of nodes is given."""
    size, listed = draft.size, len(draft.size.nodelist)
    if listed:
        size.min_nodes = max(listed, size.min_nodes or 0)
    if listed and size.max_nodes is not None and size.max_nodes < listed:
        said = f"names {listed} nodes, but at most {size.max_nodes} are asked for"
        draft.fault('options["slurm"].nodelist', said, "TOO_MANY_NODES")
    return size.min_nodes is not None


def _tasks(size: Size, *, nodes_given: bool) -> tuple[int, bool]:
    """Return the number of tasks, and whether it is a wish or only one for each node."""
    if size.ntasks is not None:
        return size.ntasks, True
    nodes = size.min_nodes or 1
    exact = size.max_nodes in {None, size.min_nodes}
    if size.ntasks_per_node is not None and exact:
        return nodes * size.ntasks_per_node, True
    return (nodes if nodes_given and exact else 1), False


def _shrink_nodes(draft: Draft, ntasks: int) -> None:
    """No more nodes than tasks: sbatch does so and says so."""
    size = draft.size
    if size.max_nodes is not None:
        size.max_nodes = min(size.max_nodes, ntasks)
    if size.min_nodes is not None and ntasks < size.min_nodes:
        said = f"{ntasks} tasks cannot run on {size.min_nodes} nodes: {ntasks} nodes are asked for"
        draft.warn("NODES_REDUCED_TO_NTASKS", said)
        size.min_nodes = size.max_nodes = ntasks
        if len(size.nodelist) > ntasks:
            draft.members["req_nodes"] = hostlist.compress(size.nodelist[:ntasks])


def _check_products(draft: Draft, ntasks: int) -> None:
    """Refuse factors whose product does not fit, though each of them does; sbatch's overflow."""
    ncpus = ntasks * (draft.size.cpus_per_task or 1)
    for option, number, most, what in (
        ("ntasks_per_node", ntasks, MAX_I32, "tasks"),
        ("cpus_per_task", ncpus, MAX_U32, "processors"),
    ):
        if getattr(draft.size, option) is not None and number > most:
            said = f"makes {number} {what} in all; at most {most} are allowed"
            draft.fault(f'options["slurm"].{option}', said, "OUT_OF_RANGE")


def _write_nodes(draft: Draft, *, nodes_given: bool) -> None:
    if not nodes_given:
        return
    draft.members["min_nodes"] = draft.size.min_nodes
    if draft.size.max_nodes is not None:
        draft.members["max_nodes"] = draft.size.max_nodes


def _write_tasks(draft: Draft, ntasks: int, *, known: bool) -> None:
    size, bitflags, cpus_per_task = draft.size, 0, 1
    if known:
        bitflags |= JOB_NTASKS_SET
        draft.members["num_tasks"] = ntasks
        draft.variables |= {"SLURM_NTASKS": str(ntasks), "SLURM_NPROCS": str(ntasks)}
    if size.cpus_per_task is not None:
        cpus_per_task = size.cpus_per_task
        bitflags |= JOB_CPUS_SET
        draft.members |= {"cpus_per_task": cpus_per_task, "pn_min_cpus": cpus_per_task}
        draft.variables["SLURM_CPUS_PER_TASK"] = str(cpus_per_task)
    if size.ntasks_per_node is not None:
        draft.members["ntasks_per_node"] = size.ntasks_per_node
        draft.variables["SLURM_NTASKS_PER_NODE"] = str(size.ntasks_per_node)
    draft.members["min_cpus"] = ntasks * cpus_per_task
    if bitflags and draft.release >= (21, 8, 0):
        draft.members["bitflags"] = bitflags
