"""sbatch's arithmetic: what it makes of nodes, tasks and processors before it asks slurmctld.

slurmctld does not repeat it, so a job described without it would be another job than the same
options give with sbatch. Sources (22.05): sbatch/opt.c, _opt_verify; common/slurm_opt.c,
slurm_opt_create_job_desc. From 23.02 on sbatch leaves more of it to slurmctld.
"""

import math
from dataclasses import dataclass

from hpcagent.slurm import hostlist
from hpcagent.slurm.draft import Draft
from hpcagent.slurm.kinds import MAX_I32, MAX_TEXT, MAX_U32
from hpcagent.slurm.options import path_of

JOB_NTASKS_SET = 1 << 14
JOB_CPUS_SET = 1 << 15
"""Bits of job_desc_msg_t.bitflags (slurm.h), since 21.08."""
LESS_SINCE = (23, 2, 0)
"""From here on sbatch neither takes tasks of each node for a wish for their sum, nor cuts a node
list short, nor asks for more nodes than are asked for because more are listed."""
NODES_FROM_TASKS_SINCE = (23, 11, 0)
"""From here on it asks for the nodes that so many tasks on each make necessary."""


@dataclass(slots=True)
class Tasks:
    """A number of tasks, and whether the request says so or sbatch only counts with it."""

    number: int = 1
    known: bool = False


def derive(draft: Draft) -> None:
    """Write the members and variables that follow from ``draft.size``."""
    _apply_hint(draft)
    nodes_given = _count_listed_nodes(draft)
    tasks = _tasks_of_each_node(draft)
    _check_plane(draft, tasks)
    exact = draft.size.max_nodes in {None, draft.size.min_nodes}
    if (nodes_given or draft.size.node_info_given) and exact and not tasks.known:
        _one_for_each(draft, tasks)
    elif nodes_given and tasks.known:
        _shrink_nodes(draft, tasks.number)
    if draft.size.arbitrary and not tasks.known:
        tasks.number, tasks.known = len(draft.size.nodelist), True
    _check_products(draft, tasks.number)
    _write_nodes(draft, tasks, nodes_given=nodes_given)
    _write_tasks(draft, tasks)
    _write_processors(draft, tasks.number)
    write_gres(draft)


def _apply_hint(draft: Draft) -> None:
    """Set the sizes that a hint stands for (proc_args.c, verify_hint)."""
    size = draft.size
    if size.hint == "MEMORY_BOUND":
        size.cores = 1
    if size.hint == "MULTITHREAD":
        draft.members["ntasks_per_core"] = math.inf
        draft.variables["SLURM_NTASKS_PER_CORE"] = "65535"
    elif size.hint:
        size.threads = 1


def _count_listed_nodes(draft: Draft) -> bool:
    """Ask for at least as many nodes as are listed; tell whether a number of nodes is given."""
    size, listed = draft.size, len(draft.size.nodelist)
    if listed and (size.min_nodes is None or draft.release < LESS_SINCE):
        size.min_nodes = max(listed, size.min_nodes or 0)
    if listed and size.max_nodes is not None and size.max_nodes < listed:
        said = f"names {listed} nodes, but at most {size.max_nodes} are asked for"
        draft.fault(path_of("nodelist"), said, "TOO_MANY_NODES")
    return size.min_nodes is not None


def _tasks_of_each_node(draft: Draft) -> Tasks:
    size = draft.size
    if size.ntasks is not None:
        return Tasks(size.ntasks, known=True)
    if size.ntasks_per_node is not None and size.max_nodes in {None, size.min_nodes}:
        number = (size.min_nodes or 1) * size.ntasks_per_node
        return Tasks(number, known=draft.release < LESS_SINCE)
    return Tasks()


def _check_plane(draft: Draft, tasks: Tasks) -> None:
    """Refuse nodes that would get none of the blocks of tasks; sbatch does."""
    plane, nodes = draft.size.plane_size, draft.size.min_nodes or 1
    if plane and tasks.number // plane < nodes and (nodes - 1) * plane >= tasks.number:
        said = f"has blocks of {plane}: {tasks.number} tasks are too few for {nodes} nodes"
        draft.fault(path_of("distribution"), said, "TOO_FEW_TASKS")


def _one_for_each(draft: Draft, tasks: Tasks) -> None:
    """One task for each node, or for each socket, core and thread that nodes must have."""
    size = draft.size
    if size.ntasks_per_node is not None:
        return  # counted already, from 23.02 on without knowing
    tasks.number = size.min_nodes or 1
    for factor in (size.sockets, size.cores, size.threads):
        if factor is not None:
            tasks.number *= factor
            tasks.known = True


def _shrink_nodes(draft: Draft, ntasks: int) -> None:
    """No more nodes than tasks: sbatch does so and says so."""
    size = draft.size
    if size.max_nodes is not None:
        size.max_nodes = min(size.max_nodes, ntasks)
    if size.min_nodes is not None and ntasks < size.min_nodes:
        said = f"{ntasks} tasks cannot run on {size.min_nodes} nodes: {ntasks} nodes are asked for"
        draft.warn("NODES_REDUCED_TO_NTASKS", said)
        size.min_nodes = size.max_nodes = ntasks
        if len(size.nodelist) > ntasks and draft.release < LESS_SINCE:
            draft.members["req_nodes"] = hostlist.compress(size.nodelist[:ntasks])


def _check_products(draft: Draft, ntasks: int) -> None:
    """Refuse factors whose product does not fit, though each of them does; sbatch's overflow."""
    size = draft.size
    ncpus = ntasks * (size.cpus_per_task or 1)
    factor = _factor(draft)
    if ntasks > MAX_I32 and factor:
        _product_fault(draft, factor, f"{ntasks} tasks")
    if ncpus > MAX_U32 and size.cpus_per_task is not None:
        _product_fault(draft, "cpus_per_task", f"{ncpus} processors")


def _factor(draft: Draft) -> str:
    """Return the option that multiplies the nodes; empty if none does."""
    size = draft.size
    factors = {
        "ntasks_per_node": size.ntasks_per_node,
        "extra_node_info": size.node_info_given or None,
        "sockets_per_node": size.sockets,
        "cores_per_socket": size.cores,
        "threads_per_core": size.threads,
    }
    return next((name for name, given in factors.items() if given is not None), "")


def _product_fault(draft: Draft, option: str, product: str) -> None:
    draft.fault(path_of(option), f"makes {product} in all, which is too many", "OUT_OF_RANGE")


def _write_nodes(draft: Draft, tasks: Tasks, *, nodes_given: bool) -> None:
    size = draft.size
    if nodes_given:
        draft.members["min_nodes"] = size.min_nodes
        if size.max_nodes is not None:
            draft.members["max_nodes"] = size.max_nodes
    elif size.ntasks_per_node and tasks.known and draft.release >= NODES_FROM_TASKS_SINCE:
        draft.members["min_nodes"] = -(-tasks.number // size.ntasks_per_node)


def _write_tasks(draft: Draft, tasks: Tasks) -> None:
    size, told = draft.size, draft.variables
    if tasks.known:
        draft.bits |= JOB_NTASKS_SET * (draft.release >= (21, 8, 0))
        draft.members["num_tasks"] = tasks.number
        told |= {"SLURM_NTASKS": str(tasks.number), "SLURM_NPROCS": str(tasks.number)}
    if size.ntasks_per_node is not None:
        draft.members["ntasks_per_node"] = size.ntasks_per_node
        told["SLURM_NTASKS_PER_NODE"] = str(size.ntasks_per_node)
    inner = {
        "sockets_per_node": size.sockets,
        "cores_per_socket": size.cores,
        "threads_per_core": size.threads,
    }
    draft.members |= {name: number for name, number in inner.items() if number is not None}
    if size.threads is not None:
        told["SLURM_THREADS_PER_CORE"] = str(size.threads)
    if size.arbitrary:
        told["SLURM_ARBITRARY_NODELIST"] = str(draft.members.get("req_nodes", ""))


def _write_processors(draft: Draft, ntasks: int) -> None:
    size = draft.size
    least = max(size.mincpus or 0, size.cpus_per_task or 0)
    if least:
        draft.members["pn_min_cpus"] = least
    if size.cpus_per_task is not None:
        draft.bits |= JOB_CPUS_SET * (draft.release >= (21, 8, 0))
        draft.members["cpus_per_task"] = size.cpus_per_task
        draft.variables["SLURM_CPUS_PER_TASK"] = str(size.cpus_per_task)
    overcommit = draft.members.get("overcommit")
    needed = (size.min_nodes or 1) if overcommit else ntasks * (size.cpus_per_task or 1)
    draft.members["min_cpus"] = needed
    if draft.bits:
        draft.members["bitflags"] = draft.bits


def write_gres(draft: Draft) -> None:
    """Put what several options say into one string: of each node, the GPUs first; and licenses."""
    if draft.licenses:
        draft.members["licenses"] = ",".join(draft.licenses)
    text = ",".join(draft.per_node[name] for name in ("gpus", "gres") if name in draft.per_node)
    if len(text) > MAX_TEXT:
        said = f"makes {len(text)} bytes with gpus_per_node; at most {MAX_TEXT} are allowed"
        draft.fault(path_of("gres"), said, "TOO_LONG")
    if text:
        draft.members["tres_per_node"] = text
